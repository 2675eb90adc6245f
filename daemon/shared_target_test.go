package daemon_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/ledger"
)

// twoClientsInOneFolder puts balances of two clients into one folder and links
// that folder to the company of the first, where the first is delivered.
func twoClientsInOneFolder(t *testing.T, firstName, secondName string) (w *world, first, second client, file string) {
	t.Helper()
	w, dir := withFolder(t)
	first = w.client(1)
	second = client{number: numberOf(2)}
	w.must(w.keeper.SaveLink(t.Context(), ledger.DossierLink{Connection: "map", DossierID: "X", FirmID: w.firm, CompanyID: first.company,
		NumberDiffers: ledger.NumberDiffers{Company: "Client 1 BV", DossierNumber: second.number, CompanyNumber: first.number}}))
	w.put(filepath.Join(dir, "X", firstName), w.balance(first, 1), w.clock().Add(-2*time.Hour))
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
	return w, first, second, filepath.Join(dir, "X", secondName)
}

func TestTwoClientsOfOneFolderDoNotReplaceEachOther(t *testing.T) {
	for name, file := range map[string]string{"two files": "b.csv", "one file replaced": "a.csv"} {
		t.Run(name, func(t *testing.T) {
			w, first, second, path := twoClientsInOneFolder(t, "a.csv", file)
			w.put(path, w.balance(second, 2), w.clock().Add(-time.Hour))
			w.sync()
			e := w.entries()[1]
			w.wantState(e, ledger.Differs, "")
			w.wantHeld(first, w.balance(first, 1))
			if !strings.Contains(e.Detail, first.number.Pretty()) {
				t.Errorf("the detail does not name the other client: %q", e.Detail)
			}
		})
	}
}
