package cli

import (
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
)

// TestLinksTie: a person sees the financial years of a company, ties a balance to one,
// sees that, and takes it back.
func TestLinksTie(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	cast := f.addDemo()
	first := cast.Dossiers[0]
	start := balance.Date{Year: cast.Year, Month: 1, Day: 1}
	end := balance.Date{Year: cast.Year, Month: 12, Day: 30}
	if err := f.sandbox.Silverfin.ChangeYear(first.CompanyIDs[0], first.PeriodIDs[0], start, end); err != nil {
		t.Fatal(err)
	}
	f.want(3, "", "sync")
	waiting := read[[]ledger.Entry](t, f, 0, "ledger", "list", "--reason", "year_differs")
	if len(waiting) != 1 || !strings.Contains(waiting[0].Next, "balansd links tie") {
		t.Fatalf("%d entries wait for year_differs: %+v", len(waiting), waiting)
	}
	number := entryNumber(waiting[0])
	f.want(0, "likely", "links", "tie", number)
	if list := read[daemon.CompanyPeriods](t, f, 0, "links", "tie", number); len(list.Periods) != 1 || !list.Periods[0].Near {
		t.Errorf("periods: %+v", list)
	}
	f.want(2, "is no period", "links", "tie", number, "kwartaal")
	f.want(2, "no financial year", "links", "tie", number, start.String())
	f.want(2, "takes no period", "links", "tie", number, end.String(), "--undo")
	f.want(1, "has no such period", "links", "tie", number, "99")
	f.want(1, "not tied", "links", "tie", number, "--undo")
	f.want(0, "goes into the period that ends on "+end.String(), "links", "tie", number, end.String())
	f.want(3, "", "sync")
	r := f.want(0, "stands      done", "ledger", "show", number)
	if !strings.Contains(r.stdout, "tied        year") {
		t.Errorf("it does not show the tie:\n%s", r.stdout)
	}
	f.want(0, "stays there", "links", "tie", number, "--undo")
	f.want(0, "still in", "ledger", "show", number)
}
