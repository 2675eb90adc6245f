package portal

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"balansd/accounts"
	"balansd/keyvalue"
)

// movedClock is a clock that a test sets.
type movedClock struct{ now time.Time }

func (c *movedClock) Now() time.Time { return c.now }

// years is how far clocks are ahead here.
const years = 3 * 366 * 24 * time.Hour

// TestAClockAheadMakesNoSessionsOfYears is the same for sessions.
func TestAClockAheadMakesNoSessionsOfYears(t *testing.T) {
	c := &movedClock{now: time.Now()}
	f := newFixture(t, func(cfg *Config) { cfg.Now = c.Now })
	before := f.signedIn(benName)
	c.now = c.now.Add(years)
	ahead := f.signedIn(annName)
	annKey := f.key(annName)
	// As the session's own manager would have it, whose clock was ahead too.
	err := f.kv.Update(t.Context(), func(kv keyvalue.Writer) error {
		for key, text := range kv.Walk("sessions", "") {
			var session struct {
				Deadline time.Time         `json:"deadline"`
				Values   map[string]string `json:"values"`
			}
			if err := json.Unmarshal(text, &session); err != nil {
				return err
			}
			if session.Values["person"] == annKey {
				session.Deadline = c.now.Add(time.Hour)
				if err := keyvalue.Put(kv, "sessions", key, session); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := ahead.get("/account"); got.code != http.StatusOK {
		t.Errorf("a session that was just begun gives %d", got.code)
	}
	c.now = c.now.Add(-years)
	if got := ahead.get("/account"); got.code == http.StatusOK {
		t.Error("a session of a time to come is in force")
	}
	if got := before.get("/account"); got.code != http.StatusOK {
		t.Errorf("a session of today was taken away by the clock: %d", got.code)
	}
}

// TestASignInAtTheProviderOfAnotherTime: what a browser keeps of it is worth
// nothing while the clock says that it is still to come.
func TestASignInAtTheProviderOfAnotherTime(t *testing.T) {
	c := &movedClock{now: time.Now()}
	p := newProvider(t)
	d, err := accounts.NewOIDC(accounts.OIDCConfig{Issuer: p.server.URL, ClientID: "balansd", HTTP: p.server.Client()}, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	address, cookie, err := d.Begin(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	_, state, _ := strings.Cut(address, "state=")
	state, _, _ = strings.Cut(state, "&")
	if _, ok := d.Resume(state, cookie); !ok {
		t.Error("a sign-in that was just begun is refused")
	}
	c.now = c.now.Add(-years)
	if _, ok := d.Resume(state, cookie); ok {
		t.Error("a sign-in of a time to come goes on")
	}
}
