package portal

import (
	"context"
	"time"

	"github.com/rs/zerolog"
)

// Restored says which backup took the place of the state, and by whose hand.
type Restored struct {
	By   string // who asked, an account of this server
	File string // of the backup, without its folder
	// Known says that what the pages keep is that of the state before the
	// restore. Else it is the backup's, and whom the admins kept out since then is
	// not known.
	Known bool
	Now   func() time.Time
	Log   zerolog.Logger
}

// AfterRestore records a restore in the audit log. Where what happened since the
// backup is not known, everybody is kept out, their sessions end and invitations
// work no more: whoever an admin kept out after the backup would be back with it.
// The notes, one sentence each, say what a person must do then.
func AfterRestore(ctx context.Context, w ShelfWriter, r Restored) (notes []string, err error) {
	if !r.Known {
		if notes, err = keepOut(w); err != nil {
			return nil, err
		}
	}
	trail := NewTrail(TrailConfig{Shelf: inStep{w}, Now: r.Now, Log: r.Log})
	trail.Note(ctx, Record{Who: r.By, What: "restore", On: r.File, From: fromCommandLine})
	return notes, nil
}

// keepOut keeps everybody out until an admin lets them in again.
func keepOut(w ShelfWriter) (notes []string, err error) {
	for _, namespace := range []string{shelfSessions, shelfInvites} {
		var keys []string
		for key := range w.Walk(namespace, "") {
			keys = append(keys, key)
		}
		for _, key := range keys {
			w.Delete(namespace, key)
		}
	}
	people, err := all[Person](w, shelfPeople)
	if err != nil || len(people) == 0 {
		return nil, err
	}
	for _, q := range people {
		q.Disabled = true
		q.Epoch++
		if err := lay(w, shelfPeople, q.Key, q); err != nil {
			return nil, err
		}
	}
	return []string{"The people of the web pages, their roles and passwords are those of the backup. So that nobody comes back whom an admin " +
		"kept out since, everybody is kept out: see `balansd portal people`, and let in who is to be with `balansd portal enable NAME`."}, nil
}

// inStep is the shelf of a step that is under way.
type inStep struct{ w ShelfWriter }

func (s inStep) View(_ context.Context, fn func(ShelfReader) error) error   { return fn(s.w) }
func (s inStep) Update(_ context.Context, fn func(ShelfWriter) error) error { return fn(s.w) }
