package balance_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/shopspring/decimal"
)

// own is a fact of a program's own taxonomy.
func own(context string) string {
	return `<own:BudgetHours contextRef="` + context + `" unitRef="P" decimals="0">1900</own:BudgetHours>` + "\n"
}

// The year of a pfs document is that of its rubrics and of the contexts that
// every filing names in the same way. Where they disagree it is in doubt.
func TestYearOfPFS(t *testing.T) {
	now, before := pfsContext("a", "2024-01-01/2024-12-31"), pfsContext("b", "2023-01-01/2023-12-31")
	average := func(context, value string) string { return pfsFact("1003", context, "P", "INF", value) }
	both := average("a", "4.5") + average("b", "4.1")
	const year, values = "2024-01-01/2024-12-31", "1003=4.5 1003P=4.1"
	named := pfsContext("CurrentDuration", year) + pfsContext("CurrentInstant", "2024-12-31") +
		pfsContext("PrecedingDuration", "2023-01-01/2023-12-31") + pfsContext("PrecedingInstant", "2023-12-31")
	later, long := pfsContext("c", "2025-01-01/2025-12-31"), pfsContext("c", "2020-01-01/2024-12-31")
	other := `<pfs:Assets contextRef="a" unitRef="E" decimals="INF">5</pfs:Assets>`
	for name, c := range map[string]struct{ document, year, values, doubts string }{
		"both years":                     {pfsDocument(now, before, both), year, values, ""},
		"a fact of another taxonomy":     {pfsDocument(later, now, before, both, own("c")), year, values, ""},
		"a fact of many years":           {pfsDocument(long, now, before, both, own("c")), year, values, ""},
		"an account of the next year":    {pfsDocument(later, now, before, both, strings.Replace(other, `"a"`, `"c"`, 1)), year, values, ""},
		"last year's figures alone":      {pfsDocument(named, average("PrecedingDuration", "4.1")), year, "1003P=4.1", ""},
		"the same, without an instant":   {pfsDocument(pfsContext("CurrentDuration", year), before, average("b", "4.1")), year, "1003P=4.1", ""},
		"the same, the day alone":        {pfsDocument(pfsContext("CurrentInstant", "2024-12-31"), before, average("b", "4.1")), "2024-12-31", "1003P=4.1", ""},
		"the same, in whole accounts":    {pfsDocument(now, before, other, average("b", "4.1")), year, "1003P=4.1", ""},
		"the same, without known names":  {pfsDocument(now, before, average("b", "4.1")), "2023-01-01/2023-12-31", "1003=4.1", "year: 2023-01-01/2023-12-31 or " + year},
		"nothing to be unsure of":        {pfsDocument(now, before, average("b", "4.1"), pfsFact("1001", "b", "P", "INF", "4")), "2023-01-01/2023-12-31", "1001=4 1003=4.1", ""},
		"a fact of another, no names":    {pfsDocument(now, before, average("b", "4.1"), own("a")), "2023-01-01/2023-12-31", "1003=4.1", "year: 2023-01-01/2023-12-31 or " + year},
		"more of last year than of this": {pfsDocument(now, before, both, pfsFact("1013", "b", "P", "INF", "6"), pfsFact("1023", "b", "E", "INF", "7")), year, "1003=4.5 1003P=4.1 1013P=6 1023P=7", ""},
		"neither year of the names":      {pfsDocument(named, later, average("c", "4.5")), year, "", "year: " + year + " or 2025-01-01/2025-12-31"},
		"mostly another than the names":  {pfsDocument(named, later, average("c", "4.5"), pfsFact("1001", "c", "P", "INF", "4"), average("CurrentDuration", "4.1")), year, "1003=4.1", "year: " + year + " or 2025-01-01/2025-12-31"},
		"a stray figure of next year":    {pfsDocument(named, later, average("c", "9"), average("CurrentDuration", "4.5"), average("PrecedingDuration", "4.1")), year, values, ""},
		"a later figure, without names":  {pfsDocument(later, now, before, average("c", "9"), both, pfsFact("1001", "a", "P", "INF", "4")), year, "1001=4 " + values, "year: " + year + " or 2025-01-01/2025-12-31"},
		"one odd start":                  {pfsDocument(long, now, before, both, pfsFact("1001", "a", "P", "INF", "4"), pfsFact("1002", "c", "P", "INF", "2")), year, "1001=4 " + values, ""},
		"another start than the names'":  {pfsDocument(named, pfsContext("c", "2023-07-01/2024-12-31"), average("c", "4.5")), year, "1003=4.5", "year: " + year + " or 2023-07-01/2024-12-31"},
		"names that disagree":            {pfsDocument(pfsContext("CurrentDuration", year), pfsContext("CurrentInstant", "2025-12-31"), average("CurrentDuration", "4.5")), year, "1003=4.5", "year: " + year + " or 2025-12-31"},
		"midnight as the end of the eve": {pfsDocument(pfsContext("a", "2023-12-31T24:00:00/2024-12-31T24:00:00"), pfsContext("b", "2022-12-31T24:00:00/2023-12-31T24:00:00"), both), year, values, ""},
		"midnight in Brussels":           {pfsDocument(pfsContext("a", "2023-12-31T23:00:00Z/2024-12-31T23:00:00Z"), pfsContext("b", "2022-12-31T23:00:00Z/2023-12-31T23:00:00Z"), both), year, values, ""},
		"midnight in Brussels, summer":   {pfsDocument(pfsContext("a", "2023-06-30T22:00:00Z/2024-06-30T22:00:00Z"), pfsContext("b", "2022-06-30T22:00:00Z/2023-06-30T22:00:00Z"), both), "2023-07-01/2024-06-30", values, ""},
		"midnight in UTC":                {pfsDocument(pfsContext("a", "2024-01-01T00:00:00Z/2025-01-01T00:00:00Z"), pfsContext("b", "2023-01-01T00:00:00+00:00/2024-01-01T00:00:00+00:00"), both), year, values, ""},
		"the last second":                {pfsDocument(pfsContext("a", "2024-01-01T00:00:00/2024-12-31T23:59:59"), pfsContext("b", "2023-01-01T00:00:00Z/2023-12-31T23:59:59.999Z"), both), year, values, ""},
	} {
		b := mustRead(t, []byte(c.document))
		if b.FiscalYear.String() != c.year || figures(b.Values) != c.values || doubts(b) != c.doubts {
			t.Errorf("%s: %s, %s, doubts %q; want %s, %s, %q", name, b.FiscalYear, figures(b.Values), doubts(b), c.year, c.values, c.doubts)
		}
		if told := strings.Contains(fmt.Sprint(b.Findings), "year_unsure"); told != (c.doubts != "") || told != b.YearInDoubt() {
			t.Errorf("%s: findings %v", name, b.Findings)
		}
	}
}

// A balance that has last year's figures alone is written as it can be read
// again.
func TestLastYearsFiguresAlone(t *testing.T) {
	want := &balance.Balance{EnterpriseNumber: "0443246943", Model: balance.Abbreviated, Currency: "EUR",
		FiscalYear: balance.Period{Start: day(t, "2024-01-01"), End: day(t, "2024-12-31")},
		Values:     balance.Values{cell(t, "1003P"): decimal.RequireFromString("4.1")}}
	for _, layout := range []balance.Layout{balance.PFSXBRL, balance.CBSOXBRL, balance.NBBCSV} {
		doc, err := balance.Write(layout, want)
		if err != nil {
			t.Fatal(err)
		}
		if b := mustRead(t, doc); b.FiscalYear != want.FiscalYear || figures(b.Values) != "1003P=4.1" || len(b.Doubts) > 0 {
			t.Errorf("%s: %s, %s, %s", layout, b.FiscalYear, figures(b.Values), doubts(b))
		}
	}
}

func day(t *testing.T, s string) balance.Date {
	t.Helper()
	d, err := balance.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// cbsoDocument writes facts in a small CBSO document. A fact is its date, its
// metric, its members apart by blanks, and its value.
func cbsoDocument(facts ...[4]string) string {
	var contexts, stated strings.Builder
	for i, f := range facts {
		fmt.Fprintf(&contexts, "<context id=\"c%d\"><entity><identifier scheme=\"s\">0443246943</identifier></entity><period><instant>%s</instant></period><scenario>", i, f[0])
		for m := range strings.FieldsSeq(f[2]) {
			dimension, _, _ := strings.Cut(m, ":")
			fmt.Fprintf(&contexts, `<xbrldi:explicitMember dimension="dim:%s">%s</xbrldi:explicitMember>`, dimension, m)
		}
		contexts.WriteString("</scenario></context>\n")
		fmt.Fprintf(&stated, "<met:%[1]s contextRef=\"c%[2]d\" unitRef=\"u\">%[3]s</met:%[1]s>\n", f[1], i, f[3])
	}
	domains := ""
	for _, d := range []string{"bas", "part", "gdr", "typ", "wkr", "wrg", "prd", "mmt", "ntr", "dcl", "psn", "open", "jcc"} {
		domains += fmt.Sprintf(` xmlns:%[1]s="http://www.nbb.be/be/fr/cbso/dict/dom/%[1]s"`, d)
	}
	return `<xbrl xmlns="http://www.xbrl.org/2003/instance" xmlns:xbrldi="http://xbrl.org/2006/xbrldi" xmlns:met="http://www.nbb.be/be/fr/cbso/dict/met" xmlns:dim="http://www.nbb.be/be/fr/cbso/dict/dim"` +
		domains + ">\n" + `<unit id="u"><measure>pure</measure></unit>` + contexts.String() + stated.String() + "</xbrl>"
}

const averageMembers = "part:m8 bas:m73 gdr:m1 typ:m16 wkr:m1 wrg:m3"

// The year of a CBSO document is what it states, of which its figures have the
// last day.
func TestYearOfCBSO(t *testing.T) {
	average := func(date, prd, value string) [4]string { return [4]string{date, "dec1", averageMembers + prd, value} }
	start := func(at, value string) [4]string { return [4]string{at, "dte1", "part:m2 bas:m27 mmt:m1", value} }
	end := func(at, value string) [4]string { return [4]string{at, "dte1", "part:m2 bas:m27 mmt:m2", value} }
	from, to := start("2024-12-31", "2024-01-01"), end("2024-12-31", "2024-12-31")
	const m1, m2 = " prd:m1", " prd:m2"
	for name, c := range map[string]struct {
		facts                []([4]string)
		year, values, doubts string
	}{
		"stated":                     {[][4]string{from, to, average("2024-12-31", m1, "4.5"), average("2024-12-31", m2, "4.1")}, "2024-01-01/2024-12-31", "1003=4.5 1003P=4.1", ""},
		"a stray later figure":       {[][4]string{from, to, average("2025-03-31", "", "9"), average("2024-12-31", "", "4.5")}, "2024-01-01/2024-12-31", "1003=4.5", ""},
		"each year its own date":     {[][4]string{from, to, average("2024-12-31", "", "4.5"), average("2023-12-31", "", "4.1"), start("2023-12-31", "2023-01-01"), end("2023-12-31", "2023-12-31")}, "2024-01-01/2024-12-31", "1003=4.5 1003P=4.1", ""},
		"the other way round":        {[][4]string{start("2023-12-31", "2023-01-01"), end("2023-12-31", "2023-12-31"), average("2023-12-31", "", "4.1"), average("2024-12-31", "", "4.5"), from, to}, "2024-01-01/2024-12-31", "1003=4.5 1003P=4.1", ""},
		"half a year before":         {[][4]string{average("2024-12-31", m1, "4.5"), average("2024-06-30", m1, "9")}, "2024-12-31", "1003=4.5", ""},
		"half a year, unsaid":        {[][4]string{average("2024-12-31", "", "4.5"), average("2024-06-30", "", "9")}, "2024-12-31", "1003=4.5", ""},
		"a year before, unsaid":      {[][4]string{average("2024-12-31", "", "4.5"), average("2023-12-31", "", "4.1")}, "2024-12-31", "1003=4.5 1003P=4.1", ""},
		"two years before, unsaid":   {[][4]string{average("2024-12-31", "", "4.5"), average("2022-12-31", "", "4.1")}, "2024-12-31", "1003=4.5 1003P=4.1", ""},
		"current at the year before": {[][4]string{from, to, average("2024-12-31", m1, "4.5"), average("2023-12-31", m1, "9")}, "2024-01-01/2024-12-31", "1003=4.5", ""},
		"another year than stated":   {[][4]string{from, to, average("2023-12-31", m1, "4.5")}, "2024-01-01/2024-12-31", "1003=4.5", "year: 2024-01-01/2024-12-31 or 2023-12-31"},
		"last year's alone":          {[][4]string{from, to, average("2023-12-31", "", "4.1")}, "2024-01-01/2024-12-31", "1003P=4.1", ""},
		"two starts":                 {[][4]string{from, start("2024-12-31", "2023-07-01"), to, average("2024-12-31", "", "4.5")}, "2024-01-01/2024-12-31", "1003=4.5", "year: 2024-01-01/2024-12-31 or 2023-07-01/2024-12-31"},
		"a later year, unstated":     {[][4]string{average("2024-12-31", m1, "4.5"), average("2024-12-31", m2, "4.1"), average("2025-03-31", "", "9")}, "2024-12-31", "1003=4.5 1003P=4.1", "year: 2024-12-31 or 2025-03-31"},
	} {
		b := mustRead(t, []byte(cbsoDocument(c.facts...)))
		if b.FiscalYear.String() != c.year || figures(b.Values) != c.values || doubts(b) != c.doubts {
			t.Errorf("%s: %s, %s, doubts %q; want %s, %s, %q", name, b.FiscalYear, figures(b.Values), doubts(b), c.year, c.values, c.doubts)
		}
	}
}

// A document that dates each year by its own contexts has rubric 62 of both
// years too, in any order.
func TestEachYearByItsOwnDate(t *testing.T) {
	doc := document(t, "cbso-25.0-m01-abbreviated.xbrl")
	want := mustRead(t, []byte(doc))
	changed := regexp.MustCompile(`(?s)<context.*?</context>`).ReplaceAllStringFunc(doc, func(c string) string {
		if strings.Contains(c, "prd:m2") {
			c = strings.Replace(c, "2024-09-30", "2023-09-30", 1)
		}
		return regexp.MustCompile(`\s*<xbrldi:explicitMember dimension="dim:prd">prd:m\d</xbrldi:explicitMember>`).ReplaceAllString(c, "")
	})
	const account = "part:m4 bas:m1 ntr:m7"
	_, costs, _ := strings.Cut(strings.TrimSuffix(cbsoDocument([4]string{"2023-09-30", "am2", account, "1"}, [4]string{"2024-09-30", "am2", account, "7"}), "</xbrl>"), "\n")
	costs = strings.NewReplacer("0443246943", string(want.EnterpriseNumber), `unitRef="u"`, `unitRef="U-EUR"`, `"c0"`, `"old"`, `"c1"`, `"new"`, `<unit id="u"><measure>pure</measure></unit>`, "").Replace(costs)
	i := strings.Index(changed, "<context")
	changed = changed[:i] + costs + changed[i:]
	b := mustRead(t, []byte(changed))
	if b.FiscalYear != want.FiscalYear || figures(b.Values) != figures(want.Values) || len(b.Doubts) > 0 {
		t.Errorf("%s, %s, %s", b.FiscalYear, figures(b.Values), doubts(b))
	}
	if b.PersonnelCosts == nil || b.PersonnelCosts.String() != "7" {
		t.Errorf("rubric 62 is %v, want 7", b.PersonnelCosts)
	}
}

// A filing says itself whether it corrects an earlier one, and a joint
// committee may have no number.
func TestWhatCBSOSaysOfItself(t *testing.T) {
	average := [4]string{"2024-12-31", "dec1", averageMembers, "4.5"}
	const committee = "part:m8 bas:m110"
	for value, want := range map[string]bool{"true": true, " 1 ": true, "false": false, "0": false} {
		doc := cbsoDocument(average, [4]string{"2024-12-31", "bln1", "part:m2 bas:m28 dcl:m1", "true"},
			[4]string{"2024-12-31", "bln1", "part:m2 bas:m28 dcl:m2", value})
		if b := mustRead(t, []byte(doc)); b.Correction != want {
			t.Errorf("%q: a correction is %v", value, b.Correction)
		}
	}
	doc := strings.ReplaceAll(cbsoDocument(average, [4]string{"2024-12-31", "str2", committee, "Comité: haven van Gent (voorlopig)"}),
		"bas:m110</xbrldi:explicitMember>", `bas:m110</xbrldi:explicitMember><xbrldi:typedMember dimension="dim:open"><open:id>1</open:id></xbrldi:typedMember>`)
	b := mustRead(t, []byte(doc))
	if got := strings.Join(b.JointCommittees, "|"); got != "Comité: haven van Gent (voorlopig)" || strings.Contains(fmt.Sprint(b.Findings), "unexplained") {
		t.Errorf("committees %q, findings %v", got, b.Findings)
	}

	want := &balance.Balance{EnterpriseNumber: "0443246943", Model: balance.Abbreviated, Currency: "EUR", Correction: true,
		JointCommittees: []string{"200", "14901", "Haven van Gent"}, FiscalYear: balance.Period{Start: day(t, "2024-01-01"), End: day(t, "2024-12-31")},
		Values: balance.Values{cell(t, "1003"): decimal.RequireFromString("4.1")}}
	for layout, committees := range map[balance.Layout]int{balance.CBSOXBRL: 3, balance.PFSXBRL: 2} {
		written, err := balance.Write(layout, want)
		if err != nil {
			t.Fatal(err)
		}
		_, left := balance.Left(layout, want)
		b := mustRead(t, written)
		if b.Correction != (layout == balance.CBSOXBRL) || b.Correction == slices.Contains(left, "correction") ||
			len(b.JointCommittees) != committees || (committees < 3) != slices.Contains(left, "joint_committees") {
			t.Errorf("%s: a correction is %v, committees %q; left %v", layout, b.Correction, b.JointCommittees, left)
		}
	}
}
