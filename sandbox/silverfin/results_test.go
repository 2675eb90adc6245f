package silverfin

import (
	"testing"
	"time"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

func TestResultsOfATemplate(t *testing.T) {
	s := New(Options{})
	firm := s.AddFirm("Kantoor Proef")
	text := `{% result 'staff' custom.a.one+custom.a.two %}{%- result 'offered' period.custom.b.three -%}`
	template := s.AddTemplate(firm, Template{Handle: "h", Text: text, Marketplace: 3})
	company := s.AddCompany(firm, Company{Name: "Proef BV"})
	period := s.AddPeriod(company, balance.Date{Year: 2025, Month: time.January, Day: 1}, balance.Date{Year: 2025, Month: time.December, Day: 31})
	reconciliation, err := s.AddReconciliationOf(company, template, "", false)
	if err != nil {
		t.Fatal(err)
	}
	results := func() map[string]any {
		s.mu.Lock()
		defer s.mu.Unlock()
		c := s.state.Companies[company]
		return s.shownResults(&target{c, c.period(period), c.reconciliation(reconciliation)})
	}
	set := func(in int64, namespace, key, value string) {
		t.Helper()
		if err := s.SetIn(company, period, in, namespace, key, value); err != nil {
			t.Fatal(err)
		}
	}
	compare := func(staff, offered float64, status string) {
		t.Helper()
		want := map[string]any{"status": status, "note": nil, "staff": staff, "offered": offered}
		if diff := cmp.Diff(want, results()); diff != "" {
			t.Error(diff)
		}
	}
	compare(0, 0, "unreconciled")
	set(reconciliation, "a", "one", "4,5")
	set(reconciliation, "a", "two", "2")
	set(0, "b", "three", "7")
	compare(6.5, 7, "reconciled")

	if err := s.SetResultLag(firm, 2); err != nil {
		t.Fatal(err)
	}
	compare(6.5, 7, "reconciled")
	set(0, "b", "three", "no number")
	compare(6.5, 7, "reconciled")
	compare(6.5, 7, "reconciled")
	compare(6.5, 0, "reconciled")

	saved, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Restore(saved); err != nil {
		t.Fatal(err)
	}
	compare(6.5, 0, "reconciled")
}
