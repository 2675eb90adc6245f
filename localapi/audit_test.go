package localapi

import (
	"context"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/keyvalue/kvtest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// notRecorded are the methods of API that Audited does not record: those that change
// nothing, as the beginning of a sign-in to Silverfin, and those that accounts.People
// records.
var notRecorded = []string{"Status", "Entries", "Show", "Document", "Dossiers", "Overview", "History", "Catalogue", "TestConnection", "Connections", "Firms", "Mappings", "LearnMapping", "CheckMapping", "Doctor", "NotifyTest", "Links", "PreviewLink", "ExportLinks", "FreeCompanies", "Groups", "Periods", "BeginSilverfin",
	"People", "Invite", "Enable",
	"ListAdministration", "ShowAdministration", "References", "NumberFindings",
	"UploadFile", "Upload", "Uploads", "CheckUpload", "Clients", "ChooseClient", "DiscardUpload"}

// TestEveryChangeIsRecorded calls each method of API: one that changes something
// leaves a record, with who, whether it succeeded, and no secret.
func TestEveryChangeIsRecorded(t *testing.T) {
	words, err := os.ReadFile("../portal/locale/people.nl.toml")
	if err != nil {
		t.Fatal(err)
	}
	methods := reflect.TypeFor[API]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		for outcome, fails := range map[string]error{"": nil, "busy": problem.New(problem.Busy, "a run is under way", "")} {
			kv := kvtest.New()
			log := accounts.NewAuditLog(accounts.AuditLogConfig{KeyValue: kv, Log: zerolog.Nop()})
			api := fakeAPI{&daemontest.API{Err: fails}}
			if name == "Sync" { // the case of the contract is a dry run
				_, _ = Audited(api, log).Sync(pageContext(t), daemon.SyncRequest{By: "An", Dossier: "bakkerij"}, nil)
			} else {
				cases[name](pageContext(t), Audited(api, log))
			}
			list, _, err := log.Page(t.Context(), 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(notRecorded, name) {
				if len(list) > 0 {
					t.Errorf("%s is recorded: %+v", name, list)
				}
				continue
			}
			if len(list) == 0 {
				t.Errorf("%s is not recorded", name)
			}
			for _, r := range list {
				if r.What == "" || r.From != "192.0.2.7" || r.Outcome != outcome || r.At.IsZero() || r.Who == "" && name != "Decide" {
					t.Errorf("%s is recorded as %+v", name, r)
				}
				if !strings.Contains(string(words), "\ndo-"+r.What+" = ") {
					t.Errorf("%s is recorded as %s, for which there is no text", name, r.What)
				}
				if strings.Contains(r.On, "code") || strings.Contains(r.On, "state") {
					t.Errorf("%s records a secret: %+v", name, r)
				}
			}
		}
	}
	kv := kvtest.New()
	log := accounts.NewAuditLog(accounts.AuditLogConfig{KeyValue: kv, Log: zerolog.Nop()})
	if _, err := Audited(fakeAPI{&daemontest.API{}}, log).AddConnection(t.Context(), daemon.NewConnection{DryRun: true}); err != nil {
		t.Fatal(err)
	}
	cases["Sync"](t.Context(), Audited(fakeAPI{&daemontest.API{}}, log))
	if list, _, _ := log.Page(t.Context(), 0, 10); len(list) > 0 {
		t.Errorf("a dry run is recorded: %+v", list)
	}
}

// TestChangeWithoutRecord: a change succeeds although the audit log cannot be written,
// since what was done in Silverfin cannot be undone.
func TestChangeWithoutRecord(t *testing.T) {
	kv := kvtest.New()
	kv.FailWith(errors.New("no space left on device"))
	var log strings.Builder
	api := Audited(fakeAPI{&daemontest.API{}}, accounts.NewAuditLog(accounts.AuditLogConfig{KeyValue: kv, Log: zerolog.New(&log)}))
	if _, err := api.Retry(t.Context(), daemon.EntryRequest{Number: 7, By: "An"}); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "the audit log cannot be written") {
		t.Errorf("the log says %q", log.String())
	}
}

// TestLinkRecord names the dossier and the company, and both enterprise numbers where
// they differ.
func TestLinkRecord(t *testing.T) {
	log := accounts.NewAuditLog(accounts.AuditLogConfig{KeyValue: kvtest.New(), Log: zerolog.Nop()})
	if _, err := Audited(fakeAPI{&daemontest.API{}}, log).Link(t.Context(), daemon.LinkRequest{
		DossierLink: ledger.DossierLink{DossierID: "d-1", FirmID: 12, CompanyID: 345}, By: "An"}); err != nil {
		t.Fatal(err)
	}
	list, _, _ := log.Page(t.Context(), 0, 1)
	if len(list) != 1 || !strings.HasPrefix(list[0].On, "d-1 → /f/12/345 (") || !strings.Contains(list[0].On, " ≠ ") {
		t.Errorf("the audit log has %+v", list)
	}
}

// pageContext returns the context of a request for a web page.
func pageContext(t *testing.T) context.Context {
	return accounts.WithCaller(t.Context(), &accounts.Caller{Address: "192.0.2.7"})
}
