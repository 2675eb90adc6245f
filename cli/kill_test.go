package cli

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/sandbox"
	"balansd/sandbox/faults"
)

// TestKillAtEveryCall kills runs at random calls, after the service has acted and before
// it replies. Then a run completes.
func TestKillAtEveryCall(t *testing.T) {
	t.Parallel()
	const kills, balances = 8, 30
	// The sandbox's clock moves on between the runs, so that tokens expire and their
	// renewal is among the calls.
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	f := newFixture(t, fixtureOptions{sandbox: sandbox.Options{Now: now}})
	f.link()
	if err := f.sandbox.FillWith(sandbox.FillOptions{Companies: balances, Dossiers: balances, Balances: balances, Model: balance.Full}); err != nil {
		t.Fatal(err)
	}
	chance := rand.New(rand.NewPCG(2, 26))
	killed := 0
	for range kills {
		var calls atomic.Int64
		at := 1 + chance.Int64N(60)
		reached, dead := make(chan struct{}), make(chan struct{})
		stopAt := func(faults.Call) {
			switch n := calls.Add(1); {
			case n == at:
				close(reached)
				fallthrough
			case n > at:
				<-dead // no reply is sent any more
			}
		}
		f.sandbox.Finbox.Faults().OnCall(stopAt)
		f.sandbox.Silverfin.Faults().OnCall(stopAt)
		p := f.start(nil, "sync")
		select {
		case <-reached:
			killed++
		case <-p.ended:
		}
		_ = p.cmd.Process.Kill()
		<-p.ended
		close(dead)
		ahead.Add(int64(3 * time.Hour))
	}
	f.sandbox.Finbox.Faults().OnCall(nil)
	f.sandbox.Silverfin.Faults().OnCall(nil)
	if killed < kills/2 {
		t.Errorf("only %d of %d runs were killed", killed, kills)
	}
	t.Logf("%d runs killed; then %v", killed, read[daemon.Status](t, f, f.run("status").code, "status").Counts)

	f.want(0, "", "sync")
	f.wantDelivered(balances)
	s := read[daemon.Status](t, f, 0, "status")
	if len(s.Firms) != 1 || s.Firms[0].Relink != "" {
		t.Errorf("the firm must be linked again: %+v", s.Firms)
	}
	f.want(0, "0 new", "sync")
}
