package silverfin_test

import (
	"strings"
	"testing"

	"balansd/balance"
	"balansd/ledger"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"

	"github.com/google/go-cmp/cmp"
)

// span reads a financial year as "2024-01-01/2024-12-31"; "/2024-12-31" has no start.
func span(t *testing.T, text string) (year balance.Period) {
	t.Helper()
	start, end, _ := strings.Cut(text, "/")
	var err error
	if start != "" {
		if year.Start, err = balance.ParseDate(start); err != nil {
			t.Fatal(err)
		}
	}
	if year.End, err = balance.ParseDate(end); err != nil {
		t.Fatal(err)
	}
	return year
}

// TestFinancialYears: of every kind of year a balance goes into its own period or waits
// with both years named, whatever interim periods end on the same day.
func TestFinancialYears(t *testing.T) {
	const calendar, extended = "2024-01-01/2024-12-31", "2024-01-01/2025-06-30"
	for name, tc := range map[string]struct {
		years  []string // in Silverfin
		change string   // what the last of them becomes afterwards
		year   string   // of the balance
		want   string   // the end of the period; empty for none
		says   []string
		reason ledger.Reason
		set    func(*silverfin.Config)
		fields fakesilverfin.YearFields
	}{
		"calendar":                     {years: []string{calendar}, year: calendar, want: "2024-12-31"},
		"extended":                     {years: []string{extended}, year: extended, want: "2025-06-30"},
		"broken":                       {years: []string{"2023-07-01/2024-06-30", "2024-07-01/2025-06-30"}, year: "2023-07-01/2024-06-30", want: "2024-06-30"},
		"short":                        {years: []string{"2024-01-01/2024-06-30", "2024-07-01/2025-06-30"}, year: "2024-01-01/2024-06-30", want: "2024-06-30"},
		"first":                        {years: []string{"2023-10-12/2024-12-31"}, year: "2023-10-12/2024-12-31", want: "2024-12-31"},
		"no start in the balance":      {years: []string{calendar}, year: "/2024-12-31", want: "2024-12-31"},
		"no start in Silverfin":        {years: []string{calendar}, year: calendar, want: "2024-12-31", fields: fakesilverfin.YearEnd},
		"no year in Silverfin":         {years: []string{calendar}, year: calendar, want: "2024-12-31", fields: fakesilverfin.NoYear},
		"changed to the balance's":     {years: []string{extended}, change: calendar, year: calendar, want: "2024-12-31"},
		"another start, by end alone":  {years: []string{extended}, year: "2024-07-01/2025-06-30", want: "2025-06-30", set: func(c *silverfin.Config) { c.YearsByEnd = true }},
		"interim of an extended year":  {years: []string{extended}, year: calendar, reason: ledger.YearDiffers, says: []string{"2024-01-01 to 2024-12-31", "2024-01-01 to 2025-06-30"}},
		"interim, no start anywhere":   {years: []string{extended}, year: "/2024-12-31", reason: ledger.YearDiffers, fields: fakesilverfin.YearEnd, says: []string{"to 2024-12-31", "to 2025-06-30"}},
		"interim, by end alone":        {years: []string{extended}, year: calendar, reason: ledger.YearDiffers, set: func(c *silverfin.Config) { c.YearsByEnd = true }, says: []string{"to 2025-06-30"}},
		"short, Silverfin goes on":     {years: []string{calendar}, year: "2024-01-01/2024-06-30", reason: ledger.YearDiffers, says: []string{"2024-01-01 to 2024-06-30", "2024-01-01 to 2024-12-31"}},
		"another start":                {years: []string{extended}, year: "2024-07-01/2025-06-30", reason: ledger.YearDiffers, says: []string{"2024-07-01 to 2025-06-30", "2024-01-01 to 2025-06-30"}},
		"first, another start":         {years: []string{"2023-10-01/2024-12-31"}, year: "2023-10-12/2024-12-31", reason: ledger.YearDiffers, says: []string{"2023-10-12", "2023-10-01"}},
		"a day off":                    {years: []string{calendar}, year: "2024-01-01/2024-12-30", reason: ledger.YearDiffers, says: []string{"2024-12-30", "2024-12-31"}},
		"changed afterwards":           {years: []string{calendar}, change: extended, year: calendar, reason: ledger.YearDiffers, says: []string{"2024-12-31", "2025-06-30"}},
		"no year at all":               {year: calendar, reason: ledger.NoPeriod, says: []string{"no financial years yet"}},
		"other years":                  {years: []string{"2023-01-01/2023-12-31"}, year: calendar, reason: ledger.NoPeriod, says: []string{"2024-12-31", "end on 2023-12-31"}},
		"of two years, the likeliest":  {years: []string{"2023-07-01/2024-06-30", "2024-07-01/2025-06-30"}, year: "2024-01-01/2024-12-31", reason: ledger.YearDiffers, says: []string{"2024-07-01 to 2025-06-30"}},
		"unknown year, interim by day": {years: []string{"2023-07-01/2024-06-30"}, year: "2023-01-01/2023-12-31", reason: ledger.YearDiffers, says: []string{"2023-07-01 to 2024-06-30"}},
	} {
		for _, perYear := range []int{1, 4, 12} {
			t.Run(name+" "+map[int]string{1: "a year", 4: "quarters", 12: "months"}[perYear], func(t *testing.T) {
				r := newTestEnv(t, fakesilverfin.Options{YearFields: tc.fields}, func(c *silverfin.Config) {
					if tc.set != nil {
						tc.set(c)
					}
				})
				company := ledger.Company{Name: "Elk jaar"}
				company.ID = r.sandbox.AddCompany(r.firm, fakesilverfin.Company{Name: company.Name, PeriodsPerYear: perYear})
				var last int64
				for _, one := range tc.years {
					y := span(t, one)
					last = r.sandbox.AddPeriod(company.ID, y.Start, y.End)
				}
				if tc.change != "" {
					y := span(t, tc.change)
					must(t, r.sandbox.ChangeYear(company.ID, last, y.Start, y.End))
				}
				for _, p := range r.sandbox.Periods(company.ID) { // nothing else stands in the way of a wrong one
					r.sandbox.OpenWorkflow(company.ID, p.ID, workflow)
				}
				target, err := r.firmClient().Locate(t.Context(), company, span(t, tc.year), r.to)
				if tc.want != "" {
					if err != nil || target.PeriodEnd.String() != tc.want {
						t.Fatalf("period %s, %v; want the one that ends on %s", target.PeriodEnd, err, tc.want)
					}
					for _, p := range r.sandbox.Periods(company.ID) {
						if p.ID == target.PeriodID && p.FiscalYear.End != p.End {
							t.Errorf("it is interim, of the year %+v", p.FiscalYear)
						}
					}
					return
				}
				n := notYet(t, err)
				if n.Reason != tc.reason {
					t.Errorf("%s: %s", n.Reason, n.Detail)
				}
				for _, s := range tc.says {
					if !strings.Contains(n.Detail, s) {
						t.Errorf("%q does not say %q", n.Detail, s)
					}
				}
			})
		}
	}
}

// TestPeriods: all periods are listed with their years, and the nearest ones are offered.
func TestPeriods(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	company := ledger.Company{Name: "Kwartalen"}
	company.ID = r.sandbox.AddCompany(r.firm, fakesilverfin.Company{Name: company.Name, PeriodsPerYear: 4})
	var last []int64
	for _, text := range []string{"2022-01-01/2022-12-31", "2023-01-01/2023-12-31", "2024-01-01/2025-06-30"} {
		y := span(t, text)
		last = append(last, r.sandbox.AddPeriod(company.ID, y.Start, y.End))
	}
	must(t, r.sandbox.Lock(company.ID, last[2]))
	all, err := r.firmClient().Periods(t.Context(), company)
	must(t, err)
	if len(all) != 4+4+6 || all[0].ID != last[2] || all[0].Lock != "locked" || all[0].FiscalYear != span(t, "2024-01-01/2025-06-30") {
		t.Fatalf("%d periods: %+v", len(all), all)
	}
	for year, want := range map[string][]int64{
		"2023-01-01/2023-12-30": {last[1]},
		"2023-12-31/2024-12-30": {last[2], last[1]},
		"2024-01-01/2024-12-31": {last[2]},
		"2020-01-01/2020-12-31": nil,
	} {
		var got []int64
		for _, p := range ledger.Nearest(all, span(t, year), 3) {
			got = append(got, p.ID)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", year, d)
		}
	}
}

// TestLocateTied: a tie holds while its company and its period are as the person saw them.
func TestLocateTied(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	all, err := r.firmClient().Periods(t.Context(), r.company)
	must(t, err)
	tie := ledger.PeriodTie{FirmID: r.firm, CompanyID: r.company.ID, Period: all[0], Year: span(t, "2024-01-01/2024-12-30")}
	target, err := r.firmClient().LocateTied(t.Context(), r.company, tie, r.to)
	if err != nil || target.PeriodID != r.period || target.PeriodEnd != all[0].End || target.URL == "" {
		t.Fatalf("%+v, %v", target, err)
	}
	refused := func(what, says string) {
		t.Helper()
		_, err := r.firmClient().LocateTied(t.Context(), r.company, tie, r.to)
		if n := notYet(t, err); n.Reason != ledger.YearDiffers || !strings.Contains(n.Detail, says) || !strings.Contains(n.Detail, "2024-12-30") {
			t.Errorf("%s: %s: %s", what, n.Reason, n.Detail)
		}
	}
	tie.CompanyID++
	refused("another company", "of company")
	tie.CompanyID--
	tie.FirmID++
	refused("another firm", "of Silverfin firm")
	tie.FirmID--
	must(t, r.sandbox.ChangeYear(r.company.ID, r.period, year2024.Start.AddDays(1), year2024.End))
	refused("another start", "2024-01-02 to 2024-12-31")
	must(t, r.sandbox.ChangeYear(r.company.ID, r.period, year2024.Start, year2024.End.AddDays(31)))
	refused("another end", "now ends on 2025-01-31")
	must(t, r.sandbox.ChangeYear(r.company.ID, r.period, year2024.Start, year2024.End))
	must(t, r.sandbox.Lock(r.company.ID, r.period))
	if _, err := r.firmClient().LocateTied(t.Context(), r.company, tie, r.to); notYet(t, err).Reason != ledger.PeriodLocked {
		t.Error(err)
	}
	must(t, r.sandbox.RemovePeriod(r.company.ID, r.period))
	refused("gone", "no longer there")
}
