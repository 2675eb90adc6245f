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

// documents returns the made-up documents of testdata, by name.
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
	b, err := newReader().Read(data)
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
	pfs, js := document(t, "pfs-2020-full-company.xbrl"), document(t, "json-full.json")
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
		"tabs and commas":     {csv, strings.NewReplacer("\",\"", "\t", "\"", "", ".", ",").Replace(csv)},
		"exponents":           {js, strings.NewReplacer(`"19.5"`, `"1.95E1"`, `"28500.0"`, `285e+2`).Replace(js)},
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

// Rubric 62 is that of the year alone.
func TestPersonnelCostsInJSON(t *testing.T) {
	for _, period := range []string{"NM1", "NM2"} {
		b := mustRead(t, []byte(`{"Rubrics": [{"Code": "62", "Value": "1", "Period": "`+period+`"}, {"Code": "62", "Value": "2E1"}]}`))
		if b.PersonnelCosts == nil || b.PersonnelCosts.String() != "20" {
			t.Errorf("%s is taken for the year: %v", period, b.PersonnelCosts)
		}
	}
}
