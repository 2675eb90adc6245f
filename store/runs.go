package store

import (
	"context"
	"fmt"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// BeginRun stores a new run and returns it with its number. The same transaction
// claims its Night, if it has one: a second run for that date is a Conflict
// problem for ever, even if the first one was interrupted.
func (s *Store) BeginRun(ctx context.Context, p ledger.Run) (ledger.Run, error) {
	begun := p
	err := s.db.update(ctx, func(w writer) error {
		night := []byte(p.Night.String())
		if !p.Night.IsZero() && w.get(tNights, night) != nil {
			return problem.New(problem.Conflict, fmt.Sprintf("the night of %s was begun before", p.Night),
				"Start a run by hand at any time: `balansd sync`.")
		}
		begun.Number = nextNumber(w, keyRun)
		if !p.Night.IsZero() {
			w.put(tNights, night, number(begun.Number))
			w.remove(tMissed, night) // recorded while the clock was ahead
			if err := putJSON(w, tMeta, keyNight, p.Night); err != nil {
				return err
			}
		}
		return putJSON(w, tRuns, number(begun.Number), begun)
	})
	if err != nil {
		return p, s.damageProblem(err)
	}
	return begun, nil
}

// EndRun replaces the stored run of the same number. It returns a NotFound problem
// if there is none.
func (s *Store) EndRun(ctx context.Context, p ledger.Run) error {
	return s.damageProblem(s.db.update(ctx, func(w writer) error {
		if w.get(tRuns, number(p.Number)) == nil {
			return problem.New(problem.NotFound, fmt.Sprintf("there is no run %d", p.Number), "")
		}
		if p.OfNight() && p.Succeeded() {
			w.put(tMeta, keyGoodNight, number(p.Number))
		}
		return putJSON(w, tRuns, number(p.Number), p)
	}))
}

// NightRuns returns the newest run of a night, and the newest of a night or of another
// try of one that succeeded, however many others came after them. Their Number is 0
// where there is none.
func (s *Store) NightRuns(ctx context.Context) (last, good ledger.Run, err error) {
	err = s.db.view(ctx, func(r reader) error {
		var night balance.Date
		if found, err := getJSON(r, tMeta, keyNight, &night); err != nil {
			return err
		} else if found {
			if _, err := getJSON(r, tRuns, r.get(tNights, []byte(night.String())), &last); err != nil {
				return err
			}
		}
		if key := r.get(tMeta, keyGoodNight); key != nil {
			_, err := getJSON(r, tRuns, key, &good)
			return err
		}
		// The state is older than the record of it.
		for k := range r.walkBack(tRuns, nil, nil) {
			var run ledger.Run
			if _, err := getJSON(r, tRuns, k, &run); err != nil {
				return err
			}
			if run.OfNight() && run.Succeeded() {
				good = run
				break
			}
		}
		return nil
	})
	return last, good, s.damageProblem(err)
}

// Runs lists at most limit runs, newest first.
func (s *Store) Runs(ctx context.Context, limit int) ([]ledger.Run, error) {
	return newest[ledger.Run](ctx, s, tRuns, nil, limit)
}

// LastNight returns the local date of the last nightly or catch-up run that was
// begun, zero if there was none.
func (s *Store) LastNight(ctx context.Context) (d balance.Date, err error) {
	err = s.db.view(ctx, func(r reader) error {
		_, err := getJSON(r, tMeta, keyNight, &d)
		return err
	})
	return d, s.damageProblem(err)
}
