package cli

import (
	"fmt"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"

	"github.com/google/go-cmp/cmp"
)

// twoAmounts makes a balance that waits because its document has two amounts for 1003 and
// for 1021.
func twoAmounts(t *testing.T) (f *fixture, number string) {
	f = newFixture(t, fixtureOptions{})
	f.link()
	first := f.addDemo().Dossiers[0]
	doc := fmt.Sprintf("\"Entity number\",%q\n\"Accounting period start date\",\"2025-01-01\"\n\"Accounting period end date\",\"2025-12-31\"\n\"Model code\",\"m01-f\"\n"+
		"\"1003\",\"4.5\"\n\"1003\",\"5\"\n\"1021\",\"44300\"\n\"1021\",\"44.3\"\n", first.EnterpriseNumber)
	if err := f.sandbox.Finbox.SetContent(first.BalanceID, []byte(doc)); err != nil {
		t.Fatal(err)
	}
	f.want(3, "", "sync")
	waiting := read[[]ledger.Entry](t, f, 0, "ledger", "list", "--reason", "two_amounts")
	if len(waiting) != 1 {
		t.Fatalf("%d entries wait for two_amounts", len(waiting))
	}
	return f, entryNumber(waiting[0])
}

// Readings are chosen on the command line. Without a terminal they are listed, and an
// invalid choice is refused with the valid ones.
func TestLedgerAccept(t *testing.T) {
	t.Parallel()
	f, number := twoAmounts(t)
	r := f.want(3, "leaves open: 1003, 1021", "ledger", "accept", number)
	for _, part := range []string{"4.5 or 5", "44300 or 44.3", "lines 5 and 6", "Average number of employees"} {
		if !strings.Contains(r.stdout, part) {
			t.Errorf("it does not show %q:\n%s", part, r.stdout)
		}
	}
	if e := read[ledger.Entry](t, f, 3, "ledger", "accept", number); len(e.Doubts) != 2 {
		t.Errorf("doubts %+v", e.Doubts)
	}
	f.want(2, "Possible: 1003 is 4.5 or 5 (lines 5 and 6). Another amount may be given, too.", "ledger", "accept", number, "--reading", "1003=veel")
	f.want(2, "does not leave \"1011\" open", "ledger", "accept", number, "--reading", "1011=4")
	f.want(2, "write it as CODE=AMOUNT", "ledger", "accept", number, "--reading", "1003")
	f.want(3, "leaves open: 1021", "ledger", "accept", number, "--reading", "1003=4,5")
	f.want(0, "accepted; it is delivered at the next run", "ledger", "accept", number, "--reading", "1021=44 301")
	f.want(3, "", "sync")
	r = f.want(0, "stands      done", "ledger", "show", number)
	for _, part := range []string{"44301 (typed)", "44300 or 44.3", "said that 1003 is 4.5"} {
		if !strings.Contains(r.stdout, part) {
			t.Errorf("it does not show %q:\n%s", part, r.stdout)
		}
	}
	f.want(1, "cannot be accepted", "ledger", "accept", number)
	r = f.want(0, "1003=4,5", "ledger", "export")
	if !strings.Contains(r.stdout, "1021=44301") {
		t.Errorf("the export does not have the typed amount:\n%s", r.stdout)
	}
}

// Each doubt is asked about, again after an invalid answer; Enter leaves a figure open.
func TestReadAnswers(t *testing.T) {
	doubts := []balance.Doubt{
		{Kind: balance.TwoReadings, Code: "1021", Readings: []string{"44300", "44.3"}},
		{Kind: balance.TwoReadings, Code: "1003", Readings: []string{"4.5", ""}},
		{Kind: balance.TwoAmounts, Code: "1013", Readings: []string{"1", "2"}},
		{Kind: balance.DoubtfulYear, Readings: []string{"2024-12-31", "2025-12-31"}},
	}
	var shown strings.Builder
	got, err := readAnswers(strings.NewReader("44.300\nb\nB\n\n2025-12-31\n"), doubts, func(text string) { shown.WriteString(text) })
	want := []daemon.Answer{{Code: "1021", Reading: "44.3"}, {Code: "1003", Reading: ""}, {Code: "year", Reading: "2025-12-31"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	for _, part := range []string{"1021: a) 44300 b) 44.3? ", "can be 44.3 or 44300\n", "1003: a) 4.5 b) empty? ", "year: a) 2024-12-31"} {
		if !strings.Contains(shown.String(), part) {
			t.Errorf("it does not ask %q:\n%s", part, shown.String())
		}
	}
	if got, err := readAnswers(strings.NewReader("a"), doubts, func(string) {}); err != nil || len(got) != 1 {
		t.Errorf("an input that ends: %v, %v", got, err)
	}
}
