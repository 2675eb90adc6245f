package balance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"balansd/balance"
)

func TestReadErrors(t *testing.T) {
	csv, pfs := document(t, "csv-m02-full.csv"), document(t, "pfs-2020-full-company.xbrl")
	js := document(t, "json-full.json")
	xbrl := func(inside string) string {
		return `<xbrl xmlns="http://www.xbrl.org/2003/instance">` + inside + `</xbrl>`
	}
	for name, c := range map[string]struct{ document, want string }{
		"empty":          {"", "the document is empty"},
		"blank":          {" \n\r\n", "the document is empty"},
		"PDF":            {"%PDF-1.7\n%", "this PDF breaks off or is damaged; take it again from where it came"},
		"zip":            {"PK\x03\x04rest", "this is a zip file"},
		"HTML":           {"\n<!DOCTYPE html><html></html>", "this is a web page"},
		"plain text":     {"Dear colleague,\nsee below", "this is text of no known layout"},
		"other XML":      {"<?xml version='1.0'?>\n<Invoice/>", "line 2, column 1: this is XML, but its root element Invoice is not that of XBRL"},
		"other XBRL":     {xbrl(""), "this is XBRL, but of neither taxonomy"},
		"other JSON":     {`{"a": 1}`, "this is JSON, but has no list of Rubrics"},
		"JSON list":      {`[1]`, "this is JSON, but a list"},
		"broken JSON":    {"{\"Rubrics\": [\n{\"Code\" 1}]}", "nbb-json, line 2, column"},
		"JSON of a kind": {`{"Rubrics": [{"Code": 1}]}`, "of another kind"},
		"JSON, more":     {`{"Rubrics": []} x`, "nbb-json"},
		"encoding":       {`<?xml version="1.0" encoding="ebcdic"?><x/>`, "the encoding ebcdic is not supported"},
		"DTD":            {"<?xml version='1.0'?>\n<!DOCTYPE x [<!ENTITY a 'b'>]>\n<x>&a;</x>", "line 2, column 1: document type and entity declarations are not accepted"},
		"entity":         {xbrl("<a>&lol;</a>"), "line 1, column 52: the entity &lol; is not known"},
		"deep":           {xbrl(strings.Repeat("<a>", 100_000)), "line 1, column 238: the elements are nested too deep"},
		"attributes":     {"<a " + strings.Repeat("b='' ", 1_000_000) + "/>", "too many attributes"},
		"external":       {"<?xml version='1.0'?><!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>", "line 1, column 22: document type and entity declarations are not accepted"},
		"laughs":         {xbrl("\n<!ENTITY lol 'lol'>"), "line 2, column 1: document type and entity declarations"},
		"XHTML":          {"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0\"><html/>", "this is a web page (HTML)"},
		"HTML later":     {"<!-- saved --><HTML lang='nl'></HTML>", "this is a web page (HTML)"},
		"prefix":         {xbrl("<a:b/>"), "line 1, column 49: the XML is not well-formed: the prefix of a:b stands for no address"},
		"attribute":      {xbrl("<a b='1' b='2'/>"), "the attribute b is there twice"},
		"attribute 2":    {xbrl("<a" + strings.Repeat(" b='' c=''", 9) + "/>"), "is there twice"},
		"no value":       {xbrl("<a b/>"), "line 1, column 53: the XML is not well-formed: an attribute has no value"},
		"no quotes":      {xbrl("<a b=c/>"), "the value of an attribute is not in quotes"},
		"tag in value":   {xbrl("<a b='<'/>"), "has a < in it"},
		"no gap":         {xbrl("<a b='1'c='2'/>"), "two attributes are not apart"},
		"slash":          {xbrl("<a / >"), "a slash in its middle"},
		"name":           {xbrl("<1/>"), "a name is expected here"},
		"end tag":        {xbrl("<a></a b>"), "an end tag has more than a name"},
		"character":      {xbrl("<a>&#0;</a>"), "&#0; is not known"},
		"long tag":       {xbrl("<a b='" + strings.Repeat("x", 1<<20) + "'/>"), "line 1, column 49: a tag is too long"},
		"long name":      {xbrl("<" + strings.Repeat("x", 1<<20) + "/>"), "a tag is too long"},
		"members":        {xbrl("<context id='a'>" + strings.Repeat("<x/>", 1000) + "</context>"), "a context has too many members"},
		"not UTF-8":      {xbrl("<a b='\xff'/>"), "not in the encoding that the document names"},
		"text not UTF-8": {strings.Replace(pfs, ">13.5<", ">13\xff5<", 1), "the text of an element is not in the encoding"},
		"CDATA outside":  {"<!-- x --><![CDATA[x]]><x/>", "text outside the root"},
		"open comment":   {xbrl("") + "<!-- x", "the document breaks off"},
		"nothing":        {"<!-- x -->", "the document breaks off"},
		"gzip":           {"\x1f\x8b\x08rest", "this is a gzip file"},
		"JSON deep":      {`{"x": ` + strings.Repeat("[", 1_000_000), "nested too deep"},
		"JSON objects":   {strings.Repeat(`{"a":`, 1_000_000), "nested too deep"},
		"JSON number":    {`{"x": 1` + strings.Repeat("0", 1<<20) + "}", "a number is too long"},
		"JSON word":      {`{"x": nope}`, "line 1, column 7: the JSON is not well-formed"},
		"JSON text":      {"{\"x\": \"a\nb\"}", "line 1, column 9: the JSON is not well-formed"},
		"JSON escape":    {`{"x": "\q"}`, "not well-formed"},
		"JSON comma":     {`{"Rubrics": [],}`, "not well-formed"},
		"JSON items":     {`{"Rubrics": {"Code": 1}}`, "a list is expected here"},
		"JSON item":      {`{"Rubrics": ["x"]}`, "an object with Code, Value and Period is expected"},
		"CSV field":      {"Model code,m01-f\nEntity name,\"" + strings.Repeat("x\n", 1<<20), "nbb-csv, line 2, column 13: a field in quotes is too long"},
		"CSV row":        {"Model code,m01-f\nEntity name," + strings.Repeat("x", 1<<20), "nbb-csv, line 2, column 1: a row is too long"},
		"CSV fields":     {"Model code,m01-f\n" + strings.Repeat(",", 1<<20), "nbb-csv, line 2, column 1: a row has too many fields"},
		"CSV quote":      {"Model code,m01-f\nEntity name,a \"b\"\n", "nbb-csv, line 2, column 15: a quote stands within a field"},
		"CSV after":      {"Model code,m01-f\n\"1003\" x,5\n", "nbb-csv, line 2, column 7: a field goes on after its closing quote"},
		"second root":    {xbrl("") + "<x/>", "second root"},
		"text after":     {xbrl("") + "x", "text outside the root"},
		"mismatch":       {xbrl("<a></b>"), "not well-formed"},
		"value in CSV":   {strings.Replace(csv, `"1501","1.5"`, `"1501","secret"`, 1), "the value of rubric 1501 is not a number"},
		"value, year P":  {strings.Replace(csv, `"1003P","13"`, `"1003P","1e3"`, 1), "a spreadsheet has shortened the value of rubric 1003P"},
		"thousands":      {strings.Replace(csv, `"1501","1.5"`, `"1501","1,50,500.5"`, 1), "the value of rubric 1501 is not a number"},
		"three columns":  {strings.Replace(csv, `"1501","1.5"`, `1501,1,5`, 1), "the value of rubric 1501 is cut in two"},
		"quotes":         {csv + "\"1501\",\"2", "nbb-csv, line 141, column 8: a quote is opened and never closed"},
		"value in pfs":   {strings.Replace(pfs, ">13.5<", ">fifteen<", 1), "the value of rubric 1003 is not a number"},
		"value in JSON":  {strings.Replace(js, `"Code": "1003",`+"\n   "+`"Value": "`, `"Code": "1003",`+"\n   "+`"Value": "x`, 1), "the value of rubric 1003 is not a number"},
		"units":          {xbrl("<unit id='a'/>\n<unit id='a'/>"), "line 2, column 1: two units have the same id"},
		"in a figure":    {strings.Replace(pfs, ">13.5<", ">1<pfs:x>99</pfs:x>3.5<", 1), "the value of rubric 1003 is not a number"},
		"JSON key twice": {`{"Rubrics": [{"Code": "1003", "Value": "5", "value": "6"}]}`, "nbb-json, line 1, column 54: value is there twice"},
		"JSON exponent":  {`{"Rubrics": [{"Code": "1003", "Value": 1e999999999}]}`, "the value of rubric 1003 is not a number"},
		"CSV no value":   {"\"Model code\",\"m01-f\"\n\"1003\"\n", "nbb-csv, line 2, column 1: rubric 1003 has no field for its value"},
		"CSV other mark": {"Model code,m01-f\n1003;5\n", "nbb-csv, line 2, column 1: the row of rubric 1003 is separated in another way than the first row"},
		"contexts":       {xbrl("<context id='a'/><context id='a'/>"), "two contexts have the same id"},
		"too large":      {strings.Repeat(" ", 65<<20), "larger than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := newReader().Read([]byte(c.document))
			var known *balance.ReadError
			if !errors.As(err, &known) || b != nil {
				t.Fatalf("got %v and %v", b, err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want %q", err, c.want)
			}
			if strings.ContainsAny(err.Error(), "\n\r") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q is not one clean line", err)
			}
		})
	}
}

// smallXBRL is a document of either taxonomy, small enough to be tried at every
// byte.
const (
	smallPFS = `<?xml version="1.0"?><x:xbrl xmlns:x="http://www.xbrl.org/2003/instance" xmlns:p="http://www.nbb.be/be/fr/pfs/ci/2020-02-01">` +
		`<x:context id="a"><x:entity><x:identifier scheme="s">BE0443246943</x:identifier></x:entity><x:period><x:startDate>2020-01-01</x:startDate><x:endDate>2020-12-31</x:endDate></x:period></x:context>` +
		`<x:unit id="u"><x:measure xmlns:i="http://www.xbrl.org/2003/iso4217">i:EUR</x:measure></x:unit><!-- a comment -->` +
		`<p:PersonnelCostsTotal contextRef="a" unitRef="u" decimals='INF'>12345.67</p:PersonnelCostsTotal></x:xbrl>`
	smallCBSO = `<xbrl xmlns="http://www.xbrl.org/2003/instance" xmlns:m="http://www.nbb.be/be/fr/cbso/dict/met" xmlns:dim="http://www.nbb.be/be/fr/cbso/dict/dim" xmlns:D="http://xbrl.org/2006/xbrldi" ` +
		`xmlns:bas="http://www.nbb.be/be/fr/cbso/dict/dom/bas" xmlns:part="http://www.nbb.be/be/fr/cbso/dict/dom/part" xmlns:mdp="http://www.nbb.be/be/fr/cbso/dict/dom/mdp" xmlns:wkr="http://www.nbb.be/be/fr/cbso/dict/dom/wkr" xmlns:wrg="http://www.nbb.be/be/fr/cbso/dict/dom/wrg">` +
		`<m:int3 contextRef="a" unitRef="u">123</m:int3><unit id="u"><measure>pure</measure></unit><context id="a"><entity><identifier>0443246943</identifier></entity><period><instant>2024-12-31</instant></period><scenario>` +
		`<D:explicitMember dimension="dim:bas">bas:m73</D:explicitMember><D:explicitMember dimension="dim:part">part:m8</D:explicitMember><D:explicitMember dimension="dim:mdp">mdp:m19</D:explicitMember>` +
		`<D:explicitMember dimension="dim:wkr">wkr:m1</D:explicitMember><D:explicitMember dimension="dim:wrg">wrg:m1</D:explicitMember></scenario></context></xbrl>`
	smallJSON = `{"EnterpriseName": "Dev\u00e9 \ud83d\ude00", "x": [true, null, -1.5e+3], "Rubrics": [{"Code": "1003", "Value": "13.5", "Period": "NM1"}, {"Code": "1013", "Value": 1234}], "JointCommittees": ["200"]}`
	smallCSV  = "\"Entity number\",\"0443246943\"\r\n\"1003\",\"13.5\"\r\n\"1013\",\"1234\"\r\n"
)

// TestTruncated cuts documents at every byte. XML and JSON then always say
// that they break off, and where; CSV has no end of its own, so there a whole
// row may be missing, but no figure may be half.
func TestTruncated(t *testing.T) {
	docs := map[string]string{"pfs": smallPFS, "cbso": smallCBSO, "json": smallJSON, "csv": smallCSV,
		"bare csv": strings.ReplaceAll(smallCSV, `"`, ""), "pdf": attached(smallCBSO), "utf-16": "\xff\xfe" + strings.Join(strings.Split(smallPFS, ""), "\x00") + "\x00"}
	for _, name := range []string{"pfs-2019-micro-company.xbrl", "cbso-25.0-m07-micro.xbrl", "json-full.json", "csv-m81-abbreviated.csv"} {
		docs[name] = strings.TrimRight(document(t, name), "\n")
	}
	for name, data := range docs {
		whole := mustRead(t, []byte(data))
		if len(whole.Values) == 0 {
			t.Fatalf("%s has no figures: %v", name, whole.Findings)
		}
		step := 1
		if len(data) > 4000 {
			step = 37
		}
		if underRace {
			step *= 17
		}
		mayBeRead := strings.Contains(name, "csv") || name == "pdf"
		for cut := 0; cut < len(data); cut += step {
			b, err := newReader().Read([]byte(data[:cut]))
			var known *balance.ReadError
			switch {
			case err == nil && !mayBeRead:
				t.Fatalf("%s cut at %d is read", name, cut)
			case err != nil && (!errors.As(err, &known) || b != nil):
				t.Fatalf("%s cut at %d: %T", name, cut, err)
			case err != nil && cut > 8 && known.Line == 0 && !mayBeRead:
				t.Fatalf("%s cut at %d: %v does not say where", name, cut, err)
			case err != nil:
				continue
			}
			for c, v := range b.Values {
				if !v.Equal(whole.Values[c]) {
					t.Fatalf("%s cut at %d: %s is %s", name, cut, c, v)
				}
			}
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	var doc strings.Builder
	doc.WriteString("\"Model code\",\"m02-f\"\n")
	for i := range 10_000 {
		fmt.Fprintf(&doc, "\"1003\",\"%d\"\n\"1001P\",\"1\"\n", i)
	}
	b := mustRead(t, []byte(doc.String()))
	if n := len(b.Findings); n < 100 || n > 300 {
		t.Errorf("%d findings", n)
	}
	if len(b.Doubts) != 1 || len(b.Doubts[0].Readings) > 10 {
		t.Errorf("doubts %v", b.Doubts)
	}
}

func FuzzRead(f *testing.F) {
	for _, data := range documents(f) {
		f.Add(data)
	}
	fuzzRead(f)
}

func FuzzXBRL(f *testing.F) {
	for _, s := range []string{
		`<xbrl xmlns="http://www.xbrl.org/2003/instance"><context id="a"><entity><identifier>0443246943</identifier></entity><period><instant>2020-12-31</instant></period></context><unit id="u"><measure>pure</measure></unit><p:PersonnelCostsTotal xmlns:p="http://www.nbb.be/be/fr/pfs/ci/2020-02-01" contextRef="a" unitRef="u">1</p:PersonnelCostsTotal></xbrl>`,
		`<x:xbrl xmlns:x="http://www.xbrl.org/2003/instance" xmlns:m="http://www.nbb.be/be/fr/cbso/dict/met"><m:int3 contextRef="b">1.0</m:int3><!-- c --><![CDATA[]]></x:xbrl>`,
		`<!DOCTYPE a [<!ENTITY b "c">]><a/>`,
		"\xff\xfe<\x00?\x00x\x00m\x00l\x00",
	} {
		f.Add([]byte(s))
	}
	fuzzRead(f)
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"\"Entity number\",\"0443246943\"\n\"1003\",\"1.5\"\n", "Model code;m01-f\r\n1003;1,5\r\n1003P;\r\n", "Entity number\t1\n\"1003\t",
		notated("1003;1.234", "1003;1234", "1021;-1 244.300,5", "1022;9E+04", "62;1,5", "1013P;€ 5'012-"), "\"\"\"Model code\"\",\"\"m01-f\"\"\"\n\"1003,\"\"1,5\"\"\"\n"} {
		f.Add([]byte(s))
	}
	fuzzRead(f)
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"Rubrics":[{"Code":"1003","Value":"1.0","Period":"NM1"}],"JointCommittees":["200",{"Code":1},149.01]}`, `{"Rubrics":null}`, `{"Rubrics":[{"Code":"1003","Value":1e9}]}`} {
		f.Add([]byte(s))
	}
	fuzzRead(f)
}

// fuzzRead holds Read to its promises on any input.
func fuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := newReader().Read(data)
		var known *balance.ReadError
		switch {
		case err != nil && (b != nil || !errors.As(err, &known) || strings.Contains(err.Error(), "\n")):
			t.Fatalf("%v and %q", b, err)
		case err != nil:
			return
		}
		for c, v := range b.Values {
			if _, err := balance.ParseCell(c.String()); err != nil {
				t.Fatal(err)
			}
			if again, err := balance.ParseDecimal(balance.Canonical(v)); err != nil || !again.Equal(v) {
				t.Fatalf("%s: %s, %v", c, v, err)
			}
		}
		if b.Layout == balance.NBBJSON && bytes.HasPrefix(data, []byte("{")) && !json.Valid(data) {
			t.Fatal("this is no JSON")
		}
		printed, err := b.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := newReader().Read(data)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := again.MarshalJSON(); err != nil || !bytes.Equal(printed, second) {
			t.Fatalf("read twice it gives\n%s\nand\n%s", printed, second)
		}
	})
}

// sample returns a real document of the National Bank, where it is there.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../shared/samples/" + name)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the real documents are not on this machine; their licences keep them out of the project")
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}
