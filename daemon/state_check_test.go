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
	fx, _ := withFolder(t)
	fails := 2
	fx.reopenWith(func(k daemon.Store) daemon.Store { return configures{k, &fails} })
	before, err := fx.store.Connections(t.Context())
	fx.must(err)
	next := daemon.Config{Store: configures{fx.store, &fails}, Now: fx.clock, Schedule: daemon.Schedule{Location: time.UTC},
		Folders: []ledger.Connection{{ID: "other", Kind: ledger.Folder, Name: "other"}},
		Links:   []ledger.DossierLink{{Connection: "other", DossierID: "D"}}}
	settle := func(context.Context) error { return nil }
	if err := fx.d.Reconfigure(t.Context(), next, settle); !problem.Is(err, problem.StateUnwritable) {
		t.Fatalf("the reload gives %v", err)
	}
	after, err := fx.store.Connections(t.Context())
	fx.must(err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("a reload that failed changed the state:\n%s", diff)
	}
	// Whoever asked may be gone in the middle: it is done all the same.
	gone, cancel := context.WithCancel(t.Context())
	if err := fx.d.Reconfigure(gone, next, func(context.Context) error { cancel(); return nil }); err != nil {
		t.Fatal(err)
	}
	links, err := fx.store.Links(t.Context())
	fx.must(err)
	after, err = fx.store.Connections(t.Context())
	fx.must(err)
	removed := slices.ContainsFunc(after, func(c ledger.Connection) bool { return c.ID == "map" && c.Status == ledger.Removed })
	added := slices.ContainsFunc(after, func(c ledger.Connection) bool { return c.ID == "other" && c.Status == ledger.Active })
	if !removed || !added || len(links) != 1 || !links[0].Configured {
		t.Errorf("the new configuration left %+v, %+v", after, links)
	}
}

// wantStateTold fails unless the status, and the newest run, tell a problem of the
// state, or neither does.
func (fx *fixture) wantStateTold(code problem.Code, told bool) {
	fx.t.Helper()
	s, err := fx.d.Status(fx.t.Context())
	fx.must(err)
	inStatus := slices.ContainsFunc(s.State, func(p daemon.StateProblem) bool { return p.Code == string(code) && p.What != "" && p.Next != "" })
	inRun := s.LastRun != nil && slices.ContainsFunc(s.LastRun.ProblemCodes, func(x ledger.ProblemCode) bool { return x.Code == string(code) })
	if inStatus != told || inRun != told {
		fx.t.Errorf("%s is told by the status %v and by the run %v, want %v: %+v", code, inStatus, inRun, told, s.State)
	}
}

// TestDataKeyGone: a run with nothing to do, and the status, tell at once that the
// data key is gone, also where this process still knows it.
func TestDataKeyGone(t *testing.T) {
	fx := newFixture(t)
	fx.sync()
	fx.wantStateTold(problem.KeyInvalid, false)
	key := filepath.Join(fx.dir, "state.key")
	fx.must(os.Rename(key, key+".away"))
	fx.sync()
	fx.wantStateTold(problem.KeyInvalid, true)
	fx.must(os.Rename(key+".away", key))
	fx.later(time.Minute)
	fx.sync()
	fx.wantStateTold(problem.KeyInvalid, false)
}

// TestDamagedStateIsTold flips a bit of a row that no run reads: a run by hand and
// the status tell it.
func TestDamagedStateIsTold(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantStateTold(problem.StateDamaged, false)
	fx.must(fx.store.Close())
	path := filepath.Join(fx.dir, "state.db")
	text, err := os.ReadFile(path)
	fx.must(err)
	at := bytes.LastIndex(text, []byte("\x1f\x8b")) // a document
	if at < 0 {
		t.Fatal("no document is in the state")
	}
	text[at+20] ^= 1
	fx.must(os.WriteFile(path, text, 0o600))
	fx.open(fx.fbURL, fx.sfURL)
	s, err := fx.d.Status(t.Context())
	fx.must(err)
	if len(s.State) != 1 || !strings.Contains(s.State[0].Next, "backup restore") {
		t.Errorf("the status says %+v", s.State)
	}
	_, err = fx.d.Sync(t.Context(), daemon.SyncRequest{}, nil)
	if err != nil && !problem.Is(err, problem.NeedsPerson) && !errors.Is(err, context.Canceled) {
		fx.must(err)
	}
	fx.wantStateTold(problem.StateDamaged, true)
}
