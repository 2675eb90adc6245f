package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/rs/zerolog"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"balansd/problem"
)

// errEmpty is the error for an empty state file. bbolt would create a new database
// in it and hide that the state was lost.
var errEmpty = errors.New("the file is empty")

// errReplaced is the error for a file that the previous owner of the lock replaced
// while it was being opened.
var errReplaced = errors.New("the file was replaced while it was opened")

// openBolt opens an existing file, the one that has the name once the lock is
// acquired. Damage that makes bbolt panic or fault is returned as an error, and the
// file is closed.
func openBolt(path string, timeout time.Duration, readOnly bool, log zerolog.Logger) (b *boltKV, err error) {
	const attempts = 3
	for range attempts {
		if b, err = openOnce(path, timeout, readOnly, log); !errors.Is(err, errReplaced) {
			return b, err
		}
	}
	return nil, openProblem(path, err)
}

func openOnce(path string, timeout time.Duration, readOnly bool, log zerolog.Logger) (b *boltKV, err error) {
	var file *os.File
	defer func() {
		if err != nil && file != nil {
			release(file)
		}
	}()
	defer recoverDamage(path, log, &err)()
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout:  timeout,
		ReadOnly: readOnly,
		// Else a check of a file that is opened for reading would load it in a
		// goroutine where damage ends the process.
		PreLoadFreelist: true,
		FreelistType:    bolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
			if err != nil {
				return nil, err
			}
			if info, err := f.Stat(); err == nil && info.Size() == 0 {
				_ = f.Close()
				return nil, errEmpty
			}
			if _, err := f.ReadAt(make([]byte, 1), 0); err != nil {
				_ = f.Close()
				return nil, err // bbolt would report damage
			}
			file = f
			return f, nil
		},
	})
	if err != nil {
		return nil, openProblem(path, err)
	}
	db.AllocSize = allocSize
	b = &boltKV{db: db, path: path, log: log}
	if err := named(path, file); err != nil {
		_ = db.Close()
		return nil, err
	}
	if err := b.whole(); err != nil {
		_ = db.Close()
		return nil, err
	}
	return b, nil
}

// named returns errReplaced unless f is the file at path.
func named(path string, f *os.File) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(opened, now) {
		return errReplaced
	}
	return nil
}

// whole refuses a file that was cut short: reading behind its end would fault.
func (b *boltKV) whole() error {
	return b.view(context.Background(), func(r reader) error {
		if want, have := r.(*boltTx).tx.Size(), b.size(); have < want {
			return damaged(b.path, fmt.Errorf("the file has %d bytes and should have %d", have, want))
		} else {
			b.mapped.Store(want)
			b.allocated = want
			b.headers.Store(hasHeaders(r.(*boltTx)))
		}
		return nil
	})
}

// newBolt creates a bbolt database in an empty file. The caller renames the file
// once it is complete.
func newBolt(path string, log zerolog.Logger) (*boltKV, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	b := &boltKV{db: db, path: path, log: log}
	b.headers.Store(true)
	return b, nil
}

// openProblem says why a file could not be opened.
func openProblem(path string, err error) error {
	_, told := errors.AsType[*problem.Problem](err)
	switch {
	case told:
		return err
	case errors.Is(err, berrors.ErrTimeout), errors.Is(err, errReplaced):
		return locked(path)
	case errors.Is(err, fs.ErrNotExist):
		return missing(path)
	case errors.Is(err, fs.ErrPermission), refusalOf(err) != noRefusal:
		return unwritable(path, err)
	default:
		return damaged(path, err)
	}
}
