package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"

	"github.com/shopspring/decimal"
)

// of returns a client's balance of another year.
func (fx *fixture) of(c client, seed int64, year int) *balance.Balance {
	b := madeup.Balance(seed, balance.Abbreviated, year)
	b.EnterpriseNumber = c.number
	return b
}

// period adds the period of a year to a client, with an open workflow.
func (fx *fixture) period(c client, year int) int64 {
	p := fx.sf.AddPeriod(c.company, balance.Date{Year: year, Month: 1, Day: 1}, balance.Date{Year: year, Month: 12, Day: 31})
	fx.sf.OpenWorkflow(c.company, p, workflowName)
	return p
}

// wantStory fails unless the history of an entry says something.
func (fx *fixture) wantStory(number uint64, part string) {
	fx.t.Helper()
	story, err := fx.store.History(fx.t.Context(), number)
	fx.must(err)
	for _, e := range story {
		if strings.Contains(e.Text, part) {
			return
		}
	}
	fx.t.Errorf("the history of entry %d does not say %q: %+v", number, part, story)
}

// A correction of one id for another year is another balance: what the first
// one wrote is to be emptied by a person, who hears of it.
func TestCorrectionForAnotherYearNamesWhatItLeavesBehind(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.period(c, 2024)
	first := fx.balance(c, 1)
	id := fx.add(c, first)
	fx.sync()
	fx.correct(id, fx.of(c, 2, 2024))
	p := fx.sync()
	old, moved := fx.entries()[0], fx.entries()[1]
	fx.wantState(old, ledger.Done, "")
	fx.wantState(moved, ledger.Done, "")
	fx.wantHeld(c, first)
	if old.MovedTo != moved.Number || !old.NeedsPerson() || !strings.Contains(old.Detail, "Client 1 BV, period 2025-12-31") {
		t.Errorf("what is left behind is not named: %+v", old)
	}
	fx.wantStory(1, "Client 1 BV, period 2025-12-31")
	if len(p.Problems) != 1 || !strings.Contains(p.Problems[0], "Client 1 BV, period 2025-12-31") || !p.NeedsPerson() {
		t.Errorf("problems %q", p.Problems)
	}

	// The person empties it, and no run fills it again.
	for cell := range first.Values {
		fx.must(fx.sf.Unset(c.company, c.period, namespace, "code_"+cell.String()))
	}
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
	fx.must(err)
	if held := fx.sf.Custom(c.company, c.period); len(held) != 0 {
		t.Errorf("%d figures were written into what a person emptied", len(held))
	}
	if p := fx.sync(); len(p.Problems) != 0 {
		t.Errorf("told again: %q", p.Problems)
	}
	_, err = fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"})
	fx.must(err)
	fx.wantState(fx.entries()[0], ledger.Ignored, ledger.Dismissed)
	if e := fx.entries()[0]; e.NeedsPerson() {
		t.Errorf("it still needs a person: %+v", e)
	}
}

// The same for what still waited: it is neither lost nor delivered without a
// person's word.
func TestCorrectionForAnotherYearHoldsWhatStillWaited(t *testing.T) {
	for _, delivered := range []bool{true, false} {
		fx := newFixture(t)
		c := fx.client(1)
		fx.period(c, 2024)
		fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
		first, corrected := fx.balance(c, 1), fx.of(c, 2, 2024)
		id := fx.add(c, first)
		fx.sync()
		fx.correct(id, corrected)
		fx.sf.OpenWorkflow(c.company, c.period, workflowName)
		fx.sync()
		fx.sync()
		fx.wantState(fx.entries()[0], ledger.Waiting, ledger.WhichCounts)
		fx.wantState(fx.entries()[1], ledger.Done, "")
		if n := len(fx.sf.Custom(c.company, c.period)); n != 0 {
			t.Errorf("%d figures of what was corrected were written", n)
		}
		if delivered {
			_, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"})
			fx.must(err)
			fx.sync()
			fx.wantState(fx.entries()[0], ledger.Done, "")
			fx.wantHeld(c, first)
		} else {
			_, err := fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"})
			fx.must(err)
			fx.sync()
			fx.wantState(fx.entries()[0], ledger.Ignored, ledger.Dismissed)
		}
	}
}

// A file that is overwritten by another client's balance, or by another
// year's, does not take the one with it that still waits.
func TestOverwrittenFileTakesNothingWithIt(t *testing.T) {
	for name, other := range map[string]func(fx *fixture, a client) (*balance.Balance, client){
		"another client": func(fx *fixture, _ client) (*balance.Balance, client) { b := fx.client(2); return fx.balance(b, 2), b },
		"another year": func(fx *fixture, a client) (*balance.Balance, client) {
			a.period = fx.period(a, 2026)
			return fx.of(a, 2, 2026), a
		},
	} {
		t.Run(name, func(t *testing.T) {
			fx, dir := withFolder(t)
			a := fx.client(1)
			second, b := other(fx, a)
			first, file := fx.balance(a, 1), filepath.Join(dir, "export", "balans.csv")
			fx.must(fx.sf.CloseWorkflow(a.company, a.period, workflowName))
			fx.put(file, first, fx.clock().Add(-time.Hour))
			fx.sync()
			fx.later(time.Hour)
			fx.put(file, second, fx.clock().Add(-time.Minute))
			fx.sync()
			fx.sf.OpenWorkflow(a.company, a.period, workflowName)
			if p := fx.sync(); len(p.Problems) != 0 {
				t.Errorf("problems %q", p.Problems)
			}
			fx.wantHeld(a, first)
			fx.wantHeld(b, second)
			for _, e := range fx.entries() {
				fx.wantState(e, ledger.Done, "")
			}
		})
	}
}

// A file whose year goes back was wrong before: that is a correction, and what it
// leaves behind is named.
func TestFileThatGoesBackAYearNamesWhatItLeavesBehind(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	fx.period(c, 2024)
	file := filepath.Join(dir, "klant", "balans.csv")
	fx.put(file, fx.balance(c, 1), fx.clock().Add(-time.Hour))
	fx.sync()
	fx.later(time.Hour)
	fx.put(file, fx.of(c, 2, 2024), fx.clock().Add(-time.Minute))
	if p := fx.sync(); len(p.Problems) != 1 || fx.entries()[0].MovedTo != 2 {
		t.Errorf("problems %q", p.Problems)
	}
}

// A file that cannot be read says nothing of the balance that was there before.
func TestUnreadableFileSetsNothingAside(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	first, file := fx.balance(c, 1), filepath.Join(dir, "export", "balans.csv")
	fx.put(file, first, fx.clock().Add(-time.Hour))
	fx.sync()
	fx.later(time.Hour)
	fx.must(os.WriteFile(file, []byte("broken"), 0o600))
	fx.sync()
	fx.sf.OpenWorkflow(c.company, c.period, workflowName)
	fx.sync()
	fx.wantHeld(c, first)
}

// A revision number says more than a time: one stamped ten days ahead does not
// set its own correction aside.
func TestRevisionNumberCountsBeforeTimes(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	id, _, err := fx.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: fx.conn, DossierID: c.dossier, Balance: fx.balance(c, 1),
		CreatedAt: fx.clock().Add(10 * 24 * time.Hour)})
	fx.must(err)
	corrected := fx.balance(c, 2)
	fx.correct(id, corrected)
	fx.sync()
	for _, e := range fx.entries() {
		want := ledger.Superseded
		if e.Revision == "2" {
			want = ledger.Done
		}
		fx.wantState(e, want, "")
	}
	fx.wantHeld(c, corrected)
}

// Of two balances of one dossier and year, a time ahead of when one was found is
// not believed.
func TestTimeAheadCountsAsWhenItWasFound(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	_, _, err := fx.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: fx.conn, DossierID: c.dossier, Balance: fx.balance(c, 1),
		CreatedAt: fx.clock().Add(10 * 24 * time.Hour)})
	fx.must(err)
	fx.sync()
	fx.later(time.Hour)
	newer := fx.balance(c, 2)
	fx.add(c, newer)
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Superseded, "")
	fx.wantHeld(c, newer)
}

// A correction counts before an initial filing, whatever the times say, and in
// whichever order they come.
func TestCorrectionCountsBeforeInitial(t *testing.T) {
	for _, correctionFirst := range []bool{true, false} {
		fx, dir := withFolder(t)
		c := fx.client(1)
		corrected := fx.balance(c, 1)
		corrected.Correction = true
		put := []func(){
			func() { fx.put(filepath.Join(dir, "k", "correction.csv"), corrected, fx.clock().Add(-48*time.Hour)) },
			func() { fx.put(filepath.Join(dir, "k", "initial.csv"), fx.balance(c, 2), fx.clock().Add(-time.Hour)) },
		}
		if !correctionFirst {
			put[0], put[1] = put[1], put[0]
		}
		put[0]()
		fx.sync()
		put[1]()
		fx.sync()
		fx.sync()
		fx.wantHeld(c, corrected)
		for _, e := range fx.entries() {
			want := ledger.Superseded
			if e.Correction {
				want = ledger.Done
			}
			fx.wantState(e, want, "")
		}
	}
}

// twoAlike puts two balances of one dossier, year and time into a folder.
func twoAlike(t *testing.T, same bool) (fx *fixture, c client, one, two *balance.Balance) {
	fx, dir := withFolder(t)
	c = fx.client(1)
	one, two = fx.balance(c, 1), fx.balance(c, 2)
	if same {
		two = fx.balance(c, 1)
		two.Name = "Another spelling of the name BV"
	}
	at := fx.clock().Add(-time.Hour)
	fx.put(filepath.Join(dir, "k", "a.csv"), one, at)
	fx.put(filepath.Join(dir, "k", "b.csv"), two, at)
	fx.sync()
	return fx, c, one, two
}

// Two that are equal in everything but their figures wait for a person, whose
// word holds until a third one comes.
func TestPersonSaysWhichCounts(t *testing.T) {
	fx, c, one, _ := twoAlike(t, false)
	for _, e := range fx.entries() {
		fx.wantState(e, ledger.Waiting, ledger.WhichCounts)
	}
	if n := fx.byUs(); n != 0 {
		t.Fatalf("%d figures were written without asking", n)
	}
	number := fx.entries()[0].Number
	if fx.entries()[1].ID == "k/a.csv" {
		number = 2
	}
	_, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: number, By: "Els"})
	fx.must(err)
	fx.sync()
	fx.wantHeld(c, one)
	for _, e := range fx.entries() {
		if e.Number != number {
			fx.wantState(e, ledger.Superseded, "")
		}
	}
}

// Where one of the two is left aside, the other one counts.
func TestOtherOneCountsWhenOneIsDismissed(t *testing.T) {
	fx, c, _, two := twoAlike(t, false)
	for _, e := range fx.entries() {
		if e.ID == "k/a.csv" {
			_, err := fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: e.Number, By: "Els"})
			fx.must(err)
		}
	}
	fx.sync()
	fx.wantHeld(c, two)
}

// With the same figures nobody needs to be asked.
func TestSameFiguresNeedNoChoice(t *testing.T) {
	fx, c, one, _ := twoAlike(t, true)
	fx.wantHeld(c, one)
	fx.sync()
	states := map[ledger.State]int{}
	for _, e := range fx.entries() {
		states[e.State]++
	}
	if states[ledger.Done] != 1 || states[ledger.Superseded] != 1 {
		t.Errorf("states %v", states)
	}
}

// The way back from a wrong newer one: it is dismissed, and the older one takes
// its target, over the figures that balansd wrote.
func TestWayBackFromAWrongNewerOne(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	right := fx.balance(c, 1)
	fx.add(c, right)
	fx.sync()
	fx.later(time.Hour)
	fx.add(c, fx.balance(c, 2))
	fx.sync()
	fx.wantState(fx.entries()[1], ledger.Done, "")
	_, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"})
	if !problem.Is(err, problem.NotAllowed) || !strings.Contains(problem.Of(err).Next, "dismiss") {
		t.Errorf("%v does not say how", err)
	}
	e, err := fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: 2, By: "Els"})
	fx.must(err)
	if !strings.Contains(e.Detail, "stays in Client 1 BV, period 2025-12-31") || !strings.Contains(e.Next, "ledger retry 1") {
		t.Errorf("detail %q, next %q", e.Detail, e.Next)
	}
	_, err = fx.d.Retry(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"})
	fx.must(err)
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Done, "")
	for cell, v := range right.Values {
		held := fx.sf.Custom(c.company, c.period)[namespace+".code_"+cell.String()]
		if got, err := decimal.NewFromString(held); err != nil || !got.Equal(v) {
			t.Fatalf("Silverfin holds %q for %s, want %s", held, cell, v)
		}
	}
	fx.wantNothingOverwritten()
}

// A file that was overwritten before anybody read it is gone, and a person hears
// of it once.
func TestFileOverwrittenBeforeItWasReadIsTold(t *testing.T) {
	fx, dir := withFolder(t)
	a, b := fx.client(1), fx.client(2)
	file := filepath.Join(dir, "export", "balans.csv")
	fx.put(file, fx.balance(a, 1), fx.clock().Add(-time.Hour))
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: "no such dossier"}, nil) // lists, and reads nothing
	fx.must(err)
	fx.put(file, fx.balance(b, 2), fx.clock().Add(-time.Minute))
	fx.later(time.Hour)
	fx.sync()
	e := fx.entries()[0]
	if e.State != ledger.Failed || e.FailClass != ledger.Unreadable || !strings.Contains(e.Detail, "overwritten by entry 2") {
		t.Errorf("entry is %s %s: %s", e.State, e.FailClass, e.Detail)
	}
	fx.wantState(fx.entries()[1], ledger.Done, "")
}
