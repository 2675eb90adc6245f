package store

import (
	"context"
	"time"
)

// keyRestored holds when a backup was put in the place of the state without
// what came after it.
var keyRestored = []byte("restored")

// RestoredAt gives when a backup was last put in the place of the state without
// what came after it, zero for never: sign-ins in it may have been renewed since
// by whoever had the state. It is UTC.
func (s *Store) RestoredAt(ctx context.Context) (at time.Time, err error) {
	err = s.db.view(ctx, func(r reader) error {
		_, err := getJSON(r, tMeta, keyRestored, &at)
		return err
	})
	return at, s.damageProblem(err)
}
