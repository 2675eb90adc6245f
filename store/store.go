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

// Options are all that a store needs.
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
	// scratch marks a file that only this call knows: there is nobody to leave
	// word for, and no copy is made of it before a migration.
	scratch bool
	asItIs  bool // the file is not compacted
}

// complete fills in what may be left out.
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

// target follows a symbolic link: what is put in the place of a state must come
// to lie where the state is, not where the link is.
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

// Store is the state. It is safe for concurrent use; one process has it open
// for writing at a time. A method that cannot write gives a StateUnwritable
// problem and changes nothing; the store works on when the disk does.
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
		writeHolder(o.Path, o.Process)
		sweep(o.Path)
	}
	if !o.ReadOnly && !o.scratch && !o.asItIs {
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

// sweep removes what a crash during the first creation, a compaction, a restore
// or a dry run left. The caller holds the state file: whoever is making one now
// finds that there is one, and the others work under its lock.
func sweep(path string) {
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

// asProblem makes a disk's refusal one that names the file.
func asProblem(path string, err error) error {
	if _, ok := errors.AsType[*problem.Problem](err); ok || err == nil {
		return err
	}
	return unwritable(path, err)
}

// rowError says that a row does not hold what it should: the file is damaged.
type rowError struct{ err error }

func (e *rowError) Error() string { return e.err.Error() }

func (e *rowError) Unwrap() error { return e.err }

// fault makes a row that cannot be read a StateDamaged problem, and leaves
// every other error as it is.
func fault(path string, err error) error {
	if _, ok := errors.AsType[*rowError](err); ok {
		return damaged(path, err)
	}
	return err
}

func (s *Store) fault(err error) error { return fault(s.options.Path, err) }

// Close lets the file go, once the calls under way have ended. Nothing else
// may be called afterwards; a second Close does nothing.
func (s *Store) Close() error { return s.closed() }

func (s *Store) release() error {
	if !s.options.ReadOnly && !s.options.scratch {
		removeHolder(s.options.Path)
	}
	return s.db.close()
}

// Path is the state file's path.
func (s *Store) Path() string { return s.options.Path }

// Size is the state file's size in bytes.
func (s *Store) Size() int64 { return s.db.size() }

// Created tells when the state file was first made, in UTC. A file that was
// restored from a backup keeps the time of the first one.
func (s *Store) Created(ctx context.Context) (time.Time, error) {
	a, err := readAbout(ctx, s.db)
	return a.Created, s.fault(err)
}

// Check reads the whole file, its structure and the checksum of every row, and
// gives a StateDamaged problem when it is damaged. It takes longer the larger the
// file is; others can read meanwhile.
func (s *Store) Check(ctx context.Context) error {
	err := s.db.check(ctx)
	if err == nil {
		_, err = readAbout(ctx, s.db)
	}
	if err == nil {
		err = readRows(ctx, s.db)
	}
	return s.fault(err)
}

// CheckSecrets is the Check of the vault.
func (s *Store) CheckSecrets(ctx context.Context) error { return s.vault.Check(ctx) }
