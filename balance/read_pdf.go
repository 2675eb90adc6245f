package balance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// pdfMark starts every PDF.
const pdfMark = "%PDF-"

// elsewhere ends the message about a PDF that gives no figures.
const elsewhere = "; its figures must come from another format, XBRL, CSV or JSON"

// pdfReader reads the attachments of a PDF (ISO 32000-1, 7.11.4). It goes over
// the file once, from object to object, and does not follow the cross-reference
// table: that the file is damaged, or an attachment not listed where it should
// be, then makes no difference.
type pdfReader struct {
	pdfScanner
	reader      *Reader
	attachments []attachment
	encrypted   bool
	form        bool          // it is a form to fill in (XFA)
	left        int64         // how much the attachments may still unpack to
	inflater    io.ReadCloser // of one attachment after the other
	unpacked    *bufio.Reader
}

// attachment is a file that a PDF carries, or tries to.
type attachment struct {
	object  string // its number; a later object of the same number replaces it
	balance *Balance
	err     error
}

// readPDF reads the social balance that a PDF carries as an attachment.
func (r *Reader) readPDF(raw io.Reader) (*Balance, error) {
	p := &pdfReader{
		pdfScanner: pdfScanner{window: newWindow(raw)},
		reader:     r,
		left:       maxDocument,
		unpacked:   bufio.NewReaderSize(nil, peekSize),
	}
	p.objects()
	if !p.complete() {
		return nil, p.endError()
	}
	return p.result()
}

// objects goes over the file and reads the attachments.
func (p *pdfReader) objects() {
	var number, before string // the last two tokens that were numbers
	object := ""
	for {
		token, ok := p.token()
		switch {
		case !ok:
			return
		case token == "obj":
			object = number
		case token == "<<":
			d := p.dictionary()
			_, encrypted := d["/Encrypt"]
			_, form := d["/XFA"]
			p.encrypted, p.form = p.encrypted || encrypted, p.form || form
			if t, _ := p.token(); t == "stream" {
				p.stream(object, d)
			}
		}
		number, before = before, token
	}
}

// stream reads the data of an object, of which the dictionary is read.
func (p *pdfReader) stream(object string, d pdfDictionary) {
	if p.head() == '\r' {
		p.advance(1)
	}
	if p.head() == '\n' {
		p.advance(1)
	}
	var data io.Reader = &untilEndstream{window: p.window}
	filters := d.names("/Filter")
	if n, err := strconv.ParseInt(d.one("/Length"), 10, 64); err == nil && n >= 0 && len(filters) == 0 && len(d["/Length"]) == 1 {
		data = io.LimitReader(p.window, n)
	}
	declared := d.one("/Type") == "/EmbeddedFile"
	if declared || d.one("/Type") == "" && (d.one("/Subtype") == "" || strings.Contains(d.one("/Subtype"), "xml")) {
		p.attachment(object, d, filters, data, declared)
	}
	if len(filters) == 0 {
		_, _ = io.Copy(io.Discard, data)
	}
	p.readThrough("endstream", nil)
}

// attachment reads a stream that is an attachment, by what it declares itself
// to be or by what is in it.
func (p *pdfReader) attachment(object string, d pdfDictionary, filters []string, data io.Reader, declared bool) {
	a := attachment{object: object}
	data, a.err = p.unpack(filters, data, d)
	var head []byte
	if a.err == nil {
		p.unpacked.Reset(data)
		head, a.err = p.unpacked.Peek(peekSize)
		if errors.Is(a.err, io.EOF) {
			a.err = nil
		}
	}
	if !declared && (a.err != nil || !bytes.Contains(head, []byte(nsInstance))) {
		return
	}
	if a.err == nil {
		a.balance, a.err = p.reader.readText(p.unpacked, head)
	}
	for i := range p.attachments {
		if p.attachments[i].object == object && object != "" {
			p.attachments[i] = a
			return
		}
	}
	const most = 1000
	if len(p.attachments) < most {
		p.attachments = append(p.attachments, a)
	}
}

// result returns the balance that the attachments agree on.
func (p *pdfReader) result() (*Balance, error) {
	var found *Balance
	var other error
	for _, a := range p.attachments {
		var wrong *ReadError
		switch {
		case errors.As(a.err, &wrong) && wrong.Layout != "":
			return nil, &ReadError{Layout: wrong.Layout, Line: wrong.Line, Column: wrong.Column,
				What: "in the attachment of this PDF, " + wrong.What}
		case a.err != nil:
			other = a.err
		case found == nil || len(found.Values) == 0:
			found = a.balance
		case len(a.balance.Values) > 0 && !found.agrees(a.balance):
			return nil, &ReadError{What: "the attachments of this PDF hold social balances that differ; " +
				"save the right one as a file of its own"}
		}
	}
	switch {
	case found != nil:
		return found, nil
	case p.encrypted:
		return nil, &ReadError{What: "this is an encrypted PDF, whose attachments cannot be opened" + elsewhere}
	case other != nil && len(p.attachments) == 1:
		return nil, &ReadError{What: "this is a PDF with an attachment that holds no figures (" +
			strings.TrimSuffix(other.Error(), readableLayouts) + ")" + elsewhere}
	case other != nil:
		return nil, &ReadError{What: fmt.Sprintf("this is a PDF with %d attachments, of which none holds figures", len(p.attachments)) + elsewhere}
	case p.form:
		return nil, &ReadError{What: "this is a PDF form" + elsewhere}
	default:
		return nil, &ReadError{What: "this is a PDF without an attachment" + elsewhere}
	}
}

// agrees reports whether two balances are the same, whatever layout they came in.
func (b *Balance) agrees(o *Balance) bool {
	number := b.EnterpriseNumber == o.EnterpriseNumber || b.EnterpriseNumber == "" || o.EnterpriseNumber == ""
	year := b.FiscalYear.End == o.FiscalYear.End || b.FiscalYear.End.IsZero() || o.FiscalYear.End.IsZero()
	return number && year && b.Values.Hash() == o.Values.Hash()
}
