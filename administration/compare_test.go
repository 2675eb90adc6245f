package administration_test

import (
	"slices"
	"strings"
	"testing"

	"balansd/administration"
	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSameText(t *testing.T) {
	type f = administration.Field
	for _, c := range []struct {
		field f
		a, b  string
		same  bool
	}{
		{administration.Name, "Bakkerij Peeters NV", "BAKKERIJ PEETERS N.V.", true},
		{administration.Name, "Bakkerij Peeters", "Bakkerij Peeters nv", true},
		{administration.Name, "Bakkerij Peeters naamloze vennootschap", "Bakkerij Peeters SA", true},
		{administration.Name, "ASBL Les Amis", "Les Amis", true},
		{administration.Name, "Peeters & Zonen", "Peeters en Zonen", true},
		{administration.Name, "Peeters&Zonen", "Peeters & zonen", true},
		{administration.Name, "Café Bé", "Cafe Be", true},
		{administration.Name, "D’Hondt", "D'Hondt", true},
		{administration.Name, "J.P. Claes", "JP Claes", true},
		{administration.Name, "Bakkerij Peeters NV", "Bakkerij Peeters BV", false},
		{administration.Name, "Bakkerij Peeters BVBA", "Bakkerij Peeters BV", false},
		{administration.Name, "Bakkerij Peeters", "Bakkerij Peters", false},
		{administration.Name, "NV", "", false},
		{administration.Name, "AG Insurance", "Insurance", false},
		{administration.Street, "Kerkstraat", "kerkstr.", true},
		{administration.Street, "Kerk straat", "Kerkstraat", true},
		{administration.Street, "Gentsesteenweg", "Gentse stwg", true},
		{administration.Street, "Sint-Pietersstraat", "St. Pietersstraat", true},
		{administration.Street, "Burgemeester Claeslaan", "Burg. Claesln", true},
		{administration.Street, "O.-L.-Vrouwstraat", "Onze-Lieve-Vrouwstraat", false}, // shortened in a way of its own
		{administration.Street, "O.L.V.-straat", "Onze Lieve Vrouw straat", true},
		{administration.Street, "Avenue Louise", "Av. Louise", true},
		{administration.Street, "Chaussée de Gand", "Chee de Gand", true},
		{administration.Street, "Kerkstraat", "Kerklaan", false},
		{administration.Street, "Chemin Vert", "Chaussée Verte", false},
		{administration.Number, "12 A", "12a", true},
		{administration.Number, "nr. 12", "12", true},
		{administration.Number, "12", "12A", false},
		{administration.Number, "12-14", "12", false},
		{administration.Box, "bus 3", "3", true},
		{administration.Box, "bte 003", "B 3", true},
		{administration.Box, "B3", "3", true},
		{administration.Box, "A", "bus a", true},
		{administration.Box, "", "3", false},
		{administration.PostalCode, "B-9000", "9000", true},
		{administration.PostalCode, "9000", "9001", false},
		{administration.City, "Gand", "GENT", true},
		{administration.City, "St.-Gillis", "Saint-Gilles", true},
		{administration.City, "Sint-Niklaas", "St Niklaas", true},
		{administration.City, "Gent", "Genk", false},
		{administration.Country, "", "België", true},
		{administration.Country, "BE", "Belgique", true},
		{administration.Country, "NL", "BE", false},
		{administration.LegalForm, "Société anonyme", "NV", true},
		{administration.LegalForm, "Besloten Vennootschap", "SRL", true},
		{administration.LegalForm, "BVBA", "BV", false},
		{administration.Directors, "An Peeters; Jan Claes", "Claes Jan; PEETERS An", true},
		{administration.Directors, "An Peeters", "An Peeters; Jan Claes", false},
	} {
		if got := administration.SameText(c.field, c.a, c.b); got != c.same {
			t.Errorf("%s: %q and %q are the same: %v, want %v", c.field, c.a, c.b, got, c.same)
		}
	}
}

func TestDifferences(t *testing.T) {
	address := []administration.Field{administration.Name, administration.Street, administration.Number, administration.Box, administration.PostalCode, administration.City}
	source := administration.Record{Names: administration.Text{"nl": "Wet NV", "fr": "Loi SA"}, Streets: administration.Text{"nl": "Wetstraat", "fr": "Rue de la Loi"},
		Number: "12", PostalCode: "1000", Cities: administration.Text{"nl": "Brussel", "fr": "Bruxelles"}, Known: address}
	held := administration.Record{Names: administration.Text{"": "LOI S.A."}, Streets: administration.Text{"": "Rue de la loi"}, Number: "14", Box: "3", PostalCode: "1000",
		Cities: administration.Text{"": "Brussel"}, LegalForms: administration.Text{"": "NV"}, Known: append(slices.Clone(address), administration.LegalForm)}
	c := administration.Comparison{Language: "nl"}
	want := []administration.Difference{
		{Field: administration.Number, Source: "12", Silverfin: "14"},
		{Field: administration.Box, Source: "", Silverfin: "3"},
	}
	if diff := cmp.Diff(want, c.Differences(source, held)); diff != "" {
		t.Error(diff)
	}
	source.Known = source.Known[:2] // what a source does not state is no difference
	if diff := c.Differences(source, held); diff != nil {
		t.Error(diff)
	}
	if got := c.Values(source); len(got) != 2 || got[administration.Street] != "Wetstraat" {
		t.Errorf("values %v", got)
	}
}

func TestDirectorsOnADay(t *testing.T) {
	day := func(y int) balance.Date { return balance.Date{Year: y, Month: 6, Day: 1} }
	r := administration.Record{Known: []administration.Field{administration.Directors}, Directors: []administration.Person{
		{FirstName: "An", Name: "Peeters", From: day(2019)},
		{FirstName: "Jan", Name: "Claes", From: day(2015), Until: day(2020)},
		{FirstName: "Eva", Name: "Maes", From: day(2030)},
		{Name: "Holding Maes", Representative: "Eva Maes"},
		{FirstName: "An", Name: "Peeters", Function: "manager"},
	}}
	for on, want := range map[balance.Date]string{
		day(2024): "An Peeters; Holding Maes", day(2020): "An Peeters; Jan Claes; Holding Maes",
		{}: "An Peeters; Jan Claes; Eva Maes; Holding Maes",
	} {
		if got := (administration.Comparison{On: on}).Text(r, administration.Directors); got != want {
			t.Errorf("on %s: %q, want %q", on, got, want)
		}
	}
}

func TestUnnamed(t *testing.T) {
	for name, want := range map[string]bool{"": true, " - ": true, "0402.754.886": true, "BE 0402754886": true, "0402754886 Acme": false, "Acme": false, "0403227515": false} {
		if got := administration.Unnamed(name, "0402754886"); got != want {
			t.Errorf("%q is no name: %v, want %v", name, got, want)
		}
	}
}

func TestSplitStreet(t *testing.T) {
	type parts struct {
		street, number, box string
		ok                  bool
	}
	for line, want := range map[string]parts{
		"Kerkstraat 12":                {"Kerkstraat", "12", "", true},
		"Kerkstraat 12A bus 3":         {"Kerkstraat", "12A", "3", true},
		"Kerkstraat 12 A/3":            {"Kerkstraat", "12 A", "3", true},
		"Rue de la Loi, 16 bte 4.1":    {"Rue de la Loi", "16", "4.1", true},
		"Avenue Louise 12-14 boîte B2": {"Avenue Louise", "12-14", "B2", true},
		"Plein 1940 7":                 {"Plein 1940", "7", "", true},
		"Kerkstraat nr. 5":             {"Kerkstraat", "5", "", true},
		"Kerkstraat":                   {"Kerkstraat", "", "", false},
		"12, rue Haute":                {"rue Haute", "12", "", true},
		"12A rue Haute bte 3":          {"rue Haute", "12A", "3", true},
		"Rue 1":                        {"Rue", "1", "", true},
		"PB 12 34, Gent 5 x y":         {"PB 12 34, Gent 5 x y", "", "", false},
		"":                             {"", "", "", false},
	} {
		s, n, b, ok := administration.SplitStreet(line)
		if diff := cmp.Diff(want, parts{s, n, b, ok}, cmp.AllowUnexported(parts{})); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
}

// TestJoinedStreetIsSplitAgain writes any street, number and box on a line and reads them.
func TestJoinedStreetIsSplitAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		street := rapid.StringMatching(`[A-Z][a-zé]{2,10}( [a-z]{2,8}|-[A-Z][a-z]{2,8}){0,3}`).Draw(t, "street")
		number := rapid.StringMatching(`[1-9][0-9]{0,3}[A-Za-z]?(-[1-9][0-9]{0,2})?`).Draw(t, "number")
		box := rapid.StringMatching(`|(bus |bte )?[1-9][0-9]{0,2}(\.[0-9])?`).Draw(t, "box")
		line := administration.JoinStreet(street, number, box, rapid.SampledFrom([]string{"nl", "fr", "en", ""}).Draw(t, "language"))
		s, n, b, ok := administration.SplitStreet(line)
		if !ok || s != street || n != number || !administration.SameText(administration.Box, b, box) {
			t.Fatalf("%q is %q, %q, %q", line, s, n, b)
		}
	})
}

// TestComparingIsSound compares any texts: a text is the same as itself in any case, and
// what is the same is so both ways.
func TestComparingIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(administration.Fields()).Draw(t, "field")
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`([A-Za-zé&.'-]{1,8} ?){0,5}`))
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if administration.SameText(f, a, b) != administration.SameText(f, b, a) {
			t.Fatalf("%s: %q and %q are the same one way alone", f, a, b)
		}
		ascii := strings.Map(func(r rune) rune {
			if r > 127 {
				return -1
			}
			return r
		}, a)
		if !administration.SameText(f, ascii, strings.ToUpper(ascii)) || !administration.SameText(f, ascii, "  "+strings.ToLower(ascii)+" ") {
			t.Fatalf("%s: %q is another text in capitals", f, ascii)
		}
	})
}

// TestNoDifferenceWithItself compares any record with itself, and with one that states
// nothing.
func TestNoDifferenceWithItself(t *testing.T) {
	text := rapid.MapOf(rapid.SampledFrom([]string{"nl", "fr", "de", ""}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		r := administration.Record{Names: text.Draw(t, "names"), Streets: text.Draw(t, "streets"), Cities: text.Draw(t, "cities"), LegalForms: text.Draw(t, "forms"),
			Number: rapid.String().Draw(t, "number"), Box: rapid.String().Draw(t, "box"), PostalCode: rapid.String().Draw(t, "code"),
			Known: rapid.SliceOfDistinct(rapid.SampledFrom(administration.Fields()), func(f administration.Field) administration.Field { return f }).Draw(t, "known")}
		for range rapid.IntRange(0, 3).Draw(t, "people") {
			r.Directors = append(r.Directors, administration.Person{Name: rapid.String().Draw(t, "name"), FirstName: rapid.String().Draw(t, "first")})
		}
		var c administration.Comparison
		if all := c.Differences(r, r); all != nil {
			t.Fatalf("a record differs from itself: %v", all)
		}
		if all := c.Differences(administration.Record{}, r); all != nil {
			t.Fatalf("what a source does not state differs: %v", all)
		}
	})
}
