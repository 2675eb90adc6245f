package finbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"balansd/finbox"
)

const connectionID = "6f1c0a52-8d3e-4b7a-9c55-0f2f8f6f1a11"

// scriptedServer is a Finbox whose responses a test scripts, also in violation of the
// contract.
type scriptedServer struct {
	*httptest.Server
	mu    sync.Mutex
	calls []*http.Request // of the API
	token int             // tokens issued
}

func newScriptedServer(t *testing.T, api http.HandlerFunc) *scriptedServer {
	t.Helper()
	f := &scriptedServer{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		f.token++
		n := f.token
		f.mu.Unlock()
		writeJSON(w, map[string]any{"access_token": fmt.Sprintf("token-%d", n), "token_type": "bearer", "expires_in": 3600})
	})
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.calls = append(f.calls, r)
		f.mu.Unlock()
		api(w, r)
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func (f *scriptedServer) config() finbox.Config {
	return finbox.Config{BaseURL: f.URL, TokenURL: f.URL + "/token", ClientID: "firm", ClientSecret: "secret",
		Overlap: 24 * time.Hour, HTTP: f.Client()}
}

func (f *scriptedServer) connect(t *testing.T, change ...func(*finbox.Config)) *finbox.Connection {
	t.Helper()
	cfg := f.config()
	for _, c := range change {
		c(&cfg)
	}
	c, err := finbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c.Connection(connectionID)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// item is one item of the listing, as the contract has it.
type item map[string]any

func newItem(id string, created time.Time) item {
	return item{
		"id": id, "revision": "1", "dossier_id": "dos-1", "affiliation_number": "1AB1234",
		"enterprise_number": "BE 0402.754.886", "dossier_name": "Bakkerij Peeters",
		"fiscal_year": map[string]any{"start": "2024-01-01", "end": "2024-12-31"}, "model": "abbreviated",
		"created_at": created.Format(time.RFC3339Nano), "media_types": []string{"text/csv"},
		"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	}
}

func (i item) with(field string, v any) item {
	i[field] = v
	return i
}

func (i item) without(field string) item {
	delete(i, field)
	return i
}

// page is a response of the listing.
func page(next string, items ...item) map[string]any {
	p := map[string]any{"items": append([]item{}, items...)}
	if next != "" {
		p["next_page_token"] = next
	}
	return p
}
