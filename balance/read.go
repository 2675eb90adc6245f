package balance

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDocument bounds what is read. The National Bank accepts filings of at
// most 50 MB.
const maxDocument = 64 << 20

// readableLayouts ends the message about a document of an unknown layout.
const readableLayouts = "; readable are XBRL of the National Bank (pfs or CBSO), its CSV, its JSON and its PDF, and a table of rubric codes and amounts in a PDF, a CSV or a workbook (.xlsx)"

// A ReadError says why a document cannot be read, and where. It holds no
// figure and no text of the document beyond the names of its elements.
type ReadError struct {
	Layout Layout // empty when the layout itself is not known
	Line   int    // from 1; 0 when the error is about the whole document
	Column int    // in bytes of its text as UTF-8, from 1; 0 when unknown
	What   string // one clause without a full stop
	Kind   Cause  // for who does not read What; empty for what is of no kind

	cause error // why the source gave no more, where that was it
	final bool  // of an attachment: the pages of its PDF do not make up for it
}

// Cause names why a document cannot be read, so that pages can say it in their own
// language.
type Cause string

// The causes.
const (
	CausePassword  Cause = "password"  // it wants a password
	CauseEncrypted Cause = "encrypted" // in a way that cannot be opened
	CauseScan      Cause = "scan"      // a picture of a document
	CauseForm      Cause = "form"      // a PDF form that a program draws
	CauseDamaged   Cause = "damaged"   // or not complete
	CauseFormat    Cause = "format"    // of no format that is read
	CauseNoBalance Cause = "nothing"   // it has no social balance in a layout that is known
	CauseHeads     Cause = "heads"     // columns whose heads are not known
	CauseClients   Cause = "clients"   // of several clients at once
	CauseThousands Cause = "thousands" // its amounts are not in euro
	CauseShortened Cause = "shortened" // a spreadsheet changed a number
	CauseNumber    Cause = "number"    // an amount is none
)

// Causes lists them.
func Causes() []Cause {
	return []Cause{CausePassword, CauseEncrypted, CauseScan, CauseForm, CauseDamaged, CauseFormat, CauseNoBalance, CauseHeads, CauseClients, CauseThousands, CauseShortened, CauseNumber}
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

// Unwrap returns the error of the source that the document was read from, nil
// where the document itself was wrong.
func (e *ReadError) Unwrap() error { return e.cause }

// ReaderOptions are what a Reader needs. They can be written as JSON, for a reader
// in another process.
type ReaderOptions struct {
	// Members say how CBSO XBRL states the rubrics. Nil is what balansd knows
	// by itself.
	Members *Members
	// Year is the financial year that a person chose, for a document that can be read
	// as of several: see Reader.ReadYear. The zero Period is none.
	Year Period
	// Tables describe tables of layouts that balansd does not know. They go before
	// what it understands by itself, in their order, and have no Mistakes.
	Tables []Table
}

// A Reader reads social balances. It is not changed by that and may be used by
// several goroutines at once.
type Reader struct {
	members *Members
	tables  []Table
	year    Period // that a person chose; see ReadYear
}

// NewReader makes a Reader.
func NewReader(o ReaderOptions) *Reader {
	if o.Members == nil {
		o.Members = builtIn()
	}
	return &Reader{members: o.Members, tables: slices.Clone(o.Tables), year: o.Year}
}

// Read reads a social balance from a document of any layout, which it recognises by
// the content alone. Its findings are what could not be used, then those of
// Check.
//
// A document of a known layout without a social balance yields a Balance with
// empty Values and no error, for that is common. Every error is a *ReadError;
// then nothing of the document is given, so that a figure that cannot be read
// never leads to half a balance.
func (r *Reader) Read(data []byte) (*Balance, error) { return r.Stream(bytes.NewReader(data)) }

// ReadDocument is as Read, unless ctx has ended, whose error it then returns.
func (r *Reader) ReadDocument(ctx context.Context, data []byte) (*Balance, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r.Read(data)
}

// Stream is as Read, of a document that need not be in memory: it is read once
// from start to end, with no more than some MB of it in memory, but for a PDF and a workbook. An
// error of src itself is wrapped in the *ReadError.
func (r *Reader) Stream(src io.Reader) (*Balance, error) {
	raw := bufio.NewReaderSize(&limitedReader{src: src, left: maxDocument}, peekSize)
	head, err := raw.Peek(peekSize)
	if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, &ReadError{What: "the document cannot be read", cause: err}
	}
	if bytes.HasPrefix(trimStart(head), []byte(pdfMark)) {
		return r.readPDF(raw)
	}
	if isZIP(head) {
		return r.readZIP(raw, head)
	}
	return r.readText(raw, head)
}

// peekSize is how much of a document is read to recognise the layout.
const peekSize = 4 << 10

// readText reads a document that is no PDF; head is its start.
func (r *Reader) readText(raw io.Reader, head []byte) (*Balance, error) {
	if what := otherFormat(head); what != "" {
		return nil, &ReadError{Kind: CauseFormat, What: "this is " + what + readableLayouts}
	}
	text, err := decodeText(raw, head)
	if err != nil {
		return nil, err
	}
	w, d := newWindow(text), newBuilder(r.members)
	d.chosenYear = r.year
	w.skipSpace()
	switch head := w.head(); {
	case !w.fill() && w.complete():
		return nil, &ReadError{Kind: CauseFormat, What: "the document is empty" + readableLayouts}
	case !w.fill():
		return nil, w.endError()
	case head == '<':
		err = d.readXBRL(w)
	case head == '{' || head == '[':
		err = d.readJSON(w)
	default:
		err = d.readCSV(w, r.tables)
	}
	var wrong *ReadError
	if errors.As(err, &wrong) && wrong.Line > 0 && wrong.Layout == "" {
		wrong.Layout = d.balance.Layout
	}
	if err != nil {
		return nil, err
	}
	return d.done(), nil
}

// limitedReader returns an error instead of what is beyond the bound.
type limitedReader struct {
	src  io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, &ReadError{What: fmt.Sprintf("the document is larger than %d MiB", maxDocument>>20)}
	}
	n, err := l.src.Read(p[:min(int64(len(p)), l.left+1)])
	if l.left -= int64(n); l.left < 0 {
		return 0, &ReadError{What: fmt.Sprintf("the document is larger than %d MiB", maxDocument>>20)}
	}
	return n, err
}

// otherFormat names the kind of a document that is not text of any layout by its
// first bytes, or returns the empty string.
func otherFormat(head []byte) string {
	for _, kind := range []struct{ magic, name string }{
		{"PK\x03\x04", "a zip file (or a document of an office program)"},
		{"PK\x05\x06", "an empty zip file"},
		{"\x1f\x8b", "a gzip file"},
		{"\xd0\xcf\x11\xe0", "an old office document, or one with a password (save a workbook as .xlsx, without a password)"},
		{"{\\rtf", "an RTF document"},
		{"\x89PNG", "a picture"},
		{"\xff\xd8\xff", "a picture"},
		{"II*\x00", "a picture"},
		{"MM\x00*", "a picture"},
		{"7z\xbc\xaf", "a 7z file"},
	} {
		if bytes.HasPrefix(head, []byte(kind.magic)) {
			return kind.name
		}
	}
	head = bytes.ToLower(trimStart(head))
	if bytes.HasPrefix(head, []byte(strings.ToLower(pdfMark))) {
		return "a PDF"
	}
	if bytes.HasPrefix(head, []byte("<html")) || bytes.HasPrefix(head, []byte("<!")) && isHTML(head[2:]) {
		return "a web page (HTML)"
	}
	return ""
}

// trimStart leaves out white space and a byte order mark at the start.
func trimStart(head []byte) []byte { return bytes.TrimLeft(head, " \t\r\n\ufeff") }

// clip shortens names that come from a document and puts them on one line, so that
// they can stand in a message.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	if short := clipTo(s, 80); len(short) < len(s) {
		return short + "…"
	}
	return s
}

// clipTo cuts a text to some bytes, between two letters.
func clipTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
