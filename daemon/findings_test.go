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
func (fx *fixture) broken(c client, seed int64) *balance.Balance {
	b := fx.balance(c, seed)
	b.Values[cellOf(fx.t, "1013")] = decimal.NewFromInt(7)
	return b
}

// again opens the state anew, as a daemon with other settings does.
func (fx *fixture) again() {
	fx.t.Helper()
	fx.must(fx.store.Close())
	fx.open(fx.fbURL, fx.sfURL)
}

func TestFindingsGoWithTheEntryAndHoldNothingBack(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.broken(c, 1)
	fx.add(c, b)
	fx.sync()
	e := fx.only()
	fx.wantState(e, ledger.Done, "")
	fx.wantHeld(c, b)
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
	fx := newFixture(t)
	fx.hold = true
	fx.again()
	c, fine := fx.client(1), fx.client(2)
	b := fx.broken(c, 1)
	id := fx.add(c, b)
	fx.add(fine, fx.balance(fine, 2))
	for range 2 {
		fx.sync()
		held := fx.entries()[0]
		fx.wantState(held, ledger.Waiting, ledger.HasFindings)
		if !held.NeedsPerson() || held.Detail == "" || held.Next == "" || len(held.Findings) == 0 {
			t.Fatalf("it says %+v", held)
		}
	}
	fx.wantState(fx.entries()[1], ledger.Done, "")
	if fx.entries()[0].Target != nil {
		t.Error("a held balance was given a place")
	}
	_, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: fx.entries()[0].Number, By: "Els"})
	fx.must(err)
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Done, "")
	fx.wantHeld(c, b)

	// That was a word about this revision, not about the next.
	fx.correct(id, fx.broken(c, 3))
	fx.sync()
	newest := fx.entries()[2]
	fx.wantState(newest, ledger.Waiting, ledger.HasFindings)
	fx.wantHeld(c, b)

	// Without the setting it goes of its own.
	fx.hold = false
	fx.again()
	fx.sync()
	fx.wantState(fx.entries()[2], ledger.Done, "")
}

// What is done is not held when the setting comes later.
func TestWhatIsDoneIsNotHeld(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.broken(c, 1))
	fx.sync()
	fx.hold = true
	fx.again()
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
	fx.must(err)
	fx.wantState(fx.only(), ledger.Done, "")
}

func TestARevisionSaysWhatItChanged(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	first := fx.balance(c, 1)
	id := fx.add(c, first)
	fx.sync()
	second := fx.balance(c, 1)
	second.Values[cellOf(t, "1023")] = second.Values[cellOf(t, "1023")].Add(decimal.NewFromInt(1))
	fx.correct(id, second)
	fx.sync()
	e := fx.entries()[1]
	fx.wantState(e, ledger.Done, "")
	if diff := cmp.Diff(balance.Diff(first.Values, second.Values), e.Changes); diff != "" || e.Replaces != 1 || len(e.Changes) != 1 {
		t.Errorf("it replaces %d (-want +got)\n%s", e.Replaces, diff)
	}
	full, err := fx.d.Show(t.Context(), daemon.EntryRequest{Number: 2})
	fx.must(err)
	told := 0
	for _, ev := range full.History {
		told += strings.Count(ev.Text, "; it replaces entry 1, with 1 figure changed")
	}
	if told != 1 {
		t.Errorf("the story says it %d times: %+v", told, full.History)
	}

	// A document handed in once more.
	again := fx.balance(c, 1)
	again.Values[cellOf(t, "1023")] = second.Values[cellOf(t, "1023")]
	again.Name = "The same with another name"
	fx.correct(id, again)
	fx.sync()
	if e := fx.entries()[2]; e.Replaces != 2 || len(e.Changes) != 0 {
		t.Errorf("the same figures: %+v", e)
	}
}

// Of a balance whose document could not be read there is nothing to compare
// with: it is compared with the one before.
func TestARevisionIsComparedWithTheLastThatCouldBeRead(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	first := fx.balance(c, 1)
	id := fx.add(c, first)
	fx.sync()
	fx.correct(id, fx.balance(c, 2))
	fx.must(fx.fb.SetContent(id, []byte("<html>nonsense</html>")))
	fx.sync()
	third := fx.balance(c, 3)
	fx.correct(id, third)
	fx.sync()
	e := fx.entries()[2]
	fx.wantState(e, ledger.Done, "")
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
			fx := newFixture(t)
			c := fx.client(1)
			fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
			fx.add(c, fx.balance(c, 1))
			fx.sync()
			e := fx.only()
			e.Findings = tt.findings
			_, err := fx.store.Move(t.Context(), ledger.Move{Entry: e})
			fx.must(err)
			fx.hold = true
			fx.again()
			fx.sf.OpenWorkflow(c.company, c.period, workflowName)
			p := fx.sync()
			if tt.held {
				fx.wantState(fx.only(), ledger.Waiting, ledger.HasFindings)
				if got := fx.only().Detail; p.Findings != 1 || !strings.Contains(got, "have 1 finding,") {
					t.Errorf("it says %q, the run counts %d", got, p.Findings)
				}
				return
			}
			fx.wantState(fx.only(), ledger.Done, "")
			if p.Findings != 0 {
				t.Errorf("the run counts %d", p.Findings)
			}
		})
	}
}
