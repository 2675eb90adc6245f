package daemon

import (
	"cmp"
	"context"
	"slices"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// Overview is what the first page shows of all dossiers, each counted by the balance that
// represents it.
type Overview struct {
	Causes []CauseCount `json:"reasons"`
	Season Season       `json:"season"`
}

// CauseCount says how many dossiers stand in a state for a cause.
type CauseCount struct {
	State ledger.State `json:"state"`
	Cause string       `json:"reason,omitempty"` // as ledger.Entry.Cause has it
	Count int          `json:"count"`
	New   int          `json:"new,omitempty"` // how many of them since yesterday
}

// Season says how far the social balances of the financial years are that ended in a
// calendar year. The zero Season is that of a ledger without balances.
type Season struct {
	Year      int `json:"year"`
	Delivered int `json:"delivered"` // in Silverfin
	Waiting   int `json:"waiting"`   // there, but not in Silverfin
	Expected  int `json:"expected"`  // dossiers that had a balance the year before, and have none
	New       int `json:"new"`       // delivered since yesterday
	// LastYear is the number of those that were in Silverfin by this day in the season
	// before; HasLastYear says that anything is known of it.
	LastYear    int          `json:"last_year"`
	HasLastYear bool         `json:"has_last_year"`
	Days        []SeasonDay  `json:"days,omitempty"`
	Today       balance.Date `json:"today"`
}

// SeasonDay is a day of a season on which something changed, with the totals up to it.
type SeasonDay struct {
	Date      balance.Date `json:"date"`
	Received  int          `json:"received"` // not known after today
	Delivered int          `json:"delivered"`
	LastYear  int          `json:"last_year"` // delivered by the same day of the season before
}

// sinceYesterday is how far back a change counts as one since yesterday.
const sinceYesterday = 24 * time.Hour

// overviewAge is the age at which an overview is made anew.
const overviewAge = time.Minute

// overviewAt is an overview as it was at a generation of the dossier index.
type overviewAt struct {
	Overview
	generation uint64
	at         time.Time
}

// Overview counts the dossiers by state and cause, and says how far the season is.
func (d *Daemon) Overview(ctx context.Context) (Overview, error) {
	now := d.config().Now()
	if err := d.dossierIndex.build(ctx, d.config().Store, now); err != nil {
		return Overview{}, err
	}
	return d.dossierIndex.overview(now.In(d.config().Schedule.zone())), nil
}

// overview returns the overview of a time, in whose zone days begin and end. Its slices
// must not be changed.
func (b *dossierIndex) overview(now time.Time) Overview {
	today := balance.DateOf(now)
	b.mu.Lock()
	defer b.mu.Unlock()
	last := b.lastOverview
	if last.generation == b.generation && last.Season.Today == today && now.Sub(last.at).Abs() < overviewAge {
		return last.Overview
	}
	since := now.Add(-sinceYesterday)
	type key struct {
		state ledger.State
		cause string
	}
	counts := map[key]*CauseCount{}
	for _, d := range b.rows {
		k := key{d.latest.state, d.latest.cause}
		if counts[k] == nil {
			counts[k] = &CauseCount{State: k.state, Cause: k.cause}
		}
		counts[k].Count++
		if !d.latest.since.Before(since) {
			counts[k].New++
		}
	}
	out := Overview{Season: b.season(since, today, now.Location())}
	for _, c := range counts {
		out.Causes = append(out.Causes, *c)
	}
	slices.SortFunc(out.Causes, func(a, b CauseCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.State, b.State), cmp.Compare(a.Cause, b.Cause))
	})
	b.lastOverview = overviewAt{out, b.generation, now}
	return out
}

// season returns the newest season that has balances and is not in the future. The caller
// holds the lock.
func (b *dossierIndex) season(since time.Time, today balance.Date, zone *time.Location) Season {
	s := Season{Today: today}
	for _, d := range b.rows {
		for _, r := range d.byYear {
			if r.end.Year < today.Year {
				s.Year = max(s.Year, r.end.Year)
			}
		}
	}
	if s.Year == 0 {
		return s
	}
	days := seasonDays{first: balance.Date{Year: s.Year + 1, Month: time.January, Day: 1},
		last: balance.Date{Year: s.Year + 1, Month: time.December, Day: 31}, zone: zone, days: map[balance.Date]*SeasonDay{}}
	for _, d := range b.rows {
		for _, r := range d.byYear {
			switch {
			case r.state == ledger.Superseded || r.state == ledger.Ignored:
			case r.end.Year == s.Year-1 && r.state == ledger.Done:
				s.HasLastYear = true
				days.of(days.dateOf(r.doneAt(), 1)).LastYear++
			case r.end.Year == s.Year:
				days.of(days.dateOf(r.created, 0)).Received++
				if r.state != ledger.Done {
					s.Waiting++
					continue
				}
				s.Delivered++
				days.of(days.dateOf(r.doneAt(), 0)).Delivered++
				if !r.since.Before(since) {
					s.New++
				}
			}
		}
	}
	s.Expected = len(b.missing(s.Year))
	s.Days = days.totals()
	for _, day := range s.Days {
		if !today.Before(day.Date) {
			s.LastYear = day.LastYear
		}
	}
	return s
}

// doneAt is when a row that is done became so, as far as that is known.
func (r *dossierRow) doneAt() time.Time {
	if r.since.IsZero() {
		return r.updated
	}
	return r.since
}

// seasonDays are the days of a season, each with what happened on it.
type seasonDays struct {
	first, last balance.Date
	zone        *time.Location
	days        map[balance.Date]*SeasonDay
}

// dateOf returns the day of the season on which something happened, so many years before.
// What happened outside of the season counts on its first or last day.
func (s seasonDays) dateOf(t time.Time, yearsBefore int) balance.Date {
	date := balance.DateOf(t.In(s.zone))
	date.Year += yearsBefore
	switch {
	case date.Before(s.first):
		return s.first
	case s.last.Before(date):
		return s.last
	}
	return date
}

func (s seasonDays) of(date balance.Date) *SeasonDay {
	if s.days[date] == nil {
		s.days[date] = &SeasonDay{Date: date}
	}
	return s.days[date]
}

// totals returns the days in order, with the totals up to each.
func (s seasonDays) totals() []SeasonDay {
	list := make([]SeasonDay, 0, len(s.days))
	for _, day := range s.days {
		list = append(list, *day)
	}
	slices.SortFunc(list, func(a, b SeasonDay) int { return a.Date.Compare(b.Date) })
	for i := 1; i < len(list); i++ {
		list[i].Received += list[i-1].Received
		list[i].Delivered += list[i-1].Delivered
		list[i].LastYear += list[i-1].LastYear
	}
	return list
}

// missing returns the dossiers that had a balance of the year before and have none of a
// year, in which financial years end. An employer may have moved to another connection:
// a balance of the same enterprise number counts. The caller holds the lock.
func (b *dossierIndex) missing(year int) map[dossierKey]bool {
	employers := map[string]bool{} // that have one
	out := map[dossierKey]bool{}
	for _, d := range b.rows {
		for _, r := range d.byYear {
			if r.end.Year == year && r.enterprise != "" {
				employers[r.enterprise] = true
			}
		}
	}
	for key, d := range b.rows {
		had, has := false, false
		for _, r := range d.byYear {
			had = had || r.end.Year == year-1
			has = has || r.end.Year == year || employers[r.enterprise]
		}
		if had && !has {
			out[key] = true
		}
	}
	return out
}

// withoutBalance returns those of the rows whose dossier had a balance of the year before
// and has none of a year.
func (b *dossierIndex) withoutBalance(rows []*dossierRow, year int) (out []*dossierRow) {
	b.mu.Lock()
	missing := b.missing(year)
	b.mu.Unlock()
	for _, r := range rows {
		if missing[r.key] {
			out = append(out, r)
		}
	}
	return out
}
