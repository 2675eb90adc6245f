package localapi

import (
	"context"
	"fmt"
	"strings"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/internal/clip"
	"balansd/ledger"
)

// The operations about names and addresses.
var (
	administrationList   = query("administration", API.ListAdministration)
	showAdministration   = query("show-administration", API.ShowAdministration)
	references           = query("administration-references", API.References)
	pickReference        = change("pick-reference", API.PickReference, pickRecord)
	syncAdministration   = change("sync-administration", API.SyncAdministration, syncAdministrationRecord)
	decideAdministration = change("decide-administration", API.DecideAdministration, decideAdministrationRecord)
	numberFindings       = query("number-findings", API.NumberFindings)
)

// administrationOperations lists these operations.
func administrationOperations() []servable {
	return []servable{administrationList, showAdministration, references, pickReference, syncAdministration, decideAdministration, numberFindings}
}

// ListAdministration is daemon.API's.
func (c calls) ListAdministration(ctx context.Context, q daemon.AdministrationQuery) (daemon.AdministrationPage, error) {
	return do(ctx, c, administrationList, q)
}

// ShowAdministration is daemon.API's.
func (c calls) ShowAdministration(ctx context.Context, r daemon.AdministrationRequest) (daemon.AdministrationDetail, error) {
	return do(ctx, c, showAdministration, r)
}

// References is daemon.API's.
func (c calls) References(ctx context.Context, q daemon.ReferenceQuery) (daemon.ReferencePage, error) {
	return do(ctx, c, references, q)
}

// PickReference is daemon.API's.
func (c calls) PickReference(ctx context.Context, r daemon.PickRequest) (ledger.Administration, error) {
	return do(ctx, c, pickReference, r)
}

// SyncAdministration is daemon.API's.
func (c calls) SyncAdministration(ctx context.Context, r daemon.AdministrationSync) (daemon.AdministrationSynced, error) {
	return do(ctx, c, syncAdministration, r)
}

// DecideAdministration is daemon.API's.
func (c calls) DecideAdministration(ctx context.Context, r daemon.AdministrationDecision) (daemon.AdministrationDecided, error) {
	return do(ctx, c, decideAdministration, r)
}

// NumberFindings is daemon.API's.
func (c calls) NumberFindings(ctx context.Context, q daemon.NumberQuery) (daemon.NumberPage, error) {
	return do(ctx, c, numberFindings, q)
}

// pickRecord names the company and the reference.
func pickRecord(in daemon.PickRequest, _ ledger.Administration) accounts.Record {
	on := fmt.Sprintf("/f/%d/%d", in.FirmID, in.CompanyID)
	if in.Reference == "" {
		return accounts.Record{Who: in.By, What: "unpick-reference", On: on}
	}
	return accounts.Record{Who: in.By, What: "pick-reference", On: on + " ← " + clip.Text(in.Source+" "+in.Reference)}
}

func syncAdministrationRecord(in daemon.AdministrationSync, _ daemon.AdministrationSynced) accounts.Record {
	r := accounts.Record{Who: in.By, What: "sync-administration"}
	if in.CompanyID != 0 {
		r.On = fmt.Sprintf("/f/%d/%d", in.FirmID, in.CompanyID)
	}
	return r
}

// decideAdministrationRecord names the companies and the fields, never their values.
func decideAdministrationRecord(in daemon.AdministrationDecision, _ daemon.AdministrationDecided) accounts.Record {
	const most = 20
	r := accounts.Record{Who: in.By, What: "use-administration"}
	if in.Choice == daemon.KeepCompanies {
		r.What = "keep-administration"
	}
	var on []string
	for _, c := range in.Companies[:min(most, len(in.Companies))] {
		on = append(on, fmt.Sprintf("/f/%d/%d", c.FirmID, c.CompanyID))
	}
	if n := len(in.Companies); n > most {
		on = append(on, fmt.Sprintf("… (%d)", n))
	}
	for _, f := range in.Fields[:min(most, len(in.Fields))] {
		on = append(on, clip.Text(string(f)))
	}
	r.On = strings.Join(on, " ")
	return r
}
