package daemon_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	fakesilverfin "balansd/sandbox/silverfin"

	"github.com/google/go-cmp/cmp"
)

func TestNewBalanceIsDelivered(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	fx.add(c, b)
	p := fx.sync()
	if p.New != 1 || p.Outcome[ledger.Done] != 1 {
		t.Errorf("run: %+v", p)
	}
	e := fx.only()
	fx.wantState(e, ledger.Done, "")
	fx.wantHeld(c, b)
	if e.Target.CompanyID != c.company || !strings.Contains(e.Target.URL, "ledgers") {
		t.Errorf("place: %+v", e.Target)
	}
	story, err := fx.store.History(t.Context(), e.Number)
	if err != nil {
		t.Fatal(err)
	}
	var states []ledger.State
	for _, ev := range story {
		states = append(states, ev.State)
	}
	if want := []ledger.State{ledger.Found, ledger.Sending, ledger.Done}; !slices.Equal(states, want) {
		t.Errorf("story: %v, want %v", states, want)
	}
}

// A new balance costs Silverfin at most six calls, the index of companies and
// the token aside, and Finbox one for the listing and one for the document.
func TestCallsForOneNewBalance(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	silverfin := fx.sf.Faults().Count(func(c faults.Call) bool {
		return !strings.HasSuffix(c.Path, "/companies") && !strings.Contains(c.Path, "/oauth/")
	})
	if silverfin > 6 || silverfin < 4 {
		t.Errorf("%d calls to Silverfin, want at most 6: %v", silverfin, fx.sf.Faults().Log())
	}
	if n := fx.fb.Faults().Count(notToken); n != 2 {
		t.Errorf("%d calls to Finbox, want 2: %v", n, fx.fb.Faults().Log())
	}
}

func notToken(c faults.Call) bool { return !strings.Contains(c.Path, "token") }

func TestIdleNightCostsOneCall(t *testing.T) {
	fx := newFixture(t)
	for n := range 5 {
		c := fx.client(n)
		fx.add(c, fx.balance(c, int64(n)))
	}
	if _, err := fx.night(); err != nil {
		t.Fatal(err)
	}
	fx.later(48 * time.Hour) // beyond the overlap, so that nothing is listed again
	fx.fb.Faults().ResetLog()
	fx.sf.Faults().ResetLog()
	if _, err := fx.night(); err != nil {
		t.Fatal(err)
	}
	if n := fx.fb.Faults().Count(notToken); n != 1 {
		t.Errorf("%d calls to Finbox, want 1: %v", n, fx.fb.Faults().Log())
	}
	if n := fx.sf.Faults().Count(nil); n != 0 {
		t.Errorf("%d calls to Silverfin, want none: %v", n, fx.sf.Faults().Log())
	}
}

func TestWorkflowClosedIsDeliveredTheNightAfterItOpens(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	if err := fx.sf.CloseWorkflow(c.company, c.period, workflowName); err != nil {
		t.Fatal(err)
	}
	b := fx.balance(c, 1)
	fx.add(c, b)
	for range 3 {
		if _, err := fx.night(); err != nil {
			t.Fatal(err)
		}
		fx.wantState(fx.only(), ledger.Waiting, ledger.WorkflowClosed)
	}
	if n := fx.fb.Faults().Count(func(c faults.Call) bool { return strings.HasSuffix(c.Path, "/content") }); n != 1 {
		t.Errorf("the document was fetched %d times, want once", n)
	}
	fx.sf.OpenWorkflow(c.company, c.period, workflowName)
	if _, err := fx.night(); err != nil {
		t.Fatal(err)
	}
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(c, b)
}

func TestReasonsToWait(t *testing.T) {
	year := func(y int) (balance.Date, balance.Date) {
		return balance.Date{Year: y, Month: 1, Day: 1}, balance.Date{Year: y, Month: 12, Day: 31}
	}
	tests := []struct {
		name      string
		wrapStore func(fx *fixture, c client)
		reason    ledger.Reason
		detail    string
		mend      func(fx *fixture, c client)
	}{
		{"no company", func(fx *fixture, c client) { _ = fx.sf.ArchiveCompany(c.company) },
			ledger.NoCompany, "no company in Silverfin has enterprise number", nil},
		{"two companies", func(fx *fixture, c client) {
			fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Oud dossier", VAT: string(c.number)})
		},
			ledger.SeveralCompanies, "2 companies", nil},
		{"archived workflow", func(fx *fixture, c client) { _ = fx.sf.ArchiveWorkflow(c.company, c.period, workflowName) },
			ledger.WorkflowClosed, "archived", func(fx *fixture, c client) { _ = fx.sf.ReactivateWorkflow(c.company, c.period, workflowName) }},
		{"locked period", func(fx *fixture, c client) { _ = fx.sf.Lock(c.company, c.period) },
			ledger.PeriodLocked, "lock", func(fx *fixture, c client) { _ = fx.sf.Unlock(c.company, c.period) }},
		{"revoked tokens", func(fx *fixture, _ client) { fx.sf.RevokeTokens(fx.firm) }, ledger.NeedsRelink, "linked again", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fx := newFixture(t)
			c := fx.client(1)
			b := fx.balance(c, 1)
			fx.add(c, b)
			tt.wrapStore(fx, c)
			fx.sync()
			e := fx.only()
			fx.wantState(e, ledger.Waiting, tt.reason)
			if !strings.Contains(e.Detail, tt.detail) || e.Next == "" {
				t.Errorf("detail %q next %q, want %q and what to do", e.Detail, e.Next, tt.detail)
			}
			if n := len(fx.sf.Writes()); n != 0 {
				t.Errorf("%d figures were written", n)
			}
			if tt.mend != nil {
				tt.mend(fx, c)
				fx.sync()
				fx.wantState(fx.only(), ledger.Done, "")
				fx.wantHeld(c, b)
			}
		})
	}
	t.Run("a year without period", func(t *testing.T) {
		fx := newFixture(t)
		c := fx.client(1)
		b := madeup.Balance(1, balance.Micro, 2024)
		b.EnterpriseNumber = c.number
		fx.add(c, b)
		fx.sync()
		e := fx.only()
		fx.wantState(e, ledger.Waiting, ledger.NoPeriod)
		if !strings.Contains(e.Detail, "2024-12-31") {
			t.Errorf("detail %q does not name the year", e.Detail)
		}
		p := fx.sf.AddPeriod(c.company, first(year(2024)), second(year(2024)))
		fx.sf.OpenWorkflow(c.company, p, workflowName)
		fx.sync()
		fx.wantState(fx.only(), ledger.Done, "")
	})
}

func first(a, _ balance.Date) balance.Date  { return a }
func second(_, b balance.Date) balance.Date { return b }

func TestNoFirmLinked(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	if err := fx.d.RemoveFirm(t.Context(), daemon.FirmRequest{FirmID: fx.firm, By: "Els"}); err != nil {
		t.Fatal(err)
	}
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.NeedsRelink)
}

func TestLinkOfAPersonSettlesTwoCompanies(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Oud dossier", VAT: string(c.number)})
	b := fx.balance(c, 1)
	fx.add(c, b)
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.SeveralCompanies)
	fx.saveLink(ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, FirmID: fx.firm, CompanyID: c.company})
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(c, b)
}

func TestListedTwiceIsDeliveredOnce(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	id := fx.add(c, fx.balance(c, 1))
	if err := fx.fb.ListTwice(id); err != nil {
		t.Fatal(err)
	}
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.sync()
	fx.only()
	wantWrittenOnce(fx)
}

// wantWrittenOnce fails when a property was written more than once.
func wantWrittenOnce(fx *fixture) {
	fx.t.Helper()
	seen := map[string]int{}
	for _, x := range fx.sf.Writes() {
		k := x.Namespace + "." + x.Key
		if seen[k]++; seen[k] > 1 {
			fx.t.Fatalf("%s was written %d times", k, seen[k])
		}
	}
}

func TestCorrectedBalanceReplacesTheOlder(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	id := fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.later(time.Hour)
	corrected := fx.balance(c, 2)
	if _, err := fx.fb.Correct(id, corrected); err != nil {
		t.Fatal(err)
	}
	fx.sync()
	all := fx.entries()
	if len(all) != 2 {
		t.Fatalf("%d entries, want 2", len(all))
	}
	fx.wantState(all[0], ledger.Superseded, "")
	fx.wantState(all[1], ledger.Done, "")
	if all[0].SupersededBy != all[1].Number {
		t.Errorf("superseded by %d", all[0].SupersededBy)
	}
	fx.wantHeld(c, corrected)
}

func TestBothRevisionsAtOnceDeliverOnlyTheNewer(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	id := fx.add(c, fx.balance(c, 1))
	fx.later(time.Hour)
	corrected := fx.balance(c, 2)
	if _, err := fx.fb.Correct(id, corrected); err != nil {
		t.Fatal(err)
	}
	fx.sync()
	fx.wantHeld(c, corrected)
	wantWrittenOnce(fx)
}

func TestBeforeTheActivationIsIgnored(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	old := fx.clock().AddDate(0, 0, -3)
	b := fx.balance(c, 1)
	if _, _, err := fx.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: fx.conn, DossierID: c.dossier, Balance: b, CreatedAt: old}); err != nil {
		t.Fatal(err)
	}
	fx.sync()
	all := fx.entries()
	if len(all) == 1 {
		fx.wantState(all[0], ledger.Ignored, ledger.BeforeActivation)
	}
	if len(fx.sf.Writes()) != 0 {
		t.Fatal("a balance of before the activation was written")
	}
	if len(all) == 0 {
		return // Finbox does not offer it at all
	}
	fx.saveLink(ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, All: true})
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(c, b)
}

func TestUnreadableDocumentIsKeptAndParked(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	id := fx.add(c, fx.balance(c, 1))
	if err := fx.fb.SetContent(id, []byte("<html>Sign in</html>")); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := fx.night(); err != nil {
			t.Fatal(err)
		}
	}
	e := fx.only()
	if e.State != ledger.Failed || e.FailClass != ledger.Unreadable || !e.Parked {
		t.Fatalf("entry: %+v", e)
	}
	doc, err := fx.store.Document(t.Context(), e.Number)
	if err != nil || string(doc) != "<html>Sign in</html>" {
		t.Errorf("document %q, %v", doc, err)
	}
	if strings.Contains(e.Detail, "Sign in") {
		t.Errorf("the detail carries the document: %q", e.Detail)
	}
	b := fx.balance(c, 2)
	fx.later(time.Hour)
	if _, err := fx.fb.Correct(id, b); err != nil {
		t.Fatal(err)
	}
	fx.sync()
	fx.wantHeld(c, b)
	fx.wantState(fx.entries()[0], ledger.Superseded, "")
}

func TestDocumentOfAnotherDossierIsRefused(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	b.EnterpriseNumber = numberOf(77)
	fx.add(c, b)
	fx.sync()
	e := fx.only()
	if e.State != ledger.Failed || !strings.Contains(e.Detail, numberOf(77).Pretty()) || !strings.Contains(e.Detail, c.number.Pretty()) {
		t.Fatalf("entry: %s %s", e.State, e.Detail)
	}
}

func TestWhatAPersonChangedIsDecidedByAPerson(t *testing.T) {
	prepare := func(t *testing.T) (*fixture, client, *balance.Balance, ledger.Entry) {
		fx := newFixture(t)
		c := fx.client(1)
		id := fx.add(c, fx.balance(c, 1))
		fx.sync()
		if err := fx.sf.Set(c.company, c.period, namespace, "code_1003", "999"); err != nil {
			t.Fatal(err)
		}
		corrected := fx.balance(c, 2)
		fx.later(time.Hour)
		if _, err := fx.fb.Correct(id, corrected); err != nil {
			t.Fatal(err)
		}
		fx.sync()
		e := fx.entries()[1]
		fx.wantState(e, ledger.Differs, "")
		if len(e.Differences) != 1 || e.Differences[0].Silverfin != "999" {
			t.Fatalf("differences: %+v", e.Differences)
		}
		fx.wantNothingOverwritten()
		return fx, c, corrected, e
	}
	t.Run("nothing is written before", func(t *testing.T) {
		fx, c, _, _ := prepare(t)
		before := len(fx.sf.Writes())
		fx.sync()
		if n := len(fx.sf.Writes()); n != before {
			t.Errorf("%d writes without a decision", n-before)
		}
		if got := fx.sf.Custom(c.company, c.period)[namespace+".code_1003"]; got != "999" {
			t.Errorf("Silverfin holds %q", got)
		}
	})
	t.Run("use the data from Finbox", func(t *testing.T) {
		fx, c, corrected, e := prepare(t)
		if _, err := fx.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.UseFinbox, By: "Els"}); err != nil {
			t.Fatal(err)
		}
		fx.sync()
		fx.wantState(fx.entries()[1], ledger.Done, "")
		fx.wantHeld(c, corrected)
	})
	t.Run("keep Silverfin's", func(t *testing.T) {
		fx, c, corrected, e := prepare(t)
		if _, err := fx.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.KeepSilverfin, By: "Els"}); err != nil {
			t.Fatal(err)
		}
		fx.sync()
		fx.wantState(fx.entries()[1], ledger.Done, "")
		if got := fx.sf.Custom(c.company, c.period)[namespace+".code_1003"]; got != "999" {
			t.Errorf("Silverfin holds %q", got)
		}
		delete(corrected.Values, balance.Cell{Code: "1003"})
		fx.wantHeld(c, corrected)
		fx.wantNothingOverwritten()
	})
	t.Run("a decision is for what was seen", func(t *testing.T) {
		fx, c, _, e := prepare(t)
		if _, err := fx.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.UseFinbox, By: "Els"}); err != nil {
			t.Fatal(err)
		}
		if err := fx.sf.Set(c.company, c.period, namespace, "code_1003", "1000"); err != nil {
			t.Fatal(err)
		}
		fx.sync()
		fx.wantState(fx.entries()[1], ledger.Differs, "")
		fx.wantNothingOverwritten()
	})
	t.Run("what happened can be told in any language", func(t *testing.T) {
		fx, _, _, e := prepare(t)
		cells := []balance.Cell{e.Differences[0].Cell}
		if _, err := fx.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.UseFinbox, Cells: cells, By: "Els"}); err != nil {
			t.Fatal(err)
		}
		fx.sync()
		f, err := fx.d.Show(t.Context(), daemon.EntryRequest{Number: e.Number})
		if err != nil {
			t.Fatal(err)
		}
		var got []ledger.Event
		for _, ev := range f.History {
			got = append(got, ledger.Event{State: ev.State, Act: ev.Act, Figures: ev.Figures})
		}
		many := len(f.Written.Confirmed)
		sent := got[len(got)-1].Figures
		want := []ledger.Event{{State: ledger.Found}, {State: ledger.Differs, Figures: 1},
			{State: ledger.Found, Act: ledger.ActUseFinbox, Figures: 1},
			{State: ledger.Sending, Figures: sent}, {State: ledger.Done, Figures: sent}}
		if d := cmp.Diff(want, got); d != "" || sent == 0 || sent > many {
			t.Errorf("%d of %d figures written; -want +got:\n%s", sent, many, d)
		}
	})
	t.Run("dismissed", func(t *testing.T) {
		fx, _, _, e := prepare(t)
		if _, err := fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: e.Number, By: "Els"}); err != nil {
			t.Fatal(err)
		}
		fx.sync()
		fx.wantState(fx.entries()[1], ledger.Ignored, ledger.Dismissed)
	})
}

// A manual sync of one dossier looks at what is done, too.
func TestManualSyncSeesWhatChangedSince(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	if err := fx.sf.Set(c.company, c.period, namespace, "code_1013", "1"); err != nil {
		t.Fatal(err)
	}
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	if _, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil); err != nil {
		t.Fatal(err)
	}
	fx.wantState(fx.only(), ledger.Differs, "")
}

// Two payroll files of one company: the second does not replace the first.
func TestTwoDossiersOfOneCompanyAreAPersonsChoice(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	fx.add(c, b)
	fx.sync()
	second, err := fx.fb.AddDossier(fx.conn, fakefinbox.Dossier{AffiliationNumber: "9ZZ9999", EnterpriseNumber: c.number, Name: "Client 1 BV bedienden"})
	if err != nil {
		t.Fatal(err)
	}
	other := c
	other.dossier = second
	b2 := fx.balance(other, 2)
	fx.add(other, b2)
	fx.sync()
	e := fx.entries()[1]
	fx.wantState(e, ledger.Differs, "")
	if !strings.Contains(e.Detail, "another dossier") {
		t.Errorf("detail %q", e.Detail)
	}
	fx.wantHeld(c, b)
	if _, err := fx.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.UseFinbox, By: "Els"}); err != nil {
		t.Fatal(err)
	}
	fx.sync()
	fx.wantHeld(c, b2)
}

func TestDryRunSaysAndDoesNothing(t *testing.T) {
	fx := newFixture(t)
	one, two := fx.client(1), fx.client(2)
	fx.add(one, fx.balance(one, 1))
	fx.add(two, fx.balance(two, 2))
	if err := fx.sf.CloseWorkflow(two.company, two.period, workflowName); err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	p, err := fx.d.Sync(t.Context(), daemon.SyncRequest{DryRun: true}, func(p daemon.Progress) {
		if p.Entry != nil {
			said[p.Entry.Dossier.Name] = p.Would
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(said["Client 1 BV"], "write ") || !strings.HasPrefix(said["Client 2 BV"], "wait: ") {
		t.Errorf("said %v", said)
	}
	if p.Outcome[ledger.Done] != 1 || p.Outcome[ledger.Waiting] != 1 {
		t.Errorf("outcome %v", p.Outcome)
	}
	if n := len(fx.sf.Writes()); n != 0 {
		t.Errorf("a dry run wrote %d figures", n)
	}
	if all := fx.entries(); len(all) != 0 {
		t.Errorf("a dry run recorded %d entries", len(all))
	}
	if runs, _ := fx.store.Runs(t.Context(), 10); len(runs) != 0 {
		t.Errorf("a dry run left runs: %+v", runs)
	}
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Done, "")
}

func TestDeactivatedConnectionStopsAndKeepsEverything(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	if err := fx.sf.CloseWorkflow(c.company, c.period, workflowName); err != nil {
		t.Fatal(err)
	}
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	if err := fx.fb.Deactivate(fx.conn); err != nil {
		t.Fatal(err)
	}
	p := fx.sync()
	if len(p.Problems) == 0 || !strings.Contains(p.Problems[0], "deactivated") {
		t.Errorf("problems: %v", p.Problems)
	}
	if d := cmp.Diff([]ledger.ProblemCode{{About: "Kantoor De Wilde", Code: string(problem.ConnectionClosed)}}, p.ProblemCodes); d != "" {
		t.Error(d)
	}
	conns, _ := fx.d.Connections(t.Context())
	if conns[0].Status != ledger.Deactivated {
		t.Errorf("connection: %+v", conns[0])
	}
	fx.wantState(fx.only(), ledger.Waiting, ledger.ConnectionInactive)
	if err := fx.fb.Activate(fx.conn); err != nil {
		t.Fatal(err)
	}
	fx.sf.OpenWorkflow(c.company, c.period, workflowName)
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
}

func TestOneNightADateEvenIfTheClockGoesBack(t *testing.T) {
	fx := newFixture(t)
	if _, err := fx.night(); err != nil {
		t.Fatal(err)
	}
	fx.later(24 * time.Hour)
	if ran, err := fx.d.RunNight(t.Context()); !ran || err != nil {
		t.Fatalf("the next night: ran %v, %v", ran, err)
	}
	fx.later(-24 * time.Hour) // the clock goes back a day
	_, err := fx.d.RunNight(t.Context())
	if err != nil && !problem.Is(err, problem.Conflict) {
		t.Fatal(err)
	}
	runs, _ := fx.store.Runs(t.Context(), 10)
	if len(runs) != 2 {
		t.Errorf("%d runs for two dates", len(runs))
	}
}

func TestSecondRunIsRefusedWhileOneRuns(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	var busy error
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{}, func(daemon.Progress) {
		if busy == nil {
			_, busy = fx.d.Sync(t.Context(), daemon.SyncRequest{}, nil)
		}
	})
	if err != nil || !problem.Is(busy, problem.Busy) {
		t.Errorf("first %v, second %v", err, busy)
	}
}
