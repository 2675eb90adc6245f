package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"

	"github.com/shopspring/decimal"
)

// leave writes a file that is an hour old.
func (fx *fixture) leave(file string, doc []byte) {
	fx.t.Helper()
	fx.must(os.MkdirAll(filepath.Dir(file), 0o700))
	fx.must(os.WriteFile(file, doc, 0o600))
	at := fx.clock().Add(-time.Hour)
	fx.must(os.Chtimes(file, at, at))
}

// A balance that states two amounts for one rubric is not delivered, whatever
// is retried, until a document comes that states one.
func TestTwoAmountsWaitForAPerson(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	file := filepath.Join(dir, "d", "balans.csv")
	doc, err := balance.Write(balance.NBBCSV, b)
	fx.must(err)
	fx.leave(file, append(doc, "\"1003\",\"98765.4\"\n"...))
	for range 2 {
		fx.sync()
		e := fx.only()
		fx.wantState(e, ledger.Waiting, ledger.TwoAmounts)
		if len(e.Doubts) != 1 || e.Doubts[0].Code != "1003" || len(e.Doubts[0].Readings) != 2 || e.Next == "" ||
			!strings.Contains(e.Detail, "more than one amount for 1003") || strings.Contains(e.Detail, "98765") {
			t.Errorf("doubts %+v, %s %s", e.Doubts, e.Detail, e.Next)
		}
		if held := fx.sf.Custom(c.company, c.period); len(held) != 0 {
			t.Fatalf("Silverfin holds %d figures", len(held))
		}
		_, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: e.Number, By: "Els"})
		fx.must(err)
	}
	fx.leave(file, doc)
	fx.sync()
	fx.wantHeld(c, b)
}

// A document that is in doubt as a whole waits too, and is not taken for one
// without a social balance.
func TestNothingButDoubtsWaits(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	b.Values = balance.Values{{Code: "1003"}: decimal.NewFromInt(4)}
	doc, err := balance.Write(balance.NBBCSV, b)
	fx.must(err)
	fx.leave(filepath.Join(dir, "d", "balans.csv"), append(doc, "\"1003\",\"5\"\n"...))
	for range 2 {
		fx.sync()
		fx.wantState(fx.only(), ledger.Waiting, ledger.TwoAmounts)
	}
}

// lastYearAlone is a document of 2026 that has a figure of 2025 alone.
func lastYearAlone(fx *fixture, c client) string {
	day := func(y, m, d int) balance.Date { return balance.Date{Year: y, Month: time.Month(m), Day: d} }
	doc, err := balance.Write(balance.PFSXBRL, &balance.Balance{EnterpriseNumber: c.number, Model: balance.Abbreviated, Currency: "EUR",
		FiscalYear: balance.Period{Start: day(2026, 1, 1), End: day(2026, 12, 31)},
		Values:     balance.Values{{Code: "1003", Previous: true}: decimal.RequireFromString("77.7")}})
	fx.must(err)
	return string(doc)
}

// A document that holds last year's figures alone goes into its own year, and
// leaves that of the year before as it is.
func TestLastYearsFiguresAloneGoIntoTheirYear(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	next := fx.sf.AddPeriod(c.company, balance.Date{Year: 2026, Month: 1, Day: 1}, balance.Date{Year: 2026, Month: 12, Day: 31})
	fx.sf.OpenWorkflow(c.company, next, workflowName)
	b := fx.balance(c, 1)
	doc, err := balance.Write(balance.NBBCSV, b)
	fx.must(err)
	fx.leave(filepath.Join(dir, "d", "2025.csv"), doc)
	fx.sync()
	fx.leave(filepath.Join(dir, "d", "2026.xbrl"), []byte(lastYearAlone(fx, c)))
	fx.sync()
	fx.wantHeld(c, b)
	if got := fx.sf.Custom(c.company, next)[namespace+".code_1003P"]; got != "77.7" {
		t.Errorf("2026 holds %q", got)
	}
}

// A document whose year is in doubt waits with both readings. It replaces the
// balance of neither.
func TestAYearInDoubtWaits(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	doc, err := balance.Write(balance.NBBCSV, b)
	fx.must(err)
	fx.leave(filepath.Join(dir, "d", "2025.csv"), doc)
	fx.sync()
	fx.leave(filepath.Join(dir, "d", "2026.xbrl"), []byte(strings.NewReplacer("Current", "A", "Preceding", "B").Replace(lastYearAlone(fx, c))))
	for range 2 {
		fx.sync()
		all := fx.entries()
		fx.wantState(all[0], ledger.Done, "")
		fx.wantState(all[1], ledger.Waiting, ledger.DoubtfulFigures)
		if !strings.Contains(all[1].Detail, "2025-01-01/2025-12-31 or 2026-01-01/2026-12-31") || !all[1].FiscalYear.End.IsZero() {
			t.Errorf("%s, of %s", all[1].Detail, all[1].FiscalYear)
		}
	}
	fx.wantHeld(c, b)
}
