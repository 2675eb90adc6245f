package finbox_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"balansd/finbox"
	"balansd/ledger"
	"balansd/problem"
)

// FuzzListing serves arbitrary listings. The client never panics, each error is a problem
// for a person, and what is listed fulfils the requirements of the ledger.
func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"items": []}`))
	f.Add([]byte(`{"items": [{"id": "sb-1", "revision": "1", "dossier_id": "d", "fiscal_year": {"start": "2024-01-01", "end": "2024-12-31"},
		"created_at": "2025-12-01T00:00:00+01:00", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}], "next_page_token": "a"}`))
	f.Add([]byte(`{"items": [{"id": 5}, null, [], "x"]}`))
	f.Add([]byte(`{"items": [{"id": "..", "created_at": "0000-01-01T00:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		answer := roundTrip(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/token" {
				return jsonResponse(map[string]any{"access_token": "t", "expires_in": 3600}), nil
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
				Body: io.NopCloser(bytes.NewReader(body))}, nil
		})
		c, err := finbox.New(finbox.Config{BaseURL: "http://finbox.example", TokenURL: "http://finbox.example/token",
			ClientID: "firm", ClientSecret: "secret", HTTP: &http.Client{Transport: answer}, Now: func() time.Time { return noon }})
		if err != nil {
			t.Fatal(err)
		}
		for p, err := range c.Connection(connectionID).List(t.Context(), "") {
			if err != nil {
				if _, ok := errors.AsType[*problem.Problem](err); !ok {
					t.Errorf("an error without a problem: %v", err)
				}
				continue
			}
			for _, l := range p.Listings {
				checkListing(t, l)
			}
		}
	})
}

func checkListing(t *testing.T, l ledger.Listing) {
	t.Helper()
	if l.ID == "" || l.Revision == "" || l.Dossier.ID == "" || len(l.SHA256) != 64 ||
		l.FiscalYear.End.IsZero() || l.FiscalYear.End.Before(l.FiscalYear.Start) {
		t.Errorf("listed without what is needed: %+v", l)
	}
}
