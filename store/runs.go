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
		return putJSON(w, tRuns, number(p.Number), p)
	}))
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
