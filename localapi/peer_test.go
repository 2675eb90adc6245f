package localapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// handled sends requests to a handler, as a client over a socket does.
type handled struct{ http.Handler }

func (h handled) Do(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// TestADaemonOfAnotherConfiguration refuses each call of a client that means
// another state, whichever of the two knows how to say so.
func TestADaemonOfAnotherConfiguration(t *testing.T) {
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "a é", "balansd.db"), filepath.Join(dir, "b", "balansd.db")
	api := fakeAPI{&daemontest.API{}}
	h := New(Config{API: api, StateFile: ours, Log: zerolog.Nop()})
	// An earlier version of either says nothing of its state.
	quiet := New(Config{API: api, Log: zerolog.Nop()})
	for name, tt := range map[string]struct {
		handler http.Handler
		means   string
		well    bool
	}{
		"the same":        {h, ours, true},
		"written twice":   {h, filepath.Join(dir, "a é", ".", "balansd.db"), true},
		"another":         {h, theirs, false},
		"an older client": {h, "", true},
		"an older daemon": {quiet, theirs, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(api.Calls())
			_, err := NewClient(handled{tt.handler}).For(tt.means).Sync(t.Context(), daemon.SyncRequest{}, nil)
			if tt.well && err != nil || !tt.well && !problem.Is(err, problem.NotAllowed) {
				t.Errorf("the call gives %v", err)
			}
			if heard := len(api.Calls()) > before; heard != tt.well {
				t.Errorf("the daemon heard %v", api.Calls())
			}
		})
	}
	// A daemon that does not look is told apart by what it answers.
	deaf := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del(stateHeader)
		h.ServeHTTP(w, r)
	})
	if _, err := NewClient(handled{deaf}).For(theirs).Firms(t.Context()); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("the client takes another daemon's answer: %v", err)
	}
}

// TestOneStateByTwoPaths is no other state.
func TestOneStateByTwoPaths(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "balansd.db"), filepath.Join(dir, "link.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		if errors.Is(err, os.ErrPermission) {
			t.Skip("links need a right on Windows that this account has not: run the tests as an administrator")
		}
		t.Fatal(err)
	}
	if err := otherState(file, link); err != nil {
		t.Error(err)
	}
}
