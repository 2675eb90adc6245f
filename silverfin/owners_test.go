package silverfin_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/internal/testenv"
	"balansd/problem"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
)

// once is a token endpoint at which a refresh token works once, from the moment
// it was posted, and that can answer otherwise than agreed.
type once struct {
	mu     sync.Mutex
	posts  int
	made   int // tokens
	live   map[string]bool
	answer func(w http.ResponseWriter, access, refresh string) // nil for a good one
	// newest lets the same refresh token be posted again, and kills what was
	// given for it before.
	newest bool
	spent  string
}

func (s *once) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isTokenPath(r.URL.Path) {
		fmt.Fprint(w, `{"id":1,"name":"Once"}`)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts++
	if spent := r.FormValue("refresh_token"); r.FormValue("grant_type") == "refresh_token" {
		if !s.live[spent] && !(s.newest && spent == s.spent) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		delete(s.live, spent)
		if s.newest {
			clear(s.live)
		}
		s.spent = spent
	}
	if s.live == nil {
		s.live = map[string]bool{}
	}
	s.made++
	access, refresh := fmt.Sprintf("access-%d", s.made), fmt.Sprintf("refresh-%d", s.made)
	s.live[refresh] = true
	if s.answer != nil {
		s.answer(w, access, refresh)
		return
	}
	fmt.Fprintf(w, `{"access_token":%q,"refresh_token":%q,"expires_in":7200}`, access, refresh)
}

// office is a client of such an endpoint, with one linked firm, 1.
type office struct {
	t      *testing.T
	server *once
	clock  *testenv.Clock
	vault  *vault
	http   http.RoundTripper
	home   silverfin.Home
	client *silverfin.Client
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, server: &once{}, clock: newClock(), vault: newVault(), home: silverfin.Home{Machine: "m1", Name: "SRV1"}}
	o.http = handlerTransport{o.server}
	o.client = o.open(o.vault, o.http)
	_, state, err := o.client.Begin(t.Context(), 1, "")
	must(t, err)
	_, _, err = o.client.End(t.Context(), state, "code", 0)
	must(t, err)
	o.server.posts = 0
	o.clock.Add(3 * time.Hour)
	return o
}

// open makes a client of the same firm, as another process would.
func (o *office) open(v silverfin.Vault, rt http.RoundTripper) *silverfin.Client {
	o.t.Helper()
	c, err := silverfin.New(silverfin.Config{BaseURL: "https://silverfin.test", ClientID: "id", ClientSecret: "secret",
		HTTP: &http.Client{Transport: rt}, Vault: v, Now: o.clock.Now, RequestsPerSecond: -1,
		Home: func(context.Context) (silverfin.Home, error) { return o.home, nil }})
	must(o.t, err)
	return c
}

// renew makes a client renew the tokens.
func renew(t *testing.T, c *silverfin.Client) error {
	t.Helper()
	_, err := c.Renew(t.Context(), 1, 0)
	return err
}

// TestTwoOwners lets another client renew the same tokens, whole, at
// each moment of a renewal: before and after each call to the Vault and to the
// token endpoint, at one where a refresh token dies when it is posted. No pair is
// lost, nobody is sent to link again, and both go on.
func TestTwoOwners(t *testing.T) {
	const moments = 12 // more than there are
	reached := 0
	for n := range moments {
		o := newOffice(t)
		other := o.open(o.vault, o.http)
		count, joined := 0, false
		moment := func() {
			if count == n && !joined {
				joined = true
				if err := renew(t, other); err != nil && !problem.Is(err, problem.SilverfinDown) {
					t.Errorf("moment %d, the other: %v", n, err)
				}
			}
			count++
		}
		mine := &between{Vault: o.vault, moment: moment}
		first := o.open(mine, roundTrip(func(r *http.Request) (*http.Response, error) {
			if !isTokenPath(r.URL.Path) {
				return o.http.RoundTrip(r)
			}
			moment()
			defer moment()
			return o.http.RoundTrip(r)
		}))
		if err := renew(t, first); err != nil && !problem.Is(err, problem.SilverfinDown) {
			t.Errorf("moment %d: %v", n, err)
		}
		if joined {
			reached++
		}
		for round := range 3 {
			o.clock.Add(3 * time.Hour)
			for _, c := range []*silverfin.Client{first, other, o.open(o.vault, o.http)} {
				if err := renew(t, c); err != nil {
					t.Fatalf("moment %d, round %d afterwards: %v", n, round, err)
				}
			}
		}
	}
	if reached < 8 {
		t.Errorf("only %d moments were tried", reached)
	}
}

// between calls moment before and after each call to the Vault.
type between struct {
	silverfin.Vault
	moment func()
}

func (b *between) Get(ctx context.Context, name string) ([]byte, error) {
	b.moment()
	defer b.moment()
	return b.Vault.Get(ctx, name)
}

func (b *between) Update(ctx context.Context, name string, change func([]byte) ([]byte, error)) error {
	b.moment()
	defer b.moment()
	return b.Vault.Update(ctx, name, change)
}

// TestTwoOwnersSecondPair is kept: at an endpoint where it killed the one that
// was saved first, it is the only one that works.
func TestTwoOwnersSecondPair(t *testing.T) {
	o := newOffice(t)
	o.server.newest = true
	posted, saved, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	after := func(then func()) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if isTokenPath(r.URL.Path) {
				defer then()
			}
			return o.http.RoundTrip(r)
		})
	}
	second := o.open(o.vault, after(func() { close(posted); <-saved }))
	first := o.open(o.vault, after(func() {
		go func() { ended <- renew(t, second) }()
		<-posted
	}))
	must(t, renew(t, first))
	close(saved)
	must(t, <-ended)
	o.clock.Add(3 * time.Hour)
	must(t, renew(t, o.open(o.vault, o.http)))
}

// TestTwoOwnersManyRenewals is the same at random, against the sandbox.
func TestTwoOwnersManyRenewals(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	other := r.restart(r.vault)
	for range 150 {
		r.clock.Add(3 * time.Hour)
		var group sync.WaitGroup
		for _, c := range []*silverfin.Client{r.client, other} {
			group.Go(func() {
				if _, _, err := c.Firm(r.firm).Companies(t.Context()); err != nil && !problem.Is(err, problem.SilverfinDown) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if t.Failed() {
			return
		}
	}
	r.clock.Add(3 * time.Hour)
	_, _, err := r.restart(r.vault).Firm(r.firm).Companies(t.Context())
	must(t, err)
}

// TestRefreshTokenInRefusals: at an endpoint where the old refresh token
// died with the post, the new one is kept whatever else the answer says, and the
// next renewal goes on with it.
func TestRefreshTokenInRefusals(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter, access, refresh string){
		"a life as text":     write(200, `{"access_token":%q,"refresh_token":%q,"expires_in":"7200"}`),
		"half a second more": write(200, `{"access_token":%q,"refresh_token":%q,"expires_in":7200.5}`),
		"no life":            write(200, `{"access_token":%q,"refresh_token":%q,"expires_in":null}`),
		"server error":       write(500, `{"access_token":%q,"refresh_token":%q}`),
		"an error code":      write(200, `{"access_token":%q,"refresh_token":%q,"error":"temporarily_unavailable"}`),
		"an unknown error":   write(400, `{"access_token":%q,"refresh_token":%q,"error":"odd"}`),
		"no access token":    write(200, `{"x":%q,"refresh_token":%q}`),
		"another kind":       write(200, `{"access_token":[%q],"refresh_token":%q}`),
		"cut short": func(w http.ResponseWriter, a, r string) {
			write(200, `{"access_token":%q,"refresh_token":%q,"exp`)(w, a, r)
			panic(http.ErrAbortHandler)
		},
		"plain text": func(w http.ResponseWriter, a, r string) {
			w.Header().Set("Content-Type", "text/plain")
			write(200, `{"access_token":%q,"refresh_token":%q}`)(w, a, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.server.answer = answer
			err := renew(t, o.client)
			good := strings.Contains("a life as text, half a second more, no life, plain text", name)
			if good && (err != nil || o.server.posts != 1) {
				t.Errorf("a good answer: %v, %d posts", err, o.server.posts)
			}
			if !good && !problem.Is(err, problem.SilverfinDown) && !problem.Is(err, problem.SilverfinSignIn) {
				t.Errorf("got %v", err)
			}
			o.server.answer = nil
			o.clock.Add(3 * time.Hour)
			if err := renew(t, o.open(o.vault.restart(), o.http)); err != nil {
				t.Errorf("the next process: %v", err)
			}
		})
	}
}

func write(status int, format string) func(w http.ResponseWriter, access, refresh string) {
	return func(w http.ResponseWriter, access, refresh string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, format, access, refresh)
	}
}

// TestUselessRefreshToken: what a refusal echoes may be no token of ours.
// The one before it is tried again before the link counts as lost.
func TestUselessRefreshToken(t *testing.T) {
	o := newOffice(t)
	o.http = roundTrip(func(r *http.Request) (*http.Response, error) {
		if !isTokenPath(r.URL.Path) {
			return handlerTransport{o.server}.RoundTrip(r)
		}
		return handlerTransport{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			write(503, `{"access_token":%q,"refresh_token":%q}`)(w, "none", "none")
		})}.RoundTrip(r)
	})
	for range 2 {
		if err := renew(t, o.open(o.vault, o.http)); !problem.Is(err, problem.SilverfinDown) {
			t.Errorf("in trouble: %v", err)
		}
	}
	must(t, renew(t, o.open(o.vault.restart(), handlerTransport{o.server})))
	if o.server.posts != 2 {
		t.Errorf("%d posts, want that of the echo and that of the token", o.server.posts)
	}
}

// TestShortTokenLifetimes: an access token that is said to live a minute or less does not
// cost a renewal a call, and is renewed after half its life.
func TestShortTokenLifetimes(t *testing.T) {
	for life, use := range map[int]time.Duration{0: 119 * time.Minute, 1: 10 * time.Second, 30: 15 * time.Second,
		60: 30 * time.Second, 90: 45 * time.Second, 121: 61 * time.Second, 3600: 59 * time.Minute} {
		o := newOffice(t)
		o.server.answer = func(w http.ResponseWriter, access, refresh string) {
			fmt.Fprintf(w, `{"access_token":%q,"refresh_token":%q,"expires_in":%d}`, access, refresh, life)
		}
		call := func() int {
			for range 20 {
				if _, _, err := o.client.Firm(1).Companies(t.Context()); err != nil && !strings.Contains(err.Error(), "cannot be read") {
					t.Fatal(err)
				}
			}
			return o.server.posts
		}
		if n := call(); n != 1 {
			t.Errorf("a life of %d s: %d renewals for 20 calls", life, n)
		}
		o.clock.Add(use - time.Second)
		if n := call(); n != 1 {
			t.Errorf("a life of %d s: renewed after %s", life, use-time.Second)
		}
		o.clock.Add(time.Second)
		if n := call(); n != 2 {
			t.Errorf("a life of %d s: not renewed after %s", life, use)
		}
	}
}

// TestStateOnAnotherComputer: tokens that came with a copy of the state are not
// renewed before a person says that nobody else does, or links again; and if they
// are dead then, that is the reason given.
func TestStateOnAnotherComputer(t *testing.T) {
	restored := time.Date(2025, 3, 2, 9, 30, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		home silverfin.Home
		says string
	}{
		"another computer": {silverfin.Home{Machine: "m2", Name: "SRV2"}, "the state was copied from another computer, SRV1, to this one, SRV2"},
		"a restore":        {silverfin.Home{Machine: "m1", Name: "SRV1", Restored: restored}, "the state was restored from a backup at 2025-03-02 09:30 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			copied := o.vault.restart()
			must(t, renew(t, o.client)) // where it was, the tokens are renewed once more
			o.home = tt.home
			asked := func(v *vault) {
				t.Helper()
				err := renew(t, o.open(v, o.http))
				if !problem.Is(err, problem.SilverfinSignIn) || !strings.Contains(err.Error(), tt.says) ||
					!strings.Contains(problem.Of(err).Next, "connect silverfin --take-over") {
					t.Errorf("before anybody said so: %v; %s", err, problem.Of(err).Next)
				}
			}
			fresh := o.vault.restart()
			asked(copied)
			asked(fresh)
			if o.server.posts != 1 {
				t.Errorf("%d posts, want none", o.server.posts-1)
			}

			must(t, o.open(fresh, o.http).TakeOver(t.Context(), 1))
			for range 2 {
				must(t, renew(t, o.open(fresh, o.http)))
			}

			must(t, o.open(copied, o.http).TakeOver(t.Context(), 1))
			err := renew(t, o.open(copied, o.http))
			if !problem.Is(err, problem.NeedsRelink) || !strings.Contains(err.Error(), tt.says+", and its tokens were renewed elsewhere since") {
				t.Errorf("tokens that are dead: %v", err)
			}
		})
	}
}

// TestSignInOnAnotherComputer needs no other word.
func TestSignInOnAnotherComputer(t *testing.T) {
	o := newOffice(t)
	o.home = silverfin.Home{Machine: "m2"}
	c := o.open(o.vault, o.http)
	_, state, err := c.Begin(t.Context(), 1, "")
	must(t, err)
	_, _, err = c.End(t.Context(), state, "code", 0)
	must(t, err)
	must(t, renew(t, c))
}

// TestOldTokenRecords do not say where they were received.
func TestOldTokenRecords(t *testing.T) {
	o := newOffice(t)
	o.server.live["old"] = true
	o.vault.values["silverfin/firm/1/tokens"] = []byte(`{"generation":3,"access_token":"a","refresh_token":"old",` +
		`"expires":"2025-03-01T02:00:00Z","renewed_at":"2025-03-01T00:00:00Z","firm_name":"F"}`)
	must(t, renew(t, o.open(o.vault, o.http)))
	o.home.Machine = "m2"
	if err := renew(t, o.open(o.vault, o.http)); !problem.Is(err, problem.SilverfinSignIn) {
		t.Errorf("elsewhere afterwards: %v", err)
	}
}

// TestFewerScopesThanAsked are said at linking, with what will not work.
func TestFewerScopesThanAsked(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	for _, tt := range []struct {
		granted []string
		want    []string
	}{
		{nil, nil},
		{[]string{"user:profile", "user:firm", "administration:read", "communication:read", "financials:read", "workflows:read"},
			[]string{"administration:write: figures cannot be written at the level of periods"}},
		{[]string{"user:firm", "administration:read", "administration:write", "communication:read", "financials:read"},
			[]string{"user:profile: it is not known who linked the firm", "workflows:read: it cannot be seen whether the workflow is open"}},
	} {
		_, state, err := r.client.Begin(t.Context(), r.firm, "")
		must(t, err)
		_, notes, err := r.client.End(t.Context(), state, r.sandbox.Grant(r.firm, tt.granted...), 0)
		if err != nil || len(notes) != len(tt.want) {
			t.Fatalf("granted %q: %q, %v", tt.granted, notes, err)
		}
		for i, want := range tt.want {
			if !strings.Contains(notes[i], want) {
				t.Errorf("granted %q: %q, want %q", tt.granted, notes[i], want)
			}
		}
	}
}
