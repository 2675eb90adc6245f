package balance

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDocument bounds what Read takes. The National Bank accepts filings of at
// most 50 MB.
const maxDocument = 64 << 20

// accepted ends the message about a document of an unknown layout.
const accepted = "; readable are XBRL of the National Bank (pfs or CBSO), its CSV and its JSON"

// A ReadError says why a document cannot be read, and where. It holds no
// figure and no text of the document beyond the names of its elements.
type ReadError struct {
	Layout Layout // empty when the layout itself is not known
	Line   int    // from 1; 0 when the error is about the whole document
	Column int    // in bytes, from 1; 0 when unknown
	What   string // one clause without a full stop
}

// Error says all of it on one line.
func (e *ReadError) Error() string {
	var b strings.Builder
	if e.Layout != "" {
		b.WriteString(string(e.Layout) + ", ")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d, ", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, "column %d, ", e.Column)
		}
	}
	s := b.String()
	if s == "" {
		return e.What
	}
	return strings.TrimSuffix(s, ", ") + ": " + e.What
}

// Read reads a social balance from a document of any layout, which it tells by
// the content alone. Its findings are what could not be used, then those of
// Check.
//
// A document of a known layout without a social balance gives a Balance with
// empty Values and no error, for that is common. Every error is a *ReadError;
// then nothing of the document is given, so that a figure that cannot be read
// never leads to half a balance.
func Read(data []byte) (*Balance, error) {
	if len(data) > maxDocument {
		return nil, &ReadError{What: fmt.Sprintf("the document is larger than %d MiB", maxDocument>>20)}
	}
	if what := foreign(data); what != "" {
		return nil, &ReadError{What: "this is " + what + accepted}
	}
	text, err := decodeText(data)
	if err != nil {
		return nil, err
	}
	d := newDraft()
	switch first(text) {
	case 0:
		return nil, &ReadError{What: "the document is empty" + accepted}
	case '<':
		err = d.readXBRL(text)
	case '{', '[':
		err = d.readJSON(text)
	default:
		err = d.readCSV(text)
	}
	if err != nil {
		return nil, err
	}
	return d.done(), nil
}

// foreign names the kind of a document that is not text of any layout, or
// gives the empty string.
func foreign(data []byte) string {
	for _, kind := range []struct{ magic, name string }{
		{"%PDF-", "a PDF"},
		{"PK\x03\x04", "a zip file (or a document of an office program)"},
		{"PK\x05\x06", "an empty zip file"},
		{"\x1f\x8b", "a gzip file"},
		{"\xd0\xcf\x11\xe0", "an old office document"},
		{"{\\rtf", "an RTF document"},
		{"\x89PNG", "a picture"},
		{"\xff\xd8\xff", "a picture"},
		{"7z\xbc\xaf", "a 7z file"},
	} {
		if bytes.HasPrefix(data, []byte(kind.magic)) {
			return kind.name
		}
	}
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 512)], " \t\r\n\ufeff"))
	if bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html")) {
		return "a web page (HTML)"
	}
	return ""
}

// first gives the first byte that is no white space, 0 where there is none.
func first(text []byte) byte {
	if t := bytes.TrimLeft(text, " \t\r\n"); len(t) > 0 {
		return t[0]
	}
	return 0
}

// place is where in a document something stands, both from 1.
type place struct{ line, column int }

// placeOf counts the lines before an offset.
func placeOf(text []byte, offset int) place {
	before := text[:min(max(offset, 0), len(text))]
	return place{bytes.Count(before, []byte("\n")) + 1, offset - bytes.LastIndexByte(before, '\n')}
}

// clip keeps names that come from a document short and on one line, so that
// they can stand in a message.
func clip(s string) string {
	const most = 80
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
