package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
)

// TestLedgerShowsCorrections delivers a correction whose sums are wrong. The ledger shows
// what it changed and its findings, in the chosen language.
func TestLedgerShowsCorrections(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	cast := f.addDemo()
	f.want(3, "", "sync")
	first := cast.Dossiers[0]
	if _, err := f.sandbox.Finbox.CorrectFrom(first.BalanceID, func(b *balance.Balance) *balance.Balance {
		b.Values[balance.Cell{Code: "1013"}] = decimal.NewFromInt(7)
		return b
	}); err != nil {
		t.Fatal(err)
	}
	r := f.want(3, "3 findings about its figures", "sync")
	if !strings.Contains(r.stdout, ", 1 with findings, in ") {
		t.Errorf("the run says %s", r.stdout)
	}
	e := read[[]ledger.Entry](t, f, 0, "ledger", "list", "--dossier", string(first.EnterpriseNumber))[0]
	if e.State != ledger.Done || len(e.Findings) != 3 || len(e.Changes) != 1 {
		t.Fatalf("the entry is %+v", e)
	}
	f.want(0, "done, 3 findings\n", "ledger", "list")
	number := entryNumber(e)
	for lang, texts := range map[string][]string{
		"nl": {"\n1013  Aantal daadwerkelijk gepresteerde uren, totaal ", "\nGewijzigde cijfers: 1\n", "\nOpmerkingen\n- ", " geven samen ", "(hours_total, cs_11.00.0_0010)"},
		"de": {"\n1013  Anzahl der tatsächlich geleisteten Arbeitsstunden, Summe ", "\nGeänderte Zahlen: 1\n", "\nBemerkungen\n- ", " ergeben zusammen "},
	} {
		r := f.want(0, "; it replaces entry ", "ledger", "show", number, "--lang", lang)
		for _, text := range texts {
			if !strings.Contains(r.stdout, text) {
				t.Errorf("%s: no %q in\n%s", lang, text, r.stdout)
			}
		}
	}
	full := read[daemon.EntryDetail](t, f, 0, "ledger", "show", number)
	if len(full.Entry.Findings) != 3 || full.Entry.Findings[0].In(balance.French) == full.Entry.Findings[0].Message {
		t.Errorf("the findings are %+v", full.Entry.Findings)
	}
}

// If the setting is on, such a balance waits until it is retried.
func TestHoldOnFindings(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	cast := f.addDemo()
	text, err := os.ReadFile(f.config)
	if err != nil {
		t.Fatal(err)
	}
	f.config = f.write("held.yaml", string(text)+"\ndocuments: {hold_on_findings: true}\n")
	first := cast.Dossiers[0]
	if _, err := f.sandbox.Finbox.CorrectFrom(first.BalanceID, func(b *balance.Balance) *balance.Balance {
		b.Values[balance.Cell{Code: "1013"}] = decimal.NewFromInt(7)
		return b
	}); err != nil {
		t.Fatal(err)
	}
	f.want(3, "waiting: findings\n      the checks of the balance have 3 findings", "sync")
	number := entryNumber(read[[]ledger.Entry](t, f, 0, "ledger", "list", "--reason", "findings")[0])
	f.want(0, "", "ledger", "retry", number)
	f.want(3, "", "sync")
	f.want(0, "stands      done", "ledger", "show", number)
}
