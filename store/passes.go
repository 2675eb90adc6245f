package store

import (
	"context"
	"fmt"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// BeginPass stores a new pass and gives it its number. For a nightly pass or a
// catch-up the same transaction keeps its date as the last night, so that a
// crash in the middle of the night does not start a second one.
func (s *Store) BeginPass(ctx context.Context, p ledger.Pass) (ledger.Pass, error) {
	err := s.db.update(ctx, func(w writer) error {
		p.Number = nextNumber(w, keyPass)
		if p.Trigger != ledger.ByHand && !p.Night.IsZero() {
			if err := putJSON(w, tMeta, keyNight, p.Night); err != nil {
				return err
			}
		}
		return putJSON(w, tPasses, number(p.Number), p)
	})
	return p, s.fault(err)
}

// EndPass replaces the stored pass of the same number; a NotFound problem when
// there is none.
func (s *Store) EndPass(ctx context.Context, p ledger.Pass) error {
	return s.fault(s.db.update(ctx, func(w writer) error {
		if w.get(tPasses, number(p.Number)) == nil {
			return problem.New(problem.NotFound, fmt.Sprintf("there is no pass %d", p.Number), "")
		}
		return putJSON(w, tPasses, number(p.Number), p)
	}))
}

// Passes lists the newest passes, newest first, at most limit.
func (s *Store) Passes(ctx context.Context, limit int) ([]ledger.Pass, error) {
	var passes []ledger.Pass
	err := s.db.view(ctx, func(r reader) error {
		for k := range r.walkBack(tPasses, nil, nil) {
			if len(passes) >= limit {
				return nil
			}
			var p ledger.Pass
			if _, err := getJSON(r, tPasses, k, &p); err != nil {
				return err
			}
			passes = append(passes, p)
		}
		return nil
	})
	return passes, s.fault(err)
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
