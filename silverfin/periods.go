package silverfin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/ledger"
)

// Periods lists the periods of a company, newest first as Silverfin does: the last of
// each financial year and interim ones. What cannot be read is left out.
func (f *Firm) Periods(ctx context.Context, c ledger.Company) ([]ledger.CompanyPeriod, error) {
	var all []ledger.CompanyPeriod
	_, err := f.walkPeriods(ctx, c, func(p ledger.CompanyPeriod) bool {
		if !slices.ContainsFunc(all, func(known ledger.CompanyPeriod) bool { return known.ID == p.ID }) {
			all = append(all, p)
		}
		return false
	})
	return all, err
}

// walkPeriods calls visit for each period of a company until it returns true, and
// returns names of those that cannot be read. A list that changes is walked again: visit
// may see a period twice.
func (f *Firm) walkPeriods(ctx context.Context, company ledger.Company, visit func(ledger.CompanyPeriod) bool) (odd []string, err error) {
	c := call{path: fmt.Sprintf("/companies/%d/periods", company.ID), company: company.ID,
		doing: "reading the periods of " + dossier(company), scope: "financials:read communication:read"}
	_, err = f.list(ctx, f.do, c, func(items listPage) bool {
		for _, item := range items {
			r := readRecord(item)
			p, ok := f.readPeriod(r)
			if !ok {
				text, _ := valueText(r["end_date"])
				if label := r.label() + fmt.Sprintf(" and end date %.40q", text); !slices.Contains(odd, label) {
					odd = append(odd, label)
				}
				continue
			}
			if visit(p) {
				return true
			}
		}
		return false
	})
	return odd, err
}

// readPeriod reads an item of the list; false when it has no usable id or end.
func (f *Firm) readPeriod(r record) (p ledger.CompanyPeriod, ok bool) {
	day := func(r record, field string) balance.Date {
		text, _ := valueText(r[field])
		d, _ := parseDay(text)
		return d
	}
	year := readRecord(r["fiscal_year"])
	p.ID, ok = r.id()
	p.End, p.Lock = day(r, "end_date"), f.lockField(r)
	p.FiscalYear = balance.Period{Start: day(year, "start_date"), End: day(year, "end_date")}
	return p, ok && !p.End.IsZero()
}

// period finds the period of a financial year. A period that cannot be read is left
// out, and named when no other one is that of the year.
func (f *Firm) period(ctx context.Context, company ledger.Company, year balance.Period) (ledger.CompanyPeriod, error) {
	var found *ledger.CompanyPeriod
	var others []ledger.CompanyPeriod
	wanted := year
	if f.client.cfg.YearsByEnd {
		wanted.Start = balance.Date{}
	}
	odd, err := f.walkPeriods(ctx, company, func(p ledger.CompanyPeriod) bool {
		if p.Takes(wanted) {
			found = &p
			return true
		}
		others = append(others, p)
		return false
	})
	switch {
	case err != nil:
		return ledger.CompanyPeriod{}, err
	case found != nil:
		return *found, nil
	default:
		return ledger.CompanyPeriod{}, noPeriod(company, year, others, odd)
	}
}

// tiedPeriod finds the period that a person tied a balance to, as the person saw it.
func (f *Firm) tiedPeriod(ctx context.Context, company ledger.Company, tie ledger.PeriodTie) (ledger.CompanyPeriod, error) {
	changed := func(now string) error {
		return &ledger.WaitingError{Reason: ledger.YearDiffers, Detail: fmt.Sprintf(
			"the balance of %s was tied to the period of %s that ended on %s (financial year %s), %s",
			yearText(tie.Year), dossier(company), tie.Period.End, yearText(tie.Period.FiscalYear), now)}
	}
	if tie.FirmID != f.id || tie.CompanyID != company.ID {
		return ledger.CompanyPeriod{}, changed(fmt.Sprintf("but that period is one of company %d of Silverfin firm %d", tie.CompanyID, tie.FirmID))
	}
	var found *ledger.CompanyPeriod
	_, err := f.walkPeriods(ctx, company, func(p ledger.CompanyPeriod) bool {
		if p.ID == tie.Period.ID {
			found = &p
		}
		return found != nil
	})
	switch {
	case err != nil:
		return ledger.CompanyPeriod{}, err
	case found == nil:
		return ledger.CompanyPeriod{}, changed("which is no longer there")
	case found.End != tie.Period.End || found.FiscalYear != tie.Period.FiscalYear:
		return ledger.CompanyPeriod{}, changed(fmt.Sprintf("which now ends on %s (financial year %s)", found.End, yearText(found.FiscalYear)))
	default:
		return *found, nil
	}
}

// noPeriod returns the error for a year that no period of a company is of: that the
// financial year differs where one shares days with it, naming both, else that there
// is no period.
func noPeriod(company ledger.Company, year balance.Period, others []ledger.CompanyPeriod, odd []string) error {
	const shown = 5
	unread := ""
	if len(odd) > 0 {
		unread = "; what Silverfin gives for a period cannot be read: " + strings.Join(odd[:min(shown, len(odd))], ", ")
	}
	years := make([]ledger.CompanyPeriod, len(others)) // for an interim period that of its year, which may not be there
	for i, p := range others {
		years[i] = ledger.CompanyPeriod{End: p.Year().End, FiscalYear: p.FiscalYear}
	}
	if near := ledger.Nearest(years, year, 1); len(near) > 0 {
		return &ledger.WaitingError{Reason: ledger.YearDiffers, Detail: fmt.Sprintf(
			"the balance is of the financial year %s, and the one of %s in Silverfin is %s%s", yearText(year), dossier(company), yearText(near[0].Year()), unread)}
	}
	var ends []string
	for _, p := range others {
		if end := p.Year().End.String(); !slices.Contains(ends, end) {
			ends = append(ends, end)
		}
	}
	slices.Sort(ends)
	slices.Reverse(ends)
	there := "it has no financial years yet"
	if len(ends) > 0 {
		there = "its financial years end on " + strings.Join(ends[:min(shown, len(ends))], ", ")
		if len(ends) > shown {
			there += " and earlier"
		}
	}
	looked := "no period in Silverfin that ends on " + year.End.String()
	if year.End.IsZero() {
		looked = "no period that can be found, for the balance does not say its financial year"
	}
	return &ledger.WaitingError{Reason: ledger.NoPeriod, Detail: fmt.Sprintf("%s has %s; %s%s", dossier(company), looked, there, unread)}
}

// yearText names a financial year by its days, as far as they are known.
func yearText(year balance.Period) string {
	switch {
	case year.End.IsZero():
		return "not stated"
	case year.Start.IsZero():
		return "to " + year.End.String()
	default:
		return year.Start.String() + " to " + year.End.String()
	}
}
