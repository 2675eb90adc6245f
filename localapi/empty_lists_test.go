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

// TestEmptyLists: a call that has nothing to list answers with empty lists, not with
// null.
func TestEmptyLists(t *testing.T) {
	cfg := Config{API: fakeAPI{&daemontest.API{Empty: true}}, Log: zerolog.Nop()}
	served := New(cfg)
	for path := range (&handler{}).handlers() {
		rec := httptest.NewRecorder()
		served.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, path, nil))
		if path == pathEntries || path == pathSync {
			continue // streams
		}
		if body := rec.Body.String(); strings.Contains(body, "null") {
			t.Errorf("%s answers %s", path, body)
		}
	}
}

// TestConnectionWithoutActivationDate leaves activated_at out.
func TestConnectionWithoutActivationDate(t *testing.T) {
	text, err := json.Marshal(ledger.Connection{ID: "folder"})
	if err != nil || strings.Contains(string(text), "activated_at") {
		t.Errorf("%s, %v", text, err)
	}
}
