package balance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// documents gives the made-up documents of testdata, by name.
func documents(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/documents/*")
	if err != nil || len(paths) < 19 {
		t.Fatalf("testdata has %d documents (%v)", len(paths), err)
	}
	docs := map[string][]byte{}
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		docs[filepath.Base(p)] = data
	}
	return docs
}

func document(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/documents/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func mustRead(t testing.TB, data []byte) *balance.Balance {
	t.Helper()
	b, err := balance.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReadDocuments(t *testing.T) {
	for name, data := range documents(t) {
		t.Run(name, func(t *testing.T) {
			printed, err := json.Marshal(mustRead(t, data))
			if err != nil {
				t.Fatal(err)
			}
			golden, err := os.ReadFile("testdata/golden/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := errors.Join(json.Unmarshal(printed, &got), json.Unmarshal(golden, &want)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestReadEncodings(t *testing.T) {
	for _, name := range []string{"pfs-2017-abbr-company.xbrl", "cbso-22.19-m81-abbreviated.xbrl", "csv-m81-abbreviated.csv"} {
		plain := document(t, name)
		want := mustRead(t, []byte(plain))
		latin := strings.Replace(plain, `encoding="UTF-8"`, `encoding="ISO-8859-1"`, 1)
		latin = strings.Replace(latin, `encoding="utf-8"`, `encoding='iso-8859-1'`, 1)
		encoded := func(s string, err error) []byte {
			if err != nil {
				t.Fatal(err)
			}
			return []byte(s)
		}
		for kind, data := range map[string][]byte{
			"UTF-8 with mark": []byte("\ufeff" + plain),
			"UTF-16 LE":       encoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(plain)),
			"UTF-16 BE":       encoded(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(plain)),
			"ISO-8859-1":      encoded(charmap.Windows1252.NewEncoder().String(latin)),
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				if diff := cmp.Diff(want, mustRead(t, data)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

// TestReadSpellings changes how a document is written, never what it says.
func TestReadSpellings(t *testing.T) {
	xbrl, csv := document(t, "cbso-25.0-m01-abbreviated.xbrl"), document(t, "csv-m02-full.csv")
	pfs := document(t, "pfs-2020-full-company.xbrl")
	for name, c := range map[string][2]string{
		"comments anywhere":   {xbrl, "<!-- x -->" + strings.ReplaceAll(xbrl, "</met:int3>", "<!-- 1<2 --></met:int3>")},
		"instructions":        {xbrl, strings.ReplaceAll(xbrl, "<context", "<?note a > b?><context")},
		"segment":             {xbrl, strings.ReplaceAll(strings.ReplaceAll(xbrl, "scenario>", "segment>"), "<scenario>", "<segment>")},
		"local prefixes":      {xbrl, strings.ReplaceAll(xbrl, `<xbrldi:explicitMember dimension="dim:`, `<xbrldi:explicitMember xmlns:dd="http://www.nbb.be/be/fr/cbso/dict/dim" dimension="dd:`)},
		"white space":         {xbrl, strings.ReplaceAll(strings.ReplaceAll(xbrl, "</met:", "\n\t </met:"), "</xbrldi:explicitMember>", " </xbrldi:explicitMember>")},
		"no period dimension": {xbrl, strings.ReplaceAll(xbrl, `<xbrldi:explicitMember dimension="dim:prd">prd:m1</xbrldi:explicitMember>`, "")},
		"the same twice":      {csv, csv + "\"1003\",\"13.50\"\n"},
		"midnight":            {pfs, strings.NewReplacer("<xbrli:instant>2020-12-31<", "<xbrli:instant>2021-01-01T00:00:00<", "<xbrli:endDate>2020-12-31<", "<xbrli:endDate>2021-01-01T00:00:00<").Replace(pfs)},
		"bare points":         {pfs, strings.NewReplacer(">0.5<", ">.5<", ">15.0<", ">15.<", ">11<", ">11.<").Replace(pfs)},
		"precision":           {pfs, strings.ReplaceAll(pfs, `decimals="INF"`, `precision="INF"`)},
		"BE":                  {pfs, strings.ReplaceAll(pfs, ">BE0", ">0")},
		"CRLF":                {csv, strings.ReplaceAll(csv, "\n", "\r\n")},
		"no leading line":     {csv, strings.TrimLeft(csv, "\n")},
		"no last line end":    {csv, strings.TrimRight(csv, "\n")},
		"tabs":                {csv, strings.ReplaceAll(csv, "\",\"", "\"\t\"")},
		"padded columns":      {csv, strings.ReplaceAll(csv, "\"\n", "\",,\n")},
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

func TestReadFindings(t *testing.T) {
	csv, pfs := document(t, "csv-m02-full.csv"), document(t, "pfs-2020-full-company.xbrl")
	cbso, js := document(t, "cbso-25.0-m01-abbreviated.xbrl"), document(t, "json-full.json")
	average := "AverageNumberEmployeesPersonnelRegisterTotalFullTimeEquivalents"
	for name, c := range map[string]struct {
		document, rule, message string
		number                  balance.EnterpriseNumber
	}{
		"twice in CSV":        {csv + `"1003","16"` + "\n", "twice", "1003 is stated again as 16; the first value, 13.5, is kept", "0801000165"},
		"twice in pfs":        {strings.Replace(pfs, "</xbrli:xbrl>", `<pfs:`+average+` contextRef="CurrentDuration" unitRef="U">99</pfs:`+average+`></xbrli:xbrl>`, 1), "twice", "1003 is stated again as 99", "0402000167"},
		"no such cell":        {csv + `"1001P","16"` + "\n", "no_such_cell", "rubric 1001 has no previous-year cell", "0801000165"},
		"check digits":        {strings.Replace(csv, "0801000165", "0801000166", 1), "enterprise_number_check", "check digits", ""},
		"check digits, XBRL":  {strings.ReplaceAll(pfs, "BE0402000167", "BE0402000168"), "enterprise_number_check", "check digits", ""},
		"two enterprises":     {strings.Replace(pfs, "BE0402000167", "BE0443246943", 1), "other_entity", "mostly about 0402000167, but also about 0443246943", "0402000167"},
		"two numbers":         {csv + "\"Entity number\",\"0443246943\"\n", "two_enterprises", "0801.000.165 and 0443.246.943", "0801000165"},
		"model":               {strings.Replace(csv, "m02-f", "m90-f", 1), "model", "m90-f", "0801000165"},
		"date":                {strings.Replace(csv, "2024-12-31", "2024-02-30", 1), "fiscal_year_end", "last day", "0801000165"},
		"year the wrong way":  {strings.Replace(csv, "2024-12-31", "2023-12-31", 1), "fiscal_year_reversed", "before it starts", "0801000165"},
		"unexplained":         {strings.ReplaceAll(cbso, "gdr:m1<", "gdr:m9<"), "unexplained_fact", "dec1 of the social balance with bas:m73, gdr:m9, part:m8, typ:m16, wkr:m1, wrg:m1, prd:m1", "0701000093"},
		"foreign dimension":   {strings.ReplaceAll(cbso, "cbso/dict/dom/gdr", "cbso/dict/dom/other"), "unexplained_fact", "{http://www.nbb.be/be/fr/cbso/dict/dim}gdr=", "0701000093"},
		"no context":          {strings.ReplaceAll(pfs, `id="CurrentInstant"`, `id="Current"`), "context_missing", "a context that is not there", "0402000167"},
		"other period":        {strings.Replace(pfs, "<xbrli:instant>2020-12-31", "<xbrli:instant>2018-12-31", 1), "context_period", "neither the year nor the year before", "0402000167"},
		"unit":                {strings.ReplaceAll(pfs, `unitRef="U"`, `unitRef="E"`), "unit_money", "is a number, but is stated in EUR", "0402000167"},
		"no currency":         {strings.ReplaceAll(pfs, `unitRef="E"`, `unitRef="U"`), "unit_no_money", "without a currency", "0402000167"},
		"odd period in JSON":  {strings.Replace(js, `"Period": "NM1"`+"\n  },\n  {\n   \"Code\": \"10031\"", `"Period": "NM2"`+"\n  },\n  {\n   \"Code\": \"10031\"", 1), "period", "NM2", ""},
		"negative head count": {strings.Replace(csv, `"1501","1.5"`, `"1501","-1.5"`, 1), "sign", "(1501) is -1.5", "0801000165"},
		"too many decimals":   {strings.Replace(csv, `"1501","1.5"`, `"1501","1.55"`, 1), "decimals", "(1501) is 1.55", "0801000165"},
	} {
		t.Run(name, func(t *testing.T) {
			b := mustRead(t, []byte(c.document))
			if b.EnterpriseNumber != c.number {
				t.Errorf("enterprise number %q, want %q", b.EnterpriseNumber, c.number)
			}
			for _, f := range b.Findings {
				if f.Rule == c.rule && strings.Contains(f.Message, c.message) {
					return
				}
			}
			t.Errorf("no finding %s with %q in %v", c.rule, c.message, b.Findings)
		})
	}
}

func TestWhitelist(t *testing.T) {
	b := mustRead(t, []byte("\"Model code\",\"m01-f\"\n\"1311\",\"5\"\n\"130\",\"5\"\n\"100\",\"5\"\n\"1203\",\"2\"\n\"12031\",\"1\"\n\"8391P\",\"3\"\n"))
	var cells []string
	for _, c := range b.Values.Cells() {
		cells = append(cells, c.String()+"="+balance.Canonical(b.Values[c]))
	}
	if diff := cmp.Diff([]string{"1203=2", "12031=1"}, cells); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNoSocialBalance(t *testing.T) {
	cbso := document(t, "cbso-25.0-m01-abbreviated.xbrl")
	for name, document := range map[string]string{
		"CSV":  "\"Entity number\",\"0443246943\"\n\"10\",\"100000\"\n",
		"JSON": `{"EnterpriseName": "X", "Rubrics": [{"Code": "10", "Value": "1"}]}`,
		"CBSO": strings.ReplaceAll(cbso, "part:m8", "part:m9"),
		"none": `{"Rubrics": null}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := mustRead(t, []byte(document))
			if len(b.Values) != 0 || len(b.Findings) != 0 {
				t.Errorf("values %v, findings %v", b.Values, b.Findings)
			}
			printed, err := json.Marshal(b)
			if err != nil || !bytes.Contains(printed, []byte(`"values":{},"findings":[]`)) {
				t.Errorf("printed %s, %v", printed, err)
			}
		})
	}
}
