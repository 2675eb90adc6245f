package portal

import (
	"context"
	"testing"
	"time"

	"balansd/accounts"
	"balansd/accounts/oidctest"
	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
)

// eightOClock answers with the status of a morning on which something is wrong.
type eightOClock struct{ *daemontest.API }

func (eightOClock) Status(context.Context) (daemon.Status, error) {
	night := time.Date(2026, 11, 30, 1, 30, 0, 0, time.UTC)
	return daemon.Status{Version: "1.2.3", Running: true, Since: night.AddDate(0, 0, -9), NextWake: night.AddDate(0, 0, 1),
		LastNight:   &ledger.Run{Number: 412, Trigger: ledger.Nightly, Night: balance.DateOf(night), Start: night, End: night.Add(4 * time.Minute), Outcome: map[ledger.State]int{ledger.Done: 3}, New: 3},
		Connections: []ledger.Connection{{ID: "kantoor", Kind: ledger.Finbox, Name: "Kantoor Voorbeeld", Status: ledger.Active, ActivatedAt: night.AddDate(0, -2, 0), ListedAt: night}},
		Firms:       []ledger.Firm{{ID: 1001, Name: "Kantoor Voorbeeld", LinkedAt: night.AddDate(0, -2, 0), RenewedAt: night.AddDate(0, 0, -1), Relink: "its sign-in was withdrawn"}},
		Conditions:  []ledger.Condition{{Kind: ledger.FirmRelink, Subject: "1001", Name: "Kantoor Voorbeeld", Role: ledger.Admin}, {Kind: ledger.NightsMissed, Params: map[string]string{"nights": "2"}}},
		Missed:      []ledger.MissedNight{{Night: balance.DateOf(night).AddDays(-1), Cause: ledger.NotRunning}, {Night: balance.DateOf(night).AddDays(-2), Cause: ledger.NotRunning}},
		Counts:      map[ledger.State]int{ledger.Done: 1284}}, nil
}

func (eightOClock) Dossiers(context.Context, daemon.DossierQuery) (daemon.DossierPage, error) {
	return daemon.DossierPage{Total: 642, Counts: map[ledger.State]int{ledger.Done: 642}}, nil
}

// TestAdminPagesInBrowser shows what the manual for the IT administrator has pictures of:
// a morning on which something is wrong, who may sign in, and signing in at a provider. With
// BALANSD_TEST_PICTURES it writes the pictures to that folder: docs/pictures.
func TestAdminPagesInBrowser(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.API = eightOClock{c.API.(*daemontest.API)} })
	if _, err := f.people.Invite(t.Context(), "nieuw@kantoor.example", accounts.Staff, annName); err != nil {
		t.Fatal(err)
	}
	p := oidctest.NewProvider(t)
	provided := newFixture(t, func(c *Config) {
		c.OIDC = &accounts.OIDCConfig{Issuer: p.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, Client: p.ClientFor}
	})
	if i, err := provided.people.InviteLocal(t.Context(), annName, accounts.Admin, "root"); err != nil {
		t.Fatal(err)
	} else if _, err := provided.people.Accept(t.Context(), i.Link[len(i.Link)-26:], annName, testPassword); err != nil {
		t.Fatal(err)
	}
	c, atProvider := newChrome(t, f.server.URL), newChrome(t, provided.server.URL)
	c.setViewport(pictured)
	atProvider.setViewport(pictured)
	c.signIn(annName)
	for lang, relink := range map[string]string{"en": "must be connected again", "nl": "opnieuw", "fr": "reconnect"} {
		c.visit("/")
		c.setLanguage(lang)
		c.expectText("Kantoor Voorbeeld")
		c.expectText(relink)
		c.picture("admin-eight-o-clock-"+lang, "main")
		c.visit("/people")
		c.expectText("nieuw@kantoor.example")
		c.picture("admin-people-"+lang, "main")
		atProvider.visit("/sign-in")
		atProvider.setLanguage(lang)
		if !value[bool](atProvider, `document.querySelectorAll("main form").length == 2`) {
			t.Error("the page does not offer both ways to sign in")
		}
		atProvider.picture("admin-sign-in-"+lang, "main")
	}
	atProvider.setViewport(desktop)
	atProvider.checkPage("signin-provider")
}
