package portal

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"balansd/ledger"

	"github.com/rs/zerolog"
)

// TestStrangersCannotFlushTheTrail: whoever tries to sign in without end
// pushes out nothing that people did.
func TestStrangersCannotFlushTheTrail(t *testing.T) {
	trail := NewTrail(TrailConfig{Shelf: newMemoryShelf(), Log: zerolog.Nop(), Size: 40})
	for i := range 10 {
		trail.Note(t.Context(), Record{Who: "An", What: "retry", On: fmt.Sprint(i)})
	}
	for i := range 200 {
		trail.Refused(t.Context(), Record{Who: fmt.Sprint("stranger ", i), What: "sign-in", Outcome: "signin.wrong"})
		if i == 100 {
			trail.Note(t.Context(), Record{Who: "An", What: "retry", On: "10"})
		}
	}
	var kept []string
	strangers := 0
	var last Record
	for before := uint64(0); ; {
		list, older, err := trail.Page(t.Context(), before, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			if !last.At.IsZero() && r.At.After(last.At) {
				t.Error("the trail is out of order")
			}
			last = r
			if r.Who == "An" {
				kept = append(kept, r.On)
			} else {
				strangers++
			}
		}
		if before = older; before == 0 {
			break
		}
	}
	if want := []string{"10", "9", "8", "7", "6", "5", "4", "3", "2", "1", "0"}; !slices.Equal(kept, want) {
		t.Errorf("of what An did is left: %q", kept)
	}
	if strangers == 0 || strangers > 40 {
		t.Errorf("%d attempts of strangers are kept", strangers)
	}
}

// TestNobodyBeginsForOthers: who begins sign-ins at the provider without end
// keeps nobody else from theirs, and what a stranger sends back unasked is not
// in the trail.
func TestNobodyBeginsForOthers(t *testing.T) {
	p := newProvider(t)
	w := p.world(t)
	mine := w.browser()
	back := p.authorize(p.leave(mine))
	mallory := w.browser()
	for range 1100 {
		if got := mallory.post("/oidc/begin"); got.code != http.StatusOK {
			t.Fatalf("beginning gives %d", got.code)
		}
	}
	if got := p.enter(w.browser()); got.code != http.StatusSeeOther {
		t.Errorf("another person gets %d", got.code)
	}
	if got := mine.post("/oidc/finish", p.handedBack(mine, back)...); got.code != http.StatusSeeOther {
		t.Errorf("who had begun before gets %d", got.code)
	}
	before := len(w.records())
	for range 5 {
		w.browser().post("/oidc/finish", "error", "access_denied", "state", "x")
		w.browser().post("/oidc/finish", "state", "x", "code", "y")
	}
	if after := len(w.records()); after != before {
		t.Errorf("the trail has %d records of who began nothing", after-before)
	}
}

// TestALongWayBack: a page with an address as long as browsers allow does not
// keep a person from signing in.
func TestALongWayBack(t *testing.T) {
	p := newProvider(t)
	w := p.world(t)
	got := w.browser().post("/oidc/begin", "next", "/dossiers?q="+strings.Repeat("x", 8000))
	if c := cookieOf(got, oidcCookie); c == nil || len(c.Value) > 3500 {
		t.Errorf("the browser is to keep %v", c)
	}
}

// TestWhoLostTheirGroupsIsOut: when the provider says at a new sign-in that
// somebody is in no group any more, their other sessions end.
func TestWhoLostTheirGroupsIsOut(t *testing.T) {
	p := newProvider(t)
	w := p.world(t)
	b := w.browser()
	if got := p.enter(b); got.code != http.StatusSeeOther || b.get("/people").code != http.StatusOK {
		t.Fatal(got.code)
	}
	p.claims["groups"] = []string{"everybody"}
	if got := p.enter(w.browser()); got.code != http.StatusForbidden {
		t.Errorf("without a group: %d", got.code)
	}
	if got := b.get("/people"); got.code == http.StatusOK {
		t.Error("an admin without a group is still one")
	}
}

// TestTheTrailSaysWhereTo: that a dossier was linked says little without the
// one in Silverfin, and without both numbers where they differ.
func TestTheTrailSaysWhereTo(t *testing.T) {
	trail := NewTrail(TrailConfig{Shelf: newMemoryShelf(), Log: zerolog.Nop()})
	if _, err := Audited(&fake{}, trail).Link(t.Context(), ledger.DossierLink{DossierID: "d-1", FirmID: 12, CompanyID: 345}, "An"); err != nil {
		t.Fatal(err)
	}
	list, _, _ := trail.Page(t.Context(), 0, 1)
	if len(list) != 1 || !strings.HasPrefix(list[0].On, "d-1 → /f/12/345 (") || !strings.Contains(list[0].On, " ≠ ") {
		t.Errorf("the trail has %+v", list)
	}
}

// TestNoticesAreBounded: who never looks at a page fills no session.
func TestNoticesAreBounded(t *testing.T) {
	w := newWebWorld(t)
	ben := w.as(benName)
	for range 50 {
		ben.post("/decisions", "do", "use_finbox")
	}
	for _, text := range (memoryRows{w.shelf.rows}).Walk(shelfSessions, "") {
		if len(text) > 2000 {
			t.Errorf("a session takes %d bytes", len(text))
		}
	}
}
