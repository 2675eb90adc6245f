package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// configures fails the n-th time that a configuration is to be brought into the
// state, and when a single connection is saved.
type configures struct {
	daemon.Store
	fails *int
}

func (c configures) Configure(ctx context.Context, connections []ledger.Connection, links []ledger.DossierLink) error {
	if *c.fails--; *c.fails == 0 {
		return problem.New(problem.StateUnwritable, "the disk is full", "Make room.")
	}
	return c.Store.Configure(ctx, connections, links)
}

// TestFailedReloadLeavesTheState: a configuration that cannot be brought into the
// state leaves there what the old one, which stays in force, says.
func TestFailedReloadLeavesTheState(t *testing.T) {
	w, _ := withFolder(t)
	fails := 2
	w.respoil(func(k daemon.Store) daemon.Store { return configures{k, &fails} })
	before, err := w.keeper.Connections(t.Context())
	w.must(err)
	next := daemon.Config{Store: configures{w.keeper, &fails}, Now: w.clock, Night: daemon.Schedule{Location: time.UTC},
		Folders: []ledger.Connection{{ID: "other", Kind: ledger.Folder, Name: "other"}},
		Links:   []ledger.DossierLink{{Connection: "other", DossierID: "D"}}}
	settle := func(context.Context) error { return nil }
	if err := w.d.Reconfigure(t.Context(), next, settle); !problem.Is(err, problem.StateUnwritable) {
		t.Fatalf("the reload gives %v", err)
	}
	after, err := w.keeper.Connections(t.Context())
	w.must(err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("a reload that failed changed the state:\n%s", diff)
	}
	// Whoever asked may be gone in the middle: it is done all the same.
	gone, cancel := context.WithCancel(t.Context())
	if err := w.d.Reconfigure(gone, next, func(context.Context) error { cancel(); return nil }); err != nil {
		t.Fatal(err)
	}
	links, err := w.keeper.Links(t.Context())
	w.must(err)
	after, err = w.keeper.Connections(t.Context())
	w.must(err)
	removed := slices.ContainsFunc(after, func(c ledger.Connection) bool { return c.ID == "map" && c.Status == ledger.Removed })
	added := slices.ContainsFunc(after, func(c ledger.Connection) bool { return c.ID == "other" && c.Status == ledger.Active })
	if !removed || !added || len(links) != 1 || !links[0].Configured {
		t.Errorf("the new configuration left %+v, %+v", after, links)
	}
}

// wantStateTold fails unless the status, and the newest run, tell a problem of the
// state, or neither does.
func (w *world) wantStateTold(code problem.Code, told bool) {
	w.t.Helper()
	s, err := w.d.Status(w.t.Context())
	w.must(err)
	inStatus := slices.ContainsFunc(s.State, func(p daemon.StateProblem) bool { return p.Code == string(code) && p.What != "" && p.Next != "" })
	inRun := s.LastRun != nil && slices.ContainsFunc(s.LastRun.Troubles, func(x ledger.Trouble) bool { return x.Code == string(code) })
	if inStatus != told || inRun != told {
		w.t.Errorf("%s is told by the status %v and by the run %v, want %v: %+v", code, inStatus, inRun, told, s.State)
	}
}

// TestDataKeyGone: a run with nothing to do, and the status, tell at once that the
// data key is gone, also where this process still knows it.
func TestDataKeyGone(t *testing.T) {
	w := newWorld(t)
	w.sync()
	w.wantStateTold(problem.KeyInvalid, false)
	key := filepath.Join(w.dir, "state.key")
	w.must(os.Rename(key, key+".away"))
	w.sync()
	w.wantStateTold(problem.KeyInvalid, true)
	w.must(os.Rename(key+".away", key))
	w.later(time.Minute)
	w.sync()
	w.wantStateTold(problem.KeyInvalid, false)
}

// TestDamagedStateIsTold flips a bit of a row that no run reads: a run by hand and
// the status tell it.
func TestDamagedStateIsTold(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	w.sync()
	w.wantStateTold(problem.StateDamaged, false)
	w.must(w.keeper.Close())
	path := filepath.Join(w.dir, "state.db")
	text, err := os.ReadFile(path)
	w.must(err)
	at := bytes.LastIndex(text, []byte("\x1f\x8b")) // a document
	if at < 0 {
		t.Fatal("no document is in the state")
	}
	text[at+20] ^= 1
	w.must(os.WriteFile(path, text, 0o600))
	w.open(w.fbURL, w.sfURL)
	s, err := w.d.Status(t.Context())
	w.must(err)
	if len(s.State) != 1 || !strings.Contains(s.State[0].Next, "backup restore") {
		t.Errorf("the status says %+v", s.State)
	}
	_, err = w.d.Sync(t.Context(), daemon.SyncRequest{}, nil)
	if err != nil && !problem.Is(err, problem.NeedsPerson) && !errors.Is(err, context.Canceled) {
		w.must(err)
	}
	w.wantStateTold(problem.StateDamaged, true)
}
