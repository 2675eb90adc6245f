package portal

import (
	"context"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
)

// notifyAPI answers the test of notifications.
type notifyAPI struct {
	daemon.API
	tested daemon.NotifyTested
}

func (a *notifyAPI) NotifyTest(context.Context, daemon.NotifyRequest) (daemon.NotifyTested, error) {
	return a.tested, nil
}

func (a *notifyAPI) Status(context.Context) (daemon.Status, error) {
	return daemon.Status{Unsent: []ledger.Unsent{{Channel: "it@office.example"}}}, nil
}

func (a *notifyAPI) Dossiers(context.Context, daemon.DossierQuery) (daemon.DossierPage, error) {
	return daemon.DossierPage{}, nil
}

func newNotifyFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixture(t, func(c *Config) {
		c.API = &notifyAPI{&daemontest.API{}, daemon.NotifyTested{Channels: []ledger.NotifyTest{{Channel: "it@office.example"},
			{Channel: "webhook teams", Problem: "hooks.example answers 404 Not Found"}}}}
		c.Settings = func() []Setting {
			return []Setting{{Key: "notify.mail.host", Value: "smtp.office.example", Origin: "balansd.yaml:12"}, {Key: "notify.mail.port", Value: "587", Origin: "default"}}
		}
	})
}

// TestNotifyInBrowser tries the button of the test message, and the note of a message that
// could not be sent, in each language.
func TestNotifyInBrowser(t *testing.T) {
	f := newNotifyFixture(t)
	c := newChrome(t, f.server.URL)
	c.signIn(annName)
	for lang, want := range map[string][3]string{
		"nl": {"Testbericht verstuurd: it@office.example.", "Het testbericht is niet verstuurd: webhook teams. hooks.example answers 404 Not Found", "Een bericht kan niet verstuurd worden"},
		"fr": {"Message de test envoyé", "Le message de test n'a pas été envoyé", "Un message ne peut pas être envoyé"},
		"en": {"Test message sent", "The test message was not sent", "A message cannot be sent"},
		"de": {"Testnachricht gesendet", "Die Testnachricht wurde nicht gesendet", "Eine Nachricht kann nicht gesendet werden"},
	} {
		c.visit("/settings")
		c.setLanguage(lang)
		c.click(`form[action="/settings/notify-test"] button`)
		c.expectText(want[0])
		c.expectText(want[1])
		c.checkPage("settings-notify-" + lang)
		c.visit("/")
		c.expectText(want[2])
		c.checkPage("home-unsent-" + lang)
	}
}

// TestNotifyButtonOnlyWhereSomebodyIsTold checks that there is no button for nothing.
func TestNotifyButtonOnlyWhereSomebodyIsTold(t *testing.T) {
	f := newFixture(t)
	if got := f.signedIn(annName).get("/settings"); got.code != 200 || strings.Contains(got.body, "notify-test") {
		t.Errorf("the page without notifications gives %d with a button", got.code)
	}
	if got := newNotifyFixture(t).signedIn(annName).get("/settings"); !strings.Contains(got.body, "notify-test") {
		t.Error("there is no button")
	}
}
