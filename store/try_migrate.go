package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"balansd/problem"
)

// About describes a state file.
type About struct {
	Layout  int       // how its rows are laid out
	Known   int       // the newest layout that this version knows
	Version string    // of the balansd that wrote it last; may be empty
	Created time.Time // when the state was first made, in UTC
}

// ReadAbout returns the description of a state file without changing it, also of one
// that a newer version wrote. Problems are those of Open.
func ReadAbout(ctx context.Context, o Options) (About, error) {
	o = o.complete()
	db, err := openBolt(o.Path, o.Timeout, true, o.Log)
	if err != nil {
		return About{}, err
	}
	a, err := readAbout(ctx, db)
	err = errors.Join(damageProblem(o.Path, err), db.close())
	return About{Layout: a.Schema, Known: o.layout(), Version: a.Version, Created: a.Created}, err
}

// TryMigrate tests that this version can work with a state file, without changing
// it: a copy in the folder for temporary files, or beside the file if there is not
// enough space, is migrated, read as a whole, and removed. Problems are those of
// Open; StateLocked if another process has the file open.
func TryMigrate(ctx context.Context, o Options) error {
	o = o.complete()
	db, err := openBolt(o.Path, o.Timeout, true, o.Log)
	if err != nil {
		return err
	}
	a, err := readAbout(ctx, db)
	if err == nil && a.Schema > o.layout() {
		err = newer(o.Path, a.Schema, o, a.Version)
	}
	if err != nil {
		return errors.Join(damageProblem(o.Path, err), db.close())
	}
	err = migrateCopyIn(ctx, "", db, o)
	if _, full := errors.AsType[*copyError](err); full {
		err = migrateCopyIn(ctx, filepath.Dir(o.Path), db, o)
	}
	if full, ok := errors.AsType[*copyError](err); ok {
		err = problem.Wrap(full.err, problem.StateUnwritable, fmt.Sprintf("no copy of %s could be made to try it on", o.Path),
			"Free space in the folder for temporary files, or beside the state file.")
	}
	return errors.Join(err, db.close())
}

// copyError says that no copy could be written, for lack of space or permission.
type copyError struct{ err error }

func (e *copyError) Error() string { return "no copy of it could be made: " + e.err.Error() }

func (e *copyError) Unwrap() error { return e.err }

// migrateCopyIn migrates a copy in a folder.
func migrateCopyIn(ctx context.Context, folder string, db *boltKV, o Options) error {
	dir, err := os.MkdirTemp(folder, "balansd-try-*")
	if err != nil {
		return &copyError{err}
	}
	defer func() { _ = os.RemoveAll(dir) }()
	state := o.Path
	o.Path = filepath.Join(dir, "copy.db")
	if err := writeScratch(ctx, db, o.Path); err != nil {
		return err
	}
	o.scratch, o.ReadOnly = true, false
	s, err := Open(o)
	if err == nil {
		err = errors.Join(checkAll(ctx, s.db, s.options), s.Close())
	}
	switch p, _ := errors.AsType[*problem.Problem](err); {
	case p == nil:
		return err
	case p.Code == problem.StateUnwritable:
		return &copyError{err}
	default:
		return damaged(state, err)
	}
}

// checkAll reads all of a state: its structure, and every row. Of a layout with
// other values than the newest only the checksums of rows are known.
func checkAll(ctx context.Context, db kv, o Options) error {
	if err := db.check(ctx); err != nil {
		return err
	}
	a, err := readAbout(ctx, db)
	switch {
	case err != nil:
	case a.Schema > o.layout() || o.changed(a.Schema):
		err = readRows(ctx, db) // as Store.Check does
	default:
		err = checkRows(ctx, db)
	}
	return damageProblem(o.Path, err)
}

// writeScratch copies a state to a file that only the caller knows. What is
// not wrong with the state itself is a copyError.
func writeScratch(ctx context.Context, db kv, path string) error {
	err := replace(path, func(w io.Writer) error {
		return db.copyTo(ctx, w, func(reader) error { return nil })
	})
	if _, ok := errors.AsType[*problem.Problem](err); ok || err == nil || ctx.Err() != nil {
		return err
	}
	return &copyError{err}
}
