package localapi

import (
	"context"
	"fmt"
	"strconv"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/internal/clip"
	"balansd/ledger"
)

// Audited makes an API that records every change in the log, with who made
// it and what came of it. What only looks passes through. Who steered the pages
// is in the record's address; for all else that is the command line.
func Audited(api daemon.API, log *accounts.AuditLog) daemon.API { return &audited{api, log} }

type audited struct {
	daemon.API
	log *accounts.AuditLog
}

func (a *audited) note(ctx context.Context, who, what, on string, err error) {
	a.log.Record(ctx, accounts.Record{Who: who, What: what, On: on, Outcome: accounts.OutcomeOf(err)})
}

func entryName(number uint64) string { return "#" + strconv.FormatUint(number, 10) }

// Sync is daemon.API's. A dry run changes nothing and is not recorded.
func (a *audited) Sync(ctx context.Context, r daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error) {
	pass, err := a.API.Sync(ctx, r, report)
	if !r.DryRun {
		on := r.Dossier
		if r.FirmID != 0 {
			on = fmt.Sprintf("%s (%d)", r.Dossier, r.FirmID)
		}
		a.note(ctx, r.By, "sync", on, err)
	}
	return pass, err
}

// Retry is daemon.API's.
func (a *audited) Retry(ctx context.Context, number uint64, by string) (ledger.Entry, error) {
	e, err := a.API.Retry(ctx, number, by)
	a.note(ctx, by, "retry", entryName(number), err)
	return e, err
}

// Decide is daemon.API's. The record names the cells, never their figures.
func (a *audited) Decide(ctx context.Context, d daemon.Decision) (ledger.Entry, error) {
	e, err := a.API.Decide(ctx, d)
	what := "decide-finbox"
	if d.Choice == daemon.KeepSilverfin {
		what = "decide-silverfin"
	}
	on := entryName(d.Number)
	for i, c := range d.Cells {
		if i == 20 {
			on += " …"
			break
		}
		on += " " + c.String()
	}
	a.note(ctx, d.By, what, on, err)
	return e, err
}

// Dismiss is daemon.API's.
func (a *audited) Dismiss(ctx context.Context, number uint64, by string) (ledger.Entry, error) {
	e, err := a.API.Dismiss(ctx, number, by)
	a.note(ctx, by, "dismiss", entryName(number), err)
	return e, err
}

// ConnectFinbox is daemon.API's.
func (a *audited) ConnectFinbox(ctx context.Context, connectionID, by string) (ledger.Connection, []string, error) {
	c, notes, err := a.API.ConnectFinbox(ctx, connectionID, by)
	a.note(ctx, by, "connect-finbox", clip.Text(connectionID), err)
	return c, notes, err
}

// SetConnection is daemon.API's.
func (a *audited) SetConnection(ctx context.Context, id string, s ledger.ConnectionStatus, by string) (ledger.Connection, error) {
	c, err := a.API.SetConnection(ctx, id, s, by)
	a.note(ctx, by, "connection-"+knownStatus(s), clip.Text(id), err)
	return c, err
}

func knownStatus(s ledger.ConnectionStatus) string {
	switch s {
	case ledger.Active, ledger.Paused, ledger.Removed:
		return string(s)
	}
	return "set"
}

// RemoveFirm is daemon.API's.
func (a *audited) RemoveFirm(ctx context.Context, id int64, by string) error {
	err := a.API.RemoveFirm(ctx, id, by)
	a.note(ctx, by, "remove-firm", strconv.FormatInt(id, 10), err)
	return err
}

// TakeOver is daemon.API's.
func (a *audited) TakeOver(ctx context.Context, firmID int64, by string) error {
	err := a.API.TakeOver(ctx, firmID, by)
	a.note(ctx, by, "take-over", strconv.FormatInt(firmID, 10), err)
	return err
}

// EndSilverfin is daemon.API's. The code and the state are never recorded.
func (a *audited) EndSilverfin(ctx context.Context, state, code string, firmID int64, by string) (ledger.Firm, []string, error) {
	f, notes, err := a.API.EndSilverfin(ctx, state, code, firmID, by)
	on := ""
	if err == nil {
		on = fmt.Sprintf("%s (%d)", f.Name, f.ID)
	}
	a.note(ctx, by, "connect-silverfin", on, err)
	return f, notes, err
}

// Link is daemon.API's.
func (a *audited) Link(ctx context.Context, l ledger.DossierLink, by string) (ledger.DossierLink, error) {
	saved, err := a.API.Link(ctx, l, by)
	on := fmt.Sprintf("%s → /f/%d/%d", clip.Text(l.DossierID), l.FirmID, l.CompanyID)
	if n := saved.NumberDiffers; n.CompanyNumber != "" {
		on += fmt.Sprintf(" (%s ≠ %s)", n.DossierNumber.Pretty(), n.CompanyNumber.Pretty())
	}
	a.note(ctx, by, "link", on, err)
	return saved, err
}

// Backup is daemon.API's.
func (a *audited) Backup(ctx context.Context, by string) (ledger.Backup, error) {
	b, err := a.API.Backup(ctx, by)
	a.note(ctx, by, "backup", "", err)
	return b, err
}
