package balance_test

import (
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

// A person's answer is one of the readings, in any notation that leaves one, or
// another figure that the form allows.
func TestReadAnswer(t *testing.T) {
	amount := balance.Doubt{Kind: balance.TwoReadings, Code: "1021", Readings: []string{"44300", "44.3"}}
	column := balance.Doubt{Kind: balance.TwoReadings, Code: "1003", Readings: []string{"4.5", ""}}
	year := balance.Doubt{Kind: balance.DoubtfulYear, Readings: []string{"2024-01-01/2024-12-31", "2025-12-31"}}
	for _, c := range []struct {
		doubt         balance.Doubt
		text, reading string
		typed         bool
		wrong         string
	}{
		{amount, "44300", "44300", false, ""},
		{amount, "44.3", "44.3", false, ""},
		{amount, "44,30", "44.3", false, ""},
		{amount, "44 300", "44300", false, ""},
		{amount, "44.300", "", false, "can be 44.3 or 44300"},
		{amount, "44301", "44301", true, ""},
		{amount, "44.300,50", "44300.5", true, ""},
		{amount, "44,305", "", false, "can be"},
		{amount, "1.2345", "", false, "at most 2 decimals"},
		{column, "-5", "", false, "cannot be negative"},
		{amount, "veel", "", false, "is not a figure"},
		{amount, "", "", false, "is not a figure"},
		{column, "", "", false, ""},
		{column, "4,5", "4.5", false, ""},
		{year, "2025-12-31", "2025-12-31", false, ""},
		{year, "2026-12-31", "", false, "cannot be"},
	} {
		reading, typed, err := c.doubt.ReadAnswer(c.text)
		if reading != c.reading || typed != c.typed || (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s %q: %q, %v, %v", c.doubt.Code, c.text, reading, typed, err)
		}
	}
}

// A settled doubt becomes a figure or an empty cell, and takes what was found about
// it along; the checks look at the figure.
func TestSettle(t *testing.T) {
	doc := "\"Model code\",\"m01-f\"\n\"1003\",\"4\"\n\"1023\",\"5\"\n\"1023\",\"6\"\n\"1013\",\"7\"\n\"1013\",\"8\"\n"
	b := mustRead(t, []byte(doc))
	if doubts(b) != "two_amounts 1013: 7 or 8; two_amounts 1023: 5 or 6" || b.Doubts[1].Lines[1] != 4 {
		t.Fatalf("%s %+v", doubts(b), b.Doubts)
	}
	if !b.Settle("1023", "6") || b.Settle("1023", "5") || b.Settle("1003", "5") || !b.Settle("1013", "") {
		t.Error("settled what was in no doubt, or not what was")
	}
	if figures(b.Values) != "1003=4 1023=6" || len(b.Doubts) != 0 {
		t.Errorf("%s, %s", figures(b.Values), doubts(b))
	}
	want := mustRead(t, []byte("\"Model code\",\"m01-f\"\n\"1003\",\"4\"\n\"1023\",\"6\"\n"))
	if diff := cmp.Diff(want.Findings, b.Findings); diff != "" {
		t.Errorf("findings (-want +got)\n%s", diff)
	}
}

// The figures of a document whose year is in doubt are read by the year that a
// person chose.
func TestReadYear(t *testing.T) {
	named := pfsContext("CurrentDuration", "2024-01-01/2024-12-31") + pfsContext("CurrentInstant", "2024-12-31")
	average := func(context, value string) string { return pfsFact("1003", context, "P", "INF", value) }
	pfs := pfsDocument(named, pfsContext("c", "2025-01-01/2025-12-31"), average("c", "4.5"), pfsFact("1001", "c", "P", "INF", "4"), average("CurrentDuration", "4.1"))
	cbso := cbsoDocument([4]string{"2024-12-31", "dec1", averageMembers, "4.5"}, [4]string{"2025-03-31", "dec1", averageMembers, "9"}, [4]string{"2024-12-31", "dec1", averageMembers + " prd:m2", "4.1"})
	for name, c := range map[string]struct {
		document string
		years    map[string]string // the figures of each
	}{
		"pfs":  {pfs, map[string]string{"2024-01-01/2024-12-31": "1003=4.1", "2025-01-01/2025-12-31": "1001=4 1003=4.5 1003P=4.1"}},
		"CBSO": {cbso, map[string]string{"2024-12-31": "1003=4.5 1003P=4.1", "2025-03-31": "1003=9"}},
	} {
		plain := mustRead(t, []byte(c.document))
		if len(plain.Doubts) != 1 || len(plain.Doubts[0].Readings) != 2 {
			t.Fatalf("%s: doubts %s", name, doubts(plain))
		}
		for _, text := range plain.Doubts[0].Readings {
			year, err := balance.ParsePeriod(text)
			if err != nil || year.String() != text {
				t.Fatal(err)
			}
			b, err := newReader().ReadYear(t.Context(), []byte(c.document), year)
			if err != nil || b.FiscalYear != year || len(b.Doubts) != 0 || figures(b.Values) != c.years[text] {
				t.Errorf("%s of %s: %s, %s, doubts %s, %v", name, text, b.FiscalYear, figures(b.Values), doubts(b), err)
			}
		}
		other, err := newReader().ReadYear(t.Context(), []byte(c.document), balance.Period{End: day(t, "1999-12-31")})
		if diff := cmp.Diff(plain, other); err != nil || diff != "" {
			t.Errorf("%s: another year changes something: %v\n%s", name, err, diff)
		}
	}
}
