package store

import (
	"context"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// SaveLastAlive records that balansd was running at t.
func (s *Store) SaveLastAlive(ctx context.Context, t time.Time) error {
	return s.save(ctx, tMeta, keyAlive, t)
}

// LastAlive returns the time of the last SaveLastAlive, zero if there was none.
func (s *Store) LastAlive(ctx context.Context) (t time.Time, err error) {
	err = s.db.view(ctx, func(r reader) error {
		_, err := getJSON(r, tMeta, keyAlive, &t)
		return err
	})
	return t, s.damageProblem(err)
}

// NightsSince returns from when on nights can be missed: when the state file was first
// created, in UTC. If that is after now, the clock was ahead then; the now of the
// first such call is stored and returned instead.
func (s *Store) NightsSince(ctx context.Context, now time.Time) (since time.Time, err error) {
	if since, err = s.Created(ctx); err != nil || !since.After(now) {
		return since, err
	}
	err = s.db.view(ctx, func(r reader) error {
		_, err := getJSON(r, tMeta, keySince, &since)
		return err
	})
	if err != nil || !since.After(now) {
		return since, s.damageProblem(err)
	}
	return now.UTC(), s.save(ctx, tMeta, keySince, now.UTC())
}

// RecordMissed records missed nights, one for each date; the first record of a date
// stays. A night whose run was begun is left out.
func (s *Store) RecordMissed(ctx context.Context, nights ...ledger.MissedNight) error {
	return s.damageProblem(s.db.update(ctx, func(w writer) error {
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

// Missed lists at most limit missed nights up to and including a date, newest
// first.
func (s *Store) Missed(ctx context.Context, until balance.Date, limit int) ([]ledger.MissedNight, error) {
	return newest[ledger.MissedNight](ctx, s, tMissed, []byte(until.AddDays(1).String()), limit)
}

// newest lists at most limit rows with the highest keys below before; nil is the
// end of the table.
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
	return rows, s.damageProblem(err)
}
