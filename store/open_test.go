package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/ledger"
	"balansd/problem"
	"balansd/store"
)

func TestOpenMakesAFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "of balansd")
	path := filepath.Join(dir, "balansd.db")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// The file of a first creation that crashed half way.
	if err := os.WriteFile(path+".init-123", []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	if s.Path() != path || s.Size() == 0 {
		t.Errorf("path %s, size %d", s.Path(), s.Size())
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v, %v; want the state file alone", files, err)
	}
}

// TestOpenConcurrently has several openers create the same file at once. The result is one
// state.
func TestOpenConcurrently(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.db")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := store.Open(store.Options{Path: path, Timeout: time.Minute})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.SaveConnection(t.Context(), ledger.Connection{ID: strconv.Itoa(i)}); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if cs, err := openAt(t, path).Connections(t.Context()); err != nil || len(cs) != 8 {
		t.Errorf("%d of 8 connections are there, %v", len(cs), err)
	}
}

func TestCreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.db")
	for i, version := range []string{"1.0.0", "1.1.0"} { // an update does not count as a new installation
		at := noon.Add(time.Duration(i) * time.Hour)
		s, err := store.Open(store.Options{Path: path, Version: version, Now: func() time.Time { return at }})
		if err != nil {
			t.Fatal(err)
		}
		if created, err := s.Created(t.Context()); err != nil || !created.Equal(noon) {
			t.Errorf("with version %s it was created %v, %v", version, created, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.db")
	_, err := store.Open(store.Options{Path: path, ReadOnly: true})
	wantCode(t, err, problem.NotFound, path)
	s := openAt(t, path)
	record(t, s, found("A", "1", "D1", "x"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // two readers at once
		r, err := store.Open(store.Options{Path: path, ReadOnly: true, Version: "another"})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		if got := numbers(t, r.OpenEntries(t.Context())); len(got) != 1 {
			t.Errorf("%d entries", len(got))
		}
		wantCode(t, r.SaveConnection(t.Context(), ledger.Connection{ID: "C9"}), problem.StateUnwritable, path)
	}
}

func TestLockedStateNamesItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.db")
	child := startChild(t, "hold", path)
	child.waitFor(t, "ready")
	_, err := store.Open(store.Options{Path: path, Timeout: 10 * time.Millisecond})
	wantCode(t, err, problem.StateLocked, path, strconv.Itoa(child.cmd.Process.Pid), "balansd run")
	child.kill(t)
	// The lock file of a killed process does not prevent opening.
	s := openAt(t, path)
	if err := os.Remove(path + ".pid"); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(store.Options{Path: path, Timeout: 10 * time.Millisecond})
	wantCode(t, err, problem.StateLocked, "another process")
	_ = s.Close()
}

func TestDamaged(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "balansd.db")
	s := openAt(t, whole)
	var page []ledger.Entry
	for i := range 300 {
		page = append(page, listed(i))
	}
	record(t, s, page...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	cut := map[string][]byte{
		"empty":       {},
		"text":        []byte(strings.Repeat("This is no state file. ", 1000)),
		"half":        good[:len(good)/2],
		"two pages":   good[:2*os.Getpagesize()],
		"zeros":       make([]byte, len(good)),
		"short":       good[:100],
		"pages wiped": append(append([]byte{}, good[:2*os.Getpagesize()]...), make([]byte, len(good)-2*os.Getpagesize())...),
	}
	for name, text := range cut {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(damagedDir(t), "balansd.db")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := store.Open(store.Options{Path: path})
			wantCode(t, err, problem.StateDamaged, path, "backup")
			// The file is unchanged, and no longer held open.
			now, err := os.ReadFile(path)
			if runtime.GOOS == "windows" && len(now) > len(text) {
				// On Windows bbolt extends the file to the size of the map.
				now = bytes.TrimRight(now, "\x00")
				text = bytes.TrimRight(text, "\x00")
			}
			if err != nil || !bytes.Equal(now, text) {
				t.Errorf("the damaged file was changed: %v", err)
			}
			_, err = store.Open(store.Options{Path: path, Timeout: 10 * time.Millisecond})
			wantCode(t, err, problem.StateDamaged)
		})
	}
}

// damagedDir returns a folder for a damaged file. On Windows bbolt's mapping outlives its
// panic and keeps the file from being removed, so the folder is left in the folder for
// temporary files.
func damagedDir(t *testing.T) string {
	if runtime.GOOS != "windows" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("", "balansd-damaged-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestDamageAfterOpening overwrites each page in turn. Whatever is read then is correct or a
// StateDamaged problem, never a crash.
func TestDamageAfterOpening(t *testing.T) {
	t.Parallel()
	whole := filepath.Join(t.TempDir(), "balansd.db")
	s := openAt(t, whole)
	var page []ledger.Entry
	for i := range 100 {
		page = append(page, listed(i))
	}
	for _, e := range record(t, s, page...) {
		if err := deliver(t.Context(), s, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	size, seen := os.Getpagesize(), 0
	for at := 0; at < len(good); at += size {
		bad := append([]byte{}, good...)
		for i := range size {
			bad[at+i] ^= 0xa5
		}
		path := filepath.Join(damagedDir(t), "balansd.db")
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(store.Options{Path: path})
		if err == nil {
			for _, walked := range s.Entries(t.Context(), ledger.Query{}) {
				err = walked
			}
			if err == nil {
				_, err = s.History(t.Context(), 50)
			}
			if err == nil {
				_, err = s.Move(t.Context(), ledger.Move{Entry: listed(0)})
				if problem.Is(err, problem.NotFound) {
					err = nil // entry 0 does not exist
				}
			}
			if checked := s.Check(t.Context()); err == nil {
				err = checked
			}
			_ = s.Close()
		}
		if err != nil {
			wantCode(t, err, problem.StateDamaged)
			seen++
		}
	}
	if seen < 20 {
		t.Errorf("damage was seen on %d pages alone", seen)
	}
}

// TestInterruptedReplacement checks that no new state is created when the state was moved away
// to be replaced, and the replacement was interrupted.
func TestInterruptedReplacement(t *testing.T) {
	s := newFixture(t)
	s.with(func(st *store.Store) { s.add(st, 2) })
	if err := os.Rename(s.o.Path, s.o.Path+".away"); err != nil {
		t.Fatal(err)
	}
	s.wantEntries(2)
	if err := os.WriteFile(s.o.Path+".away", []byte("the one before"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.wantEntries(2)
	wantAlone(t, filepath.Dir(s.o.Path), "balansd.db")
}
