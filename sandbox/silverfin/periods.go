package silverfin

import (
	"slices"
	"time"

	"balansd/balance"
)

// AddPeriod adds the periods of the financial year start to end, both included, and
// returns the id of the last one; 0 when there is no such company. A company with more
// than one period a year gets interim periods, of a quarter or a month, before it: an
// extended year has more of them, and some end on the day on which another year
// might.
func (s *Silverfin) AddPeriod(companyID int64, start, end balance.Date) int64 {
	var id int64
	_ = s.withCompany(companyID, func(c *company) error {
		year := balance.Period{Start: start, End: end}
		for n := 1; c.PeriodsPerYear > 1; n++ {
			interim := monthsLater(start, n*12/c.PeriodsPerYear).AddDays(-1)
			if !interim.Before(end) {
				break
			}
			c.Periods = append(c.Periods, &period{ID: s.newID("period"), FiscalYear: year, End: interim, Public: true})
		}
		id = s.newID("period")
		c.Periods = append(c.Periods, &period{ID: id, FiscalYear: year, End: end, Public: true})
		c.sortPeriods()
		return nil
	})
	return id
}

// monthsLater returns the same day, that many months later.
func monthsLater(d balance.Date, months int) balance.Date {
	return balance.DateOf(d.In(time.UTC).AddDate(0, months, 0))
}

func (c *company) sortPeriods() {
	slices.SortStableFunc(c.Periods, func(a, b *period) int { return b.End.Compare(a.End) })
}

// ChangeYear gives the financial year that a period belongs to another start and end,
// as people do in the settings of a client file. The last period of the year moves to the
// new end; interim ones stay.
func (s *Silverfin) ChangeYear(companyID, periodID int64, start, end balance.Date) error {
	return s.withPeriod(companyID, periodID, func(c *company, one *period) error {
		before := one.FiscalYear
		for _, p := range c.Periods {
			if p.FiscalYear != before {
				continue
			}
			if p.End == before.End {
				p.End = end
			}
			p.FiscalYear = balance.Period{Start: start, End: end}
		}
		c.sortPeriods()
		return nil
	})
}

// RemovePeriod takes a period out of a client file, with all that is in it.
func (s *Silverfin) RemovePeriod(companyID, periodID int64) error {
	return s.withPeriod(companyID, periodID, func(c *company, one *period) error {
		c.Periods = slices.DeleteFunc(c.Periods, func(p *period) bool { return p == one })
		return nil
	})
}
