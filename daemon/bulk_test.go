package daemon_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	fakefinbox "balansd/sandbox/finbox"
	fakesilverfin "balansd/sandbox/silverfin"

	"github.com/google/go-cmp/cmp"
)

// bulkItems are entries as a person sees them now.
func bulkItems(list ...ledger.Entry) (items []daemon.BulkItem) {
	for _, e := range list {
		items = append(items, daemon.BulkItem{Number: e.Number, Seen: e.Version})
	}
	return items
}

// refusals returns why the entries of a bulk step are left out, by their number.
func refusals(r daemon.BulkResult) map[uint64]daemon.BulkRefusal {
	out := map[uint64]daemon.BulkRefusal{}
	for _, o := range r.Outcomes {
		out[o.Entry.Number] = o.Refused
	}
	return out
}

// withStates makes a done entry, one that waits, one that differs and one that is
// ignored.
func withStates(t *testing.T) (fx *fixture, done, waiting, differs, ignored ledger.Entry) {
	t.Helper()
	fx = newFixture(t)
	clients := make([]client, 4)
	for i := range clients {
		clients[i] = fx.client(i + 1)
	}
	fx.must(fx.sf.ArchiveCompany(clients[1].company))
	for i, c := range clients {
		fx.add(c, fx.balance(c, int64(i+1)))
	}
	fx.must(fx.sf.Set(clients[2].company, clients[2].period, namespace, "code_1003", "99.9"))
	fx.sync()
	all := fx.entries()
	_, err := fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: all[3].Number})
	fx.must(err)
	all = fx.entries()
	for i, s := range []ledger.State{ledger.Done, ledger.Waiting, ledger.Differs, ledger.Ignored} {
		fx.wantState(all[i], s, all[i].Reason)
	}
	return fx, all[0], all[1], all[2], all[3]
}

// TestBulkRefuses: each step says why it leaves an entry out, and changes nothing until
// it is applied.
func TestBulkRefuses(t *testing.T) {
	fx, done, waiting, differs, ignored := withStates(t)
	list := []ledger.Entry{done, waiting, differs, ignored, {Number: 99}}
	for step, want := range map[daemon.BulkStep][]daemon.BulkRefusal{
		daemon.BulkSync:          {"", "", daemon.BulkDecide, daemon.BulkIgnored, daemon.BulkGone},
		daemon.BulkRetry:         {daemon.BulkDone, "", daemon.BulkDecide, "", daemon.BulkGone},
		daemon.BulkDismiss:       {daemon.BulkDone, "", "", daemon.BulkIgnored, daemon.BulkGone},
		daemon.BulkLink:          {daemon.BulkNoLink, daemon.BulkUnsure, daemon.BulkNoLink, daemon.BulkNoLink, daemon.BulkGone},
		daemon.BulkUseFinbox:     {daemon.BulkSettled, daemon.BulkSettled, "", daemon.BulkSettled, daemon.BulkGone},
		daemon.BulkKeepSilverfin: {daemon.BulkSettled, daemon.BulkSettled, "", daemon.BulkSettled, daemon.BulkGone},
	} {
		got, err := fx.d.Bulk(t.Context(), daemon.BulkRequest{Step: step, Items: bulkItems(list...)})
		fx.must(err)
		wanted, count := map[uint64]daemon.BulkRefusal{}, 0
		for i, e := range list {
			wanted[e.Number] = want[i]
			if want[i] != "" {
				count++
			}
		}
		if diff := cmp.Diff(wanted, refusals(got)); diff != "" || got.Refused() != count || got.Applied {
			t.Errorf("%s: %d, %s", step, got.Refused(), diff)
		}
	}
	for i, e := range fx.entries() {
		if e.Version != list[i].Version {
			t.Errorf("entry %d changed before it was confirmed", e.Number)
		}
	}
	if _, err := fx.d.Bulk(t.Context(), daemon.BulkRequest{Step: "erase"}); !problem.Is(err, problem.Usage) {
		t.Errorf("an unknown step gives %v", err)
	}
}

// TestBulkLeavesWhatChanged: an entry that another person moved meanwhile is left alone,
// and its outcome says who did what.
func TestBulkLeavesWhatChanged(t *testing.T) {
	fx, _, waiting, differs, ignored := withStates(t)
	seen := bulkItems(waiting, differs, ignored)
	_, err := fx.d.Decide(t.Context(), daemon.Decision{Number: differs.Number, Choice: daemon.UseFinbox, By: "Ben"})
	fx.must(err)
	got, err := fx.d.Bulk(t.Context(), daemon.BulkRequest{Step: daemon.BulkKeepSilverfin, Items: seen[1:2], Apply: true, By: "Els"})
	fx.must(err)
	o := got.Outcomes[0]
	if o.Refused != daemon.BulkChanged || o.Since == nil || o.Since.By != "Ben" || o.Since.Act != ledger.ActUseFinbox {
		t.Errorf("what Ben decided ends as %q, since %+v", o.Refused, o.Since)
	}
	got, err = fx.d.Bulk(t.Context(), daemon.BulkRequest{Step: daemon.BulkRetry, Items: seen, Apply: true, By: "Els"})
	fx.must(err)
	want := map[uint64]daemon.BulkRefusal{waiting.Number: "", differs.Number: daemon.BulkChanged, ignored.Number: ""}
	if diff := cmp.Diff(want, refusals(got)); diff != "" || !got.Applied {
		t.Error(diff)
	}
	for _, e := range fx.entries() {
		if e.Number == waiting.Number || e.Number == ignored.Number {
			fx.wantState(e, ledger.Found, "")
		}
	}
}

// TestBulkSync syncs what can be, in one run, and says how each stands afterwards.
func TestBulkSync(t *testing.T) {
	fx, done, waiting, differs, _ := withStates(t)
	got, err := fx.d.Bulk(t.Context(), daemon.BulkRequest{Step: daemon.BulkSync, Items: bulkItems(done, waiting, differs), Apply: true, By: "Els"})
	fx.must(err)
	if got.Run == nil || got.Run.By != "Els" || !got.Run.Chosen {
		t.Errorf("the run is %+v", got.Run)
	}
	var states []string
	for _, o := range got.Outcomes {
		states = append(states, fmt.Sprint(o.Entry.State, " ", o.Refused))
	}
	if want := []string{"done ", "waiting ", "differs decide"}; !slices.Equal(states, want) {
		t.Errorf("%q, want %q", states, want)
	}
	runs, err := fx.store.Runs(t.Context(), 10)
	fx.must(err)
	got, err = fx.d.Bulk(t.Context(), daemon.BulkRequest{Step: daemon.BulkSync, Items: bulkItems(differs), Apply: true})
	fx.must(err)
	if after, _ := fx.store.Runs(t.Context(), 10); got.Run != nil || len(after) != len(runs) {
		t.Error("there was a run over nothing")
	}
}

// TestBulkLink links dossiers to the companies that are suggested with certainty: neither
// one that two dossiers may be, nor one of two companies, nor one that has another number.
func TestBulkLink(t *testing.T) {
	fx := newFixture(t)
	lost := map[string]client{}
	for n, name := range []string{"sure", "twice", "shared", "shared too", "unsure"} {
		c := fx.client(n + 1)
		fx.must(fx.sf.ArchiveCompany(c.company))
		lost[name] = c
	}
	company := func(name string) int64 {
		id := fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: name})
		period := fx.sf.AddPeriod(id, balance.Date{Year: 2025, Month: 1, Day: 1}, balance.Date{Year: 2025, Month: 12, Day: 31})
		fx.sf.OpenWorkflow(id, period, workflowName)
		return id
	}
	sure := company("CLIENT 1")
	company("Client 2 bvba")
	company("Client 2 SRL")
	company("Client 3")
	shared := lost["shared too"]
	_, err := fx.fb.AddDossier(fx.conn, fakefinbox.Dossier{ID: shared.dossier, EnterpriseNumber: shared.number, Name: "Client 3 BV"})
	fx.must(err)
	for i, name := range slices.Sorted(maps.Keys(lost)) {
		fx.add(lost[name], fx.balance(lost[name], int64(i+1)))
	}
	fx.sync()
	items := bulkItems(fx.entries()...)
	step := daemon.BulkRequest{Step: daemon.BulkLink, Items: items, By: "Els"}
	got, err := fx.d.Bulk(t.Context(), step)
	fx.must(err)
	names := map[client]string{}
	for name, c := range lost {
		names[c] = name
	}
	result := map[string]daemon.BulkRefusal{}
	for i, o := range got.Outcomes {
		for _, c := range lost {
			if c.dossier == o.Entry.Dossier.ID {
				result[names[c]] = o.Refused
			}
		}
		if o.Refused == "" {
			if o.Company.CompanyID != sure || o.Suggestion.Why != daemon.SimilarName {
				t.Errorf("the suggestion is %+v, %+v", o.Company, o.Suggestion)
			}
			items[i].FirmID, items[i].CompanyID = o.Company.FirmID, o.Company.CompanyID
		}
	}
	want := map[string]daemon.BulkRefusal{"sure": "", "twice": daemon.BulkSeveral, "shared": daemon.BulkShared, "shared too": daemon.BulkShared, "unsure": daemon.BulkUnsure}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Error(diff)
	}
	step.Apply = true
	got, err = fx.d.Bulk(t.Context(), step)
	fx.must(err)
	if got.Refused() != 4 {
		t.Errorf("%+v", refusals(got))
	}
	links, err := fx.d.Links(t.Context())
	fx.must(err)
	if len(links) != 1 || links[0].CompanyID != sure || links[0].SetBy != "Els" {
		t.Errorf("the links are %+v", links)
	}
	fx.sync()
	for _, e := range fx.entries() {
		if e.Dossier.ID == lost["sure"].dossier {
			fx.wantState(e, ledger.Done, "")
		}
	}
	if got, err = fx.d.Bulk(t.Context(), step); err != nil || got.Refused() != len(items) {
		t.Errorf("done once more: %+v, %v", refusals(got), err)
	}
}
