package store

import (
	"context"
	"time"
)

// keyRestored holds the time of the last restore without a merge of the present
// state.
var keyRestored = []byte("restored")

// RestoredAt returns the time, in UTC, of the last restore without a merge of the
// present state, zero for never: another installation may have renewed the sign-ins
// in the backup since.
func (s *Store) RestoredAt(ctx context.Context) (at time.Time, err error) {
	err = s.db.view(ctx, func(r reader) error {
		_, err := getJSON(r, tMeta, keyRestored, &at)
		return err
	})
	return at, s.damageProblem(err)
}
