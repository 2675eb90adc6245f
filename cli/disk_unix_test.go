//go:build unix

package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/ledger"
	"balansd/sandbox"
)

// TestDiskFull fills the disk during a run, so that the state file cannot grow. The run
// reports the file; with free space again, everything is delivered.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	const balances = 25
	f := newFixture(t, fixtureOptions{})
	f.link()
	o := sandbox.FillOptions{Companies: balances, Dossiers: balances, Balances: balances, Model: balance.Full}
	if err := f.sandbox.FillWith(o); err != nil {
		t.Fatal(err)
	}
	// Each time with a little more space, so that it is full at another step: while new
	// balances are recorded, and while they are delivered.
	for range 3 {
		info, err := os.Stat(f.stateFile())
		if err != nil {
			t.Fatal(err)
		}
		full := f.start([]string{fmt.Sprintf("%s=%d", fullDiskEnv, info.Size()+100<<10)}, "sync")
		code := full.wait()
		if code == 0 {
			break
		}
		want := f.stateFile() + " cannot be written: "
		if text := full.stderr.String(); code != 1 || !strings.Contains(text, want) || !strings.Contains(text, "What to do: Free space on its disk") {
			t.Errorf("a full disk ends the run with %d:\n%s%s", code, full.stdout, text)
		}
		counts := map[ledger.State]int{}
		for _, e := range f.entries() {
			counts[e.State]++
		}
		t.Logf("with a full disk: %v", counts)
	}
	f.want(0, "", "sync")
	f.wantDelivered(balances)
}
