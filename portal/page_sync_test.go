package portal

import (
	"context"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
)

// The second button asks for everything from the beginning, the first one and the
// arrows of a dossier do not.
func TestSyncAsksForEverything(t *testing.T) {
	for full, want := range map[string]bool{"": false, "1": true} {
		asked := make(chan daemon.SyncRequest, 1)
		d := &stubAPI{}
		f := newStubFixture(t, d)
		d.Run = func(_ context.Context, r daemon.SyncRequest, _ func(daemon.Progress)) (ledger.Run, error) {
			asked <- r
			return ledger.Run{}, nil
		}
		f.signedIn(benName).post("/sync", "full", full)
		if r := <-asked; r.Full != want || r.By != benName {
			t.Errorf("with full=%q: %+v", full, r)
		}
	}
}
