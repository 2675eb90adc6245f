package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// Options configure a store.
type Options struct {
	Path    string           // the state file; its folder is made when it is not there
	KeyPath string           // the data key of the secrets; made at the first secret
	Backups Backups          // where copies of the state go
	Timeout time.Duration    // how long to wait for another process; 2 seconds when 0
	Version string           // balansd's own version, for the message to an older one
	Process string           // what this process is, such as "balansd run"; a guess when empty
	Log     zerolog.Logger   // the zero Logger is silent
	Now     func() time.Time // the clock; time.Now when nil
	// ReadOnly opens a file that exists without changing it. Several processes
	// may do so at once, as long as none writes.
	ReadOnly bool

	migrations []migration // for tests; all when nil
	// scratch marks a file that only this call knows: it gets no lock owner
	// file, and is not copied before a migration.
	scratch      bool
	noCompaction bool // the file is not compacted
}

// complete returns the options with their defaults.
func (o Options) complete() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Second
	}
	if o.Process == "" {
		o.Process = processName()
	}
	if o.migrations == nil {
		o.migrations = migrations()
	}
	o.Backups = o.Backups.complete(o.Path)
	o.Path = target(o.Path)
	return o
}

// target follows a symbolic link: a file that replaces the state must replace the
// linked file, not the link.
func target(path string) string {
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return path
	}
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return path
}

// layout is the newest that this version knows.
func (o Options) layout() int { return o.migrations[len(o.migrations)-1].to }

// Store is the state. It is safe for concurrent use; one process has it open for
// writing at a time. A method that cannot write returns a StateUnwritable problem
// and changes nothing; later calls work again once the disk does.
type Store struct {
	db      kv
	options Options
	codec   *codec
	vault   Secrets
	closed  func() error // closes once
	backing sync.Mutex   // held while a backup is made
}

// Open opens the state file and makes it when there is none. Problems:
// StateLocked when another process holds it, StateNewer when a newer version
// wrote it, StateDamaged when it cannot be read, StateUnwritable when the disk
// refuses.
func Open(o Options) (*Store, error) {
	o = o.complete()
	ctx := context.Background()
	if !o.ReadOnly && !o.scratch {
		if err := create(ctx, o); err != nil {
			return nil, err
		}
	}
	db, err := openBolt(o.Path, o.Timeout, o.ReadOnly, o.Log)
	if err != nil {
		return nil, err
	}
	if !o.ReadOnly && !o.scratch {
		writeLockOwner(o.Path, o.Process)
		removeLeftovers(o.Path)
	}
	if !o.ReadOnly && !o.scratch && !o.noCompaction {
		if db, err = compactIfWorth(ctx, db, o); err != nil {
			return nil, err
		}
	}
	s := &Store{db: db, options: o, codec: newCodec()}
	s.vault.store = s
	s.closed = sync.OnceValue(s.release)
	if err := migrate(ctx, db, o); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// create makes the state file when there is none. It is made under another
// name and gets its own once it is whole and on disk, since bbolt's first
// write of a file does not survive a crash.
func create(ctx context.Context, o Options) error {
	const attempts = 3 // another process that was faster sweeps our file away
	for range attempts {
		_, err := os.Stat(o.Path)
		if errors.Is(err, fs.ErrNotExist) {
			err = publish(o.Path+awayMark, o.Path) // a replacement that was cut off
		}
		if err == nil {
			break
		}
		err = createOnce(ctx, o)
		if err == nil || errors.Is(err, fs.ErrExist) {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return asProblem(o.Path, err)
		}
	}
	return nil
}

func createOnce(ctx context.Context, o Options) error {
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(o.Path), filepath.Base(o.Path)+".init-*")
	if err != nil {
		return err
	}
	temp := f.Name()
	defer func() { _ = os.Remove(temp) }()
	if err := f.Close(); err != nil {
		return err
	}
	db, err := newBolt(temp, o.Log)
	if err != nil {
		return err
	}
	err = initialise(ctx, db, o)
	if err = errors.Join(err, db.close()); err != nil {
		return err
	}
	return publish(temp, o.Path)
}

// removeLeftovers removes the temporary files of a crash during the first creation, a
// compaction, a restore or a dry run. The caller holds the lock of the state file,
// under which all of these work.
func removeLeftovers(path string) {
	entries, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), filepath.Base(path))
		for _, mark := range []string{".init-", compactMark, restoreMark, awayMark, scratchMark} {
			if ours && strings.HasPrefix(rest, mark) {
				_ = os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
			}
		}
	}
}

// asProblem returns a disk error as a StateUnwritable problem that names the file.
func asProblem(path string, err error) error {
	if _, ok := errors.AsType[*problem.Problem](err); ok || err == nil {
		return err
	}
	return unwritable(path, err)
}

// rowError says that a row is damaged.
type rowError struct{ err error }

func (e *rowError) Error() string { return e.err.Error() }

func (e *rowError) Unwrap() error { return e.err }

// damageProblem returns a rowError as a StateDamaged problem, and every other error
// as it is.
func damageProblem(path string, err error) error {
	if _, ok := errors.AsType[*rowError](err); ok {
		return damaged(path, err)
	}
	return err
}

func (s *Store) damageProblem(err error) error { return damageProblem(s.options.Path, err) }

// Close closes the file once the calls in progress have ended. No other method may
// be called afterwards; a second Close does nothing.
func (s *Store) Close() error { return s.closed() }

func (s *Store) release() error {
	if !s.options.ReadOnly && !s.options.scratch {
		removeLockOwner(s.options.Path)
	}
	return s.db.close()
}

// Path returns the path of the state file.
func (s *Store) Path() string { return s.options.Path }

// Size returns the size of the state file in bytes.
func (s *Store) Size() int64 { return s.db.size() }

// Created returns when the state file was first created, in UTC. A file that was
// restored from a backup keeps the time of the first one.
func (s *Store) Created(ctx context.Context) (time.Time, error) {
	a, err := readAbout(ctx, s.db)
	return a.Created, s.damageProblem(err)
}

// Check reads the whole file, its structure and the checksum of every row, and
// returns a StateDamaged problem if it is damaged. Its time grows with the file;
// others can read and write meanwhile.
func (s *Store) Check(ctx context.Context) error {
	err := s.db.check(ctx)
	if err == nil {
		_, err = readAbout(ctx, s.db)
	}
	if err == nil {
		err = readRows(ctx, s.db)
	}
	return s.damageProblem(err)
}

// CheckSecrets calls Secrets.Check.
func (s *Store) CheckSecrets(ctx context.Context) error { return s.vault.Check(ctx) }
