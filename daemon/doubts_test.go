package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"

	"github.com/shopspring/decimal"
)

// leave writes a file that is an hour old.
func (w *world) leave(file string, doc []byte) {
	w.t.Helper()
	w.must(os.MkdirAll(filepath.Dir(file), 0o700))
	w.must(os.WriteFile(file, doc, 0o600))
	at := w.clock().Add(-time.Hour)
	w.must(os.Chtimes(file, at, at))
}

// A balance that states two amounts for one rubric is not delivered, whatever
// is retried, until a document comes that states one.
func TestTwoAmountsWaitForAPerson(t *testing.T) {
	w, dir := withFolder(t)
	c := w.client(1)
	b := w.balance(c, 1)
	file := filepath.Join(dir, "d", "balans.csv")
	doc, err := balance.Write(balance.NBBCSV, b)
	w.must(err)
	w.leave(file, append(doc, "\"1003\",\"98765.4\"\n"...))
	for range 2 {
		w.sync()
		e := w.only()
		w.wantState(e, ledger.Waiting, ledger.TwoAmounts)
		if len(e.Doubts) != 1 || e.Doubts[0].Code != "1003" || len(e.Doubts[0].Readings) != 2 || e.Next == "" ||
			!strings.Contains(e.Detail, "more than one amount for 1003") || strings.Contains(e.Detail, "98765") {
			t.Errorf("doubts %+v, %s %s", e.Doubts, e.Detail, e.Next)
		}
		if held := w.sf.Custom(c.company, c.period); len(held) != 0 {
			t.Fatalf("Silverfin holds %d figures", len(held))
		}
		_, err := w.d.Retry(t.Context(), e.Number, "Els")
		w.must(err)
	}
	w.leave(file, doc)
	w.sync()
	w.wantHeld(c, b)
}

// A document that is in doubt as a whole waits too, and is not taken for one
// without a social balance.
func TestNothingButDoubtsWaits(t *testing.T) {
	w, dir := withFolder(t)
	c := w.client(1)
	b := w.balance(c, 1)
	b.Values = balance.Values{{Code: "1003"}: decimal.NewFromInt(4)}
	doc, err := balance.Write(balance.NBBCSV, b)
	w.must(err)
	w.leave(filepath.Join(dir, "d", "balans.csv"), append(doc, "\"1003\",\"5\"\n"...))
	for range 2 {
		w.sync()
		w.wantState(w.only(), ledger.Waiting, ledger.TwoAmounts)
	}
}
