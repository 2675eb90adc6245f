package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"balansd/ledger"
)

// scratchMark is in the name of a scratch copy beside the state.
const scratchMark = ".scratch-"

// Scratch copies the state to a temporary file and opens it. Changes there are lost
// when discard closes and removes it. Entries recorded there have numbers from
// ledger.FirstDryRunNumber on.
//
// The copy needs as much space as the state, beside the state file or, if there is
// not enough, in the folder for temporary files. Others can read and write the state
// meanwhile. It returns a StateUnwritable problem if neither folder has the space.
func (s *Store) Scratch(ctx context.Context) (scratch *Store, discard func(), err error) {
	o := s.options
	if o.Path, err = s.copyAside(ctx); err != nil {
		return nil, nil, err
	}
	o.ReadOnly, o.scratch = false, true
	if scratch, err = Open(o); err != nil {
		_ = os.Remove(o.Path)
		return nil, nil, err
	}
	discard = func() {
		_ = scratch.Close()
		_ = os.Remove(o.Path)
	}
	if b, ok := scratch.db.(*boltKV); ok {
		b.db.NoSync = true // nobody needs it after a crash
	}
	err = scratch.db.update(ctx, func(w writer) error {
		w.put(tMeta, keyNumber, number(ledger.FirstDryRunNumber-1))
		return nil
	})
	if err != nil {
		discard()
		return nil, nil, err
	}
	return scratch, discard, nil
}

// copyAside writes a copy of the state beside it, else in the folder for
// temporary files, and returns its path.
func (s *Store) copyAside(ctx context.Context) (path string, err error) {
	var refused error
	for _, folder := range []string{filepath.Dir(s.options.Path), os.TempDir()} {
		f, err := os.CreateTemp(folder, filepath.Base(s.options.Path)+scratchMark+"*")
		if err != nil {
			refused = errors.Join(refused, err)
			continue
		}
		err = errors.Join(s.db.copyTo(ctx, f, func(reader) error { return nil }), f.Close())
		if err == nil {
			return f.Name(), nil
		}
		_ = os.Remove(f.Name())
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		refused = errors.Join(refused, err)
	}
	return "", asProblem(s.options.Path, refused)
}
