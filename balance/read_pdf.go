package balance

import (
	"errors"
	"fmt"
	"io"
	"strings"

	pdf "github.com/ledongthuc/pdf"
)

// pdfMark starts every PDF.
const pdfMark = "%PDF-"

// elsewhere ends the message about a PDF that gives no figures.
const elsewhere = "; its figures must come from another format, XBRL, CSV or JSON"

// readPDF reads the social balance of a PDF: of a document attached to it
// (ISO 32000-1, 7.11.4), whose figures are exact, else of the text of its pages.
// The whole file is kept in memory, as its objects may lie anywhere in it.
func (r *Reader) readPDF(raw io.Reader) (*Balance, error) {
	data, err := io.ReadAll(raw)
	var known *ReadError
	switch {
	case errors.As(err, &known):
		return nil, known
	case err != nil:
		return nil, &ReadError{What: "the document cannot be read to its end", cause: err}
	}
	file, err := openPDF(data)
	if err != nil {
		return nil, err
	}
	attached, attachErr := r.readAttachments(file)
	if attached != nil && len(attached.Values)+len(attached.Doubts) > 0 {
		return attached, nil
	}
	if wrong := (*ReadError)(nil); errors.As(attachErr, &wrong) && wrong.final {
		return nil, wrong
	}
	printed, err := r.readPages(file)
	switch {
	case err == nil:
		return printed, nil
	case attached != nil:
		return attached, nil
	case attachErr != nil && errors.Is(err, errNoSocialBalance):
		return nil, attachErr
	}
	return nil, err
}

// Why the pages of a PDF are none of the National Bank's form, so that any table
// on them may be read.
var (
	errNoSocialBalance = errors.New("no page has a social balance")
	errOtherHeads      = errors.New("a table has heads that the form does not have")
)

// readPages reads the social balance that the pages show.
func (r *Reader) readPages(file *pdf.Reader) (*Balance, error) {
	pages, err := pdfPages(file)
	if err != nil {
		return nil, err
	}
	form := &pdfForm{builder: newBuilder(r.members), pages: pages}
	form.chosenYear = r.year
	form.balance.Layout = NBBPDF
	b, formErr := form.read(isXFA(file))
	if !errors.Is(formErr, errNoSocialBalance) && !errors.Is(formErr, errOtherHeads) {
		return b, formErr
	}
	table := &tableReader{builder: newBuilder(r.members), pages: pages}
	table.chosenYear = r.year
	table.balance.Layout = TablePDF
	switch err := table.read(r.tables); {
	case err == nil:
		return table.done(), nil
	case errors.Is(formErr, errOtherHeads) || errors.Is(err, errNoTable):
		return nil, formErr
	default:
		return nil, err
	}
}

// pdfPages reads the text of all pages.
func pdfPages(file *pdf.Reader) ([]*textPage, error) {
	count := 0
	if err := guarded(func() error { count = file.NumPage(); return nil }); err != nil || count <= 0 {
		return nil, &ReadError{Kind: CauseDamaged, What: "this PDF is damaged; take it again from where it came"}
	}
	if count > maxPDFPages {
		return nil, pdfTooLarge()
	}
	text := &pdfText{}
	var pages []*textPage
	for n := 1; n <= count; n++ {
		page, err := text.read(file, n)
		if errors.Is(err, errPDFLimit) {
			return nil, pdfTooLarge()
		}
		if err != nil {
			return nil, &ReadError{Layout: NBBPDF, What: fmt.Sprintf("page %d of this PDF cannot be read; take it again from where it came, or print it as a PDF anew", n)}
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// isXFA tells whether a PDF is a form to fill in whose pages a program draws.
func isXFA(file *pdf.Reader) bool {
	found := false
	_ = guarded(func() error {
		found = !file.Trailer().Key("Root").Key("AcroForm").Key("XFA").IsNull()
		return nil
	})
	return found
}

// readAttachments reads the documents that a PDF carries, and gives the balance
// that they agree on. Without a balance, and without an error, it has none.
func (r *Reader) readAttachments(file *pdf.Reader) (*Balance, error) {
	a := &attachments{reader: r, left: maxDocument, seen: map[string]bool{}}
	if err := guarded(func() error {
		root := file.Trailer().Key("Root")
		a.tree(root.Key("Names").Key("EmbeddedFiles"), 0)
		for i := range min(root.Key("AF").Len(), maxAttachments) {
			a.file(root.Key("AF").Index(i))
		}
		for n := range min(file.NumPage(), maxPDFPages) {
			notes := file.Page(n + 1).V.Key("Annots")
			for i := range min(notes.Len(), maxAttachments) {
				if note := notes.Index(i); note.Key("Subtype").Name() == "FileAttachment" {
					a.file(note.Key("FS"))
				}
			}
		}
		return nil
	}); errors.Is(err, errPDFLimit) {
		return nil, &ReadError{What: pdfTooLarge().Error(), final: true}
	}
	return a.result()
}

// maxAttachments bounds the attachments of a PDF.
const maxAttachments = 1000

// attachments are the files that a PDF carries.
type attachments struct {
	reader *Reader
	left   int // how much they may still unpack to
	seen   map[string]bool
	found  *Balance
	other  error // why one of them holds no figures
	count  int
	wrong  error
}

// tree goes over a tree of names.
func (a *attachments) tree(v pdf.Value, depth int) {
	if depth > 20 {
		return
	}
	names, kids := v.Key("Names"), v.Key("Kids")
	for i := 1; i < names.Len() && a.count < maxAttachments; i += 2 {
		a.file(names.Index(i))
	}
	for i := range min(kids.Len(), maxAttachments) {
		a.tree(kids.Index(i), depth+1)
	}
}

// file reads the file that a file specification names.
func (a *attachments) file(spec pdf.Value) {
	v := spec.Key("EF").Key("F")
	if v.Kind() != pdf.Stream {
		v = spec.Key("EF").Key("UF")
	}
	if v.Kind() != pdf.Stream || a.seen[v.String()] || a.count == maxAttachments {
		return
	}
	a.seen[v.String()] = true
	a.count++
	var data []byte
	err := guarded(func() (err error) {
		data, err = pdfStream(v, a.left)
		return err
	})
	switch a.left -= len(data); {
	case errors.Is(err, errPDFLimit):
		a.wrong = &ReadError{What: fmt.Sprintf("the attachments of a PDF unpack to more than %d MiB", maxDocument>>20), final: true}
		return
	case err != nil:
		a.other = errors.New("it is damaged or packed in a way that is not supported")
		return
	}
	b, err := a.reader.readText(strings.NewReader(string(data)), data[:min(len(data), peekSize)])
	var wrong *ReadError
	switch {
	case errors.As(err, &wrong) && wrong.Layout != "":
		a.wrong = &ReadError{Layout: wrong.Layout, Line: wrong.Line, Column: wrong.Column,
			What: "in the attachment of this PDF, " + wrong.What, final: true}
	case err != nil:
		a.other = err
	case a.found == nil || len(a.found.Values) == 0:
		a.found = b
	case len(b.Values) > 0 && !a.found.agrees(b):
		a.wrong = &ReadError{What: "the attachments of this PDF hold social balances that differ; " +
			"save the right one as a file of its own", final: true}
	}
}

// result gives the balance that the attachments agree on.
func (a *attachments) result() (*Balance, error) {
	switch {
	case a.wrong != nil:
		return nil, a.wrong
	case a.found != nil:
		return a.found, nil
	case a.other != nil && a.count == 1:
		return nil, &ReadError{What: "this is a PDF with an attachment that holds no figures (" +
			strings.TrimSuffix(a.other.Error(), readableLayouts) + ")" + elsewhere}
	case a.other != nil:
		return nil, &ReadError{What: fmt.Sprintf("this is a PDF with %d attachments, of which none holds figures", a.count) + elsewhere}
	}
	return nil, nil
}

// agrees tells whether two balances are the same, whatever layout they came in.
func (b *Balance) agrees(o *Balance) bool {
	number := b.EnterpriseNumber == o.EnterpriseNumber || b.EnterpriseNumber == "" || o.EnterpriseNumber == ""
	year := b.FiscalYear.End == o.FiscalYear.End || b.FiscalYear.End.IsZero() || o.FiscalYear.End.IsZero()
	return number && year && b.Values.Hash() == o.Values.Hash()
}
