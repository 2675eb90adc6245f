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

// handlerDoer sends requests to a handler.
type handlerDoer struct{ http.Handler }

func (h handlerDoer) Do(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// TestDaemonOfAnotherState: a call for another state file is refused, by the daemon or
// by the client.
func TestDaemonOfAnotherState(t *testing.T) {
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "a é", "balansd.db"), filepath.Join(dir, "b", "balansd.db")
	api := fakeAPI{&daemontest.API{}}
	h := New(Config{API: api, StateFile: ours, Log: zerolog.Nop()})
	// Earlier versions do not name the state file.
	older := New(Config{API: api, Log: zerolog.Nop()})
	for name, tt := range map[string]struct {
		handler http.Handler
		wanted  string
		ok      bool
	}{
		"the same":        {h, ours, true},
		"written twice":   {h, filepath.Join(dir, "a é", ".", "balansd.db"), true},
		"another":         {h, theirs, false},
		"an older client": {h, "", true},
		"an older daemon": {older, theirs, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(api.Calls())
			_, err := newClient(handlerDoer{tt.handler}, tt.wanted).Sync(t.Context(), daemon.SyncRequest{}, nil)
			if tt.ok && err != nil || !tt.ok && !problem.Is(err, problem.NotAllowed) {
				t.Errorf("the call returns %v", err)
			}
			if called := len(api.Calls()) > before; called != tt.ok {
				t.Errorf("the daemon was called: %v", api.Calls())
			}
		})
	}
	// The client checks the answer of a daemon that ignores the header.
	ignoring := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del(stateHeader)
		h.ServeHTTP(w, r)
	})
	if _, err := newClient(handlerDoer{ignoring}, theirs).Firms(t.Context()); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("the client accepts the answer of another daemon: %v", err)
	}
}

// TestSameStateByTwoPaths has a symbolic link to the state file.
func TestSameStateByTwoPaths(t *testing.T) {
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
