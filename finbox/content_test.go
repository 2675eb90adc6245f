package finbox_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"balansd/finbox"
	"balansd/ledger"
	"balansd/problem"
)

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func document(kind, etag, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		if etag != "" {
			w.Header().Set("ETag", etag)
		}
		_, _ = w.Write([]byte(body))
	}
}

func TestContent(t *testing.T) {
	const csv, xbrl, pdf = "text/csv", "application/x.xbrl", "application/pdf"
	l := func(sum string, types ...string) ledger.Listing {
		return ledger.Listing{ID: "sb/1 é", Revision: "r?2", SHA256: sum, MediaTypes: types,
			Dossier: ledger.Dossier{ID: "dos-1", Name: "Bakkerij Peeters"}}
	}
	tests := map[string]struct {
		listing ledger.Listing
		api     http.HandlerFunc
		code    problem.Code
		want    string
	}{
		"as listed":          {l(sum("doc"), csv), document(csv, "", "doc"), "", ""},
		"damaged":            {l(sum("doc"), csv), document(csv, `"`+sum("dxc")+`"`, "dxc"), problem.Damaged, "arrived damaged"},
		"another form":       {l(sum("pdf"), pdf, xbrl), document(xbrl, `"`+sum("doc")+`"`, "doc"), "", ""},
		"another, damaged":   {l(sum("pdf"), pdf, xbrl), document(xbrl, `"`+sum("doc")+`"`, "dxc"), problem.Damaged, "arrived damaged"},
		"another, packed":    {l(sum("pdf"), pdf, xbrl), document(xbrl, `"`+sum("doc")+`-gzip"`, "doc"), "", ""},
		"another, marked":    {l(sum("pdf"), pdf, xbrl), document(xbrl, `W/"`+strings.ToUpper(sum("doc"))+`;br"`, "doc"), "", ""},
		"packed and damaged": {l(sum("pdf"), pdf, xbrl), document(xbrl, `"`+sum("doc")+`-gzip"`, "dxc"), problem.Damaged, "arrived damaged"},
		"another, unsummed":  {l(sum("pdf"), pdf, xbrl), document(xbrl, `"v1"`, "doc"), problem.Damaged, "arrived damaged"},
		"as large as may be": {l(sum("12345678"), csv), document(csv, "", "12345678"), "", ""},
		"too large":          {l(sum("123456789"), csv), document(csv, "", "123456789"), problem.Unreadable, "too large"},
		"a web page":         {l(sum("doc"), csv), document("text/html", "", "doc"), problem.FinboxDown, "a web page instead of data"},
		"cut short": {l(sum("doc"), csv), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("doc"))
		}, problem.Damaged, "incomplete"},
		"gone":     {l(sum("doc"), csv), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, problem.NotFound, "does not know"},
		"bad name": {ledger.Listing{ID: "..", Revision: "1"}, document(csv, "", ""), problem.NotFound, "no usable id"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newScriptedServer(t, tt.api)
			doc, err := f.connect(t, func(c *finbox.Config) { c.MaxDocument = 8 }).Content(t.Context(), tt.listing)
			if tt.code == "" {
				if err != nil || len(doc) == 0 {
					t.Errorf("got %q, %v", doc, err)
				}
				if got := f.calls[0].URL.EscapedPath(); got != "/v1/social-balances/sb%2F1%20%C3%A9/revisions/r%3F2/content" {
					t.Errorf("asked for %s", got)
				}
				return
			}
			if !problem.Is(err, tt.code) || !strings.Contains(err.Error(), tt.want) || doc != nil {
				t.Errorf("got %q, %v; want %s with %q", doc, err, tt.code, tt.want)
			}
			if tt.listing.Dossier.Name != "" && !strings.Contains(err.Error(), "Bakkerij Peeters") {
				t.Errorf("the message names no dossier: %v", err)
			}
		})
	}
}

func TestAcceptByPreference(t *testing.T) {
	tests := map[string]struct {
		offered []string
		want    string
	}{
		"nothing said":      {nil, "application/x.xbrl, text/csv;q=0.9, application/x.jsonxbrl;q=0.8"},
		"all":               {[]string{"application/pdf", "application/x.jsonxbrl", "text/csv; charset=utf-8", "application/x.xbrl"}, "application/x.xbrl, text/csv;q=0.9, application/x.jsonxbrl;q=0.8"},
		"PDF only":          {[]string{"application/pdf"}, "application/pdf"},
		"PDF and something": {[]string{"application/pdf", "application/xml"}, "application/xml"},
		"nonsense":          {[]string{"application/pdf", "a b\r\nX: y", "text/csv"}, "text/csv"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newScriptedServer(t, document("text/csv", "", "doc"))
			_, _ = f.connect(t).Content(t.Context(), ledger.Listing{ID: "a", Revision: "1", MediaTypes: tt.offered})
			if got := f.calls[0].Header.Get("Accept"); got != tt.want {
				t.Errorf("Accept: %q, want %q", got, tt.want)
			}
		})
	}
}
