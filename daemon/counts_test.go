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

// of gives a client's balance of another year.
func (w *world) of(c client, seed int64, year int) *balance.Balance {
	b := madeup.Balance(seed, balance.Abbreviated, year)
	b.EnterpriseNumber = c.number
	return b
}

// period adds the period of a year to a client, with an open workflow.
func (w *world) period(c client, year int) int64 {
	p := w.sf.AddPeriod(c.company, balance.Date{Year: year, Month: 1, Day: 1}, balance.Date{Year: year, Month: 12, Day: 31})
	w.sf.OpenWorkflow(c.company, p, workflowName)
	return p
}

// wantStory fails unless the history of an entry says something.
func (w *world) wantStory(number uint64, part string) {
	w.t.Helper()
	story, err := w.keeper.History(w.t.Context(), number)
	w.must(err)
	for _, e := range story {
		if strings.Contains(e.Text, part) {
			return
		}
	}
	w.t.Errorf("the history of entry %d does not say %q: %+v", number, part, story)
}

// A correction of one id for another year is another balance: what the first
// one wrote is to be emptied by a person, who hears of it.
func TestCorrectionForAnotherYearNamesWhatItLeavesBehind(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.period(c, 2024)
	first := w.balance(c, 1)
	id := w.add(c, first)
	w.sync()
	w.correct(id, w.of(c, 2, 2024))
	p := w.sync()
	old, moved := w.entries()[0], w.entries()[1]
	w.wantState(old, ledger.Done, "")
	w.wantState(moved, ledger.Done, "")
	w.wantHeld(c, first)
	if old.MovedTo != moved.Number || !old.NeedsPerson() || !strings.Contains(old.Detail, "Client 1 BV, period 2025-12-31") {
		t.Errorf("what is left behind is not named: %+v", old)
	}
	w.wantStory(1, "Client 1 BV, period 2025-12-31")
	if len(p.Problems) != 1 || !strings.Contains(p.Problems[0], "Client 1 BV, period 2025-12-31") || !p.NeedsPerson() {
		t.Errorf("problems %q", p.Problems)
	}

	// The person empties it, and no pass fills it again.
	for cell := range first.Values {
		w.must(w.sf.Unset(c.company, c.period, namespace, "code_"+cell.String()))
	}
	_, err := w.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
	w.must(err)
	if held := w.sf.Custom(c.company, c.period); len(held) != 0 {
		t.Errorf("%d figures were written into what a person emptied", len(held))
	}
	if p := w.sync(); len(p.Problems) != 0 {
		t.Errorf("told again: %q", p.Problems)
	}
	_, err = w.d.Dismiss(t.Context(), 1, "Els")
	w.must(err)
	w.wantState(w.entries()[0], ledger.Ignored, ledger.Dismissed)
	if e := w.entries()[0]; e.NeedsPerson() {
		t.Errorf("it still needs a person: %+v", e)
	}
}

// The same for what still waited: it is neither lost nor delivered without a
// person's word.
func TestCorrectionForAnotherYearHoldsWhatStillWaited(t *testing.T) {
	for _, delivered := range []bool{true, false} {
		w := newWorld(t)
		c := w.client(1)
		w.period(c, 2024)
		w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
		first, corrected := w.balance(c, 1), w.of(c, 2, 2024)
		id := w.add(c, first)
		w.sync()
		w.correct(id, corrected)
		w.sf.OpenWorkflow(c.company, c.period, workflowName)
		w.sync()
		w.sync()
		w.wantState(w.entries()[0], ledger.Waiting, ledger.WhichCounts)
		w.wantState(w.entries()[1], ledger.Done, "")
		if n := len(w.sf.Custom(c.company, c.period)); n != 0 {
			t.Errorf("%d figures of what was corrected were written", n)
		}
		if delivered {
			_, err := w.d.Retry(t.Context(), 1, "Els")
			w.must(err)
			w.sync()
			w.wantState(w.entries()[0], ledger.Done, "")
			w.wantHeld(c, first)
		} else {
			_, err := w.d.Dismiss(t.Context(), 1, "Els")
			w.must(err)
			w.sync()
			w.wantState(w.entries()[0], ledger.Ignored, ledger.Dismissed)
		}
	}
}

// A file that is overwritten by another client's balance, or by another
// year's, does not take the one with it that still waits.
func TestOverwrittenFileTakesNothingWithIt(t *testing.T) {
	for name, other := range map[string]func(w *world, a client) (*balance.Balance, client){
		"another client": func(w *world, _ client) (*balance.Balance, client) { b := w.client(2); return w.balance(b, 2), b },
		"another year": func(w *world, a client) (*balance.Balance, client) {
			a.period = w.period(a, 2026)
			return w.of(a, 2, 2026), a
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, dir := withFolder(t)
			a := w.client(1)
			second, b := other(w, a)
			first, file := w.balance(a, 1), filepath.Join(dir, "export", "balans.csv")
			w.must(w.sf.CloseWorkflow(a.company, a.period, workflowName))
			w.put(file, first, w.clock().Add(-time.Hour))
			w.sync()
			w.later(time.Hour)
			w.put(file, second, w.clock().Add(-time.Minute))
			w.sync()
			w.sf.OpenWorkflow(a.company, a.period, workflowName)
			if p := w.sync(); len(p.Problems) != 0 {
				t.Errorf("problems %q", p.Problems)
			}
			w.wantHeld(a, first)
			w.wantHeld(b, second)
			for _, e := range w.entries() {
				w.wantState(e, ledger.Done, "")
			}
		})
	}
}

// A file whose year goes back was wrong before: that is a correction, and what it
// leaves behind is named.
func TestFileThatGoesBackAYearNamesWhatItLeavesBehind(t *testing.T) {
	w, dir := withFolder(t)
	c := w.client(1)
	w.period(c, 2024)
	file := filepath.Join(dir, "klant", "balans.csv")
	w.put(file, w.balance(c, 1), w.clock().Add(-time.Hour))
	w.sync()
	w.later(time.Hour)
	w.put(file, w.of(c, 2, 2024), w.clock().Add(-time.Minute))
	if p := w.sync(); len(p.Problems) != 1 || w.entries()[0].MovedTo != 2 {
		t.Errorf("problems %q", p.Problems)
	}
}

// A file that cannot be read says nothing of the balance that was there before.
func TestUnreadableFileSetsNothingAside(t *testing.T) {
	w, dir := withFolder(t)
	c := w.client(1)
	w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
	first, file := w.balance(c, 1), filepath.Join(dir, "export", "balans.csv")
	w.put(file, first, w.clock().Add(-time.Hour))
	w.sync()
	w.later(time.Hour)
	w.must(os.WriteFile(file, []byte("broken"), 0o600))
	w.sync()
	w.sf.OpenWorkflow(c.company, c.period, workflowName)
	w.sync()
	w.wantHeld(c, first)
}

// A revision number says more than a time: one stamped ten days ahead does not
// set its own correction aside.
func TestRevisionNumberCountsBeforeTimes(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	id, _, err := w.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: w.conn, DossierID: c.dossier, Balance: w.balance(c, 1),
		CreatedAt: w.clock().Add(10 * 24 * time.Hour)})
	w.must(err)
	corrected := w.balance(c, 2)
	w.correct(id, corrected)
	w.sync()
	for _, e := range w.entries() {
		want := ledger.Superseded
		if e.Revision == "2" {
			want = ledger.Done
		}
		w.wantState(e, want, "")
	}
	w.wantHeld(c, corrected)
}

// Of two balances of one dossier and year, a time ahead of when one was found is
// not believed.
func TestTimeAheadCountsAsWhenItWasFound(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	_, _, err := w.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: w.conn, DossierID: c.dossier, Balance: w.balance(c, 1),
		CreatedAt: w.clock().Add(10 * 24 * time.Hour)})
	w.must(err)
	w.sync()
	w.later(time.Hour)
	newer := w.balance(c, 2)
	w.add(c, newer)
	w.sync()
	w.wantState(w.entries()[0], ledger.Superseded, "")
	w.wantHeld(c, newer)
}

// A correction counts before an initial filing, whatever the times say, and in
// whichever order they come.
func TestCorrectionCountsBeforeInitial(t *testing.T) {
	for _, correctionFirst := range []bool{true, false} {
		w, dir := withFolder(t)
		c := w.client(1)
		corrected := w.balance(c, 1)
		corrected.Correction = true
		put := []func(){
			func() { w.put(filepath.Join(dir, "k", "correction.csv"), corrected, w.clock().Add(-48*time.Hour)) },
			func() { w.put(filepath.Join(dir, "k", "initial.csv"), w.balance(c, 2), w.clock().Add(-time.Hour)) },
		}
		if !correctionFirst {
			put[0], put[1] = put[1], put[0]
		}
		put[0]()
		w.sync()
		put[1]()
		w.sync()
		w.sync()
		w.wantHeld(c, corrected)
		for _, e := range w.entries() {
			want := ledger.Superseded
			if e.Correction {
				want = ledger.Done
			}
			w.wantState(e, want, "")
		}
	}
}

// twoAlike puts two balances of one dossier, year and time into a folder.
func twoAlike(t *testing.T, same bool) (w *world, c client, one, two *balance.Balance) {
	w, dir := withFolder(t)
	c = w.client(1)
	one, two = w.balance(c, 1), w.balance(c, 2)
	if same {
		two = w.balance(c, 1)
		two.Name = "Another spelling of the name BV"
	}
	at := w.clock().Add(-time.Hour)
	w.put(filepath.Join(dir, "k", "a.csv"), one, at)
	w.put(filepath.Join(dir, "k", "b.csv"), two, at)
	w.sync()
	return w, c, one, two
}

// Two that are equal in everything but their figures wait for a person, whose
// word holds until a third one comes.
func TestPersonSaysWhichCounts(t *testing.T) {
	w, c, one, _ := twoAlike(t, false)
	for _, e := range w.entries() {
		w.wantState(e, ledger.Waiting, ledger.WhichCounts)
	}
	if n := w.byUs(); n != 0 {
		t.Fatalf("%d figures were written without asking", n)
	}
	number := w.entries()[0].Number
	if w.entries()[1].ID == "k/a.csv" {
		number = 2
	}
	_, err := w.d.Retry(t.Context(), number, "Els")
	w.must(err)
	w.sync()
	w.wantHeld(c, one)
	for _, e := range w.entries() {
		if e.Number != number {
			w.wantState(e, ledger.Superseded, "")
		}
	}
}

// Where one of the two is left aside, the other one counts.
func TestOtherOneCountsWhenOneIsDismissed(t *testing.T) {
	w, c, _, two := twoAlike(t, false)
	for _, e := range w.entries() {
		if e.ID == "k/a.csv" {
			_, err := w.d.Dismiss(t.Context(), e.Number, "Els")
			w.must(err)
		}
	}
	w.sync()
	w.wantHeld(c, two)
}

// With the same figures nobody needs to be asked.
func TestSameFiguresNeedNoChoice(t *testing.T) {
	w, c, one, _ := twoAlike(t, true)
	w.wantHeld(c, one)
	w.sync()
	states := map[ledger.State]int{}
	for _, e := range w.entries() {
		states[e.State]++
	}
	if states[ledger.Done] != 1 || states[ledger.Superseded] != 1 {
		t.Errorf("states %v", states)
	}
}

// The way back from a wrong newer one: it is dismissed, and the older one takes
// its place, over the figures that balansd wrote.
func TestWayBackFromAWrongNewerOne(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	right := w.balance(c, 1)
	w.add(c, right)
	w.sync()
	w.later(time.Hour)
	w.add(c, w.balance(c, 2))
	w.sync()
	w.wantState(w.entries()[1], ledger.Done, "")
	_, err := w.d.Retry(t.Context(), 1, "Els")
	if !problem.Is(err, problem.NotAllowed) || !strings.Contains(problem.Of(err).Next, "dismiss") {
		t.Errorf("%v does not say how", err)
	}
	e, err := w.d.Dismiss(t.Context(), 2, "Els")
	w.must(err)
	if !strings.Contains(e.Detail, "stays in Client 1 BV, period 2025-12-31") || !strings.Contains(e.Next, "ledger retry 1") {
		t.Errorf("detail %q, next %q", e.Detail, e.Next)
	}
	_, err = w.d.Retry(t.Context(), 1, "Els")
	w.must(err)
	w.sync()
	w.wantState(w.entries()[0], ledger.Done, "")
	for cell, v := range right.Values {
		held := w.sf.Custom(c.company, c.period)[namespace+".code_"+cell.String()]
		if got, err := decimal.NewFromString(held); err != nil || !got.Equal(v) {
			t.Fatalf("Silverfin holds %q for %s, want %s", held, cell, v)
		}
	}
	w.wantNothingOverwritten()
}

// A file that was overwritten before anybody read it is gone, and a person hears
// of it once.
func TestFileOverwrittenBeforeItWasReadIsTold(t *testing.T) {
	w, dir := withFolder(t)
	a, b := w.client(1), w.client(2)
	file := filepath.Join(dir, "export", "balans.csv")
	w.put(file, w.balance(a, 1), w.clock().Add(-time.Hour))
	_, err := w.d.Sync(t.Context(), daemon.SyncRequest{Dossier: "no such dossier"}, nil) // lists, and reads nothing
	w.must(err)
	w.put(file, w.balance(b, 2), w.clock().Add(-time.Minute))
	w.later(time.Hour)
	w.sync()
	e := w.entries()[0]
	if e.State != ledger.Failed || e.FailClass != ledger.Unreadable || !strings.Contains(e.Detail, "overwritten by entry 2") {
		t.Errorf("entry is %s %s: %s", e.State, e.FailClass, e.Detail)
	}
	w.wantState(w.entries()[1], ledger.Done, "")
}
