package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// Backups configures the copies of the state.
type Backups struct {
	Folder string // beside the state file, "backups", when empty
	Keep   int    // older ones beyond this number are removed; 14 when 0
}

func (b Backups) complete(state string) Backups {
	if b.Folder == "" {
		b.Folder = filepath.Join(filepath.Dir(state), "backups")
	}
	if b.Keep <= 0 {
		b.Keep = 14
	}
	return b
}

// The name of a copy ends with its purpose. Copies for another purpose than a night
// are counted apart, and keepApart of each kind are kept. Damaged ones are all kept,
// because they cannot be read to see which state they are of.
const (
	forMigration = "before-layout-%d"
	forRestore   = "before-restore"
	asDamaged    = "damaged" // the bytes of a file that could not be read
	keepApart    = 3
)

// DamagedSuffix ends the names of states that were found damaged at a restore
// and kept byte for byte: no backups that could be used.
const DamagedSuffix = "-" + asDamaged + ".db"

// backupName matches the names of copies. They sort by time, and a second copy of the same
// second has a number.
var backupName = regexp.MustCompile(`^balansd-(\d{8}T\d{6}Z)(?:_(\d\d))?(?:-(before-layout|before-restore|damaged)(?:-\d+)?)?\.db$`)

const backupTime = "20060102T150405Z"

// backupFile is a file in the folder of copies whose name is that of a copy.
type backupFile struct {
	path   string
	madeAt time.Time
	second int // number among those of the same second
	kind   string
}

// Backup makes a copy of the state in the folder of Options.Backups, reads it
// back as VerifyBackup does, and then removes the oldest copies of this state
// beyond those that are kept. Secrets stay sealed in it, and the data key is not
// in it. Others can work meanwhile. A copy that cannot be made, is not equal or
// cannot be verified removes nothing: a StateDamaged problem names the state where
// the state itself is damaged. On a full disk the problem is StateUnwritable.
func (s *Store) Backup(ctx context.Context) (ledger.Backup, error) {
	s.backing.Lock()
	defer s.backing.Unlock()
	b, err := makeBackup(ctx, s.db, s.options, "")
	if err == nil {
		err = s.save(ctx, tMeta, keyCopied, s.options.Backups.Folder)
	}
	return b, err
}

// CheckBackups returns a StateUnwritable problem if the folder of copies is empty
// although a copy was made there. Such a folder is most often the mount point of a
// disk or share that is not mounted, where copies would be lost and fill the wrong
// disk.
func (s *Store) CheckBackups(ctx context.Context) error {
	folder, used := s.options.Backups.Folder, ""
	err := s.db.view(ctx, func(r reader) error {
		_, err := getJSON(r, tMeta, keyCopied, &used)
		return err
	})
	if err != nil || used != folder {
		return s.damageProblem(err)
	}
	files, err := backupFiles(folder)
	if len(files) > 0 {
		return nil
	}
	return problem.Wrap(err, problem.StateUnwritable,
		fmt.Sprintf("the backup folder %s holds none of the copies that were made there", folder),
		"Mount its disk or share. If the copies were taken away on purpose, make the first new one by hand: balansd backup create.")
}

// makeBackup makes a copy for a purpose, empty for a nightly one.
func makeBackup(ctx context.Context, db kv, o Options, purpose string) (ledger.Backup, error) {
	var before summary
	// bbolt writes some pages of a copy anew: damage in those is not in the copy.
	if err := db.check(ctx); err != nil {
		return ledger.Backup{}, err
	}
	made, err := addToFolder(o, purpose, func(path string) error {
		err := replace(path, func(w io.Writer) error {
			return writeStamped(w, func(w io.Writer) error {
				return db.copyTo(ctx, w, func(r reader) (err error) {
					before, err = summarise(r)
					return err
				})
			})
		})
		if err != nil {
			return err
		}
		after, err := verifyFile(ctx, path, o)
		if err == nil && after != before {
			err = badBackup(path, errors.New("it does not hold what was copied"))
		}
		if problem.Is(err, problem.StateDamaged) { // either of the copy or of the state
			err = cmp.Or(checkAll(ctx, db, o), err)
		}
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return ledger.Backup{}, fmt.Errorf("make a backup in %s: %w", o.Backups.Folder, ctx.Err())
		}
		return ledger.Backup{}, damageProblem(o.Path, err)
	}
	removeOldest(made, before, o)
	return before.backup(made), nil
}

// addToFolder adds a file to the folder of copies. write writes it under a temporary
// name; it is renamed once it is complete. An existing file is never replaced.
func addToFolder(o Options, purpose string, write func(path string) error) (backupFile, error) {
	folder, now := o.Backups.Folder, o.Now().UTC().Truncate(time.Second)
	if err := makeFolder(folder, o.Path); err != nil {
		return backupFile{}, backupFailed(folder, err)
	}
	removeCutOffCopies(folder, now)
	temp := filepath.Join(folder, fmt.Sprintf("%s%s-%d", tempMark, now.Format(backupTime), os.Getpid()))
	defer func() { _ = os.Remove(temp) }()
	err := write(temp)
	if err == nil {
		err = takeOwner(temp, o.Path)
	}
	const most = 100 // copies of the same second
	for second := firstFree(folder, now); err == nil && second < most; second++ {
		f := backupFile{filepath.Join(folder, nameBackup(now, second, purpose)), now, second, kindOf(purpose)}
		if err = link(temp, f.path); err == nil {
			return f, nil
		} else if errors.Is(err, fs.ErrExist) && second < most-1 {
			err = nil // another process was faster
		}
	}
	if err == nil {
		err = fs.ErrExist
	}
	if _, ok := errors.AsType[*problem.Problem](err); ok {
		return backupFile{}, err
	}
	if _, ok := errors.AsType[*rowError](err); ok {
		return backupFile{}, err
	}
	return backupFile{}, backupFailed(folder, err)
}

// firstFree returns the number of the next copy within a second.
func firstFree(folder string, now time.Time) (second int) {
	files, _ := backupFiles(folder)
	for _, f := range files {
		if f.madeAt.Equal(now) {
			second = max(second, f.second+1)
		}
	}
	return second
}

func nameBackup(at time.Time, second int, purpose string) string {
	name := "balansd-" + at.Format(backupTime)
	if second > 0 {
		name += fmt.Sprintf("_%02d", second)
	}
	if purpose != "" {
		name += "-" + purpose
	}
	return name + ".db"
}

// kindOf returns a purpose without the number of its layout.
func kindOf(purpose string) string { return strings.TrimRight(purpose, "-0123456789") }

// tempMark begins the names of copies that are being made.
const tempMark = ".balansd-being-made-"

// removeCutOffCopies removes the files of interrupted copies, which are those begun more
// than a day ago.
func removeCutOffCopies(folder string, now time.Time) {
	files, _ := os.ReadDir(folder)
	for _, f := range files {
		info, err := f.Info()
		if err == nil && strings.HasPrefix(f.Name(), tempMark) && now.Sub(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(filepath.Join(folder, f.Name()))
		}
	}
}

// removeOldest removes the copies of the same state and kind beyond those that are kept,
// never the one that was just made. Copies that cannot be read, and those of another
// state, stay.
func removeOldest(made backupFile, state summary, o Options) {
	keep := keepApart
	if made.kind == "" {
		keep = o.Backups.Keep
	}
	files, err := backupFiles(o.Backups.Folder)
	if err != nil {
		return
	}
	files = slices.DeleteFunc(files, func(f backupFile) bool { return f.kind != made.kind || f.path == made.path })
	if len(files) < keep {
		return // nothing to remove
	}
	changes := map[string]uint64{}
	files = slices.DeleteFunc(files, func(f backupFile) bool {
		s, err := readSummary(f.path, o.Log)
		changes[f.path] = s.changes
		return err != nil || !s.Created.Equal(state.Created)
	})
	// By the changes in them, as the clock may have been ahead when one was made.
	slices.SortStableFunc(files, func(a, b backupFile) int { return cmp.Compare(changes[b.path], changes[a.path]) })
	for _, f := range files[min(keep-1, len(files)):] {
		if err := os.Remove(f.path); err != nil {
			o.Log.Warn().Err(err).Str("file", f.path).Msg("an old backup cannot be removed")
		}
	}
}

// backupFiles lists the files of a folder that are named as copies are, newest
// first.
func backupFiles(folder string) ([]backupFile, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		if _, there := os.Stat(folder); errors.Is(there, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	var files []backupFile
	for _, e := range entries {
		m := backupName.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		at, err := time.Parse(backupTime, m[1])
		if err != nil {
			continue
		}
		second, _ := strconv.Atoi(m[2])
		files = append(files, backupFile{filepath.Join(folder, e.Name()), at, second, m[3]})
	}
	slices.SortFunc(files, func(a, b backupFile) int {
		return cmp.Or(b.madeAt.Compare(a.madeAt), cmp.Compare(b.second, a.second), cmp.Compare(b.path, a.path))
	})
	return files, nil
}

// ListBackups lists the copies in a folder, newest first, none if there is no such
// folder. Only the summary of each is read; Problem says why one cannot be used.
func ListBackups(folder string) ([]ledger.Backup, error) {
	return listBackups(folder, Options{}.complete())
}

func listBackups(folder string, o Options) ([]ledger.Backup, error) {
	files, err := backupFiles(folder)
	if err != nil {
		return nil, problem.Wrap(err, problem.NotAllowed, fmt.Sprintf("the backups in %s cannot be listed", folder),
			"Run the command as an administrator, or as the account of balansd.")
	}
	list := make([]ledger.Backup, 0, len(files))
	for _, f := range files {
		s, err := readSummary(f.path, o.Log)
		b := s.backup(f)
		switch {
		case f.kind == asDamaged:
			b.Problem = "it is the state that was found damaged at a restore, byte for byte"
		case err != nil:
			b.Problem = problem.Of(err).Error()
		case s.Schema > o.layout():
			b.Problem = fmt.Sprintf("it is of a newer version: it has layout %d, and this version knows up to %d", s.Schema, o.layout())
		}
		list = append(list, b)
	}
	return list, nil
}

// writeStamped writes a copy and appends its hash: bbolt's file has none and does not
// notice a changed bit.
func writeStamped(w io.Writer, write func(io.Writer) error) error {
	h := sha256.New()
	if err := write(io.MultiWriter(w, h)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s%x\n", stampText, h.Sum(nil))
	return err
}

const (
	stampText = "\nbalansd backup, sha256 "
	stampSize = len(stampText) + 2*sha256.Size + 1
)
