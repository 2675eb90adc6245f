package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

// cannedResponse answers every request with the same response.
type cannedResponse struct {
	status int
	kind   string
	body   string
	cut    bool // the body ends in an error
	asked  *http.Request
}

func (a *cannedResponse) RoundTrip(req *http.Request) (*http.Response, error) {
	a.asked = req
	body := io.Reader(strings.NewReader(a.body))
	if a.cut {
		body = io.MultiReader(body, failing{})
	}
	return &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {a.kind}}, Body: io.NopCloser(body), Request: req}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// exchange lets x/oauth2 read a response, and returns the refresh token that was
// saved before.
func exchange(a *cannedResponse) (token *oauth2.Token, refresh string, err error) {
	client := TokenClient(&http.Client{Transport: a}, func(s string) { refresh = s })
	app := oauth2.Config{ClientID: "id", ClientSecret: "secret",
		Endpoint: oauth2.Endpoint{TokenURL: "https://a.example/token", AuthStyle: oauth2.AuthStyleInParams}}
	token, err = app.Exchange(context.WithValue(context.Background(), oauth2.HTTPClient, client), "code")
	return token, refresh, err
}

func TestTokenResponses(t *testing.T) {
	const json, plain, form = "application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded"
	rest := `"access_token":"a","refresh_token":"r","token_type":"Bearer","scope":"x y"`
	tests := map[string]struct {
		kind, body string
		life       int64
	}{
		"as agreed":           {json, `{` + rest + `,"expires_in":7200}`, 7200},
		"a text":              {json, `{` + rest + `,"expires_in":"7200"}`, 7200},
		"a fraction":          {json, `{` + rest + `,"expires_in":7200.5}`, 7200},
		"a fraction in text":  {json, `{` + rest + `,"expires_in":" 59.9 "}`, 59},
		"less than a second":  {json, `{` + rest + `,"expires_in":0.5}`, 1},
		"an exponent":         {json, `{` + rest + `,"expires_in":7.2e3}`, 7200},
		"very long":           {json, `{` + rest + `,"expires_in":1e400}`, 1<<31 - 1},
		"nothing":             {json, `{` + rest + `,"expires_in":null}`, 0},
		"none":                {json, `{` + rest + `}`, 0},
		"negative":            {json, `{` + rest + `,"expires_in":-1}`, 0},
		"a word":              {json, `{` + rest + `,"expires_in":"soon"}`, 0},
		"an object":           {json, `{` + rest + `,"expires_in":{}}`, 0},
		"plain text":          {plain, `{` + rest + `,"expires_in":7200}`, 7200},
		"called a web page":   {"text/html", `{` + rest + `,"expires_in":7200}`, 7200},
		"called nothing":      {"", `{` + rest + `,"expires_in":7200}`, 7200},
		"a form":              {form, `access_token=a&refresh_token=r&token_type=Bearer&scope=x+y&expires_in=7200.5`, 7200},
		"a byte order mark":   {json, "\xef\xbb\xbf{" + rest + `,"expires_in":7200}`, 7200},
		"other types":         {json, `{` + rest + `,"expires_in":7200,"error":null,"error_description":5,"created_at":1}`, 7200},
		"an object as error":  {json, `{` + rest + `,"expires_in":7200,"error":{}}`, 7200},
		"a field in front":    {json, `{"info":{"refresh_token":"inner"},` + rest + `,"expires_in":7200}`, 7200},
		"of a name with case": {json, `{"Refresh_Token":"other",` + rest + `,"expires_in":7200}`, 7200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := &cannedResponse{status: 200, kind: tt.kind, body: tt.body}
			token, refresh, err := exchange(a)
			if err != nil {
				t.Fatal(err)
			}
			if token.AccessToken != "a" || token.RefreshToken != "r" || refresh != "r" || token.ExpiresIn != tt.life || token.Extra("scope") != "x y" {
				t.Errorf("got %+v, saved %q", token, refresh)
			}
			if a.asked.Header.Get("Accept") != "application/json" {
				t.Errorf("asked for %q", a.asked.Header.Get("Accept"))
			}
		})
	}
}

// TestRefreshTokenIsSavedFirst: the refresh token of a response is saved, whatever
// is wrong with that response.
func TestRefreshTokenIsSavedFirst(t *testing.T) {
	tests := map[string]struct {
		answer  cannedResponse
		refresh string
		code    string // of the library's RetrieveError
	}{
		"no access token":     {cannedResponse{status: 200, body: `{"refresh_token":"r"}`}, "r", ""},
		"an odd access token": {cannedResponse{status: 200, body: `{"refresh_token":"r","access_token":5}`}, "r", ""},
		"an error too":        {cannedResponse{status: 200, body: `{"refresh_token":"r","access_token":"a","error":"server_error"}`}, "r", "server_error"},
		"an error status":     {cannedResponse{status: 500, body: `{"refresh_token":"r","access_token":"a"}`}, "r", ""},
		"cut short":           {cannedResponse{status: 200, body: `{"access_token":"a","refresh_token":"r","expi`, cut: true}, "r", ""},
		"cut in the token":    {cannedResponse{status: 200, body: `{"access_token":"a","refresh_token":"rrr`, cut: true}, "", ""},
		"too long":            {cannedResponse{status: 200, body: `{"refresh_token":"r","x":"` + strings.Repeat("x", 70<<10) + `"}`}, "r", ""},
		"refused":             {cannedResponse{status: 400, kind: "text/plain", body: `{"error":"invalid_grant"}`}, "", "invalid_grant"},
		"refused as a form":   {cannedResponse{status: 400, kind: "application/x-www-form-urlencoded", body: `error=invalid_grant`}, "", "invalid_grant"},
		"a web page":          {cannedResponse{status: 200, kind: "text/html", body: `<html>access_token=a&refresh_token=r</html>`}, "", ""},
		"a text":              {cannedResponse{status: 200, kind: "text/plain", body: `access_token=a`}, "", ""},
		"a list":              {cannedResponse{status: 200, body: `["refresh_token","r"]`}, "", ""},
		"nothing":             {cannedResponse{status: 200}, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			token, refresh, err := exchange(&tt.answer)
			if err == nil || refresh != tt.refresh {
				t.Errorf("got %v, %v, saved %q, want %q and an error", token, err, refresh, tt.refresh)
			}
			refused, _ := errors.AsType[*oauth2.RetrieveError](err)
			if code := ""; refused != nil && refused.ErrorCode != tt.code || refused == nil && code != tt.code {
				t.Errorf("got %v, want the code %q", err, tt.code)
			}
		})
	}
}

// FuzzTokenResponse: no response panics, and none that x/oauth2 accepts loses its
// refresh token.
func FuzzTokenResponse(f *testing.F) {
	f.Add(200, "application/json", `{"access_token":"a","refresh_token":"r","expires_in":7200.5}`)
	f.Add(400, "text/plain", `{"error":"invalid_grant"}`)
	f.Add(200, "application/x-www-form-urlencoded", `access_token=a&refresh_token=r`)
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		token, refresh, err := exchange(&cannedResponse{status: status, kind: kind, body: body})
		if err == nil && token.RefreshToken != refresh {
			t.Errorf("%q was saved, and x/oauth2 read %q", refresh, token.RefreshToken)
		}
	})
}
