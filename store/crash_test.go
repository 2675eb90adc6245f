package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"balansd/ledger"
	"balansd/store"
)

// writeUntilKilled delivers made-up balances with four workers and reports each entry's
// state and version after it was saved.
func writeUntilKilled(path string) error {
	s, err := store.Open(store.Options{Path: path, KeyPath: path + ".key"})
	if err != nil {
		return err
	}
	ctx := context.Background()
	var told sync.Mutex
	out := bufio.NewWriter(os.Stdout)
	tell := func(format string, args ...any) {
		told.Lock()
		defer told.Unlock()
		_, _ = fmt.Fprintf(out, format+"\n", args...)
		_ = out.Flush()
	}
	first := 0
	for e, err := range s.Entries(ctx, ledger.Query{Limit: 1}) {
		if err != nil {
			return err
		}
		first = int(e.Number)
	}
	for n := first; ; n += 4 {
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				at := n + i
				c := ledger.Connection{ID: listed(0).Connection, Cursor: fmt.Sprint(at)}
				fresh, _, err := s.Record(ctx, c, []ledger.Entry{listed(at)})
				if err != nil {
					tell("error: record %d: %v", at, err)
				}
				if len(fresh) == 0 {
					return // saved by the previous child
				}
				tell("%d found", fresh[0].Number)
				if err := s.Secrets().Put(ctx, "token", fmt.Append(nil, fresh[0].Number)); err != nil {
					tell("error: secret: %v", err)
				}
				if err := deliver(ctx, s, fresh[0]); err != nil {
					tell("error: deliver %d: %v", fresh[0].Number, err)
				}
				tell("%d done", fresh[0].Number)
			})
		}
		wg.Wait()
	}
}

// TestKill kills a writing process at random moments. Afterwards everything that it
// reported as saved is there, and the file is valid.
func TestKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "balansd.db")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kept := map[uint64]ledger.State{}
	for round := range rounds(t, 15) {
		c := startChild(t, "write", path)
		lines := random.IntN(60) // in the first round it may die before its first line
		for read := 0; (read < lines || round == 0 && read == 0 && lines > 0) && c.lines.Scan(); read++ {
			note(t, kept, c.lines.Text())
		}
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for c.lines.Scan() { // what it reported before it died
			note(t, kept, c.lines.Text())
		}
		_ = c.cmd.Wait()
		verify(t, path, kept)
	}
	if len(kept) == 0 {
		t.Error("nothing was ever kept")
	}
}

func note(t *testing.T, kept map[uint64]ledger.State, line string) {
	t.Helper()
	var n uint64
	var state ledger.State
	if _, err := fmt.Sscanf(line, "%d %s", &n, &state); err != nil {
		t.Fatalf("the child says %q", line)
	}
	kept[n] = state
}

// verify opens the file after a crash and checks that everything reported as saved is
// there.
func verify(t *testing.T, path string, kept map[uint64]ledger.State) {
	t.Helper()
	s, err := store.Open(store.Options{Path: path, KeyPath: path + ".key"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	ctx := t.Context()
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
	for n, state := range kept {
		e, err := s.Entry(ctx, n)
		if err != nil {
			t.Fatalf("entry %d was kept as %s: %v", n, state, err)
		}
		if state == ledger.Done && e.State != ledger.Done {
			t.Errorf("entry %d was done and is %s", n, e.State)
		}
		if e.Target == nil {
			continue
		}
		w, err := s.Written(ctx, *e.Target)
		if err != nil || len(w.Confirmed)+len(w.Intended) == 0 || (e.State == ledger.Done) != (len(w.Confirmed) > 0) {
			t.Errorf("entry %d is %s and its place holds %v, %v", n, e.State, w, err)
		}
	}
	counts, err := s.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	have := map[ledger.State]int{}
	for e, err := range s.Entries(ctx, ledger.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		have[e.State]++
	}
	if fmt.Sprint(have) != fmt.Sprint(counts) {
		t.Errorf("counts say %v, the entries %v", counts, have)
	}
	if _, err := s.Secrets().Get(ctx, "token"); err != nil {
		t.Error(err)
	}
}
