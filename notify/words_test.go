package notify_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"balansd/ledger"
	"balansd/notify"
)

// conditions is one of each kind, and of each reason of a balance.
func conditions() (list []ledger.Condition) {
	for _, kind := range ledger.ConditionKinds() {
		c := ledger.Condition{Kind: kind, Subject: string(kind), Name: "Kantoor", Role: ledger.Admin, Path: "/",
			Params: map[string]string{"date": "2026-04-01", "nights": "2"}}
		switch kind {
		case ledger.StateWrong:
			c.Reason = "state_damaged"
		case ledger.FirmRefuses:
			c.Reason = "silverfin_sign_in"
		case ledger.RunProblem:
			c.Reason = "silverfin_down"
		case ledger.NoGoodNight:
			c.Since = time.Date(2026, 3, 8, 3, 0, 0, 0, time.UTC)
		case ledger.BalanceFailed, ledger.BalanceParked:
			c.Reason = string(ledger.NotEqual)
		case ledger.BalanceWaits:
			c.Reason = string(ledger.NoCompany)
		}
		list = append(list, c)
	}
	return append(list, ledger.Condition{Kind: ledger.RunProblem, Role: ledger.Admin, Path: "/nights"})
}

// TestEveryLanguageSaysEverything: each kind has a sentence in each language. With BALANSD_TEST_MAILS the mails are
// written to that folder, to be read.
func TestEveryLanguageSaysEverything(t *testing.T) {
	t.Parallel()
	missing := regexp.MustCompile(`item\.|next\.|heading\.|subject\.|<no value>|\{\{|!\(`)
	for _, lang := range notify.Languages() {
		s := newSMTPServer(t, notify.StartTLS)
		f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Everyone, Language: lang, Send: s.Mail("a@office.example")})
		all := append(conditions(), waits("7", ledger.NoCompany), waits("8", ledger.WorkflowClosed))
		f.report(1, all...)
		f.report(2, all[1:]...)
		f.report(3)
		f.n.Test(t.Context())
		mails := s.received().mails
		if len(mails) != 4 {
			t.Fatalf("%s: %d mails, unsent %+v", lang, len(mails), f.unsent())
		}
		subjects := map[string]bool{}
		for i, raw := range mails {
			m := parse(t, raw)
			subjects[m.subject] = true
			if found := missing.FindString(m.subject + m.body); found != "" {
				t.Errorf("%s: %q is in\n%s\n%s", lang, found, m.subject, m.body)
			}
			if i == 0 {
				for _, c := range all {
					if n := strings.Count(m.body, "\n- "); n != len(all)-1 {
						t.Fatalf("%s: %d things for %d conditions: %s\n%s", lang, n, len(all), c.Kind, m.body)
					}
				}
			}
			if dir := os.Getenv("BALANSD_TEST_MAILS"); dir != "" {
				text := "Subject: " + m.subject + "\n\n" + m.body
				if err := os.WriteFile(filepath.Join(dir, lang+string(rune('1'+i))+".txt"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(subjects) != 4 {
			t.Errorf("%s: the subjects are %v", lang, subjects)
		}
	}
}
