package finbox_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"balansd/finbox"
)

// validating is a RoundTripper that holds every request of the client and
// every answer of the server against the contract.
type validating struct {
	t      *testing.T
	router routers.Router
	next   http.RoundTripper

	mu   sync.Mutex
	seen map[string]int // "operation status" to the number of calls
}

func newValidating(t *testing.T, next http.RoundTripper) *validating {
	t.Helper()
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(finbox.Contract())
	if err != nil {
		t.Fatalf("the contract cannot be read: %v", err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		t.Fatalf("the contract is not valid OpenAPI: %v", err)
	}
	doc.Servers = nil // the contract holds at whatever address
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &validating{t: t, router: router, next: next, seen: map[string]int{}}
}

func (v *validating) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(req.URL.Path, "/v1/") { // the token endpoint is RFC 6749's
		return v.next.RoundTrip(req)
	}
	route, params, err := v.router.FindRoute(req)
	if err != nil {
		v.t.Errorf("the contract has no call %s %s: %v", req.Method, req.URL.Path, err)
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
		v.t.Errorf("the client's request %s breaks the contract: %v", req.URL.Path, err)
	}
	if !strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ") {
		v.t.Errorf("the client's request %s has no bearer token", req.URL.Path)
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
		v.t.Errorf("the server's answer %d to %s breaks the contract: %v", resp.StatusCode, req.URL.Path, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen[route.Operation.OperationID+" "+http.StatusText(resp.StatusCode)]++
	return resp, nil
}
