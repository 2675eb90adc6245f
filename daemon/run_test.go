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
	w := newWorld(t)
	c := w.client(1)
	b := w.balance(c, 1)
	w.add(c, b)
	p := w.sync()
	if p.New != 1 || p.Outcome[ledger.Done] != 1 {
		t.Errorf("pass: %+v", p)
	}
	e := w.only()
	w.wantState(e, ledger.Done, "")
	w.wantHeld(c, b)
	if e.Target.CompanyID != c.company || !strings.Contains(e.Target.URL, "ledgers") {
		t.Errorf("place: %+v", e.Target)
	}
	story, err := w.keeper.History(t.Context(), e.Number)
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
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	w.sync()
	silverfin := w.sf.Faults().Count(func(c faults.Call) bool {
		return !strings.HasSuffix(c.Path, "/companies") && !strings.Contains(c.Path, "/oauth/")
	})
	if silverfin > 6 || silverfin < 4 {
		t.Errorf("%d calls to Silverfin, want at most 6: %v", silverfin, w.sf.Faults().Log())
	}
	if n := w.fb.Faults().Count(notToken); n != 2 {
		t.Errorf("%d calls to Finbox, want 2: %v", n, w.fb.Faults().Log())
	}
}

func notToken(c faults.Call) bool { return !strings.Contains(c.Path, "token") }

func TestIdleNightCostsOneCall(t *testing.T) {
	w := newWorld(t)
	for n := range 5 {
		c := w.client(n)
		w.add(c, w.balance(c, int64(n)))
	}
	if _, err := w.night(); err != nil {
		t.Fatal(err)
	}
	w.later(48 * time.Hour) // beyond the overlap, so that nothing is listed again
	w.fb.Faults().ResetLog()
	w.sf.Faults().ResetLog()
	if _, err := w.night(); err != nil {
		t.Fatal(err)
	}
	if n := w.fb.Faults().Count(notToken); n != 1 {
		t.Errorf("%d calls to Finbox, want 1: %v", n, w.fb.Faults().Log())
	}
	if n := w.sf.Faults().Count(nil); n != 0 {
		t.Errorf("%d calls to Silverfin, want none: %v", n, w.sf.Faults().Log())
	}
}

func TestWorkflowClosedIsDeliveredTheNightAfterItOpens(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	if err := w.sf.CloseWorkflow(c.company, c.period, workflowName); err != nil {
		t.Fatal(err)
	}
	b := w.balance(c, 1)
	w.add(c, b)
	for range 3 {
		if _, err := w.night(); err != nil {
			t.Fatal(err)
		}
		w.wantState(w.only(), ledger.Waiting, ledger.WorkflowClosed)
	}
	if n := w.fb.Faults().Count(func(c faults.Call) bool { return strings.HasSuffix(c.Path, "/content") }); n != 1 {
		t.Errorf("the document was fetched %d times, want once", n)
	}
	w.sf.OpenWorkflow(c.company, c.period, workflowName)
	if _, err := w.night(); err != nil {
		t.Fatal(err)
	}
	w.wantState(w.only(), ledger.Done, "")
	w.wantHeld(c, b)
}

func TestReasonsToWait(t *testing.T) {
	year := func(y int) (balance.Date, balance.Date) {
		return balance.Date{Year: y, Month: 1, Day: 1}, balance.Date{Year: y, Month: 12, Day: 31}
	}
	tests := []struct {
		name   string
		spoil  func(w *world, c client)
		reason ledger.Reason
		detail string
		mend   func(w *world, c client)
	}{
		{"no company", func(w *world, c client) { _ = w.sf.ArchiveCompany(c.company) },
			ledger.NoCompany, "no company in Silverfin has enterprise number", nil},
		{"two companies", func(w *world, c client) {
			w.sf.AddCompany(w.firm, fakesilverfin.Company{Name: "Oud dossier", VAT: string(c.number)})
		},
			ledger.SeveralCompanies, "2 companies", nil},
		{"archived workflow", func(w *world, c client) { _ = w.sf.ArchiveWorkflow(c.company, c.period, workflowName) },
			ledger.WorkflowClosed, "archived", func(w *world, c client) { _ = w.sf.ReactivateWorkflow(c.company, c.period, workflowName) }},
		{"locked period", func(w *world, c client) { _ = w.sf.Lock(c.company, c.period) },
			ledger.PeriodLocked, "lock", func(w *world, c client) { _ = w.sf.Unlock(c.company, c.period) }},
		{"revoked tokens", func(w *world, _ client) { w.sf.RevokeTokens(w.firm) }, ledger.NeedsRelink, "linked again", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			c := w.client(1)
			b := w.balance(c, 1)
			w.add(c, b)
			tt.spoil(w, c)
			w.sync()
			e := w.only()
			w.wantState(e, ledger.Waiting, tt.reason)
			if !strings.Contains(e.Detail, tt.detail) || e.Next == "" {
				t.Errorf("detail %q next %q, want %q and what to do", e.Detail, e.Next, tt.detail)
			}
			if n := len(w.sf.Writes()); n != 0 {
				t.Errorf("%d figures were written", n)
			}
			if tt.mend != nil {
				tt.mend(w, c)
				w.sync()
				w.wantState(w.only(), ledger.Done, "")
				w.wantHeld(c, b)
			}
		})
	}
	t.Run("a year without period", func(t *testing.T) {
		w := newWorld(t)
		c := w.client(1)
		b := madeup.Balance(1, balance.Micro, 2024)
		b.EnterpriseNumber = c.number
		w.add(c, b)
		w.sync()
		e := w.only()
		w.wantState(e, ledger.Waiting, ledger.NoPeriod)
		if !strings.Contains(e.Detail, "2024-12-31") {
			t.Errorf("detail %q does not name the year", e.Detail)
		}
		p := w.sf.AddPeriod(c.company, first(year(2024)), second(year(2024)))
		w.sf.OpenWorkflow(c.company, p, workflowName)
		w.sync()
		w.wantState(w.only(), ledger.Done, "")
	})
}

func first(a, _ balance.Date) balance.Date  { return a }
func second(_, b balance.Date) balance.Date { return b }

func TestNoFirmLinked(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	if err := w.d.RemoveFirm(t.Context(), w.firm, "Els"); err != nil {
		t.Fatal(err)
	}
	w.sync()
	w.wantState(w.only(), ledger.Waiting, ledger.NeedsRelink)
}

func TestLinkOfAPersonSettlesTwoCompanies(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.sf.AddCompany(w.firm, fakesilverfin.Company{Name: "Oud dossier", VAT: string(c.number)})
	b := w.balance(c, 1)
	w.add(c, b)
	w.sync()
	w.wantState(w.only(), ledger.Waiting, ledger.SeveralCompanies)
	w.tie(ledger.DossierLink{Connection: w.conn, DossierID: c.dossier, FirmID: w.firm, CompanyID: c.company})
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
	w.wantHeld(c, b)
}

func TestListedTwiceIsDeliveredOnce(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	id := w.add(c, w.balance(c, 1))
	if err := w.fb.ListTwice(id); err != nil {
		t.Fatal(err)
	}
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
	w.sync()
	w.only()
	wantWrittenOnce(w)
}

// wantWrittenOnce fails when a property was written more than once.
func wantWrittenOnce(w *world) {
	w.t.Helper()
	seen := map[string]int{}
	for _, x := range w.sf.Writes() {
		k := x.Namespace + "." + x.Key
		if seen[k]++; seen[k] > 1 {
			w.t.Fatalf("%s was written %d times", k, seen[k])
		}
	}
}

func TestCorrectedBalanceReplacesTheOlder(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	id := w.add(c, w.balance(c, 1))
	w.sync()
	w.later(time.Hour)
	corrected := w.balance(c, 2)
	if _, err := w.fb.Correct(id, corrected); err != nil {
		t.Fatal(err)
	}
	w.sync()
	all := w.entries()
	if len(all) != 2 {
		t.Fatalf("%d entries, want 2", len(all))
	}
	w.wantState(all[0], ledger.Superseded, "")
	w.wantState(all[1], ledger.Done, "")
	if all[0].SupersededBy != all[1].Number {
		t.Errorf("superseded by %d", all[0].SupersededBy)
	}
	w.wantHeld(c, corrected)
}

func TestBothRevisionsAtOnceDeliverOnlyTheNewer(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	id := w.add(c, w.balance(c, 1))
	w.later(time.Hour)
	corrected := w.balance(c, 2)
	if _, err := w.fb.Correct(id, corrected); err != nil {
		t.Fatal(err)
	}
	w.sync()
	w.wantHeld(c, corrected)
	wantWrittenOnce(w)
}

func TestBeforeTheActivationIsIgnored(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	old := w.clock().AddDate(0, 0, -3)
	b := w.balance(c, 1)
	if _, _, err := w.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: w.conn, DossierID: c.dossier, Balance: b, CreatedAt: old}); err != nil {
		t.Fatal(err)
	}
	w.sync()
	all := w.entries()
	if len(all) == 1 {
		w.wantState(all[0], ledger.Ignored, ledger.BeforeActivation)
	}
	if len(w.sf.Writes()) != 0 {
		t.Fatal("a balance of before the activation was written")
	}
	if len(all) == 0 {
		return // Finbox does not offer it at all
	}
	w.tie(ledger.DossierLink{Connection: w.conn, DossierID: c.dossier, All: true})
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
	w.wantHeld(c, b)
}

func TestUnreadableDocumentIsKeptAndParked(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	id := w.add(c, w.balance(c, 1))
	if err := w.fb.SetContent(id, []byte("<html>Sign in</html>")); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := w.night(); err != nil {
			t.Fatal(err)
		}
	}
	e := w.only()
	if e.State != ledger.Failed || e.FailClass != ledger.Unreadable || !e.Parked {
		t.Fatalf("entry: %+v", e)
	}
	doc, err := w.keeper.Document(t.Context(), e.Number)
	if err != nil || string(doc) != "<html>Sign in</html>" {
		t.Errorf("document %q, %v", doc, err)
	}
	if strings.Contains(e.Detail, "Sign in") {
		t.Errorf("the detail carries the document: %q", e.Detail)
	}
	b := w.balance(c, 2)
	w.later(time.Hour)
	if _, err := w.fb.Correct(id, b); err != nil {
		t.Fatal(err)
	}
	w.sync()
	w.wantHeld(c, b)
	w.wantState(w.entries()[0], ledger.Superseded, "")
}

func TestDocumentOfAnotherDossierIsRefused(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	b := w.balance(c, 1)
	b.EnterpriseNumber = numberOf(77)
	w.add(c, b)
	w.sync()
	e := w.only()
	if e.State != ledger.Failed || !strings.Contains(e.Detail, numberOf(77).Pretty()) || !strings.Contains(e.Detail, c.number.Pretty()) {
		t.Fatalf("entry: %s %s", e.State, e.Detail)
	}
}

func TestWhatAPersonChangedIsDecidedByAPerson(t *testing.T) {
	prepare := func(t *testing.T) (*world, client, *balance.Balance, ledger.Entry) {
		w := newWorld(t)
		c := w.client(1)
		id := w.add(c, w.balance(c, 1))
		w.sync()
		if err := w.sf.Set(c.company, c.period, namespace, "code_1003", "999"); err != nil {
			t.Fatal(err)
		}
		corrected := w.balance(c, 2)
		w.later(time.Hour)
		if _, err := w.fb.Correct(id, corrected); err != nil {
			t.Fatal(err)
		}
		w.sync()
		e := w.entries()[1]
		w.wantState(e, ledger.Differs, "")
		if len(e.Differences) != 1 || e.Differences[0].Silverfin != "999" {
			t.Fatalf("differences: %+v", e.Differences)
		}
		w.wantNothingOverwritten()
		return w, c, corrected, e
	}
	t.Run("nothing is written before", func(t *testing.T) {
		w, c, _, _ := prepare(t)
		before := len(w.sf.Writes())
		w.sync()
		if n := len(w.sf.Writes()); n != before {
			t.Errorf("%d writes without a decision", n-before)
		}
		if got := w.sf.Custom(c.company, c.period)[namespace+".code_1003"]; got != "999" {
			t.Errorf("Silverfin holds %q", got)
		}
	})
	t.Run("use the data from Finbox", func(t *testing.T) {
		w, c, corrected, e := prepare(t)
		if _, err := w.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.UseFinbox, By: "Els"}); err != nil {
			t.Fatal(err)
		}
		w.sync()
		w.wantState(w.entries()[1], ledger.Done, "")
		w.wantHeld(c, corrected)
	})
	t.Run("keep Silverfin's", func(t *testing.T) {
		w, c, corrected, e := prepare(t)
		if _, err := w.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.KeepSilverfin, By: "Els"}); err != nil {
			t.Fatal(err)
		}
		w.sync()
		w.wantState(w.entries()[1], ledger.Done, "")
		if got := w.sf.Custom(c.company, c.period)[namespace+".code_1003"]; got != "999" {
			t.Errorf("Silverfin holds %q", got)
		}
		delete(corrected.Values, balance.Cell{Code: "1003"})
		w.wantHeld(c, corrected)
		w.wantNothingOverwritten()
	})
	t.Run("a decision is for what was seen", func(t *testing.T) {
		w, c, _, e := prepare(t)
		if _, err := w.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.UseFinbox, By: "Els"}); err != nil {
			t.Fatal(err)
		}
		if err := w.sf.Set(c.company, c.period, namespace, "code_1003", "1000"); err != nil {
			t.Fatal(err)
		}
		w.sync()
		w.wantState(w.entries()[1], ledger.Differs, "")
		w.wantNothingOverwritten()
	})
	t.Run("what happened can be told in any language", func(t *testing.T) {
		w, _, _, e := prepare(t)
		cells := []balance.Cell{e.Differences[0].Cell}
		if _, err := w.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.UseFinbox, Cells: cells, By: "Els"}); err != nil {
			t.Fatal(err)
		}
		w.sync()
		f, err := w.d.Show(t.Context(), e.Number)
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
		w, _, _, e := prepare(t)
		if _, err := w.d.Dismiss(t.Context(), e.Number, "Els"); err != nil {
			t.Fatal(err)
		}
		w.sync()
		w.wantState(w.entries()[1], ledger.Ignored, ledger.Dismissed)
	})
}

// A manual sync of one dossier looks at what is done, too.
func TestManualSyncSeesWhatChangedSince(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	w.sync()
	if err := w.sf.Set(c.company, c.period, namespace, "code_1013", "1"); err != nil {
		t.Fatal(err)
	}
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
	if _, err := w.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil); err != nil {
		t.Fatal(err)
	}
	w.wantState(w.only(), ledger.Differs, "")
}

// Two payroll files of one company: the second does not replace the first.
func TestTwoDossiersOfOneCompanyAreAPersonsChoice(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	b := w.balance(c, 1)
	w.add(c, b)
	w.sync()
	second, err := w.fb.AddDossier(w.conn, fakefinbox.Dossier{AffiliationNumber: "9ZZ9999", EnterpriseNumber: c.number, Name: "Client 1 BV bedienden"})
	if err != nil {
		t.Fatal(err)
	}
	other := c
	other.dossier = second
	b2 := w.balance(other, 2)
	w.add(other, b2)
	w.sync()
	e := w.entries()[1]
	w.wantState(e, ledger.Differs, "")
	if !strings.Contains(e.Detail, "another dossier") {
		t.Errorf("detail %q", e.Detail)
	}
	w.wantHeld(c, b)
	if _, err := w.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.UseFinbox, By: "Els"}); err != nil {
		t.Fatal(err)
	}
	w.sync()
	w.wantHeld(c, b2)
}

func TestDryRunSaysAndDoesNothing(t *testing.T) {
	w := newWorld(t)
	one, two := w.client(1), w.client(2)
	w.add(one, w.balance(one, 1))
	w.add(two, w.balance(two, 2))
	if err := w.sf.CloseWorkflow(two.company, two.period, workflowName); err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	p, err := w.d.Sync(t.Context(), daemon.SyncRequest{DryRun: true}, func(p daemon.Progress) {
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
	if n := len(w.sf.Writes()); n != 0 {
		t.Errorf("a dry run wrote %d figures", n)
	}
	if all := w.entries(); len(all) != 0 {
		t.Errorf("a dry run recorded %d entries", len(all))
	}
	if passes, _ := w.keeper.Runs(t.Context(), 10); len(passes) != 0 {
		t.Errorf("a dry run left passes: %+v", passes)
	}
	w.sync()
	w.wantState(w.entries()[0], ledger.Done, "")
}

func TestDeactivatedConnectionStopsAndKeepsEverything(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	if err := w.sf.CloseWorkflow(c.company, c.period, workflowName); err != nil {
		t.Fatal(err)
	}
	w.add(c, w.balance(c, 1))
	w.sync()
	if err := w.fb.Deactivate(w.conn); err != nil {
		t.Fatal(err)
	}
	p := w.sync()
	if len(p.Problems) == 0 || !strings.Contains(p.Problems[0], "deactivated") {
		t.Errorf("problems: %v", p.Problems)
	}
	if d := cmp.Diff([]ledger.Trouble{{About: "Kantoor De Wilde", Code: string(problem.ConnectionClosed)}}, p.Troubles); d != "" {
		t.Error(d)
	}
	conns, _ := w.d.Connections(t.Context())
	if conns[0].Status != ledger.Deactivated {
		t.Errorf("connection: %+v", conns[0])
	}
	w.wantState(w.only(), ledger.Waiting, ledger.ConnectionInactive)
	if err := w.fb.Activate(w.conn); err != nil {
		t.Fatal(err)
	}
	w.sf.OpenWorkflow(c.company, c.period, workflowName)
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
}

func TestOneNightADateEvenIfTheClockGoesBack(t *testing.T) {
	w := newWorld(t)
	if _, err := w.night(); err != nil {
		t.Fatal(err)
	}
	w.later(24 * time.Hour)
	if ran, err := w.d.RunNight(t.Context()); !ran || err != nil {
		t.Fatalf("the next night: ran %v, %v", ran, err)
	}
	w.later(-24 * time.Hour) // the clock goes back a day
	_, err := w.d.RunNight(t.Context())
	if err != nil && !problem.Is(err, problem.Conflict) {
		t.Fatal(err)
	}
	passes, _ := w.keeper.Runs(t.Context(), 10)
	if len(passes) != 2 {
		t.Errorf("%d passes for two dates", len(passes))
	}
}

func TestSecondPassIsRefusedWhileOneRuns(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	var busy error
	_, err := w.d.Sync(t.Context(), daemon.SyncRequest{}, func(daemon.Progress) {
		if busy == nil {
			_, busy = w.d.Sync(t.Context(), daemon.SyncRequest{}, nil)
		}
	})
	if err != nil || !problem.Is(busy, problem.Busy) {
		t.Errorf("first %v, second %v", err, busy)
	}
}
