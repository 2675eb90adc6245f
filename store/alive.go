package store

import (
	"context"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// Alive stores when balansd was last seen to live.
func (s *Store) Alive(ctx context.Context, t time.Time) error {
	return s.save(ctx, tMeta, keyAlive, t)
}

// LastAlive gives the time of the newest Alive; zero when there was none.
func (s *Store) LastAlive(ctx context.Context) (t time.Time, err error) {
	err = s.db.view(ctx, func(r reader) error {
		_, err := getJSON(r, tMeta, keyAlive, &t)
		return err
	})
	return t, s.fault(err)
}

// Since tells from when on nights count: from the time at which the state file
// was first made, in UTC. Where that lies after now, the clock was ahead when it
// was made; then the first now that Since was asked with is stored and counts.
func (s *Store) Since(ctx context.Context, now time.Time) (since time.Time, err error) {
	if since, err = s.Created(ctx); err != nil || !since.After(now) {
		return since, err
	}
	err = s.db.view(ctx, func(r reader) error {
		_, err := getJSON(r, tMeta, keySince, &since)
		return err
	})
	if err != nil || !since.After(now) {
		return since, s.fault(err)
	}
	return now.UTC(), s.save(ctx, tMeta, keySince, now.UTC())
}

// NoteMissed keeps missed nights, one row a date; what was noted of a date
// first stays. A night that was begun is not missed, and is left out.
func (s *Store) NoteMissed(ctx context.Context, nights ...ledger.MissedNight) error {
	return s.fault(s.db.update(ctx, func(w writer) error {
		for _, n := range nights {
			key := []byte(n.Night.String())
			if w.get(tMissed, key) != nil || w.get(tNights, key) != nil {
				continue
			}
			if err := putJSON(w, tMissed, key, n); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Missed lists the newest missed nights until a date, that one too, newest
// first, at most limit.
func (s *Store) Missed(ctx context.Context, until balance.Date, limit int) ([]ledger.MissedNight, error) {
	return newest[ledger.MissedNight](ctx, s, tMissed, []byte(until.AddDays(1).String()), limit)
}

// newest lists the rows with the highest keys before one, at most limit; nil is
// the end.
func newest[T any](ctx context.Context, s *Store, t table, before []byte, limit int) (rows []T, err error) {
	err = s.db.view(ctx, func(r reader) error {
		for k := range r.walkBack(t, nil, before) {
			if len(rows) >= limit {
				return nil
			}
			var row T
			if _, err := getJSON(r, t, k, &row); err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, s.fault(err)
}
