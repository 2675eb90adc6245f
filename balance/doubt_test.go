package balance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

// The head and parts of a small pfs document. Units are E (EUR), U (USD), G
// (GBP) and P (a pure number).
const pfsHead = `<?xml version="1.0"?><xbrli:xbrl xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:link="http://www.xbrl.org/2003/linkbase" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
	`xmlns:iso4217="http://www.xbrl.org/2003/iso4217" xmlns:pfs="http://www.nbb.be/be/fr/pfs/ci/2020-02-01" xmlns:own="urn:own">` +
	`<link:schemaRef xlink:href="http://www.nbb.be/be/fr/pfs/ci/abbreviated/pfs-abbr-2020-02-01.xsd"/>` +
	`<xbrli:unit id="E"><xbrli:measure>iso4217:EUR</xbrli:measure></xbrli:unit><xbrli:unit id="U"><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unit>` +
	`<xbrli:unit id="G"><xbrli:measure>iso4217:GBP</xbrli:measure></xbrli:unit><xbrli:unit id="P"><xbrli:measure>xbrli:pure</xbrli:measure></xbrli:unit>` + "\n"

// pfsContext is a context of a period, start/end or a day alone.
func pfsContext(id, period string) string {
	start, end, duration := strings.Cut(period, "/")
	body := "<xbrli:instant>" + start + "</xbrli:instant>"
	if duration {
		body = "<xbrli:startDate>" + start + "</xbrli:startDate><xbrli:endDate>" + end + "</xbrli:endDate>"
	}
	return `<xbrli:context id="` + id + `"><xbrli:entity><xbrli:identifier scheme="http://www.fgov.be">BE0443246943</xbrli:identifier></xbrli:entity><xbrli:period>` +
		body + "</xbrli:period></xbrli:context>\n"
}

func pfsFact(code, context, unit, decimals, value string) string {
	r, _ := balance.RubricOf(code)
	return fmt.Sprintf(`<pfs:%[1]s contextRef="%[2]s" unitRef="%[3]s" decimals="%[4]s">%[5]s</pfs:%[1]s>`+"\n", r.PFSElement, context, unit, decimals, value)
}

func pfsDocument(parts ...string) string { return pfsHead + strings.Join(parts, "") + "</xbrli:xbrl>" }

// cell reads a name such as 1003P.
func cell(t testing.TB, name string) balance.Cell {
	t.Helper()
	c, err := balance.ParseCell(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// figures writes values as a test states them, such as "1003=4.5 1003P=4.1".
func figures(v balance.Values) string {
	words := []string{}
	for _, c := range v.Cells() {
		words = append(words, c.String()+"="+balance.Canonical(v[c]))
	}
	return strings.Join(words, " ")
}

// doubts writes doubts as a test states them, such as "1023: 1 or 2".
func doubts(b *balance.Balance) string {
	words := []string{}
	for _, d := range b.Doubts {
		words = append(words, strings.TrimSpace(string(d.Kind)+" "+d.Code)+": "+strings.Join(d.Readings, " or "))
	}
	return strings.Join(words, "; ")
}

// Of two facts about one cell, the exact amount in euro is taken where the
// other does not contradict it. Two that do are both left out.
func TestTwoFactsAboutOneCell(t *testing.T) {
	contexts := pfsContext("D", "2024-01-01/2024-12-31")
	exact := pfsFact("1023", "D", "E", "INF", "71981.55")
	for name, c := range map[string]struct {
		facts          [2]string
		values, doubts string
		currency       string
	}{
		"whole euros":            {[2]string{pfsFact("1023", "D", "E", "0", "71982"), exact}, "1023=71981.55", "", "EUR"},
		"thousands":              {[2]string{pfsFact("1023", "D", "E", "-3", "72000"), exact}, "1023=71981.55", "", "EUR"},
		"less exact than it is":  {[2]string{pfsFact("1023", "D", "E", "2", "71981.55"), exact}, "1023=71981.55", "", "EUR"},
		"dollars":                {[2]string{pfsFact("1023", "D", "U", "INF", "77740.07"), exact}, "1023=71981.55", "", "EUR"},
		"two exact amounts":      {[2]string{pfsFact("1023", "D", "E", "INF", "71981.54"), exact}, "", "two_amounts 1023: 71981.54 or 71981.55", ""},
		"rounded to another":     {[2]string{pfsFact("1023", "D", "E", "0", "71981"), exact}, "", "two_amounts 1023: 71981 or 71981.55", ""},
		"two foreign currencies": {[2]string{pfsFact("1023", "D", "U", "INF", "1"), pfsFact("1023", "D", "G", "INF", "2")}, "", "two_amounts 1023: 1 or 2", ""},
		"two numbers":            {[2]string{pfsFact("1003", "D", "P", "INF", "4.5"), pfsFact("1003", "D", "P", "INF", "5")}, "", "two_amounts 1003: 4.5 or 5", ""},
	} {
		for _, reversed := range []bool{false, true} {
			first, second := c.facts[0], c.facts[1]
			if reversed {
				first, second = second, first
			}
			b := mustRead(t, []byte(pfsDocument(contexts, first, second)))
			if got := doubts(b); figures(b.Values) != c.values || got != c.doubts && !(reversed && len(b.Doubts) == 1) {
				t.Errorf("%s, reversed %v: %s, doubts %q; want %s, %q", name, reversed, figures(b.Values), got, c.values, c.doubts)
			}
			for _, f := range b.Findings {
				if c.doubts == "" && f.Codes[0] == "1023" && f.Rule != "costs_total" && !strings.HasPrefix(f.Rule, "average") {
					t.Errorf("%s, reversed %v: finding %+v", name, reversed, f)
				}
			}
			if c.currency != "" && b.Currency != c.currency {
				t.Errorf("%s, reversed %v: in %s", name, reversed, b.Currency)
			}
		}
	}
}

// A third amount joins the doubt, and one in euro ends a doubt between foreign
// ones.
func TestThreeFactsAboutOneCell(t *testing.T) {
	d := pfsContext("D", "2024-01-01/2024-12-31")
	amount := func(unit, value string) string { return pfsFact("1023", "D", unit, "INF", value) }
	b := mustRead(t, []byte(pfsDocument(d, amount("E", "1"), amount("E", "2"), amount("E", "1"), amount("E", "3"))))
	if doubts(b) != "two_amounts 1023: 1 or 2 or 3" || len(b.Values) != 0 {
		t.Errorf("%s, %s", figures(b.Values), doubts(b))
	}
	b = mustRead(t, []byte(pfsDocument(d, amount("U", "1"), amount("G", "2"), amount("E", "3"), amount("U", "4"))))
	if doubts(b) != "" || figures(b.Values) != "1023=3" || b.Currency != "EUR" {
		t.Errorf("%s, %s, %s", figures(b.Values), doubts(b), b.Currency)
	}
}

// A doubtful figure stands among the doubts with its readings and its lines,
// never among the values.
func TestDoubtsAsJSON(t *testing.T) {
	doc := "\"Model code\",\"m01-f\"\n\"1003\",\"4\"\n\"1023\",\"5\"\n\"1023\",\"6\"\n"
	printed, err := json.Marshal(mustRead(t, []byte(doc)))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Values map[string]any
		Doubts []map[string]any
	}
	if err := json.Unmarshal(printed, &got); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{"kind": "two_amounts", "code": "1023", "readings": []any{"5", "6"}, "where": "lines 3 and 4", "lines": []any{3.0, 4.0}}}
	if diff := cmp.Diff(want, got.Doubts); diff != "" || len(got.Values) != 1 {
		t.Errorf("values %v (-want +got)\n%s", got.Values, diff)
	}
	if printed, _ := json.Marshal(balance.Balance{}); !strings.Contains(string(printed), `"doubts":[]`) {
		t.Errorf("without doubts: %s", printed)
	}
}

// The suffix of 1003P counts in JSON as it does in CSV, in either letter.
func TestPreviousYearBySuffix(t *testing.T) {
	for name, doc := range map[string]string{
		"JSON":           `{"Rubrics": [{"Code": "1003P", "Value": "4"}, {"Code": "1003", "Value": "5"}]}`,
		"JSON, period N": `{"Rubrics": [{"Code": "1003P", "Value": "4", "Period": "N"}, {"Code": "1003", "Value": "5"}]}`,
		"JSON, small p":  `{"Rubrics": [{"Code": "1003p", "Value": "4"}, {"Code": "1003", "Value": "5"}]}`,
		"CSV":            "\"Model code\",\"m01-f\"\n\"1003P\",\"4\"\n\"1003\",\"5\"\n",
		"CSV, small p":   "\"Model code\",\"m01-f\"\n\"1003p\",\"4\"\n\"1003\",\"5\"\n",
	} {
		if b := mustRead(t, []byte(doc)); figures(b.Values) != "1003=5 1003P=4" || len(b.Doubts) != 0 {
			t.Errorf("%s: %s, doubts %q", name, figures(b.Values), doubts(b))
		}
	}
}

// csvHead is the part of a National Bank CSV about the document.
func csvHead(number, year string) string {
	return `"Reference number","` + year + "-00000001\"\n\"Entity number\",\"" + number + "\"\n\"Accounting period start date\",\"" + year +
		"-01-01\"\n\"Accounting period end date\",\"" + year + "-12-31\"\n\"Model code\",\"m01-f\"\n"
}

// Two filings in one CSV are never mixed into one balance.
func TestTwoFilingsInOneCSV(t *testing.T) {
	one := csvHead("0443246943", "2024") + "\"1003\",\"4\"\n"
	for name, c := range map[string]struct {
		document string
		line     int
	}{
		"two years":            {csvHead("0443246943", "2023") + "\"1003\",\"4\"\n\"1053\",\"4\"\n" + one, 8},
		"two clients":          {one + csvHead("0402754886", "2024") + "\"1003\",\"9\"\n\"1053\",\"9\"\n", 7},
		"the same once more":   {one + one, 7},
		"only the number":      {one + "\"Entity number\",\"0402754886\"\n\"1053\",\"9\"\n", 7},
		"only the end":         {one + "\"Accounting period end date\",\"2025-12-31\"\n\"1053\",\"9\"\n", 7},
		"heads one after":      {csvHead("0443246943", "2024") + csvHead("0443246943", "2025") + "\"1003\",\"4\"\n", 6},
		"number in two ways":   {csvHead("0443246943", "2024") + "\"Entity number\",\"BE 0402.754.886\"\n\"1003\",\"4\"\n", 6},
		"of other rows before": {csvHead("0443246943", "2024") + "\"10/49\",\"4\"\n" + csvHead("0443246943", "2024") + "\"1003\",\"4\"\n", 7},
	} {
		b, err := newReader().Read([]byte(c.document))
		var wrong *balance.ReadError
		if !errors.As(err, &wrong) || wrong.Line != c.line || !strings.Contains(wrong.What, "a second filing starts here; save each as a file of its own") {
			t.Errorf("%s: %v, %v; want an error at line %d", name, b, err, c.line)
		}
	}
	for name, doc := range map[string]string{
		"the same head twice":  csvHead("0443246943", "2024") + csvHead("0443246943", "2024") + "\"1003\",\"4\"\n",
		"the number once more": csvHead("0443246943", "2024") + "\"Entity number\",\"BE 0443.246.943\"\n\"1003\",\"4\"\n",
	} {
		if b := mustRead(t, []byte(doc)); figures(b.Values) != "1003=4" {
			t.Errorf("%s: %s", name, figures(b.Values))
		}
	}
}

// The rows of a National Bank CSV may come in any order, and a title above them.
func TestRowsOfCSVInAnyOrder(t *testing.T) {
	for _, name := range []string{"csv-m81-abbreviated.csv", "csv-m02-full.csv", "csv-m08-micro-spreadsheet.csv"} {
		doc := document(t, name)
		want := mustRead(t, []byte(doc))
		lines := slices.Sorted(strings.Lines(strings.TrimLeft(doc, "\n")))
		slices.SortStableFunc(lines, func(a, b string) int { // rubrics first, whatever their quotes
			isRubric := func(s string) int { return map[bool]int{true: 0, false: 1}[strings.Trim(s, `"`)[0] <= '9'] }
			return isRubric(a) - isRubric(b)
		})
		for kind, changed := range map[string]string{
			"sorted":                strings.Join(lines, ""),
			"with a title":          "Sociale balans\n" + doc,
			"with a title in parts": "Sociale balans, 2024; definitief\n\n" + doc,
		} {
			got, err := newReader().Read([]byte(changed))
			if err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
				continue
			}
			slices.SortFunc(got.Findings, func(a, b balance.Finding) int { return strings.Compare(a.Message, b.Message) })
			slices.SortFunc(want.Findings, func(a, b balance.Finding) int { return strings.Compare(a.Message, b.Message) })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-want +got)\n%s", name, kind, diff)
			}
		}
	}
	_, err := newReader().Read([]byte("\"1003\",\"x\"\n\"Model code\",\"m01-f\"\n"))
	if err == nil || !strings.Contains(err.Error(), "line 1, column 1: the value of rubric 1003 is not a number") {
		t.Errorf("a wrong figure ahead of the keys: %v", err)
	}
}
