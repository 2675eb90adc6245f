package accounts

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"balansd/accounts/oidctest"
)

// TestOIDCEndpointsElsewhere signs in at a provider whose token and keys endpoints are on
// another host than the issuer, as Google's are: only hosts that its metadata names are
// reached.
func TestOIDCEndpointsElsewhere(t *testing.T) {
	p := oidctest.NewProvider(t)
	p.Elsewhere = true
	if who, err := signInAt(t, p, newTestOIDC(t, p, nil)); err != nil || who.Role != Admin {
		t.Errorf("%+v, %v", who, err)
	}
	client, err := p.ClientFor(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Discover(t.Context(), client, p.URL)
	if got := e.Hosts(p.URL); err != nil || !slices.Equal(got, []string{p.OtherHost()}) {
		t.Errorf("%q, %v", got, err)
	}
	p.Elsewhere = false
	if e, err = Discover(t.Context(), client, p.URL); err != nil || len(e.Hosts(p.URL)) != 0 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestOIDCEndpointsNeedTLS refuses metadata that would have the client secret sent in
// clear, or nowhere.
func TestOIDCEndpointsNeedTLS(t *testing.T) {
	for name, token := range map[string]string{"clear": "http://login.example/token", "file": "file:///etc/passwd", "no host": "https:///token", "nothing": ""} {
		var issuer string
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"issuer": %q, "authorization_endpoint": %[1]q, "jwks_uri": %[1]q, "token_endpoint": %q}`, issuer, token)
		}))
		issuer = s.URL
		if _, err := Discover(t.Context(), s.Client(), issuer); err == nil || !strings.Contains(err.Error(), "no address with https") {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}

// TestOIDCDownKeepsItsCause checks that the line about a provider that cannot be reached
// ends with why, whatever the length of its address.
func TestOIDCDownKeepsItsCause(t *testing.T) {
	issuer := "https://login.example/" + strings.Repeat("a-long-tenant/", 20) + "v2.0"
	o, err := NewOIDC(OIDCConfig{Issuer: issuer, Client: func(...string) (*http.Client, error) {
		return &http.Client{Transport: failingTransport{}}, nil
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.now = time.Now
	if _, _, err := o.Begin(t.Context(), "/"); err == nil || !strings.HasSuffix(err.Error(), "login.example: x509: certificate signed by unknown authority") {
		t.Errorf("%v", err)
	}
}

type failingTransport struct{}

func (failingTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("x509: certificate signed by unknown authority")
}

// TestOIDCUsers gives roles by mail address, which the provider must have verified, within
// the hosted domain.
func TestOIDCUsers(t *testing.T) {
	p := oidctest.NewProvider(t)
	o := newTestOIDC(t, p, nil)
	o.cfg.AdminGroups, o.cfg.StaffGroups = nil, nil
	o.cfg.AdminUsers, o.cfg.StaffUsers = []string{"an@kantoor.example"}, []string{"Bram@Kantoor.example"}
	for name, tt := range map[string]struct {
		claims map[string]any
		domain string
		role   Role
	}{
		"an admin":                 {map[string]any{"email": "an@kantoor.example", "email_verified": true}, "", Admin},
		"capitals":                 {map[string]any{"email": "bram@KANTOOR.example", "email_verified": true}, "", Staff},
		"not verified":             {map[string]any{"email": "an@kantoor.example", "email_verified": false}, "", ""},
		"not said to be verified":  {map[string]any{"email": "an@kantoor.example"}, "", ""},
		"somebody else":            {map[string]any{"email": "cis@kantoor.example", "email_verified": true}, "", ""},
		"no address":               {map[string]any{"email": "", "email_verified": true}, "", ""},
		"another claim":            {map[string]any{"preferred_username": "an@kantoor.example", "email_verified": true}, "", ""},
		"the hosted domain":        {map[string]any{"email": "an@kantoor.example", "email_verified": true, "hd": "kantoor.example"}, "kantoor.example", Admin},
		"another hosted domain":    {map[string]any{"email": "an@kantoor.example", "email_verified": true, "hd": "evil.example"}, "kantoor.example", ""},
		"an account of one's own":  {map[string]any{"email": "an@kantoor.example", "email_verified": true}, "kantoor.example", ""},
		"the domain alone is none": {map[string]any{"email": "cis@kantoor.example", "email_verified": true, "hd": "kantoor.example"}, "kantoor.example", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o.cfg.HostedDomain = tt.domain
			p.Claims = tt.claims
			p.Claims["sub"] = "u-1"
			who, err := signInAt(t, p, o)
			if who.Role != tt.role || (err == nil) != (tt.role != "") {
				t.Errorf("role %q, %v", who.Role, err)
			}
		})
	}
	// Google shows its own accounts of the domain first.
	o.cfg.HostedDomain = "kantoor.example"
	if address, _, err := o.Begin(t.Context(), "/"); err != nil || !strings.Contains(address, "hd=kantoor.example") {
		t.Errorf("%s, %v", address, err)
	}
}
