package accounts

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"balansd/accounts/oidctest"
)

// newTestOIDC returns an OIDC for a provider. now is its clock; time.Now when nil.
func newTestOIDC(t *testing.T, p *oidctest.Provider, now func() time.Time) *OIDC {
	t.Helper()
	if now == nil {
		now = time.Now
	}
	o, err := NewOIDC(OIDCConfig{Issuer: p.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, GroupsClaim: "groups",
		AdminGroups: []string{"g-admins"}, StaffGroups: []string{"g-staff"}, Client: p.ClientFor, Redirect: "http://127.0.0.1/oidc/callback"}, now)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// signInAt signs in at a provider and returns who it was.
func signInAt(t *testing.T, p *oidctest.Provider, o *OIDC) (Identity, error) {
	t.Helper()
	address, cookie, err := o.Begin(t.Context(), "/account")
	if err != nil {
		t.Fatal(err)
	}
	back, err := url.Parse(p.Authorize(address))
	if err != nil {
		t.Fatal(err)
	}
	b, ok := o.Resume(back.Query().Get("state"), cookie)
	if !ok || b.Next != "/account" {
		t.Fatalf("the sign-in does not resume: %+v", b)
	}
	return o.Finish(t.Context(), b, back.Query().Get("code"))
}

func TestOIDCFinish(t *testing.T) {
	p := oidctest.NewProvider(t)
	o := newTestOIDC(t, p, nil)
	groups := func(v any) func(map[string]any) { return func(c map[string]any) { c["groups"] = v } }
	set := func(claim string, v any) func(map[string]any) { return func(c map[string]any) { c[claim] = v } }
	for name, tt := range map[string]struct {
		tamper func(claims map[string]any)
		role   Role
		reason string // of the refusal
	}{
		"admin group":  {nil, Admin, ""},
		"staff group":  {groups("g-staff"), Staff, ""},
		"no group":     {func(c map[string]any) { delete(c, "groups") }, "", "oidc.nobody"},
		"other groups": {groups([]string{"G-ADMINS", "g-admins ", ""}), "", "oidc.nobody"},
		"odd groups":   {groups(map[string]string{"a": "g-admins"}), "", "oidc.nobody"},
		"too many groups": {func(c map[string]any) {
			delete(c, "groups")
			c["_claim_names"] = map[string]string{"groups": "src1"}
			c["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": "https://graph.example/users/u-1/getMemberObjects"}}
		}, "", "oidc.overage"},
		"too many groups, short form": {func(c map[string]any) { delete(c, "groups"); c["hasgroups"] = true }, "", "oidc.overage"},
		"another nonce":               {set("nonce", "x"), "", "oidc.refused"},
		"no nonce":                    {func(c map[string]any) { delete(c, "nonce") }, "", "oidc.refused"},
		"another client":              {set("aud", "other"), "", "oidc.refused"},
		"another issuer":              {set("iss", "https://evil.example"), "", "oidc.refused"},
		"expired":                     {set("exp", time.Now().Add(-time.Minute).Unix()), "", "oidc.refused"},
	} {
		t.Run(name, func(t *testing.T) {
			p.Tamper = tt.tamper
			who, err := signInAt(t, p, o)
			refusal, _ := errors.AsType[Refusal](err)
			if who.Role != tt.role || refusal.Reason != tt.reason || (err == nil) != (tt.reason == "") {
				t.Errorf("role %q, %v", who.Role, err)
			}
		})
	}
}

// TestOIDCName: where people edit their own profile at the provider, an e-mail
// address that it did not verify is whatever they typed.
func TestOIDCName(t *testing.T) {
	p := oidctest.NewProvider(t)
	o := newTestOIDC(t, p, nil)
	for _, tt := range []struct {
		verified any
		want     string
	}{{nil, "Cis"}, {false, "Cis"}, {"false", "Cis"}, {true, "baas@kantoor.example"}, {"true", "baas@kantoor.example"}} {
		p.Claims = map[string]any{"sub": "u-9", "email": "baas@kantoor.example", "name": "Cis", "groups": []string{"g-staff"}}
		if tt.verified != nil {
			p.Claims["email_verified"] = tt.verified
		}
		if who, err := signInAt(t, p, o); err != nil || who.Name != tt.want {
			t.Errorf("verified %v gives %+v, %v", tt.verified, who, err)
		}
	}
}

// TestOIDCResume: the cookie of a pending sign-in is refused when it took too
// long, was changed, is from another process, or from a time in the future.
func TestOIDCResume(t *testing.T) {
	p := oidctest.NewProvider(t)
	now := time.Now()
	clock := func() time.Time { return now }
	o := newTestOIDC(t, p, clock)
	address, cookie, err := o.Begin(t.Context(), "/account")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(address)
	state := u.Query().Get("state")
	if b, ok := o.Resume(state, cookie); !ok || b.Next != "/account" || strings.Contains(cookie, state) {
		t.Errorf("it does not resume: %v", ok)
	}
	for name, c := range map[string]string{"nothing": "", "no base64": "*", "too short": "AAAA", "changed": "A" + cookie[1:] + "AAAA"} {
		if _, ok := o.Resume(state, c); ok {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, ok := o.Resume("", cookie); ok {
		t.Error("an empty state is accepted")
	}
	if _, ok := newTestOIDC(t, p, clock).Resume(state, cookie); ok {
		t.Error("the cookie of another process is accepted")
	}
	now = now.Add(PendingLifetime)
	if _, ok := o.Resume(state, cookie); ok {
		t.Error("a cookie that took too long is accepted")
	}
	now = now.Add(-years)
	if _, ok := o.Resume(state, cookie); ok {
		t.Error("a cookie from the future is accepted")
	}
	// RFC 6265 lets browsers drop cookies of more than 4096 bytes.
	if _, long, err := o.Begin(t.Context(), "/dossiers?q="+strings.Repeat("x", 8000)); err != nil || len(long) > 3500 {
		t.Errorf("a long address makes a cookie of %d bytes, %v", len(long), err)
	}
}

// hangingTransport never answers.
type hangingTransport struct{ calls atomic.Int32 }

func (s *hangingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls.Add(1)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestOIDCProviderHangs: concurrent sign-ins share one call, each waits no longer
// than its own context, and the failure is returned for a while.
func TestOIDCProviderHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &hangingTransport{}
		o, err := NewOIDC(OIDCConfig{Issuer: "https://login.example", Client: func(...string) (*http.Client, error) {
			return &http.Client{Transport: transport, Timeout: time.Second}, nil
		}}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		begin := func(ctx context.Context) {
			_, _, err := o.Begin(ctx, "/")
			if r, ok := errors.AsType[Refusal](err); !ok || r.Reason != "oidc.down" {
				t.Errorf("it gives %v", err)
			}
		}
		var all sync.WaitGroup
		cancelled, cancel := context.WithCancel(t.Context())
		all.Go(func() {
			begin(cancelled)
			if waited := time.Since(start); waited != 0 {
				t.Errorf("a cancelled request waited %v", waited)
			}
		})
		for range 6 {
			all.Go(func() { begin(t.Context()) })
		}
		synctest.Wait()
		cancel()
		all.Wait()
		if waited := time.Since(start); waited != time.Second || transport.calls.Load() != 1 {
			t.Errorf("all waited %v for %d calls", waited, transport.calls.Load())
		}
		begin(t.Context())
		if transport.calls.Load() != 1 {
			t.Error("the provider is called again at once")
		}
		time.Sleep(failureLifetime)
		begin(t.Context())
		if transport.calls.Load() != 2 {
			t.Error("the provider is never called again")
		}
	})
}
