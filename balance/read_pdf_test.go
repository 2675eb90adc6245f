package balance_test

import (
	"encoding/ascii85"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

func ascii85ed(data string) string {
	b := make([]byte, ascii85.MaxEncodedLen(len(data)))
	return string(b[:ascii85.Encode(b, []byte(data))]) + "~>"
}

// However a PDF carries a document, its figures are those of the document.
func TestPDFWithAttachment(t *testing.T) {
	for _, name := range []string{"pfs-2019-micro-company.xbrl", "cbso-25.0-m82-full.xbrl", "csv-m81-abbreviated.csv", "json-full.json"} {
		doc := document(t, name)
		const file = "/Type /EmbeddedFile"
		utf16 := "\xff\xfe" + strings.Join(strings.Split(doc, ""), "\x00") + "\x00"
		ways := map[string]string{
			"deflated":       attached(doc),
			"as it is":       attachedAs(stream(file, doc)),
			"ascii 85":       attachedAs(stream(file+" /Filter [/ASCII85Decode/FlateDecode]", ascii85ed(deflated(doc)))),
			"the same twice": attached(doc, doc),
			"others too":     attached("a readme", doc, "<Invoice/>", "%PDF-1.4"),
			"space before":   "\n " + attached(doc),
			"text after it":  attached(doc) + "\n<!-- sent by a mail server -->\n" + strings.Repeat("\x00", 200),
			"version 2":      strings.Replace(attached(doc), "%PDF-1.7", "%PDF-2.0", 1),
			"to a note":      attachedTo("", "/Annots [<</Subtype/FileAttachment/FS<</EF<</F 4 0 R>>>>>>]", stream(file, doc)),
		}
		if !strings.Contains(doc, "\u00e9") && strings.HasPrefix(name, "pfs") {
			ways["in UTF-16"] = attached(utf16)
		}
		want := mustRead(t, []byte(doc))
		for way, data := range ways {
			b, err := newReader().Read([]byte(data))
			if err != nil {
				t.Errorf("%s, %s: %v", name, way, err)
				continue
			}
			if diff := cmp.Diff(want, b); diff != "" {
				t.Errorf("%s, %s (-document +PDF)\n%s", name, way, diff)
			}
		}
	}
}

// Any other PDF is named as what it is.
func TestPDFWithoutFigures(t *testing.T) {
	doc := document(t, "pfs-2019-micro-company.xbrl")
	other := strings.Replace(doc, ">7<", ">8<", 1)
	const file = "/Type /EmbeddedFile /Filter "
	const advice = "; its figures must come from another format, XBRL, CSV or JSON"
	const anew = "this PDF is damaged; take it again from where it came"
	picture := "q 500 0 0 800 0 0 cm /I Do Q"
	scan := func(content string) string {
		return pdf("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
			"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F << /Type /Font /Encoding /WinAnsiEncoding >> >> /XObject << /I 5 0 R >> >> >>",
			stream("", content), stream("/Type /XObject /Subtype /Image /Filter /DCTDecode", "\xff\xd8\xff"))
	}
	for name, c := range map[string]struct{ document, want string }{
		"plain":          {attached(), "this is a PDF without a social balance in the layout of the National Bank's forms, and without an attachment" + advice},
		"a scan":         {scan(picture), "this PDF is a picture of a document (a scan), of which no figures can be read" + advice},
		"text guessed":   {scan(picture + " BT /F 9 Tf 3 Tr 10 10 Td (SOCIALE BALANS Codes 1. Voltijds) Tj ET"), "with text that a program guessed, which is not safe to use" + advice},
		"inline picture": {scan("q BI /W 1 /H 1 /BPC 8 /CS /G ID (\\q)<\x00 EI Q"), "this PDF is a picture of a document (a scan), of which no figures can be read" + advice},
		"a form":         {attachedTo("/AcroForm << /XFA [(template) 3 0 R] >>", ""), "this is a PDF form" + advice},
		"other XML":      {attached("<Invoice/>"), "this is a PDF with an attachment that holds no figures (line 1, column 1: this is XML, but its root element Invoice is not that of XBRL)" + advice},
		"a letter":       {attached("Dear colleague,"), "this is a PDF with an attachment that holds no figures (this is text of no known layout)" + advice},
		"a picture":      {attached("\x89PNG"), "this is a PDF with an attachment that holds no figures (this is a picture)" + advice},
		"a PDF":          {attached(attached(doc)), "this is a PDF with an attachment that holds no figures (this is a PDF)" + advice},
		"several":        {attached("\x89PNG", "<a/>"), "this is a PDF with 2 attachments, of which none holds figures" + advice},
		"other filter":   {attachedAs(stream(file+"/LZWDecode", doc)), "(it is damaged or packed in a way that is not supported)" + advice},
		"damaged":        {attachedAs(stream(file+"/FlateDecode", "xx"+deflated(doc))), "(it is damaged or packed in a way that is not supported)" + advice},
		"checksum":       {attachedAs(stream(file+"/FlateDecode", deflated(doc)[:900])), "(it is damaged or packed in a way that is not supported)" + advice},
		"differ":         {attached(doc, other), "the attachments of this PDF hold social balances that differ; save the right one as a file of its own"},
		"wrong inside":   {attached(strings.Replace(doc, ">7<", ">seven<", 1)), "pfs-xbrl, line 74, column 3: in the attachment of this PDF, the value of rubric"},
		"cut inside":     {attached(doc[:len(doc)/2]), "in the attachment of this PDF, the document breaks off"},
		"cut off":        {attached(doc)[:2000], "this PDF breaks off or is damaged"},
		"no table":       {strings.Replace(attached(doc), "startxref\n", "startxref\n9", 1), anew},
		"a bomb":         {attached("<xbrl xmlns='http://www.xbrl.org/2003/instance'>" + strings.Repeat(" ", 70<<20)), "the attachments of a PDF unpack to more than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a bomb" && underRace {
				t.Skip("a bomb takes the race detector ten seconds")
			}
			b, err := newReader().Read([]byte(c.document))
			if err == nil || b != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v and %v, want %q", b, err, c.want)
			}
		})
	}
	b, err := newReader().Read([]byte(attached(strings.ReplaceAll(document(t, "cbso-25.0-m01-abbreviated.xbrl"), "part:m8", "part:m9"))))
	if err != nil || len(b.Values) > 0 {
		t.Errorf("annual accounts without a social balance give %v, %v", b, err)
	}
}

func FuzzPDF(f *testing.F) {
	doc := document(f, "csv-m81-abbreviated.csv")
	pages := newForm(filing(f, balance.Abbreviated), balance.Dutch).print(f)[2:]
	for _, s := range []string{
		attached(doc), attached("<a/>", doc), attachedAs(stream("/Filter[/ASCII85Decode/FlateDecode]", ascii85ed(deflated(doc)))),
		paper{flat: true}.write(pages), paper{flat: true, font: "wide"}.write(pages), paper{inForm: true}.write(pages), paper{turned: true, font: "widths"}.write(pages),
		"%PDF-1.4\n1 0 obj << /Encrypt << /Type", encryptedPDF("BT (x) Tj ET"), encryptedShort(40, "/V 1 /R 2", "BT (x) Tj ET"), encryptedWithAES("BT (x) Tj ET"),
	} {
		f.Add([]byte(s))
	}
	fuzzRead(f)
}
