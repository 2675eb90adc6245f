package silverfin_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"balansd/problem"
	"balansd/sandbox/faults"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
)

// tokenFaults are the ways in which the token endpoint can fail.
var tokenFaults = []faults.Kind{"", faults.LostBefore, faults.LostAfter, faults.Truncated,
	faults.ServerError, faults.NotJSON, faults.TooMany}

// TestRenewFailures lets the process die, or the disk be full, at every
// single call to the vault, together with every failure of the token endpoint,
// and demands that a new process goes on without a new sign-in.
func TestRenewFailures(t *testing.T) {
	const calls = 12 // more than the work below makes
	for _, fault := range tokenFaults {
		for _, dies := range []bool{true, false} {
			for _, after := range []bool{true, false} {
				for n := range calls {
					t.Run(fmt.Sprintf("%s dies=%t after=%t call %d", fault, dies, after, n), func(t *testing.T) {
						r := newTestEnv(t, fakesilverfin.Options{})
						v := r.vault
						base := v.calls
						v.dies, v.fails = dies, func(call int) (bool, bool) {
							hit := call-base == n
							return hit && !after, hit && after
						}
						if fault != "" {
							r.sandbox.Faults().Add(faults.Fault{Kind: fault, Path: fmt.Sprintf("/f/%d/oauth/token", r.firm)})
						}
						for range 3 { // whatever happens here may fail, but not break anything
							r.clock.Add(3 * time.Hour)
							_, _, _ = r.firmClient().Companies(t.Context())
							_, _ = r.client.Renew(t.Context(), r.firm, time.Hour)
						}
						r.clock.Add(3 * time.Hour)
						r.sandbox.Faults().Clear()
						if !dies {
							if _, _, err := r.firmClient().Companies(t.Context()); err != nil {
								t.Fatalf("the same process cannot go on: %v", err)
							}
						}
						if _, _, err := r.restart(v.restart()).Firm(r.firm).Companies(t.Context()); err != nil {
							t.Fatalf("a new process cannot go on: %v", err)
						}
					})
				}
			}
		}
	}
}

// TestNewTokensAreSavedBeforeUse looks at the order of things from the
// server's side: no access token may arrive that the vault does not hold.
func TestNewTokensAreSavedBeforeUse(t *testing.T) {
	var r *testEnv
	checked := 0
	watch := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "); ok && r != nil {
			stored, _ := r.vault.Get(req.Context(), fmt.Sprintf("silverfin/firm/%d/tokens", r.firm))
			if !strings.Contains(string(stored), token) {
				t.Error("a token was used that is not saved")
			}
			checked++
		}
		r.sandbox.ServeHTTP(w, req)
	})
	var later http.Handler
	r = newTestEnv(t, fakesilverfin.Options{}, func(c *silverfin.Config) {
		inner := c.HTTP.Transport
		c.HTTP = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			if later != nil {
				return handlerTransport{later}.RoundTrip(req)
			}
			return inner.RoundTrip(req)
		})}
	})
	later = watch
	for range 5 {
		r.clock.Add(3 * time.Hour)
		_, _, err := r.firmClient().Companies(t.Context())
		must(t, err)
	}
	if checked < 5 || r.tokenPosts() != 5 {
		t.Errorf("%d calls seen, %d renewals", checked, r.tokenPosts())
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestConcurrentRenewal(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	r.clock.Add(3 * time.Hour)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, _, err := r.firmClient().Companies(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := r.tokenPosts(); n != 1 {
		t.Errorf("%d renewals, want 1", n)
	}
}

func TestRenewAfter401(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	p := r.target()
	r.sandbox.Faults().Add(faults.Fault{Kind: faults.Unauthorized, Method: http.MethodPost, Path: "/api"})
	must(t, fill(t.Context(), r.firmClient(), p, figures(t, "1003", "1")))
	if n, w := r.tokenPosts(), len(r.sandbox.Writes()); n != 1 || w != 1 {
		t.Errorf("%d renewals, %d writes", n, w)
	}
}

// TestRefusedAccessTokens: two 401s in a row while the grant is well are
// Silverfin's trouble. No person is asked, few refresh tokens are spent, and
// the first call after the spell works.
func TestRefusedAccessTokens(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	r.sandbox.Faults().Add(faults.Fault{Kind: faults.Unauthorized, Times: -1, Path: "/api"})
	for hour := range 3 {
		for range 20 {
			_, _, err := r.firmClient().Companies(t.Context())
			if !problem.Is(err, problem.SilverfinSignIn) ||
				err.Error() != fmt.Sprintf("Silverfin refuses renewed tokens of firm %d for now", r.firm) ||
				problem.Of(err).Next != fmt.Sprintf("If it stays so for days, link the firm again: balansd connect silverfin --firm %d.", r.firm) {
				t.Fatalf("%v; %s", err, problem.Of(err).Next)
			}
		}
		if n := r.tokenPosts(); n != hour+1 {
			t.Fatalf("%d renewals in hour %d, want one an hour", n, hour+1)
		}
		r.clock.Add(time.Hour)
	}
	if _, _, err := r.firmClient().Companies(t.Context()); !problem.Is(err, problem.SilverfinSignIn) {
		t.Fatal(err)
	}
	posts := r.tokenPosts()
	r.sandbox.Faults().Clear() // a moment later, nothing else changes
	_, _, err := r.firmClient().Companies(t.Context())
	must(t, err)
	if n := r.tokenPosts(); n != posts {
		t.Errorf("%d renewals after the spell", n-posts)
	}
}

func TestConsentWithdrawn(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	r.sandbox.RevokeTokens(r.firm)
	for range 5 {
		_, _, err := r.firmClient().Companies(t.Context())
		what := fmt.Sprintf("Silverfin firm %d (Kantoor Peeters) must be linked again: the consent was withdrawn, or not used for 60 days", r.firm)
		next := fmt.Sprintf("Link it again: balansd connect silverfin --firm %d.", r.firm)
		if !problem.Is(err, problem.NeedsRelink) || err.Error() != what || problem.Of(err).Next != next {
			t.Fatalf("%v; %s", err, problem.Of(err).Next)
		}
	}
	if n := r.tokenPosts(); n != 1 {
		t.Errorf("a dead token was posted %d times", n)
	}
	again := r.restart(r.vault.restart())
	if _, _, err := again.Firm(r.firm).Companies(t.Context()); !problem.Is(err, problem.NeedsRelink) || r.tokenPosts() != 1 {
		t.Errorf("after a restart: %v, %d posts", err, r.tokenPosts())
	}
	r.link()
	_, _, err := r.firmClient().Companies(t.Context())
	must(t, err)
}

// strict is a token endpoint that revokes the old refresh token at once, as
// Silverfin says it does not: the one case in which a lost reply cannot be
// mended.
type strict struct {
	valid string
	lose  bool
	posts int
}

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isTokenPath(r.URL.Path) {
		fmt.Fprint(w, `{"id":1,"name":"Strict"}`)
		return
	}
	s.posts++
	if r.FormValue("grant_type") == "refresh_token" && r.FormValue("refresh_token") != s.valid {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	s.valid = fmt.Sprintf("refresh-%d", s.posts)
	if s.lose {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, `{"access_token":"access-%d","refresh_token":%q,"expires_in":7200}`, s.posts, s.valid)
}

func TestLostReplyOfRevokingServer(t *testing.T) {
	server, clock, v := &strict{}, newClock(), newVault()
	c, err := silverfin.New(silverfin.Config{BaseURL: "https://silverfin.test", ClientID: "id", ClientSecret: "secret",
		HTTP: &http.Client{Transport: handlerTransport{server}}, Vault: v, Now: clock.Now})
	must(t, err)
	_, state, err := c.Begin(t.Context(), 1, "")
	must(t, err)
	_, _, err = c.End(t.Context(), state, "code", 0)
	must(t, err)
	clock.Add(3 * time.Hour)
	server.lose = true
	if _, _, err := c.Firm(1).Companies(t.Context()); !problem.Is(err, problem.SilverfinDown) {
		t.Fatalf("a lost reply: %v", err)
	}
	server.lose = false
	for range 5 {
		_, _, err := c.Firm(1).Companies(t.Context())
		if !problem.Is(err, problem.NeedsRelink) || !strings.Contains(err.Error(), "an interrupted renewal at 2025-03-01 05:00 UTC lost the tokens") {
			t.Fatalf("afterwards: %v", err)
		}
	}
	if server.posts != 3 {
		t.Errorf("%d posts, want the sign-in, the lost one and one more", server.posts)
	}
}

// TestRenewedByAnotherOwner: two clients on one vault should not be, but
// the slower one must not break the link.
func TestRenewedByAnotherOwner(t *testing.T) {
	var between func()
	r := newTestEnv(t, fakesilverfin.Options{}, func(c *silverfin.Config) {
		inner := c.HTTP.Transport
		c.HTTP = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			if act := between; act != nil && isTokenPath(req.URL.Path) {
				between = nil
				act()
			}
			return inner.RoundTrip(req)
		})}
	})
	other := r.restart(r.vault)
	r.clock.Add(3 * time.Hour)
	between = func() {
		if _, _, err := other.Firm(r.firm).Companies(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		_, _, err := r.firmClient().Companies(t.Context())
		must(t, err)
	}
	if n := r.tokenPosts(); n != 2 {
		t.Errorf("%d posts, want both owners' one", n)
	}
}

func TestRenewDiskFull(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	r.clock.Add(3 * time.Hour)
	full := true
	r.vault.fails = func(int) (bool, bool) { return full, false }
	if _, _, err := r.firmClient().Companies(t.Context()); !problem.Is(err, problem.StateUnwritable) {
		t.Errorf("full disk: %v", err)
	}
	if r.tokenPosts() != 0 {
		t.Error("a refresh token was spent although the outcome could not be kept")
	}
	full = false
	_, _, err := r.firmClient().Companies(t.Context())
	must(t, err)
}

func TestRenewCallerTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow bool
		r := newTestEnv(t, fakesilverfin.Options{Now: time.Now}, func(c *silverfin.Config) {
			inner := c.HTTP.Transport
			c.HTTP = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				if slow && isTokenPath(req.URL.Path) {
					time.Sleep(10 * time.Second) // fake time
				}
				return inner.RoundTrip(req)
			})}
		})
		time.Sleep(3 * time.Hour)
		slow = true
		ctx, cancel := contextWithTimeout(t, time.Second)
		defer cancel()
		start := time.Now()
		if _, _, err := r.firmClient().Companies(ctx); err == nil || time.Since(start) != time.Second {
			t.Errorf("the caller waited %s: %v", time.Since(start), err)
		}
		must(t, r.client.Close(t.Context()))
		if r.tokenPosts() != 1 {
			t.Fatalf("%d renewals", r.tokenPosts())
		}
		_, _, err := r.firmClient().Companies(t.Context())
		must(t, err)
		if r.tokenPosts() != 1 {
			t.Error("the renewal was not kept")
		}
	})
}

func TestRenewIdleFirm(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	const week = 7 * 24 * time.Hour
	for day := range 200 { // more than three lives of a refresh token
		renewed, err := r.client.Renew(t.Context(), r.firm, week)
		if err != nil || renewed != (day%7 == 0 && day > 0) {
			t.Fatalf("day %d: renewed %t, %v", day, renewed, err)
		}
		r.clock.Add(24 * time.Hour)
	}
	_, _, err := r.firmClient().Companies(t.Context())
	must(t, err)
}

// TestClockAhead: a renewal that seems to lie in the future must not
// put the next one off until the refresh token is dead.
func TestClockAhead(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	const week = 7 * 24 * time.Hour
	r.clock.Add(365 * 24 * time.Hour)
	r.link()
	r.clock.Add(-365 * 24 * time.Hour)
	for _, want := range []bool{true, false} {
		if renewed, err := r.client.Renew(t.Context(), r.firm, week); err != nil || renewed != want {
			t.Fatalf("renewed %t, want %t: %v", renewed, want, err)
		}
	}
}

func TestForget(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	must(t, r.client.Forget(t.Context(), r.firm))
	if len(r.vault.values) != 0 {
		t.Error("tokens are left")
	}
	if _, _, err := r.firmClient().Companies(t.Context()); !problem.Is(err, problem.NeedsRelink) || !strings.Contains(err.Error(), "not linked") {
		t.Error(err)
	}
}
