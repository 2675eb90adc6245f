package cli

import (
	"testing"

	"balansd/administration"
	"balansd/balance"
	"balansd/daemon"
	"balansd/sandbox/silverfin"

	"github.com/google/go-cmp/cmp"
)

// TestAdministrationCommands compares a client list with Silverfin, uses what it states of one
// field, then of all, and keeps what Silverfin has.
func TestAdministrationCommands(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{more: "administration:\n  lists: [{name: kantoor, file: klanten.csv}]\n"})
	f.write("klanten.csv", "Dossiernummer;Ondernemingsnummer;Naam;Straat;Huisnummer;Postcode;Gemeente\n"+
		"K1;0900.102.194;Bakkerij Peeters BV;Veldstraat;12;9000;Gent\nK2;0900.102.293;Garage Maes BV;Markt;1;8000;Brugge\n")
	add := func(name string, n balance.EnterpriseNumber) int64 {
		return f.sandbox.Silverfin.AddCompany(f.firm, silverfin.Company{Name: name, VAT: "BE " + n.Pretty(), Street: "Kerkstraat 5", PostalCode: "9050", City: "Gentbrugge"})
	}
	moved, unnamed := add("Bakkerij Peeters BV", "0900102194"), add("", "0900102293")
	held := func(id int64) [4]string {
		for _, c := range f.sandbox.Silverfin.Companies(f.firm) {
			if c.ID == id {
				return [4]string{c.Name, c.Street, c.PostalCode, c.City}
			}
		}
		t.Fatalf("there is no company %d", id)
		return [4]string{}
	}
	want := func(id int64, values ...string) {
		t.Helper()
		if diff := cmp.Diff([4]string(values), held(id)); diff != "" {
			t.Errorf("Silverfin has (-want +got)\n%s", diff)
		}
	}
	f.want(0, "[]", "administration", "list", "--json")
	f.linkSilverfin()
	f.daemon()
	f.want(0, "1 without a name got one", "administration", "sync")
	want(unnamed, "Garage Maes BV", "Kerkstraat 5", "9050", "Gentbrugge")
	want(moved, "Bakkerij Peeters BV", "Kerkstraat 5", "9050", "Gentbrugge")
	f.want(0, "2 have something that nobody decided about", "administration", "list", "--open")
	f.want(0, "Veldstraat", "administration", "show", "0900.102.194")

	f.want(0, "done; left: number, postal_code, city", "administration", "use", "0900.102.194", "--field", "street")
	want(moved, "Bakkerij Peeters BV", "Veldstraat 5", "9050", "Gentbrugge")
	f.want(0, "done", "administration", "use", "0900.102.194")
	want(moved, "Bakkerij Peeters BV", "Veldstraat 12", "9000", "Gent")
	f.want(0, "done", "administration", "keep", "Garage Maes BV")
	f.want(0, "0 differ in something that nobody decided about", "administration", "compare")
	page := read[daemon.AdministrationPage](t, f, 0, "administration", "list", "--search", "maes")
	if len(page.Companies) != 1 || len(page.Companies[0].Kept) != 4 || page.Companies[0].Kept[administration.Street].By != person() {
		t.Errorf("listed %+v", page)
	}
	want(unnamed, "Garage Maes BV", "Kerkstraat 5", "9050", "Gentbrugge")
	f.want(2, "is no field", "administration", "keep", "0900.102.293", "--field", "colour")
	f.want(1, "nothing is known", "administration", "show", "Onbekend NV")
}
