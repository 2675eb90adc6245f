package finbox_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"balansd/finbox"
	"balansd/ledger"
	"balansd/problem"
)

func TestParseConnectionID(t *testing.T) {
	for _, s := range []string{connectionID, " " + connectionID + "\r\n", "1AB1234._-", "6f1c", "a:b=c&dé%2F", strings.Repeat("é", 200)} {
		if id, err := finbox.ParseConnectionID(s); err != nil || id != strings.TrimSpace(s) {
			t.Errorf("%q: got %q, %v", s, id, err)
		}
	}
	tests := map[string]string{
		"":                         "is empty",
		" \t":                      "is empty",
		"6f1c0a52 8d3e":            "a blank inside",
		"6f1c0a52\u00a08d3e":       "a blank inside",
		"6f1c0a52\x008d3e":         "a control character",
		"6f1c\u200b0a52":           "a control character",
		strings.Repeat("a", 201):   "201 characters and may have at most 200",
		"https://finbox.example/a": "a '/' inside",
		"6f1c?lang=nl":             "a '?' inside",
		"6f1c#step2":               "a '#' inside",
		"..":                       "only points",
	}
	for s, want := range tests {
		_, err := finbox.ParseConnectionID(s)
		if p := problem.Of(err); p == nil || p.Code != problem.ConnectionID || !strings.Contains(p.What, want) || p.Next == "" {
			t.Errorf("%q: got %v, want a ConnectionID problem with %q", s, err, want)
		}
	}
}

func TestInvalidIDSendsNothing(t *testing.T) {
	f := newScriptedServer(t, func(http.ResponseWriter, *http.Request) {})
	client, err := finbox.New(f.config())
	if err != nil {
		t.Fatal(err)
	}
	c := client.Connection("two words")
	_, statusErr := c.Status(t.Context())
	_, listErr := firstPage(t, c, "")
	_, contentErr := c.Content(t.Context(), ledger.Listing{ID: "a", Revision: "1"})
	for _, err := range []error{statusErr, listErr, contentErr} {
		if !problem.Is(err, problem.ConnectionID) {
			t.Errorf("got %v, want a ConnectionID problem", err)
		}
	}
	if len(f.calls)+f.token != 0 {
		t.Error("somebody was called")
	}
}

func TestRefusals(t *testing.T) {
	answer := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	said := func(status int) http.HandlerFunc {
		return answer(status, "application/problem+json; charset=utf-8",
			`{"title": "No", "detail": "`+strings.Repeat("é", 300)+`\u001b[31m\nred"}`)
	}
	const html = "<html>canary</html>"
	tests := map[string]struct {
		api  http.HandlerFunc
		code problem.Code
		want string
	}{
		"401":          {said(401), problem.FinboxSignIn, "does not accept our sign-in"},
		"403":          {said(403), problem.FinboxRefused, "refuses us"},
		"404":          {said(404), problem.ConnectionID, "does not know connection"},
		"410":          {said(410), problem.ConnectionClosed, "has closed"},
		"400":          {said(400), problem.FinboxRefused, "status 400"},
		"429":          {said(429), problem.FinboxDown, "no time"},
		"500":          {answer(500, "text/html", html), problem.FinboxDown, "answered 500"},
		"503":          {said(503), problem.FinboxDown, "answered 503: No: éé"},
		"a web page":   {answer(200, "text/html; charset=utf-8", html), problem.FinboxDown, "a web page instead of data"},
		"cut short":    {answer(200, "application/json", `{"status": "act`), problem.FinboxDown, "form"},
		"odd status":   {answer(200, "application/json", `{"status": "sleeping"}`), problem.FinboxDown, "status that balansd does not know"},
		"too long":     {answer(200, "application/json", `"`+strings.Repeat("x", 17<<20)+`"`), problem.FinboxDown, "too long"},
		"odd redirect": {answer(304, "application/json", ""), problem.FinboxDown, "304"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newScriptedServer(t, tt.api).connect(t).Status(t.Context())
			p := problem.Of(err)
			if p == nil || p.Code != tt.code || !strings.Contains(p.What, tt.want) || p.Next == "" {
				t.Fatalf("got %v, want %s with %q", err, tt.code, tt.want)
			}
			if strings.ContainsAny(err.Error(), "\x1b\n") || strings.Contains(err.Error(), "canary") || len([]rune(p.What)) > 400 {
				t.Errorf("the message is not fit to be shown: %q", err)
			}
			if !strings.Contains(p.What, connectionID) {
				t.Errorf("the message names no connection: %q", p.What)
			}
			if got := errors.Is(err, ledger.ErrDeactivated); got != (tt.code == problem.ConnectionClosed) {
				t.Errorf("errors.Is ErrDeactivated: %v", got)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	f := newScriptedServer(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := f.connect(t).Status(t.Context()); !problem.Is(err, problem.FinboxDown) || strings.Contains(err.Error(), "/v1/") {
		t.Errorf("a lost answer: got %v", err)
	}
	f.Close()
	if _, err := f.connect(t).Status(t.Context()); !problem.Is(err, problem.FinboxDown) {
		t.Errorf("a server that is down: got %v", err)
	}
}

// TestConditionalStatus: a status that was told with an ETag is
// asked for with If-None-Match, also through another Connection of the id.
func TestConditionalStatus(t *testing.T) {
	status, tag := "active", `"v1"`
	bodies := 0
	f := newScriptedServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		bodies++
		writeJSON(w, map[string]any{"status": status, "start_date": "2025-11-28",
			"environment": map[string]any{"name": "Kantoor De Smet", "language": "FR"}})
	})
	client, err := finbox.New(f.config())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(active bool, wantBodies int) {
		t.Helper()
		s, err := client.Connection(connectionID).Status(t.Context())
		if err != nil || s.Active != active || s.Environment != "Kantoor De Smet" || s.Language != "fr" || s.StartDate.String() != "2025-11-28" {
			t.Errorf("got %+v, %v", s, err)
		}
		if bodies != wantBodies {
			t.Errorf("%d answers with a body, want %d", bodies, wantBodies)
		}
	}
	ask(true, 1)
	ask(true, 1)
	status, tag = "inactive", `"v2"`
	ask(false, 2)
	ask(false, 2)
}
