package cli

import (
	"strconv"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
)

// Two dossiers of one employer are grouped on the command line, and the sum takes the
// place of what one of them had delivered.
func TestLinksGroup(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	f.want(0, "No dossiers are grouped", "links", "group")
	first := f.addDemo().Dossiers[0]
	second, err := f.sandbox.Finbox.AddDossier(f.conn, fakefinbox.Dossier{EnterpriseNumber: first.EnterpriseNumber, Name: "Bedienden"})
	if err != nil {
		t.Fatal(err)
	}
	b := madeup.Balance(77, first.Model, 2025)
	b.EnterpriseNumber = first.EnterpriseNumber
	if _, _, err := f.sandbox.Finbox.AddBalance(fakefinbox.NewBalance{ConnectionID: f.conn, DossierID: second, Balance: b}); err != nil {
		t.Fatal(err)
	}
	f.want(3, "", "sync")
	one, other := f.conn+"/"+first.DossierID, f.conn+"/"+second
	f.want(2, "at least two dossiers", "links", "group", one)
	f.want(2, "can be 2 dossiers", "links", "group", one, first.EnterpriseNumber.String())
	f.want(0, "the next run adds their balances up", "links", "group", one, other)
	if groups := read[[]daemon.DossierGroup](t, f, 0, "links", "group"); len(groups) != 1 || len(groups[0].Dossiers) != 2 {
		t.Fatalf("the groups are %+v", groups)
	}
	f.want(3, "", "sync")
	var sum ledger.Entry
	for _, e := range read[[]ledger.Entry](t, f, 0, "ledger", "list") {
		if len(e.Parts) > 0 {
			sum = e
		}
	}
	if sum.State != ledger.Done || len(sum.Parts) != 2 {
		t.Fatalf("the sum is %+v", sum)
	}
	f.want(0, "sum of      entries", "ledger", "show", entryNumber(sum))
	f.want(0, "part of     entry "+entryNumber(sum), "ledger", "show", strconv.FormatUint(sum.Parts[0], 10))
	values := read[daemon.EntryDetail](t, f, 0, "ledger", "show", entryNumber(sum)).Values
	for cell, v := range b.Values { // the other half of the sum
		if got, err := balance.ParseDecimal(values[cell.String()]); err != nil || got.LessThan(v) {
			t.Errorf("%s of the sum is %s, and of one part %s", cell, values[cell.String()], v)
		}
	}
	f.want(0, "Dissolved", "links", "group", "--remove", other)
	if r := f.want(1, "belongs to no group", "links", "group", "--remove", one); strings.Contains(r.stdout, "Dissolved") {
		t.Error(r.stdout)
	}
}
