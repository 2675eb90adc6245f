package finbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/finbox"
	"balansd/ledger"
	"balansd/problem"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
)

// validating is a RoundTripper that validates each request and response against the
// contract.
type validating struct {
	router routers.Router
	next   http.RoundTripper
	report func(format string, args ...any)

	mu   sync.Mutex
	seen map[string]int // "operation status" to the number of calls
}

func newValidating(t *testing.T, next http.RoundTripper) *validating {
	t.Helper()
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatalf("the contract cannot be read: %v", err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		t.Fatalf("the contract is not valid OpenAPI: %v", err)
	}
	doc.Servers = nil // the contract applies at any address
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &validating{router: router, next: next, report: t.Errorf, seen: map[string]int{}}
}

func (v *validating) RoundTrip(req *http.Request) (*http.Response, error) {
	route, params, err := v.router.FindRoute(req)
	if err != nil {
		v.report("the contract has no call %s %s: %v", req.Method, req.URL.Path, err)
		return v.next.RoundTrip(req)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
			IncludeResponseStatus: true,
		},
	}
	if err := openapi3filter.ValidateRequest(req.Context(), input); err != nil {
		v.report("the client's request %s breaks the contract: %v", req.URL.Path, err)
	}
	if route.Operation.OperationID == "requestToken" {
		v.signIn(req)
	} else if !strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ") {
		v.report("the client's request %s has no bearer token", req.URL.Path)
	}
	resp, err := v.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header,
		Options: input.Options,
	}
	answer.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(req.Context(), answer); err != nil {
		v.report("the server's answer %d to %s breaks the contract: %v", resp.StatusCode, req.URL.Path, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen[fmt.Sprintf("%s %d", route.Operation.OperationID, resp.StatusCode)]++
	return resp, nil
}

// signIn checks what the schema of a token request cannot express: there is one kind of
// client authentication, and the assertion follows the contract.
func (v *validating) signIn(req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		v.report("the token request cannot be read: %v", err)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		v.report("the token request is no form: %v", err)
		return
	}
	_, _, basic := req.BasicAuth()
	fields := slices.Sorted(maps.Keys(form))
	switch {
	case basic && slices.ContainsFunc(fields, func(f string) bool { return !slices.Contains([]string{"grant_type", "scope", "audience"}, f) }),
		!basic && (!form.Has("client_id") || !form.Has("client_assertion_type") || !form.Has("client_assertion") || form.Has("audience")):
		v.report("the client signs in with Basic %v and the fields %q", basic, fields)
	case basic:
		return
	}
	token, err := jwt.ParseSigned(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		v.report("the assertion is no JWT of RS256: %v", err)
		return
	}
	var claims jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&claims); err != nil {
		v.report("the assertion has no claims: %v", err)
		return
	}
	if claims.Issuer != form.Get("client_id") || claims.Subject != claims.Issuer || claims.ID == "" ||
		!slices.Equal(claims.Audience, jwt.Audience{req.URL.String()}) || claims.IssuedAt == nil ||
		claims.Expiry == nil || claims.Expiry.Time().Sub(claims.IssuedAt.Time()) > 5*time.Minute {
		v.report("the assertion says %+v", claims)
	}
	thumb, told := token.Headers[0].ExtraHeaders["x5t#S256"].(string)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen[fmt.Sprintf("assertion with certificate %v", told && thumb != "")]++
}

// TestSandboxAndClientMatchContract makes each call in each way that a nightly run does.
func TestSandboxAndClientMatchContract(t *testing.T) {
	box := newSandboxServer(t, fakefinbox.Options{PageSize: 2})
	var want []ledger.Listing
	layouts := [][]balance.Layout{{balance.CBSOXBRL}, {balance.NBBCSV, madeup.PDF}, {balance.NBBJSON},
		{madeup.PDF}, {balance.PFSXBRL, balance.NBBCSV, balance.NBBJSON, madeup.PDF}, {madeup.PDF, balance.CBSOXBRL}}
	for i, l := range layouts {
		made := madeup.Balance(int64(i), balance.Abbreviated, 2024)
		id, rev := box.add(t, made, box.start.Add(time.Duration(i)*time.Minute), l...)
		want = append(want, ledger.Listing{ID: id, Revision: rev, FiscalYear: made.FiscalYear, Model: made.Model})
	}
	v := newValidating(t, box.server.Client().Transport)
	c := box.client(t, finbox.Config{HTTP: &http.Client{Transport: v}}).Connection(box.connection)

	if s, err := c.Status(t.Context()); err != nil || !s.Active || s.Environment != "Kantoor De Smet" || s.Language != "nl" {
		t.Errorf("status: got %+v, %v", s, err)
	}
	got := listAll(t, c, "")
	if len(got) != len(want) {
		t.Fatalf("listed %d social balances, want %d", len(got), len(want))
	}
	for i, l := range got {
		if l.ID != want[i].ID || l.Revision != want[i].Revision || l.FiscalYear != want[i].FiscalYear || l.Model != want[i].Model {
			t.Errorf("listing %d: got %+v, want %+v", i, l, want[i])
		}
		doc, err := c.Content(t.Context(), l)
		if err != nil || len(doc) == 0 {
			t.Errorf("content of %v: %d bytes, %v", layouts[i], len(doc), err)
		}
	}
	listNothingNew(t, c, got[len(got)-1].CreatedAt)
	dossiers := 0
	for d, err := range c.Dossiers(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		dossiers += len(d)
	}
	if dossiers != len(layouts) {
		t.Errorf("%d dossiers, want %d", dossiers, len(layouts))
	}

	missing := got[0]
	missing.Revision = "no-such-revision"
	if _, err := c.Content(t.Context(), missing); !problem.Is(err, problem.NotFound) {
		t.Errorf("a revision that is not there: got %v", err)
	}
	unoffered := got[0]
	unoffered.MediaTypes = []string{"text/csv"}
	if _, err := c.Content(t.Context(), unoffered); !problem.Is(err, problem.FinboxRefused) {
		t.Errorf("a form that is not offered: got %v", err)
	}
	box.ExpireTokens()
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("after the token ended: %v", err)
	}
	if err := box.Deactivate(box.connection); err != nil {
		t.Fatal(err)
	}
	if _, err := firstPage(t, c, ""); !errors.Is(err, ledger.ErrDeactivated) {
		t.Errorf("listing a deactivated connection: got %v", err)
	}
	if s, err := c.Status(t.Context()); err != nil || s.Active {
		t.Errorf("status of a deactivated connection: got %+v, %v", s, err)
	}
	for _, call := range []string{"requestToken 200", "getConnection 200", "getConnection 304", "getConnection 401", "listDossiers 200",
		"listSocialBalances 200", "listSocialBalances 304", "listSocialBalances 410", "getSocialBalanceContent 200", "getSocialBalanceContent 404", "getSocialBalanceContent 406"} {
		if v.seen[call] == 0 {
			t.Errorf("%s was never seen; only %v", call, v.seen)
		}
	}
}

// listNothingNew lists from the newest balance, and again, which is answered without a
// body.
func listNothingNew(t *testing.T, c *finbox.Connection, newest time.Time) {
	t.Helper()
	cursor := newest.Format(time.RFC3339Nano)
	for night := range 2 {
		var pages []ledger.Page
		for p, err := range c.List(t.Context(), cursor) {
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, p)
		}
		cursor = pages[len(pages)-1].Cursor
		if night == 1 && (len(pages) != 1 || len(pages[0].Listings) != 0) {
			t.Errorf("listed again: %+v", pages)
		}
	}
}

// TestSignInMatchesContract signs in in each way, and is refused.
func TestSignInMatchesContract(t *testing.T) {
	box := newSandboxServer(t, fakefinbox.Options{})
	if err := box.RegisterKey(certificatePEM(t, ourKey())); err != nil {
		t.Fatal(err)
	}
	keyFile := file(t, "finbox.key", pkcs8(t, ourKey()))
	bare, err := finbox.LoadKey(keyFile, "")
	if err != nil {
		t.Fatal(err)
	}
	certified, err := finbox.LoadKey(keyFile, file(t, "finbox.crt", certificatePEM(t, ourKey())))
	if err != nil {
		t.Fatal(err)
	}
	v := newValidating(t, box.server.Client().Transport)
	for name, tt := range map[string]struct {
		cfg  finbox.Config
		code problem.Code
	}{
		"secret":                      {finbox.Config{}, ""},
		"secret, scope, and audience": {finbox.Config{Scope: "social-balances", Audience: "api"}, ""},
		"wrong secret":                {finbox.Config{ClientSecret: "wrong"}, problem.FinboxSignIn},
		"key":                         {finbox.Config{Key: bare, Scope: "social-balances"}, ""},
		"key with certificate":        {finbox.Config{Key: certified}, ""},
	} {
		tt.cfg.HTTP = &http.Client{Transport: v}
		_, err := box.client(t, tt.cfg).Connection(box.connection).Status(t.Context())
		if tt.code == "" && err != nil || tt.code != "" && !problem.Is(err, tt.code) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	want := map[string]int{"requestToken 200": 4, "requestToken 401": 1, "getConnection 200": 4,
		"assertion with certificate true": 1, "assertion with certificate false": 1}
	if diff := cmp.Diff(want, v.seen); diff != "" {
		t.Errorf("the calls differ (-want +got):\n%s", diff)
	}
}

// TestValidationFindsMistakes checks that the validation reports violations of the
// contract.
func TestValidationFindsMistakes(t *testing.T) {
	answers := map[string]struct{ kind, body string }{
		"a field of another type":  {"application/json", `{"items": [], "next_page_token": 5}`},
		"a required field missing": {"application/json", `{}`},
		"a page of HTML":           {"text/html", `<html></html>`},
	}
	for name, a := range answers {
		t.Run(name, func(t *testing.T) {
			var reports []string
			v := newValidating(t, roundTrip(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {a.kind}},
					Body: io.NopCloser(strings.NewReader(a.body)), Request: req}, nil
			}))
			v.report = func(format string, args ...any) { reports = append(reports, fmt.Sprintf(format, args...)) }
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
				"http://finbox.example/v1/connections/"+strings.Repeat("a", 201)+"/social-balances", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := v.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			// The id is too long, the token is missing, the answer is wrong.
			if len(reports) != 3 {
				t.Errorf("got %d reports, want 3: %q", len(reports), reports)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
