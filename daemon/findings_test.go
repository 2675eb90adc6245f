package daemon_test

import (
	"os"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// broken is a balance of which one total does not add up.
func (w *world) broken(c client, seed int64) *balance.Balance {
	b := w.balance(c, seed)
	b.Values[cellOf(w.t, "1013")] = decimal.NewFromInt(7)
	return b
}

// again opens the state anew, as a daemon with other settings does.
func (w *world) again() {
	w.t.Helper()
	w.must(w.keeper.Close())
	w.open(w.fbURL, w.sfURL)
}

func TestFindingsGoWithTheEntryAndHoldNothingBack(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	b := w.broken(c, 1)
	w.add(c, b)
	w.sync()
	e := w.only()
	w.wantState(e, ledger.Done, "")
	w.wantHeld(c, b)
	var told bool
	for _, f := range e.Findings {
		told = told || f.Rule == "hours_total" && strings.Contains(f.In(balance.Dutch), "geven samen") &&
			cmp.Equal(f.Assertions, []string{"cs_11.00.0_0010"})
	}
	if !told {
		t.Errorf("findings %+v", e.Findings)
	}
}

func TestABalanceWithFindingsIsHeldUntilAPersonLetsItGo(t *testing.T) {
	w := newWorld(t)
	w.hold = true
	w.again()
	c, fine := w.client(1), w.client(2)
	b := w.broken(c, 1)
	id := w.add(c, b)
	w.add(fine, w.balance(fine, 2))
	for range 2 {
		w.sync()
		held := w.entries()[0]
		w.wantState(held, ledger.Waiting, ledger.HasFindings)
		if !held.NeedsPerson() || held.Detail == "" || held.Next == "" || len(held.Findings) == 0 {
			t.Fatalf("it says %+v", held)
		}
	}
	w.wantState(w.entries()[1], ledger.Done, "")
	if w.entries()[0].Target != nil {
		t.Error("a held balance was given a place")
	}
	_, err := w.d.Retry(t.Context(), w.entries()[0].Number, "Els")
	w.must(err)
	w.sync()
	w.wantState(w.entries()[0], ledger.Done, "")
	w.wantHeld(c, b)

	// That was a word about this revision, not about the next.
	w.correct(id, w.broken(c, 3))
	w.sync()
	newest := w.entries()[2]
	w.wantState(newest, ledger.Waiting, ledger.HasFindings)
	w.wantHeld(c, b)

	// Without the setting it goes of its own.
	w.hold = false
	w.again()
	w.sync()
	w.wantState(w.entries()[2], ledger.Done, "")
}

// What is done is not held when the setting comes later.
func TestWhatIsDoneIsNotHeld(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.broken(c, 1))
	w.sync()
	w.hold = true
	w.again()
	_, err := w.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
	w.must(err)
	w.wantState(w.only(), ledger.Done, "")
}

func TestARevisionSaysWhatItChanged(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	first := w.balance(c, 1)
	id := w.add(c, first)
	w.sync()
	second := w.balance(c, 1)
	second.Values[cellOf(t, "1023")] = second.Values[cellOf(t, "1023")].Add(decimal.NewFromInt(1))
	w.correct(id, second)
	w.sync()
	e := w.entries()[1]
	w.wantState(e, ledger.Done, "")
	if diff := cmp.Diff(balance.Diff(first.Values, second.Values), e.Changes); diff != "" || e.Replaces != 1 || len(e.Changes) != 1 {
		t.Errorf("it replaces %d (-want +got)\n%s", e.Replaces, diff)
	}
	full, err := w.d.Show(t.Context(), 2)
	w.must(err)
	told := 0
	for _, ev := range full.History {
		told += strings.Count(ev.Text, "; it replaces entry 1, with 1 figure changed")
	}
	if told != 1 {
		t.Errorf("the story says it %d times: %+v", told, full.History)
	}

	// A document handed in once more.
	again := w.balance(c, 1)
	again.Values[cellOf(t, "1023")] = second.Values[cellOf(t, "1023")]
	again.Name = "The same with another name"
	w.correct(id, again)
	w.sync()
	if e := w.entries()[2]; e.Replaces != 2 || len(e.Changes) != 0 {
		t.Errorf("the same figures: %+v", e)
	}
}

// Of a balance whose document could not be read there is nothing to compare
// with: it is compared with the one before.
func TestARevisionIsComparedWithTheLastThatCouldBeRead(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	first := w.balance(c, 1)
	id := w.add(c, first)
	w.sync()
	w.correct(id, w.balance(c, 2))
	w.must(w.fb.SetContent(id, []byte("<html>nonsense</html>")))
	w.sync()
	third := w.balance(c, 3)
	w.correct(id, third)
	w.sync()
	e := w.entries()[2]
	w.wantState(e, ledger.Done, "")
	if diff := cmp.Diff(balance.Diff(first.Values, third.Values), e.Changes); diff != "" || e.Replaces != 1 {
		t.Errorf("it replaces %d (-want +got)\n%s", e.Replaces, diff)
	}
}

// How a document was read is a remark: it does not count, and holds nothing
// back.
func TestARemarkIsNoFindingOfTheBalance(t *testing.T) {
	document, err := os.ReadFile("../balance/testdata/documents/cbso-25.0-m82-full.xbrl")
	if err != nil {
		t.Fatal(err)
	}
	read, err := balance.NewReader(balance.ReaderOptions{}).Read(document)
	if err != nil || len(read.Findings) != 2 || !read.Findings[0].IsRemark() || read.Findings[1].IsRemark() {
		t.Fatalf("the document has %+v, %v", read.Findings, err)
	}
	for name, tt := range map[string]struct {
		findings []balance.Finding
		held     bool
	}{
		"a remark alone":         {read.Findings[:1], false},
		"a remark and a finding": {read.Findings, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.client(1)
			w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
			w.add(c, w.balance(c, 1))
			w.sync()
			e := w.only()
			e.Findings = tt.findings
			_, err := w.keeper.Move(t.Context(), ledger.Step{Entry: e})
			w.must(err)
			w.hold = true
			w.again()
			w.sf.OpenWorkflow(c.company, c.period, workflowName)
			p := w.sync()
			if tt.held {
				w.wantState(w.only(), ledger.Waiting, ledger.HasFindings)
				if got := w.only().Detail; p.Findings != 1 || !strings.Contains(got, "have 1 finding,") {
					t.Errorf("it says %q, the pass counts %d", got, p.Findings)
				}
				return
			}
			w.wantState(w.only(), ledger.Done, "")
			if p.Findings != 0 {
				t.Errorf("the pass counts %d", p.Findings)
			}
		})
	}
}
