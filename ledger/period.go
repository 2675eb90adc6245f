package ledger

import (
	"cmp"
	"slices"
	"time"

	"balansd/balance"
)

// CompanyPeriod is a period of a company in Silverfin: the last one of a financial
// year, or an interim one such as a quarter.
type CompanyPeriod struct {
	ID  int64        `json:"id"`
	End balance.Date `json:"end"`
	// FiscalYear is the financial year that the period belongs to; a day is zero
	// where Silverfin does not say it.
	FiscalYear balance.Period `json:"fiscal_year"`
	// Lock names the field by which Silverfin says that the period is locked; empty
	// where it is not.
	Lock string `json:"lock,omitempty"`
}

// IsInterim reports whether the period ends before its financial year does.
func (p CompanyPeriod) IsInterim() bool { return unlike(p.FiscalYear.End, p.End) }

// Takes reports whether the period is that of a financial year: it ends with the
// year, and its own financial year has the same start and end as far as both are known.
func (p CompanyPeriod) Takes(year balance.Period) bool {
	return !year.End.IsZero() && p.End == year.End && !p.IsInterim() && !unlike(p.FiscalYear.Start, year.Start)
}

// unlike reports whether two days are both known and not the same.
func unlike(a, b balance.Date) bool { return !a.IsZero() && !b.IsZero() && a != b }

// Year returns the period's financial year, which ends with the period where Silverfin
// does not say it.
func (p CompanyPeriod) Year() balance.Period {
	return balance.Period{Start: p.FiscalYear.Start, End: cmp.Or(p.FiscalYear.End, p.End)}
}

// overlaps reports whether the period's financial year and another one share a day.
// Where a start is not known, the year has twelve months.
func (p CompanyPeriod) overlaps(year balance.Period) bool {
	own := p.Year()
	return startOf(own).Compare(year.End) <= 0 && startOf(year).Compare(own.End) <= 0
}

func startOf(year balance.Period) balance.Date {
	if year.Start.IsZero() {
		return balance.DateOf(year.End.AddDays(1).In(time.UTC).AddDate(-1, 0, 0))
	}
	return year.Start
}

// Nearest returns the periods that a balance of a year might be meant for, the likeliest
// first, at most limit: those whose financial year shares a day with it, by how far
// their end is from that of the year. An interim period is left out.
func Nearest(periods []CompanyPeriod, year balance.Period, limit int) []CompanyPeriod {
	if year.End.IsZero() {
		return nil
	}
	near := slices.DeleteFunc(slices.Clone(periods), func(p CompanyPeriod) bool { return p.IsInterim() || !p.overlaps(year) })
	slices.SortStableFunc(near, func(a, b CompanyPeriod) int {
		return cmp.Compare(daysApart(a.End, year.End), daysApart(b.End, year.End))
	})
	return near[:min(limit, len(near))]
}

func daysApart(a, b balance.Date) time.Duration {
	return a.In(time.UTC).Sub(b.In(time.UTC)).Abs()
}

// PeriodTie is a person's decision that a balance goes into a period although
// nothing in Silverfin says that the two are of the same financial year. It holds for
// this year of the balance, and while the period is as the person saw it.
type PeriodTie struct {
	FirmID    int64          `json:"firm_id"`
	CompanyID int64          `json:"company_id"`
	Period    CompanyPeriod  `json:"period"`
	Year      balance.Period `json:"year"` // of the balance
	By        string         `json:"by,omitempty"`
	At        time.Time      `json:"at"`
}
