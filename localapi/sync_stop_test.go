package localapi

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"balansd/daemon"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
)

// frozenDaemon accepts every call and answers none, as a suspended process does.
type frozenDaemon struct{ called chan<- string }

func (f frozenDaemon) Do(r *http.Request) (*http.Response, error) {
	f.called <- r.URL.Path
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestSyncStopWithFrozenDaemon is Ctrl-C where the daemon does not report how the run
// ended. If Sync did not return, synctest would report a deadlock.
func TestSyncStopWithFrozenDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		called := make(chan string, 2)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := newClient(frozenDaemon{called}, "").Sync(ctx, daemon.SyncRequest{}, nil)
			done <- err
		}()
		first := <-called
		cancel()
		if d := cmp.Diff([]string{pathSync, pathSyncStop}, []string{first, <-called}); d != "" {
			t.Error(d)
		}
		if err := <-done; !errors.Is(err, context.Canceled) || !problem.Is(err, problem.DaemonDown) {
			t.Errorf("Sync returns %v", err)
		}
	})
}
