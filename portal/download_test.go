package portal

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
)

// deadlineRecorder counts write deadlines.
type deadlineRecorder struct {
	*httptest.ResponseRecorder

	set       int
	unguarded bool // more than a chunk was written under one deadline
	since     int
}

func (d *deadlineRecorder) SetWriteDeadline(time.Time) error {
	d.set++
	d.since = 0
	return nil
}

func (d *deadlineRecorder) Write(text []byte) (int, error) {
	if d.since += len(text); d.since > chunkSize {
		d.unguarded = true
	}
	return d.ResponseRecorder.Write(text)
}

// largeDocumentAPI has a large document.
type largeDocumentAPI struct{ *stubAPI }

func (largeDocumentAPI) Document(context.Context, daemon.EntryRequest) (daemon.Document, error) {
	return daemon.Document{Name: "x", Data: make([]byte, 10*chunkSize+1)}, nil
}

// TestDownloadRenewsDeadline: each chunk of a file renews the deadline, so that a slow
// connection gets it whole.
func TestDownloadRenewsDeadline(t *testing.T) {
	d := largeDocumentAPI{&stubAPI{API: &daemontest.API{}}}
	for i := range 2000 {
		e := ledger.Entry{Number: uint64(i + 1), State: ledger.Done}
		e.Dossier.Name = strings.Repeat("x", 100)
		d.entries = append(d.entries, e)
	}
	f := newFixture(t, func(c *Config) { c.API = d })
	got := f.browser().post("/sign-in", "name", annName, "password", testPassword)
	for _, path := range []string{"/dossiers/7/document", "/dossiers.csv"} {
		r := httptest.NewRequest(http.MethodGet, f.server.URL+path, nil)
		r.AddCookie(cookieOf(got, "balansd"))
		rec := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
		f.web.ServeHTTP(rec, r)
		if size := rec.Body.Len(); rec.Code != http.StatusOK || size <= 10*chunkSize || rec.set < size/chunkSize || rec.unguarded {
			t.Errorf("%s: %d with %d bytes under %d deadlines", path, rec.Code, rec.Body.Len(), rec.set)
		}
	}
}
