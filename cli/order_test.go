package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// orderEnv makes a process of this test binary execute an order, in JSON, instead of a
// command: commands use the machine's clock and cannot be ended at a chosen change of the
// state.
const orderEnv = "BALANSD_CLI_TEST_ORDER"

// order is what a process does with a state.
type order struct {
	Config  string
	Ahead   time.Duration // how far its clock is ahead of the machine's
	Workers int
	Check   bool   // read the whole state, instead of a nightly run
	Point   string // where the process kills itself; empty for nowhere
	Nth     int    // at which time it reaches Point, from 1
}

// orderOutcome is the result of an order.
type orderOutcome struct {
	Ran   bool // a nightly run began
	Code  problem.Code
	Error string
	Log   string // warnings and errors
}

// runSteps executes an order, prints its outcome, and returns the exit code of the
// process.
func runSteps(text string) int {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 70
	}
	if err := json.NewEncoder(os.Stdout).Encode(o.do(context.Background())); err != nil {
		return 70
	}
	return 0
}

// do executes the order in this process.
func (o order) do(ctx context.Context) (out orderOutcome) {
	fail := func(err error) {
		if err != nil && out.Code == "" {
			out.Code, out.Error = problem.Of(err).Code, err.Error()
		}
	}
	var log bytes.Buffer
	defer func() { out.Log = log.String() }()
	n, err := o.open(ctx, zerolog.New(zerolog.SyncWriter(&log)).Level(zerolog.WarnLevel))
	if err != nil {
		fail(err)
		return out
	}
	defer func() { fail(n.Close()) }()
	if o.Check {
		fail(n.store.Check(ctx))
		return out
	}
	out.Ran, err = n.RunNight(ctx)
	fail(err)
	return out
}

// open returns a node with the clock of the order, which kills the process at the order's
// kill point.
func (o order) open(ctx context.Context, log zerolog.Logger) (*node, error) {
	cfg, err := config.Load(config.LoadOptions{Path: o.Config})
	if err != nil {
		return nil, err
	}
	n, err := newNode(ctx, cfg, nodeOptions{version: "test", process: "a test", log: log, workers: o.Workers,
		now: func() time.Time { return time.Now().Add(o.Ahead) }})
	if err != nil || o.Point == "" {
		return n, err
	}
	dc, sf, err := n.wire(cfg)
	if err != nil {
		_ = n.Close()
		return nil, err
	}
	dc.Store = mortal{n.store, &deadline{point: o.Point, left: max(o.Nth, 1)}}
	n.silverfin, n.Daemon = sf, daemon.New(dc)
	if err := n.Prepare(ctx); err != nil {
		_ = n.Close()
		return nil, err
	}
	return n, nil
}

// mortal is a store that kills the process at a change: before it is made, or once it is
// on disk.
type mortal struct {
	daemon.Store
	end *deadline
}

// deadline counts how often a point is reached.
type deadline struct {
	point string

	mu   sync.Mutex
	left int
}

func (d *deadline) reach(point string) {
	d.mu.Lock()
	defer d.mu.Unlock() // concurrent changes of the state wait here for the end
	if point != d.point {
		return
	}
	if d.left--; d.left > 0 {
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {}
}

func (k mortal) around(name string, change func() error) error {
	k.end.reach("before " + name)
	err := change()
	k.end.reach("after " + name)
	return err
}

func (k mortal) Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) (added, updated []ledger.Entry, err error) {
	err = k.around("Record", func() error { added, updated, err = k.Store.Record(ctx, c, found); return err })
	return added, updated, err
}

func (k mortal) Move(ctx context.Context, steps ...ledger.Move) (moved []ledger.Entry, err error) {
	err = k.around("Move", func() error { moved, err = k.Store.Move(ctx, steps...); return err })
	return moved, err
}

func (k mortal) BeginRun(ctx context.Context, p ledger.Run) (begun ledger.Run, err error) {
	err = k.around("BeginRun", func() error { begun, err = k.Store.BeginRun(ctx, p); return err })
	return begun, err
}

func (k mortal) EndRun(ctx context.Context, p ledger.Run) error {
	return k.around("EndRun", func() error { return k.Store.EndRun(ctx, p) })
}

func (k mortal) UpdateConnection(ctx context.Context, id string, change func(*ledger.Connection)) error {
	return k.around("UpdateConnection", func() error { return k.Store.UpdateConnection(ctx, id, change) })
}

func (k mortal) UpdateFirm(ctx context.Context, id int64, change func(*ledger.Firm)) error {
	return k.around("UpdateFirm", func() error { return k.Store.UpdateFirm(ctx, id, change) })
}

func (k mortal) Backup(ctx context.Context) (b ledger.Backup, err error) {
	err = k.around("Backup", func() error { b, err = k.Store.Backup(ctx); return err })
	return b, err
}

func (k mortal) Prune(ctx context.Context, r ledger.Retention, now time.Time) (p ledger.Pruned, err error) {
	err = k.around("Prune", func() error { p, err = k.Store.Prune(ctx, r, now); return err })
	return p, err
}
