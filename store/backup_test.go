package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/internal/testenv"
	"balansd/ledger"
	"balansd/problem"
	"balansd/store"
)

// fixture is a state with its own clock and backup folder.
type fixture struct {
	t testing.TB
	o store.Options
	*testenv.Clock
	next int // number of the next made-up entry
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	s := &fixture{t: t, Clock: testenv.NewClock(noon)}
	dir := t.TempDir()
	s.o = store.Options{Path: filepath.Join(dir, "state", "balansd.db"), KeyPath: filepath.Join(dir, "keys", "data.key"), Version: "1.0.0",
		Timeout: 10 * time.Millisecond, Backups: store.Backups{Folder: filepath.Join(dir, "backups"), Keep: 3}, Now: s.Now}
	return s
}

// with opens the state, calls do, and closes it.
func (s *fixture) with(do func(*store.Store)) {
	s.t.Helper()
	st, err := store.Open(s.o)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			s.t.Error(err)
		}
	}()
	do(st)
}

// add records and delivers n entries.
func (s *fixture) add(st *store.Store, n int) {
	s.t.Helper()
	for range n {
		e := listed(s.next)
		s.next++
		e.FoundAt, e.UpdatedAt = s.Now(), s.Now()
		fresh, _, err := st.Record(s.t.Context(), ledger.Connection{ID: e.Connection, Status: ledger.Active}, []ledger.Entry{e})
		if err != nil || len(fresh) != 1 {
			s.t.Fatal(fresh, err)
		}
		if err := deliver(s.t.Context(), st, fresh[0]); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *fixture) backup(st *store.Store) ledger.Backup {
	s.t.Helper()
	b, err := st.Backup(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// addAndBackup adds n delivered entries and makes a backup.
func (s *fixture) addAndBackup(n int) (b ledger.Backup) {
	s.t.Helper()
	s.with(func(st *store.Store) {
		s.add(st, n)
		b = s.backup(st)
	})
	return b
}

// list returns the names of the backups, newest first.
func (s *fixture) list() (names []string) {
	s.t.Helper()
	list, err := store.ListBackups(s.o.Backups.Folder)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, b := range list {
		names = append(names, filepath.Base(b.File))
	}
	return names
}

// TestBackupFolderIsEmptyOrGone empties or removes the backup folder, as when its disk is not mounted.
func TestBackupFolderIsEmptyOrGone(t *testing.T) {
	s := newFixture(t)
	folder := s.o.Backups.Folder
	s.with(func(st *store.Store) {
		if err := st.CheckBackups(t.Context()); err != nil {
			t.Errorf("before the first copy: %v", err)
		}
		s.backup(st)
		if err := st.CheckBackups(t.Context()); err != nil {
			t.Errorf("with a copy: %v", err)
		}
	})
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	for _, there := range []bool{false, true} { // the mount point is gone, or empty
		if there {
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		s.with(func(st *store.Store) {
			err := st.CheckBackups(t.Context())
			if !problem.Is(err, problem.StateUnwritable) || !strings.Contains(problem.Of(err).Next, "Mount") {
				t.Errorf("folder there %v: %v", there, err)
			}
		})
	}
	s.with(func(st *store.Store) {
		s.backup(st) // by hand
		if err := st.CheckBackups(t.Context()); err != nil {
			t.Errorf("with a new first copy: %v", err)
		}
	})
	s.o.Backups.Folder = filepath.Join(t.TempDir(), "other")
	s.with(func(st *store.Store) {
		if err := st.CheckBackups(t.Context()); err != nil {
			t.Errorf("of a folder that is new: %v", err)
		}
	})
}

func TestBackup(t *testing.T) {
	s := newFixture(t)
	if got := s.list(); got != nil {
		t.Errorf("without a folder there are %v", got)
	}
	s.with(func(st *store.Store) {
		s.add(st, 3)
		b := s.backup(st)
		if b.Entries != 3 || b.Newest != 3 || b.Version != "1.0.0" || b.Layout != store.Layout() || b.Size == 0 || !b.MadeAt.Equal(noon) || b.Problem != "" {
			t.Errorf("the backup is %+v", b)
		}
		if want := filepath.Join(s.o.Backups.Folder, "balansd-20260301T120000Z.db"); b.File != want {
			t.Errorf("it is called %s, want %s", b.File, want)
		}
		before := b.Changes
		s.add(st, 1)
		again := s.backup(st) // in the same second
		if filepath.Base(again.File) != "balansd-20260301T120000Z_01.db" || again.Changes <= before {
			t.Errorf("the second backup is %+v", again)
		}
		for _, b := range []ledger.Backup{b, again} {
			if got, err := store.VerifyBackup(t.Context(), b.File); err != nil || got != b {
				t.Errorf("read back it is %+v, %v; want %+v", got, err, b)
			}
		}
		list, err := store.ListBackups(s.o.Backups.Folder)
		if err != nil || len(list) != 2 || list[0] != again || list[1] != b {
			t.Errorf("listed are %+v, %v", list, err)
		}
		if runtime.GOOS != "windows" {
			for path, want := range map[string]os.FileMode{s.o.Backups.Folder: 0o700, b.File: 0o600} {
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
					t.Errorf("the mode of %s is %v, %v", path, info.Mode(), err)
				}
			}
		}
	})
}

// TestOldBackupsAreRemoved checks that only the configured number of backups stays, and that only
// backups of this state are removed: files with another name, unreadable ones and those of
// another state stay.
func TestOldBackupsAreRemoved(t *testing.T) {
	s := newFixture(t)
	other := newFixture(t)
	other.o.Backups = s.o.Backups
	other.Add(-365 * 24 * time.Hour)
	other.with(func(st *store.Store) { other.backup(st) })
	strangers := []string{"balansd.db", "balansd-20200101T000000Z.db.old", "balansd-20200101T000000Z-mine.db", "balansd-20200102T000000Z.db", "notes.txt"}
	for _, name := range strangers {
		if err := os.WriteFile(filepath.Join(s.o.Backups.Folder, name), []byte("not ours"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.with(func(st *store.Store) {
		for range 6 {
			s.Add(24 * time.Hour)
			s.backup(st)
		}
	})
	want := []string{"balansd-20260307T120000Z.db", "balansd-20260306T120000Z.db", "balansd-20260305T120000Z.db",
		"balansd-20250301T120000Z.db", "balansd-20200102T000000Z.db"}
	if got := s.list(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the backups are %v, want %v", got, want)
	}
	for _, name := range strangers {
		if _, err := os.Stat(filepath.Join(s.o.Backups.Folder, name)); err != nil {
			t.Error(err)
		}
	}
	// After the clock was set back, a copy has a name that sorts last. It must stay.
	s.Add(-10 * 24 * time.Hour)
	s.with(func(st *store.Store) {
		if b := s.backup(st); b.Problem != "" {
			t.Error(b)
		} else if _, err := store.VerifyBackup(t.Context(), b.File); err != nil {
			t.Error(err)
		}
	})
	list, err := store.ListBackups(s.o.Backups.Folder)
	if err != nil || len(list) != 5 || list[4].Problem == "" || list[3].Problem != "" {
		t.Errorf("the backups are %+v, %v", list, err)
	}
}

// TestBackupsOfAClockAheadAreRemovedFirst checks that backups are ordered by the last change in
// them, not by the clock when they were made.
func TestBackupsOfAClockAheadAreRemovedFirst(t *testing.T) {
	s := newFixture(t)
	ahead := 400 * 24 * time.Hour
	s.with(func(st *store.Store) {
		s.Add(ahead)
		for range 4 {
			s.add(st, 1)
			s.backup(st)
			s.Add(24 * time.Hour)
		}
		s.Add(-ahead)
		for range 4 {
			s.add(st, 1)
			s.backup(st)
			s.Add(24 * time.Hour)
		}
	})
	want := []string{"balansd-20260308T120000Z.db", "balansd-20260307T120000Z.db", "balansd-20260306T120000Z.db"}
	if got := s.list(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the backups are %v, want %v", got, want)
	}
}

// TestBackupsAtOnce makes backups while the ledger is written. Each is complete and has no
// less than the one before.
func TestBackupsAtOnce(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.o.Backups.Keep = 100
	var made [2][]ledger.Backup
	s.with(func(st *store.Store) {
		var wg sync.WaitGroup
		wg.Go(func() { s.add(st, 40) })
		for i := range made {
			wg.Go(func() {
				for range 8 {
					b, err := st.Backup(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					made[i] = append(made[i], b)
				}
			})
		}
		wg.Wait()
	})
	for _, list := range made {
		var last uint64
		for _, b := range list {
			if got, err := store.VerifyBackup(t.Context(), b.File); err != nil || got != b || b.Changes < last {
				t.Errorf("%+v is %+v, %v", b, got, err)
			}
			last = b.Changes
		}
	}
	if got := s.list(); len(got) != 16 {
		t.Errorf("%d backups", len(got))
	}
}

func TestBackupFolderRefused(t *testing.T) {
	s := newFixture(t)
	if err := os.WriteFile(s.o.Backups.Folder, []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.with(func(st *store.Store) {
		_, err := st.Backup(t.Context())
		wantCode(t, err, problem.StateUnwritable, s.o.Backups.Folder)
	})
	_, err := store.ListBackups(s.o.Backups.Folder)
	wantCode(t, err, problem.NotAllowed, s.o.Backups.Folder)
}

// TestPartialBackupsAreRemoved checks that the first backup of the next day removes the partial
// file of a crash.
func TestPartialBackupsAreRemoved(t *testing.T) {
	s := newFixture(t)
	left := filepath.Join(s.o.Backups.Folder, ".balansd-being-made-20260301T000000Z-1")
	s.with(func(st *store.Store) {
		s.backup(st)
		if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, age := range []time.Duration{time.Hour, 25 * time.Hour} {
			made := s.Now().Add(-age)
			if err := os.Chtimes(left, made, made); err != nil {
				t.Fatal(err)
			}
			s.backup(st)
			if _, err := os.Stat(left); os.IsNotExist(err) != (age > 24*time.Hour) {
				t.Errorf("at the age of %s: %v", age, err)
			}
		}
	})
}

// TestChangedBackup changes single bytes, and cuts the file at many offsets. Each such
// file is refused, or has the same content.
func TestChangedBackup(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	b := s.addAndBackup(2)
	good, err := os.ReadFile(b.File)
	if err != nil {
		t.Fatal(err)
	}
	refused, equal := 0, 0
	path := filepath.Join(damagedDir(t), "changed.db")
	try := func(what string, at int, bad []byte) {
		t.Helper()
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := store.VerifyBackup(t.Context(), path)
		if err != nil {
			wantCode(t, err, problem.StateDamaged, path)
			refused++
			return
		}
		equal++
		state, err := store.Open(store.Options{Path: path, ReadOnly: true})
		if err != nil {
			t.Fatalf("%s %d: %v", what, at, err)
		}
		defer func() { _ = state.Close() }()
		for i := uint64(1); i <= 2; i++ {
			v, err := state.Values(t.Context(), i)
			if e, entryErr := state.Entry(t.Context(), i); err != nil || entryErr != nil || e.State != ledger.Done || v.Hash() != e.ValuesHash {
				t.Fatalf("%s %d: entry %d is %+v, %v, %v", what, at, i, e, entryErr, err)
			}
		}
	}
	step := 11 // odd, so that each bit of a byte gets a turn
	if testenv.Asked(t, testenv.Thorough) {
		step = 1
	}
	for at := 0; at < len(good); at += step {
		bad := bytes.Clone(good)
		bad[at] ^= 1 << (at % 8)
		try("bit flipped in byte", at, bad)
	}
	for at := 0; at < len(good); at += 97 * step {
		try("cut at byte", at, good[:at])
	}
	for at := len(good) - 100; at < len(good); at++ {
		bad := bytes.Clone(good)
		bad[at] ^= 0x20
		try("byte changed", at, bad)
		try("cut at byte", at, good[:at])
	}
	t.Logf("%d refused, %d equal", refused, equal)
	if refused < len(good)/step-100 {
		t.Errorf("only %d of the changes were refused", refused)
	}
	_, err = store.VerifyBackup(t.Context(), b.File+".not")
	wantCode(t, err, problem.NotFound, "backup list")
}
