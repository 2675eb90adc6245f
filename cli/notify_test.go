package cli

import (
	"slices"
	"testing"

	"balansd/config"
	"balansd/ledger"
	"balansd/notify"
	"balansd/portal"
	"balansd/problem"
)

// TestNotificationsHaveEveryText checks that the pages have the texts that messages take
// from them, in every language of messages.
func TestNotificationsHaveEveryText(t *testing.T) {
	t.Parallel()
	caseTitle, problemTitle, err := portal.Titles()
	if err != nil {
		t.Fatal(err)
	}
	cases := []string{"differs", string(ledger.Unreadable), string(ledger.Refused), string(ledger.NotEqual), string(ledger.Unavailable)}
	for _, r := range ledger.Reasons() {
		cases = append(cases, string(r))
	}
	for _, lang := range notify.Languages() {
		for _, code := range cases {
			if text, err := caseTitle(lang, code); err != nil || text == "" {
				t.Errorf("%s has no text for %s: %v", lang, code, err)
			}
		}
		for _, code := range problem.Codes() {
			if text, err := problemTitle(lang, string(code)); err != nil || text == "" {
				t.Errorf("%s has no text for %s: %v", lang, code, err)
			}
		}
	}
}

// TestNotifyWords checks that the configuration and the messages have the same words.
func TestNotifyWords(t *testing.T) {
	t.Parallel()
	for is, want := range map[string]string{
		string(notify.Admins): config.RoleAdmin, string(notify.Staff): config.RoleStaff, string(notify.Everyone): config.RoleAll,
		string(notify.StartTLS): config.MailStartTLS, string(notify.TLS): config.MailTLS, string(notify.Plain): config.MailPlain,
		string(notify.JSON): config.FormatJSON, string(notify.Teams): config.FormatTeams, string(notify.Slack): config.FormatSlack,
	} {
		if is != want {
			t.Errorf("%q is %q in the configuration", is, want)
		}
	}
	if !slices.Equal(notify.Languages(), []string{"nl", "fr", "en", "de"}) {
		t.Errorf("the languages are %v", notify.Languages())
	}
}
