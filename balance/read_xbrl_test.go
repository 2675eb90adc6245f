package balance_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

// moved takes all parts that match out of an XBRL document and puts them
// before its end.
func moved(doc, pattern string) string {
	re := regexp.MustCompile(pattern)
	parts := re.FindAllString(doc, -1)
	end := strings.LastIndex(doc, "</")
	rest := re.ReplaceAllString(doc[:end], "")
	return rest + strings.Join(parts, "\n") + doc[end:]
}

// renamed gives contexts and units other names, in another order.
func renamed(doc string) string {
	return regexp.MustCompile(`(contextRef|unitRef|<(?:xbrli:)?(?:context|unit) id)="([^"]+)"`).ReplaceAllString(doc, `$1="Z-$2-x"`)
}

// byPeriod dates the contexts of the previous year by that year instead of
// naming it by the dimension prd.
func byPeriod(doc, closing, before string, keep bool) string {
	return regexp.MustCompile(`(?s)<context.*?</context>`).ReplaceAllStringFunc(doc, func(c string) string {
		const second = `<xbrldi:explicitMember dimension="dim:prd">prd:m2</xbrldi:explicitMember>`
		const first = `<xbrldi:explicitMember dimension="dim:prd">prd:m1</xbrldi:explicitMember>`
		if !strings.Contains(c, "part:m8") {
			return c
		}
		if strings.Contains(c, second) {
			c = strings.Replace(c, closing, before, 1)
		}
		if keep {
			return c
		}
		return strings.NewReplacer(first, "", second, "").Replace(c)
	})
}

// numbered repeats a text with a number in the place of its percent sign.
func numbered(text string, times int) string {
	var b strings.Builder
	for i := range times {
		b.WriteString(strings.Replace(text, "%", "n"+strconv.Itoa(i), 1))
	}
	return b.String()
}

// TestXBRLSpellings changes how an XBRL document is put together, never what
// it says.
func TestXBRLSpellings(t *testing.T) {
	cbso, pfs := document(t, "cbso-25.0-m01-abbreviated.xbrl"), document(t, "pfs-2020-full-company.xbrl")
	const context, unit = `(?s)<(?:xbrli:)?context .*?</(?:xbrli:)?context>`, `(?s)<(?:xbrli:)?unit .*?</(?:xbrli:)?unit>`
	const schema = `<link:schemaRef[^>]*>`
	values := func(doc string) string {
		return regexp.MustCompile(`(<met:int\d [^>]*>\d+)<`).ReplaceAllString(doc, "$1.0<")
	}
	durations := strings.NewReplacer("<instant>", "<startDate>2023-10-01</startDate><endDate>", "</instant>", "</endDate>")
	aFact := regexp.MustCompile(`<met:int3 [^>]*>[^<]*</met:int3>`).FindString(cbso)
	empty := strings.Replace(regexp.MustCompile(`>[^<]*</met:int3>`).ReplaceAllString(aFact, "/>"), " ", ` xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil=" true " `, 1)
	unused := `<xbrli:context id="%"><xbrli:entity><xbrli:identifier scheme="http://www.fgov.be">0443246943</xbrli:identifier></xbrli:entity><xbrli:period><xbrli:startDate>2021-01-01</xbrli:startDate><xbrli:endDate>2021-12-31</xbrli:endDate></xbrli:period></xbrli:context>`
	unused = numbered(unused, 9) + strings.ReplaceAll(strings.Replace(unused, "%", "later", 1), "0443246943", "0402000167")
	inTuple := func(doc string) string {
		return regexp.MustCompile(`(?s)<pfs:NumberHours.*</pfs:NumberHours\w+>`).ReplaceAllString(doc, "<pfs:Some><pfs:Tuple>$0</pfs:Tuple></pfs:Some>")
	}
	for name, c := range map[string][2]string{
		"contexts last":           {cbso, moved(cbso, context)},
		"contexts last, pfs":      {pfs, moved(pfs, context)},
		"units last":              {cbso, moved(moved(cbso, unit), context)},
		"units last, pfs":         {pfs, moved(pfs, unit)},
		"schema last":             {cbso, moved(cbso, schema)},
		"schema last, pfs":        {pfs, moved(pfs, schema)},
		"other ids":               {cbso, renamed(cbso)},
		"other ids, pfs":          {pfs, renamed(pfs)},
		"durations":               {cbso, durations.Replace(cbso)},
		"time zones":              {cbso, strings.ReplaceAll(cbso, "</instant>", "+01:00</instant>")},
		"year by period":          {cbso, byPeriod(cbso, "2024-09-30", "2023-09-30", false)},
		"year by period and prd":  {cbso, byPeriod(cbso, "2024-09-30", "2023-09-30", true)},
		"entity with BE":          {cbso, strings.ReplaceAll(cbso, ">0701000093</identifier>", ">BE 0701.000.093</identifier>")},
		"entity with and without": {pfs, strings.Replace(pfs, ">BE0402000167<", ">0402000167<", 1)},
		"units by meaning": {cbso, strings.NewReplacer("xmlns:iso4217", "xmlns:money", "iso4217:EUR", " money:EUR ", ">pure<", ">x:pure<",
			"<unit", `<unit xmlns:x="http://www.xbrl.org/2003/instance"`).Replace(cbso)},
		"lang of facts":     {cbso, strings.ReplaceAll(cbso, " contextRef=", ` xml:lang="fr" contextRef=`)},
		"whole with points": {cbso, values(cbso)},
		"decimals":          {cbso, strings.ReplaceAll(cbso, `decimals="INF"`, `decimals="2"`)},
		"precision":         {pfs, strings.ReplaceAll(pfs, `decimals="INF"`, `precision="18"`)},
		"neither":           {pfs, strings.ReplaceAll(pfs, ` decimals="INF"`, ``)},
		"nil beside a fact": {cbso, strings.Replace(cbso, aFact, empty+aFact+empty, 1)},
		"the same twice":    {cbso, strings.Replace(cbso, aFact, aFact+aFact, 1)},
		"CDATA":             {pfs, strings.NewReplacer(">11<", "><![CDATA[1]]>1<", "Korrel &amp; Zonen", "Korrel <![CDATA[&]]> Zonen").Replace(pfs)},
		"character numbers": {pfs, strings.NewReplacer(">11<", ">&#49;&#x31;<", "&amp;", "&#38;").Replace(pfs)},
		"single quotes":     {pfs, strings.ReplaceAll(pfs, `"`, `'`)},
		"a comment within":  {pfs, strings.ReplaceAll(pfs, ">11<", ">1<!-- a - > --><?p ?>1<")},
		"in a tuple":        {pfs, inTuple(pfs)},
		"line ends":         {pfs, strings.ReplaceAll(pfs, "\n", "\r\n")},
		"spaces in tags":    {pfs, strings.NewReplacer("=", "\n =\t", "/>", " />", "</pfs:Assets>", "</pfs:Assets >").Replace(strings.Replace(pfs, `<?xml version="1.0" encoding="UTF-8"?>`, "", 1))},
		"no declaration":    {pfs, strings.Replace(pfs, `<?xml version="1.0" encoding="UTF-8"?>`, "\n", 1)},
		"declared as 16":    {pfs, strings.Replace(pfs, `encoding="UTF-8"`, `encoding="utf-16"`, 1)},
		"prefixes of a fact": {cbso, regexp.MustCompile(`(</?)met:(\w+)`).ReplaceAllStringFunc(cbso, func(s string) string {
			if strings.HasPrefix(s, "</") {
				return strings.Replace(s, "met:", "q:", 1)
			}
			return strings.Replace(s, "met:", "q:", 1) + ` xmlns:q="http://www.nbb.be/be/fr/cbso/dict/met"`
		})},
		"contexts that no fact uses": {pfs, strings.Replace(pfs, "<xbrli:unit ", unused+"<xbrli:unit ", 1)},
		"other taxonomies":           {cbso, strings.Replace(cbso, "</xbrl>", `<o:thing xmlns:o="urn:other" contextRef="c0">1</o:thing><o:tuple xmlns:o="urn:other"><o:x/>text</o:tuple></xbrl>`, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			if c[0] == c[1] {
				t.Fatal("the document did not change")
			}
			if diff := cmp.Diff(mustRead(t, []byte(c[0])), mustRead(t, []byte(c[1]))); diff != "" {
				t.Errorf("(-before +after)\n%s", diff)
			}
		})
	}
}

// A pfs document whose contexts are all of one style says the same figures.
func TestPeriodStyles(t *testing.T) {
	pfs := document(t, "pfs-2020-full-company.xbrl")
	want := mustRead(t, []byte(pfs))
	only := map[string]string{
		"durations": strings.ReplaceAll(pfs, "<xbrli:instant>2020-12-31</xbrli:instant>", "<xbrli:startDate>2020-01-01</xbrli:startDate><xbrli:endDate>2020-12-31</xbrli:endDate>"),
		"instants":  regexp.MustCompile(`<xbrli:startDate>[^<]*</xbrli:startDate><xbrli:endDate>([^<]*)</xbrli:endDate>`).ReplaceAllString(pfs, "<xbrli:instant>$1</xbrli:instant>"),
	}
	for name, doc := range only {
		got := mustRead(t, []byte(doc))
		if diff := cmp.Diff(want.Values, got.Values); diff != "" || got.FiscalYear.End != want.FiscalYear.End {
			t.Errorf("%s: the year ends %s (-want +got)\n%s", name, got.FiscalYear.End, diff)
		}
	}
}

// A figure that stands for another entity, or for a part of this one, is never
// taken for this one's.
func TestForeignFigures(t *testing.T) {
	cbso, pfs := document(t, "cbso-25.0-m01-abbreviated.xbrl"), document(t, "pfs-2020-full-company.xbrl")
	for name, doc := range map[string]string{
		"another entity": strings.Replace(pfs, ">BE0402000167</xbrli:identifier></xbrli:entity><xbrli:period><xbrli:instant>", ">BE0443246943</xbrli:identifier></xbrli:entity><xbrli:period><xbrli:instant>", 1),
		"a part":         strings.Replace(pfs, "</xbrli:entity><xbrli:period><xbrli:instant>", `<xbrli:segment><o:branch xmlns:o="urn:other">Gent</o:branch></xbrli:segment></xbrli:entity><xbrli:period><xbrli:instant>`, 1),
		"another period": strings.Replace(pfs, "<xbrli:instant>2020-12-31", "<xbrli:instant>2020-06-30", 1),
		"no context":     strings.Replace(pfs, `id="CurrentInstant"`, `id="Gone"`, 1),
		"a part in CBSO": strings.ReplaceAll(cbso, "mmt:m2</xbrldi:explicitMember>", `mmt:m2</xbrldi:explicitMember><o:branch xmlns:o="urn:other">Gent</o:branch>`),
	} {
		before := mustRead(t, []byte(pfs))
		if strings.HasSuffix(name, "CBSO") {
			before = mustRead(t, []byte(cbso))
		}
		b := mustRead(t, []byte(doc))
		for _, c := range []string{"1051", "1203", "1321"} {
			if _, ok := before.Values[balance.Cell{Code: c}]; !ok {
				t.Fatalf("%s: %s was not there before", name, c)
			}
			if v, ok := b.Values[balance.Cell{Code: c}]; ok {
				t.Errorf("%s: %s is taken as %s", name, c, v)
			}
		}
		if _, ok := b.Values[balance.Cell{Code: "1003"}]; !ok || len(b.Findings) == 0 {
			t.Errorf("%s: the other figures are gone, or there is no finding: %v", name, b.Findings)
		}
	}
}

// A figure of a quarter that ends with the year is not that of the year, nor
// one of the last months of the year before that of the year before.
func TestPartOfAYear(t *testing.T) {
	cbso, pfs := document(t, "cbso-25.0-m01-abbreviated.xbrl"), document(t, "pfs-2020-full-company.xbrl")
	const average = `<pfs:AverageNumberEmployeesPersonnelRegisterTotalFullTimeEquivalents decimals="INF" contextRef="`
	part := func(id, start, end string) string {
		return strings.Replace(pfs, "<xbrli:unit ", `<xbrli:context id="part"><xbrli:entity><xbrli:identifier scheme="http://www.fgov.be">0402000167</xbrli:identifier></xbrli:entity><xbrli:period><xbrli:startDate>`+
			start+`</xbrli:startDate><xbrli:endDate>`+end+`</xbrli:endDate></xbrli:period></xbrli:context><xbrli:unit `, 1) + "\n<!-- " + id + " -->"
	}
	moveTo := func(doc, id string) string { return strings.Replace(doc, average+id, average+"part", 1) }
	durations := strings.NewReplacer("<instant>", "<startDate>2023-10-01</startDate><endDate>", "</instant>", "</endDate>").Replace(cbso)
	first := regexp.MustCompile(`(?s)<met:dec1 contextRef="([^"]*)"`).FindStringSubmatch(cbso)[1]
	before, after, _ := strings.Cut(durations, `<context id="`+first+`"`)
	for name, c := range map[string]struct{ cell, before, doc string }{
		"the last quarter":                 {"1003", pfs, moveTo(part("a", "2020-10-01", "2020-12-31"), "CurrentDuration")},
		"the last half of the year before": {"1003P", pfs, moveTo(part("b", "2019-07-01", "2019-12-31"), "PrecedingDuration")},
		"a quarter in CBSO":                {"1001", durations, before + `<context id="` + first + `"` + strings.Replace(after, "2023-10-01", "2024-07-01", 1)},
	} {
		cell, err := balance.ParseCell(c.cell)
		if err != nil || c.doc == c.before {
			t.Fatalf("%s: the document did not change (%v)", name, err)
		}
		whole, b := mustRead(t, []byte(c.before)), mustRead(t, []byte(c.doc))
		if _, ok := whole.Values[cell]; !ok || len(b.Values) != len(whole.Values)-1 {
			t.Errorf("%s: %d figures of %d", name, len(b.Values), len(whole.Values))
		}
		if v, ok := b.Values[cell]; ok {
			t.Errorf("%s: %s is taken as %s", name, cell, v)
		}
		if b.FiscalYear != whole.FiscalYear || len(b.Findings) == 0 || b.Findings[0].Rule != "context_period" {
			t.Errorf("%s: the year is %v, the findings are %v", name, b.FiscalYear, b.Findings)
		}
	}
}

// Contexts that name nobody give the figures all the same, of no enterprise.
func TestContextsOfNobody(t *testing.T) {
	for _, name := range []string{"cbso-25.0-m01-abbreviated.xbrl", "pfs-2020-full-company.xbrl"} {
		doc := document(t, name)
		whole := mustRead(t, []byte(doc))
		doc = regexp.MustCompile(`<(xbrli:)?entity>.*?</(xbrli:)?entity>|<met:str2 contextRef="c1".*`).ReplaceAllString(doc, "")
		b := mustRead(t, []byte(doc))
		if diff := cmp.Diff(whole.Values, b.Values); diff != "" || b.EnterpriseNumber != "" {
			t.Errorf("%s: of %q (-want +got)\n%s", name, b.EnterpriseNumber, diff)
		}
	}
}
