package balance_test

import (
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
		"PDF":            {"%PDF-1.7\n%", "this is a PDF without an attachment; its figures must come from another format"},
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
		"second root":    {xbrl("") + "<x/>", "second root"},
		"text after":     {xbrl("") + "x", "text outside the root"},
		"mismatch":       {xbrl("<a></b>"), "not well-formed"},
		"value in CSV":   {strings.Replace(csv, `"1501","1.5"`, `"1501","secret"`, 1), "the value of rubric 1501 is not a number"},
		"value, year P":  {strings.Replace(csv, `"1003P","13"`, `"1003P","1e3"`, 1), "the value of rubric 1003P is not a number"},
		"thousands":      {strings.Replace(csv, `"1501","1.5"`, `"1501","1,500.5"`, 1), "the value of rubric 1501 is not a number"},
		"three columns":  {strings.Replace(csv, `"1501","1.5"`, `1501,1,5`, 1), "the value of rubric 1501 is cut in two"},
		"quotes":         {csv + "\"1501\",\"2", "nbb-csv, line 141, column 8: a quote is opened and never closed"},
		"value in pfs":   {strings.Replace(pfs, ">13.5<", ">fifteen<", 1), "the value of rubric 1003 is not a number"},
		"value in JSON":  {strings.Replace(js, `"Code": "1003",`+"\n   "+`"Value": "`, `"Code": "1003",`+"\n   "+`"Value": "x`, 1), "the value of rubric 1003 is not a number"},
		"contexts":       {xbrl("<context id='a'/><context id='a'/>"), "two contexts have the same id"},
		"too large":      {strings.Repeat(" ", 65<<20), "larger than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := balance.Read([]byte(c.document))
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

// TestTruncated cuts small documents at every byte. XML and JSON then always
// say that they break off; CSV has no end of its own, so there a whole row may
// be missing, but no figure may be half.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"pfs-2019-micro-company.xbrl", "cbso-25.0-m07-micro.xbrl", "json-full.json", "csv-m81-abbreviated.csv"} {
		data := strings.TrimRight(document(t, name), "\n")
		whole := mustRead(t, []byte(data))
		step := 1
		if len(data) > 8000 {
			step = 37 // the fuzz targets try the rest
		}
		for cut := 0; cut < len(data); cut += step {
			b, err := balance.Read([]byte(data[:cut]))
			if err == nil && !strings.HasSuffix(name, ".csv") {
				t.Fatalf("%s cut at %d is read", name, cut)
			}
			var known *balance.ReadError
			if err != nil && !errors.As(err, &known) {
				t.Fatalf("%s cut at %d: %T", name, cut, err)
			}
			if err != nil {
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
		fmt.Fprintf(&doc, "\"1003\",\"%d\"\n", i)
	}
	b := mustRead(t, []byte(doc.String()))
	if n := len(b.Findings); n < 100 || n > 300 {
		t.Errorf("%d findings", n)
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
	for _, s := range []string{"\"Entity number\",\"0443246943\"\n\"1003\",\"1.5\"\n", "Model code;m01-f\r\n1003;1,5\r\n1003P;\r\n", "Entity number\t1\n\"1003\t"} {
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
		b, err := balance.Read(data)
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
		if _, err := b.MarshalJSON(); err != nil {
			t.Fatal(err)
		}
	})
}

// sample gives a real document of the National Bank, where it is there.
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
