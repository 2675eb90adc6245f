package silverfin

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"balansd/internal/clip"
)

func same(s string) string { return s }

func TestErrorText(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":"no such period"}`:                              "no such period",
		`{"error":{"base":["locked","old"]}}`:                     "base locked; old",
		`{"error":{"message":"no"}}`:                              "message no",
		`{"errors":["a","b"]}`:                                    "a; b",
		`{"errors":{"value":["is bad"],"key":["is bad too"]}}`:    "key is bad too; value is bad",
		`{"errors":[{"title":"T","status":422}]}`:                 "status 422; title T",
		`{"error":"invalid_grant","error_description":"expired"}`: "invalid_grant: expired",
		`{"error_description":"expired"}`:                         "expired",
		`{"message":"too fast"}`:                                  "too fast",
		`{"error":null,"message":"m"}`:                            "m",
		`{"other":"x"}`:                                           `{"other":"x"}`,
		`["a","b"]`:                                               "a; b",
		`"plain"`:                                                 "plain",
		"not\tjson\x00 at\r\nall":                                 "not json at all",
		"":                                                        "",
		`{"error":`:                                               `{"error":`,
	} {
		if got := errorText([]byte(body), same); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func FuzzErrorText(f *testing.F) {
	for _, seed := range []string{`{"error":{"a":[1,true,null]}}`, "<html>", "\xff\xfe", strings.Repeat("[", 200), strings.Repeat("é", 500)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := errorText(body, same)
		if n := utf8.RuneCountInString(s); n > clip.MaxLine+1 || !utf8.ValidString(s) {
			t.Errorf("%d characters", n)
		}
		if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("not printable: %q", s)
		}
	})
}

func TestConceal(t *testing.T) {
	got := conceal("token abc-123 at code_1003: 114.4 is bad, -7 too, 1003 is a rubric", []string{"abc-123", ""}, []string{"114.4", "-7", "3"})
	if want := "token … at code_1003: … is bad, … too, 1003 is a rubric"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLockWords(t *testing.T) {
	for text, want := range map[string]bool{"Period is locked": true, "LOCK": true, "La période est verrouillée": true,
		"De periode is vergrendeld": true, "request blocked": false, "o'clock": false, "": false} {
		if lockWords.MatchString(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2025, 3, 1, 2, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": defaultRest, "soon": defaultRest, "-1": defaultRest, "0": 0, " 12 ": 12 * time.Second,
		"Sat, 01 Mar 2025 02:00:30 GMT": 30 * time.Second, "Sat, 01 Mar 2025 01:00:00 GMT": 0,
		"99999999999": 24 * time.Hour, "10000000000": 24 * time.Hour, "18446744074": 24 * time.Hour, "99999999999999999999999": 24 * time.Hour,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestTokenReplies(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		want   string
	}{
		{200, `{"access_token":"a","refresh_token":"r"}`, "ok"},
		{200, `{"error":"invalid_grant"}`, "invalid_grant"},
		{200, `{}`, "unreadable"},
		{200, `{"access_token":"a"`, "unreadable"},
		{400, `{"error":"invalid_grant"}`, "invalid_grant"},
		{401, `{"error":"The refresh token is invalid"}`, "invalid_grant"},
		{401, `{"error":"invalid_client"}`, "client id or the client secret"},
		{400, `{"error":"canary-token"}`, "without a known reason"},
		{404, `{"error":"Not found"}`, "404"},
		{404, `<html>canary-token`, "unreadable"},
		{502, `{"error":"invalid_grant"}`, "answered 502"},
		{429, `{}`, "answered 429"},
		{302, ``, "unreadable"},
		{400, `{"error":"temporarily_unavailable"}`, "gives no tokens for firm 7 now: it answered 400 (temporarily_unavailable)"},
		{400, `{"error":"server_error"}`, "gives no tokens for firm 7 now"},
		{200, `{"error":"server_error","access_token":"canary"}`, "gives no tokens for firm 7 now"},
		{200, `{"access_token":"canary","x":"` + strings.Repeat("x", 70<<10) + `"}`, "too long"},
	} {
		answer := roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: tc.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(tc.body)), Request: r}, nil
		})
		c := &Client{base: "https://silverfin.test", http: &http.Client{Transport: answer,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
		_, err := c.exchangeRefresh(t.Context(), 7, "canary-spent")
		got := "ok"
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tc.want) || strings.Contains(got, "canary") {
			t.Errorf("%d %s: %s", tc.status, tc.body, got)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
