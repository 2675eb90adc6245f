package store_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"balansd/internal/testenv"
	"balansd/ledger"
	"balansd/store"
)

// restoreUntilKilled restores backups in a loop and reports each.
func restoreUntilKilled(path string) error {
	ctx := context.Background()
	folder := filepath.Join(filepath.Dir(path), "backups")
	list, err := store.ListBackups(folder)
	if err != nil {
		return err
	}
	list = list[len(list)-2:]
	for i := 0; ; i++ {
		_, _, err := store.Restore(ctx, store.Options{Path: path}, list[i%2].File, store.RestoreOptions{LoseNewer: true})
		if err != nil {
			return err
		}
		fmt.Println(list[i%2].Entries)
	}
}

// TestKilledRestore kills a restoring process at random moments. The state is then one of
// the two, complete, and each backup is valid.
func TestKilledRestore(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.o.Backups.Folder = ""
	s.with(func(st *store.Store) {
		for range 2 {
			s.add(st, 10)
			s.backup(st)
			s.Add(time.Hour)
		}
	})
	folder := filepath.Join(filepath.Dir(s.o.Path), "backups")
	for range rounds(t, 8) {
		killSoon(t, "restore", s.o.Path)
		s.with(func(st *store.Store) {
			if err := st.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := len(numbers(t, st.Entries(t.Context(), ledger.Query{}))); got != 10 && got != 20 {
				t.Errorf("%d entries", got)
			}
		})
		wantAlone(t, filepath.Dir(s.o.Path), "balansd.db", "backups")
		list, err := store.ListBackups(folder)
		if err != nil || len(list) < 2 {
			t.Fatal(list, err)
		}
		for _, b := range list {
			if _, err := store.VerifyBackup(t.Context(), b.File); err != nil {
				t.Error(err)
			}
		}
	}
}

// rounds returns the number of rounds of a random test: n when testenv.Thorough is asked
// for, else a third of it.
func rounds(t *testing.T, n int) int {
	t.Helper()
	if testenv.Asked(t, testenv.Thorough) {
		return n
	}
	return (n + 2) / 3
}

// killSoon runs a child that reports lines, and kills it at a random moment after some of
// them.
func killSoon(t *testing.T, job, path string) {
	t.Helper()
	c := startChild(t, job, path)
	for range 1 + rand.IntN(3) {
		if !c.lines.Scan() || strings.HasPrefix(c.lines.Text(), "error") {
			t.Fatalf("the child says %q", c.lines.Text())
		}
	}
	busy := make([]byte, 1<<16) // a random delay without a clock
	for range rand.IntN(400) {
		for i := range busy {
			busy[i] ^= byte(i)
		}
	}
	c.kill(t)
}

// wantAlone fails if a folder has other files than names.
func wantAlone(t *testing.T, dir string, names ...string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+f.Name()+" ") {
			t.Errorf("%s is left", f.Name())
		}
	}
}

// bloat makes a state file that is mostly free pages, by adding and removing large
// documents.
func (s *fixture) bloat(megabytes int) {
	s.t.Helper()
	s.with(func(st *store.Store) {
		s.add(st, 50)
		random := rand.NewChaCha8([32]byte{})
		for n := range uint64(megabytes) {
			document := make([]byte, 1<<20)
			_, _ = io.ReadFull(random, document)
			e, err := st.Entry(s.t.Context(), n+1)
			if err != nil {
				s.t.Fatal(err)
			}
			if _, err := st.Move(s.t.Context(), ledger.Move{Entry: e, Document: document}); err != nil {
				s.t.Fatal(err)
			}
		}
		s.Add(100 * 24 * time.Hour)
		gone, err := st.Prune(s.t.Context(), ledger.Retention{Documents: 24 * time.Hour}, s.Now())
		if err != nil || gone.Documents != megabytes {
			s.t.Fatal(gone, err)
		}
	})
}

func TestCompaction(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.bloat(12)
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(s.o.Path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before := size()
	if before < 12<<20 {
		t.Fatalf("the file has %d bytes only", before)
	}
	// Opening for reading does not compact.
	r, err := store.Open(store.Options{Path: s.o.Path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil || size() != before {
		t.Errorf("a reader changed the size to %d, %v", size(), err)
	}
	var said bytes.Buffer
	s.o.Log = zerolog.New(&said)
	if err := os.WriteFile(s.o.Path+".compact-1", []byte("left by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.with(func(st *store.Store) {
		if st.Size() > before/4 || !strings.Contains(said.String(), "the state file was compacted") {
			t.Errorf("of %d bytes are left %d, and the log says %s", before, st.Size(), said.String())
		}
		s.add(st, 5)
	})
	wantAlone(t, filepath.Dir(s.o.Path), "balansd.db")
	said.Reset()
	s.wantEntries(55)
	if said.Len() > 0 {
		t.Errorf("a file without free room was compacted: %s", said.String())
	}
}

// compactUntilKilled opens a file that needs compaction, in a loop.
func compactUntilKilled(path string) error {
	bloated, err := os.ReadFile(path + "-bloated")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for {
		if err := os.WriteFile(path+"-next", bloated, 0o600); err != nil {
			return err
		}
		if err := os.Rename(path+"-next", path); err != nil {
			return err
		}
		s, err := store.Open(store.Options{Path: path})
		if err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(out, "compacted")
		_ = out.Flush()
	}
}

func TestKilledCompaction(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.bloat(12)
	bloated := s.o.Path + "-bloated"
	if err := os.Rename(s.o.Path, bloated); err != nil {
		t.Fatal(err)
	}
	for range rounds(t, 6) {
		killSoon(t, "compact", s.o.Path)
		s.wantEntries(50)
		wantAlone(t, filepath.Dir(s.o.Path), "balansd.db", "balansd.db-bloated", "balansd.db-next", "backups")
	}
}
