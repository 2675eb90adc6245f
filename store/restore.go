package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/problem"
)

// RestoreOptions limit what a restore may do.
type RestoreOptions struct {
	// LoseNewer allows losing entries that the state has and the backup lacks.
	LoseNewer bool
	// Confirm, if not nil, is called before anything is changed. Restore returns
	// its error and changes nothing then.
	Confirm func(backup ledger.Backup, lost Loss) error
	// Key, if not nil, is the data key that came with the backup. It takes the place of
	// the one that is there if that does not open the restored secrets.
	Key []byte
	// Pages, if not nil, adapts the rows of the web pages in the restored state.
	// known says that they are those of the state before the restore, else they are
	// the backup's. It returns notes, and may be called more than once.
	Pages func(w keyvalue.Writer, known bool) (notes []string, err error)
}

// restoreMark is in the name of a state that is being restored.
const restoreMark = ".restore-"

// Restore replaces the state file by a backup, and returns the backup with notes for
// a person, one sentence each. The backup is verified first. The present state is
// added to the backups, byte for byte if it is damaged; it is not changed until the
// restored state replaces it, atomically.
//
// The ledger is that of the backup. The settings of people and what is known about
// Silverfin are taken from the present state if it can be read: see mergePresent and
// distrustAll.
//
// Problems: StateLocked while another process has the state open; NotAllowed if the
// state has entries that the backup lacks, unless LoseNewer; StateDamaged or
// StateNewer if the backup cannot be used; StateUnwritable if the disk is full or
// cannot be written.
func Restore(ctx context.Context, o Options, from string, may RestoreOptions) (ledger.Backup, []string, error) {
	o = o.complete()
	if same(from, o.Path) {
		return ledger.Backup{}, nil, problem.New(problem.Usage, fmt.Sprintf("%s is the state file itself", from),
			"Name a backup: `balansd backup list`.")
	}
	backup, err := verifyBackup(ctx, from, o)
	if err != nil {
		return backup, nil, err
	}
	r := &restoration{o: o, backup: backup, may: may}
	defer r.release()
	if err := r.openPresent(ctx); err != nil {
		return backup, nil, err
	}
	return backup, r.notes, r.run(ctx)
}

func same(a, b string) bool {
	one, errA := os.Stat(a)
	other, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(one, other)
}

// condition is the condition of the present state.
type condition int

const (
	absent       condition = iota
	readable               // and locked by us
	broken                 // it cannot be read completely; locked by us if it can be opened
	newerVersion           // a newer version wrote it
)

// restoration is one restore under way.
type restoration struct {
	o         Options
	backup    ledger.Backup
	may       RestoreOptions
	found     condition
	sameState bool   // the present state is readable, and the backup is of the same state
	present   *Store // the present state, if it can be opened
	copy      *Store // the restored state
	temp      string // its path
	notes     []string
	newKey    bool // RestoreOptions.Key is to become the data key
}

// openPresent opens the present state, so that no other process can.
func (r *restoration) openPresent(ctx context.Context) error {
	if _, err := os.Stat(r.o.Path); errors.Is(err, fs.ErrNotExist) {
		r.found = absent
		return nil
	}
	o := r.o
	o.noCompaction = true
	s, err := Open(o)
	switch {
	case err == nil:
		r.found, r.present = readable, s
		err := checkAll(ctx, s.db, s.options)
		if problem.Is(err, problem.StateDamaged) {
			r.found, err = broken, nil // it stays open, so that nobody uses it
		}
		return err
	case problem.Is(err, problem.StateDamaged):
		r.found = broken
		return nil
	case problem.Is(err, problem.StateNewer):
		r.found = newerVersion
		return nil
	case problem.Is(err, problem.StateLocked):
		return problem.Wrap(err, problem.StateLocked, "a backup cannot be restored while balansd has its state open",
			"Stop it first: `balansd service stop`; start it again afterwards.")
	default:
		return err
	}
}

// release closes the states that are still open, and removes the temporary file.
func (r *restoration) release() {
	for _, s := range []*Store{r.copy, r.present} {
		if s != nil {
			_ = s.Close()
		}
	}
	if r.temp != "" {
		_ = os.Remove(r.temp)
	}
}

func (r *restoration) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *restoration) run(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return r.refused(ctx, err)
	}
	lost, err := r.lost(ctx)
	if err != nil {
		return err
	}
	if lost.Any() && !r.may.LoseNewer {
		return problem.New(problem.NotAllowed, lost.String(),
			"Restore a newer backup; or repeat the command with --lose-newer: the state as it is now is kept among the backups.")
	}
	if r.may.Confirm != nil {
		if err := r.may.Confirm(r.backup, lost); err != nil {
			return err
		}
	}
	if err := r.finish(ctx); err != nil {
		return r.refused(ctx, err)
	}
	if err := r.backUpPresent(ctx); err != nil {
		return err
	}
	if err := r.replace(); err != nil {
		return r.refused(ctx, err)
	}
	return r.replaceKey()
}

// refused returns a disk error as a problem of this restore.
func (r *restoration) refused(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return notRestored(r.o.Path, err)
}

// prepare copies the backup to a file beside the state, of the newest layout.
func (r *restoration) prepare(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(r.o.Path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(r.o.Path), filepath.Base(r.o.Path)+restoreMark+"*")
	if err != nil {
		return err
	}
	r.temp = f.Name()
	if err := f.Close(); err != nil {
		return err
	}
	err = withCopy(r.backup.File, r.o.Log, func(db *boltKV) error { return writeScratch(ctx, db, r.temp) })
	if err != nil {
		return err
	}
	o := r.o
	o.Path, o.scratch, o.ReadOnly = r.temp, true, false
	if r.copy, err = Open(o); err != nil || r.found != readable {
		return err
	}
	now, err := r.present.Created(ctx)
	if err != nil {
		return err
	}
	then, err := r.copy.Created(ctx)
	r.sameState = now.Equal(then)
	return err
}

// finish merges the present state into the restored one as far as it is known, and
// verifies the result.
func (r *restoration) finish(ctx context.Context) error {
	var err error
	if r.sameState {
		err = r.mergePresent(ctx)
	} else {
		err = r.distrustAll(ctx)
	}
	if err != nil {
		return err
	}
	if r.may.Pages != nil {
		var notes []string
		err := r.copy.KeyValue().Update(ctx, func(w keyvalue.Writer) (err error) {
			notes, err = r.may.Pages(w, r.sameState)
			return err
		})
		if err != nil {
			return err
		}
		r.notes = append(r.notes, notes...)
	}
	if err := r.checkKey(ctx); err != nil {
		return err
	}
	r.note("What was found or delivered since the backup is found again at the next night, or with `balansd sync`; Silverfin is read before anything is written.")
	if err := checkAll(ctx, r.copy.db, r.copy.options); err != nil {
		return err
	}
	err = r.copy.Close()
	r.copy = nil
	if err == nil && r.found != absent {
		err = copyOwnerAndMode(r.temp, r.o.Path)
	} else if err == nil {
		err = takeOwner(r.temp, filepath.Dir(r.o.Path))
	}
	return err
}

// backUpPresent adds the present state to the backups.
func (r *restoration) backUpPresent(ctx context.Context) error {
	var kept string
	switch r.found {
	case absent:
		return nil
	case readable:
		b, err := makeBackup(ctx, r.present.db, r.o, forRestore)
		if err != nil {
			return err
		}
		kept = b.File
	default:
		purpose := asDamaged
		if r.found == newerVersion {
			purpose = forRestore
		}
		f, err := addToFolder(r.o, purpose, func(path string) error { return copyBytes(r.o.Path, path) })
		if err != nil {
			return err
		}
		kept = f.path
	}
	r.note("The state as it was is kept in %s.", kept)
	return nil
}

// copyBytes copies a file that cannot be opened as a state.
func copyBytes(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return replace(to, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

// replace replaces the present state by the restored one.
func (r *restoration) replace() error {
	if r.found == absent {
		err := publish(r.temp, r.o.Path)
		if errors.Is(err, fs.ErrExist) {
			return problem.New(problem.Conflict, fmt.Sprintf("another process made %s meanwhile", r.o.Path),
				"Stop balansd, and repeat the command.")
		}
		return err
	}
	letGo := func() error { return nil }
	if r.present != nil {
		letGo = r.present.Close
		r.present = nil
	}
	return swap(r.temp, r.o.Path, letGo)
}
