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

// frozen is a daemon that takes every call and answers none, as one whose
// process was stopped.
type frozen struct{ called chan<- string }

func (f frozen) Do(r *http.Request) (*http.Response, error) {
	f.called <- r.URL.Path
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestStopOfAFrozenDaemonEnds is Ctrl-C where nobody says how the pass ended.
// Where it did not end, the bubble would be a deadlock.
func TestStopOfAFrozenDaemonEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		called := make(chan string, 2)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := NewClient(frozen{called}).Sync(ctx, daemon.SyncRequest{}, nil)
			done <- err
		}()
		first := <-called
		cancel()
		if d := cmp.Diff([]string{pathSync, pathSyncStop}, []string{first, <-called}); d != "" {
			t.Error(d)
		}
		if err := <-done; !errors.Is(err, context.Canceled) || !problem.Is(err, problem.DaemonDown) {
			t.Errorf("Sync gives %v", err)
		}
	})
}
