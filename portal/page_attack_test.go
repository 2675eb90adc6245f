package portal

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"
)

// TestNobodyEndsAnothersSignIn: an address of the callback that somebody sent a
// person does not end the sign-in to Silverfin that the person is half through.
func TestNobodyEndsAnothersSignIn(t *testing.T) {
	state := daemontest.Full[daemon.SignIn]().State
	for name, forged := range map[string][]string{
		"another state":         {"state", "other", "code", "theirs", "authorized_firm_id", "99"},
		"no state":              {"code", "theirs"},
		"a refusal":             {"error", "access_denied"},
		"an error of elsewhere": {"error", "server_error", "state", "other"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &stubAPI{}
			f := newStubFixture(t, d)
			ann := f.signedIn(annName)
			ann.post("/connection/silverfin", "firm", "12")
			ann.post("/connection/silverfin/end", forged...)
			if n := len(d.callsOf("EndSilverfin")); n != 0 {
				t.Fatalf("%d sign-ins were ended", n)
			}
			ann.post("/connection/silverfin/end", "state", state, "code", "abc", "authorized_firm_id", "12")
			if n := len(d.callsOf("EndSilverfin")); n != 1 {
				t.Error("the person's own sign-in was lost")
			}
		})
	}
}

// TestImpatienceHidesNoPass: whoever presses the arrows again and again while a
// pass runs still sees how that one ends.
func TestImpatienceHidesNoPass(t *testing.T) {
	d := &stubAPI{}
	f := newStubFixture(t, d)
	begun, ended := make(chan struct{}), make(chan struct{})
	var later atomic.Bool
	release := make(chan struct{})
	d.Run = func(_ context.Context, _ daemon.SyncRequest, _ func(daemon.Progress)) (ledger.Run, error) {
		if later.Swap(true) {
			return ledger.Run{}, problem.New(problem.Busy, "another run is under way", "Wait.")
		}
		close(begun)
		<-release
		defer close(ended)
		return ledger.Run{Number: 7}, nil
	}
	ben := f.signedIn(benName)
	job := jobOf(t, ben.post("/sync"))
	<-begun
	for range maxJobs + 20 {
		if got := ben.post("/sync"); got.code != http.StatusSeeOther {
			t.Fatal(got.code)
		}
	}
	if got := ben.get(job); got.code != http.StatusOK || !strings.Contains(got.body, "every 1s") {
		t.Errorf("the pass that runs gives %d", got.code)
	}
	close(release)
	<-ended
}
