package localapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"balansd/daemon/daemontest"
	"balansd/ledger"

	"github.com/rs/zerolog"
)

// TestListsAreLists: where there is nothing yet, each call answers with empty
// lists and not with null, which no program can walk.
func TestListsAreLists(t *testing.T) {
	cfg := Config{API: fakeAPI{&daemontest.API{Empty: true}}, Log: zerolog.Nop()}
	served := New(cfg)
	for path := range (&handler{}).handlers() {
		rec := httptest.NewRecorder()
		served.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, path, nil))
		if path == pathEntries || path == pathSync {
			continue // streams, of one thing a line
		}
		if body := rec.Body.String(); strings.Contains(body, "null") {
			t.Errorf("%s answers %s", path, body)
		}
	}
}

// TestAllIsNoDate: a connection whose balances all count has no day from which
// they do.
func TestAllIsNoDate(t *testing.T) {
	text, err := json.Marshal(ledger.Connection{ID: "folder"})
	if err != nil || strings.Contains(string(text), "activated_at") {
		t.Errorf("%s, %v", text, err)
	}
}
