package balance

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// formatEvent is what a parser tells of an element: its start with its attributes,
// its end, and the text directly in it.
func formatEvent(kind, space, local string, attrs []string) string {
	slices.Sort(attrs)
	return kind + " {" + space + "}" + local + " " + strings.Join(attrs, " ")
}

// scanEvents reads a document with xmlScanner, its text as far as it is not cut.
func scanEvents(data []byte) (events []string, err error) {
	x := newXMLScanner(newWindow(bytes.NewReader(data)))
	for {
		e, more, err := x.event()
		if err != nil || !more {
			return events, err
		}
		if e == xmlEnd {
			events = append(events, "end")
			continue
		}
		var attrs []string
		for _, a := range x.attrs {
			attrs = append(attrs, "{"+a.name.space+"}"+a.name.local+"="+string(a.value))
		}
		events = append(events, formatEvent("start", x.name.space, x.name.local, attrs))
	}
}

// decodeEvents reads a document with encoding/xml.
func decodeEvents(data []byte) (events []string, directive bool, err error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		token, err := d.Token()
		if err == io.EOF {
			return events, directive, nil
		}
		if err != nil {
			return events, directive, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			var attrs []string
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
					continue
				}
				value := strings.NewReplacer("\n", " ", "\t", " ", "\r", " ").Replace(a.Value)
				attrs = append(attrs, "{"+a.Name.Space+"}"+a.Name.Local+"="+value)
			}
			events = append(events, formatEvent("start", t.Name.Space, t.Name.Local, attrs))
		case xml.EndElement:
			events = append(events, "end")
		case xml.Directive:
			directive = true
		}
	}
}

// FuzzXMLScanner holds our scanner against encoding/xml: what both read they
// read alike, and what that reads and ours refuses, ours refuses for a reason
// that it names.
func FuzzXMLScanner(f *testing.F) {
	for _, s := range []string{
		`<a xmlns="u" xmlns:b='v' b:c="1&amp;2" d="&#65;"><b:e/>text<!-- c --><![CDATA[<x>]]><?p i?></a>`,
		`<?xml version="1.0"?><a><b xmlns:b="1"><b:c b:d=""/></b><b xmlns="2"/></a>`, "<a>\r\n<b\tc = 'd' ></b >é</a>\n",
		`<a>&lt;&#x1F600;</a>`, `<a b="1" b="2"/>`, `<a></b>`, `<!DOCTYPE a><a/>`, `<a/><b/>`, `x<a/>`, "<a>\xff</a>", `<a:b xmlns:a="u"></a:b>`, `<a:b/>`,
	} {
		f.Add([]byte(s))
	}
	known := []string{
		"declarations are not accepted", "is there twice", "stands for no address", "text outside the root", "second root",
		"too deep", "too many", "too long", "breaks off", "web page", "two attributes are not apart",
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, directive, wrong := decodeEvents(data)
		got, err := scanEvents(data)
		switch {
		case err == nil && wrong == nil:
			if directive {
				t.Fatalf("a declaration is read: %q", data)
			}
			// encoding/xml leaves the carriage return of a reference alone.
			if !slices.Equal(got, want) && !strings.Contains(strings.Join(want, ""), "\r") && !bytes.Contains(data, []byte("&#")) {
				t.Fatalf("%q is read as\n%q, not as\n%q", data, got, want)
			}
		case err != nil && wrong == nil && len(want) > 0:
			if !slices.ContainsFunc(known, func(s string) bool { return strings.Contains(err.Error(), s) }) && utf8.Valid(data) {
				t.Fatalf("%q is refused: %v", data, err)
			}
		}
		if err != nil && (err.(*ReadError).Line == 0 && !strings.Contains(err.Error(), "web page") || strings.ContainsAny(err.Error(), "\r\n")) {
			t.Fatalf("%q: %v", data, err)
		}
	})
}

// FuzzXMLText holds our reading of text against encoding/xml's.
func FuzzXMLText(f *testing.F) {
	for _, s := range []string{"a", " é😀\u00a0 ", "]]>", "<&>\"'", "a\r\nb", "\x00", strings.Repeat("x ", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var escaped bytes.Buffer
		if err := xml.EscapeText(&escaped, []byte(s)); err != nil {
			t.Fatal(err)
		}
		doc := "<a>\n" + escaped.String() + "<!-- c --><?p b?><![CDATA[&]]></a>"
		var read struct {
			Text string `xml:",chardata"`
		}
		if err := xml.Unmarshal([]byte(doc), &read); err != nil {
			t.Fatal(err)
		}
		x := newXMLScanner(newWindow(strings.NewReader(doc)))
		if _, _, err := x.event(); err != nil {
			t.Fatal(err)
		}
		got, err := x.content()
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.TrimSpace(read.Text); string(got) != want && !(len(want) > maxValue && bytes.HasSuffix(got, []byte(cut))) {
			t.Fatalf("%q is read as %q, not as %q", doc, got, want)
		}
	})
}

// FuzzJSONScanner holds our scanner against encoding/json: both take the same
// texts, but for what ours bounds.
func FuzzJSONScanner(f *testing.F) {
	for _, s := range []string{
		`{"a": [1, -0.5e+3, true, null, "\u00e9\ud83d\ude00\n"], "b": {}}`, `[]`, `""`, `01`, `1.`, `-`, `[1,]`, `{"a"}`, "\"\x00\"", `"\x"`, `nul`, ` 1 2`,
		`"\ud800"`, `"\ud800\u0041"`, "\"\xff\"",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		j := &jsonScanner{window: newWindow(bytes.NewReader(data))}
		err := j.skip()
		if err == nil {
			if j.kind(); j.fill() {
				err = j.mistake()
			}
		}
		if valid := json.Valid(data); valid != (err == nil) && (err == nil || !strings.Contains(err.Error(), "too ")) {
			t.Fatalf("%q: %v, encoding/json says %v", data, err, valid)
		}
	})
}

// FuzzJSONText holds our reading of a string against encoding/json's.
func FuzzJSONText(f *testing.F) {
	for _, s := range []string{"a", "é😀", `"\/`, "\b\f\n\r\t", "\u2028", strings.Repeat("x", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "?")
		written, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		j := &jsonScanner{window: newWindow(bytes.NewReader(written))}
		if err := j.str(); err != nil {
			t.Fatal(err)
		}
		if got := string(j.text); got != s && !(len(s) > maxValue && strings.HasSuffix(got, cut)) {
			t.Fatalf("%q is read as %q", s, got)
		}
	})
}
