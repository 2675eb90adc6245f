package store

import (
	"context"
	"fmt"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// BeginRun stores a new pass and gives it its number. The same transaction
// takes its Night, if it has one: a second pass for that date is refused with
// a Conflict problem, for ever, even when the first one was cut off.
func (s *Store) BeginRun(ctx context.Context, p ledger.Run) (ledger.Run, error) {
	begun := p
	err := s.db.update(ctx, func(w writer) error {
		night := []byte(p.Night.String())
		if !p.Night.IsZero() && w.get(tNights, night) != nil {
			return problem.New(problem.Conflict, fmt.Sprintf("the night of %s was begun before", p.Night),
				"A pass can be asked for by hand at any time: `balansd sync`.")
		}
		begun.Number = nextNumber(w, keyPass)
		if !p.Night.IsZero() {
			w.put(tNights, night, number(begun.Number))
			w.remove(tMissed, night) // as a clock that was ahead may have noted
			if err := putJSON(w, tMeta, keyNight, p.Night); err != nil {
				return err
			}
		}
		return putJSON(w, tPasses, number(begun.Number), begun)
	})
	if err != nil {
		return p, s.fault(err)
	}
	return begun, nil
}

// EndRun replaces the stored pass of the same number; a NotFound problem when
// there is none.
func (s *Store) EndRun(ctx context.Context, p ledger.Run) error {
	return s.fault(s.db.update(ctx, func(w writer) error {
		if w.get(tPasses, number(p.Number)) == nil {
			return problem.New(problem.NotFound, fmt.Sprintf("there is no pass %d", p.Number), "")
		}
		return putJSON(w, tPasses, number(p.Number), p)
	}))
}

// Runs lists the newest passes, newest first, at most limit.
func (s *Store) Runs(ctx context.Context, limit int) ([]ledger.Run, error) {
	return newest[ledger.Run](ctx, s, tPasses, nil, limit)
}

// LastNight gives the local date of the nightly pass or catch-up that was
// begun last; zero when there was none.
func (s *Store) LastNight(ctx context.Context) (d balance.Date, err error) {
	err = s.db.view(ctx, func(r reader) error {
		_, err := getJSON(r, tMeta, keyNight, &d)
		return err
	})
	return d, s.fault(err)
}
