package balance_test

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pdf puts objects into a PDF, each the text between "obj" and "endobj". The
// first line of objects is number 1.
func pdf(objects ...string) string {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	b.WriteString("trailer\n<< /Size 9 /Root 1 0 R >>\nstartxref\n0\n%%EOF\n")
	return b.String()
}

const catalog = "<< /Type /Catalog /Names << /EmbeddedFiles << /Names [(a\\)b.xml) 2 0 R] >> >> /Pages 3 0 R >>"

// stream makes a stream object of a dictionary's entries and the data.
func stream(entries, data string) string {
	return fmt.Sprintf("<< %s >>\nstream\r\n%s\nendstream", entries, data)
}

func deflated(data string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(data))
	_ = w.Close()
	return b.String()
}

// attached makes a PDF with documents attached, packed as most programs do.
func attached(docs ...string) string {
	objects := []string{catalog, stream("/Type /Metadata /Subtype /XML", "<?xpacket begin?><x:xmpmeta/>"), stream("/Filter /FlateDecode", deflated("BT (text) Tj ET"))}
	for _, d := range docs {
		packed := deflated(d)
		objects = append(objects, stream(fmt.Sprintf("/Type /EmbeddedFile /Subtype /text#2Fxml /Length %d /Filter /FlateDecode /Params << /Size %d >>", len(packed), len(d)), packed))
	}
	return pdf(objects...)
}

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
			"deflated":        attached(doc),
			"as it is":        pdf(catalog, stream(fmt.Sprintf("%s /Length %d", file, len(doc)), doc)),
			"length unknown":  pdf(catalog, stream(file+" /Length 9 0 R", doc)),
			"list of filters": pdf(catalog, stream(file+" /Filter [ /FlateDecode ] /DecodeParms [ << /Predictor 1 >> ] /Length 9 0 R", deflated(doc))),
			"hex":             pdf(catalog, stream(file+" /Filter /ASCIIHexDecode", hex.EncodeToString([]byte(doc))+" >")),
			"ascii 85":        pdf(catalog, stream(file+" /Filter [/ASCII85Decode/FlateDecode]", ascii85ed(deflated(doc)))),
			"the same twice":  attached(doc, doc),
			"others too":      attached("a readme", doc, "<Invoice/>", "%PDF-1.4"),
			"replaced":        attached(strings.Replace(doc, "11", "12", 3)) + "4 0 obj\n" + stream(file, doc) + "\nendobj\n%%EOF\n",
			"space before":    "\n " + attached(doc),
			"no end of file":  strings.TrimSuffix(attached(doc), "startxref\n0\n%%EOF\n"),
		}
		if !strings.Contains(doc, "\u00e9") && strings.HasPrefix(name, "pfs") {
			ways["in UTF-16"] = attached(utf16)
		}
		if strings.HasSuffix(name, ".xbrl") {
			ways["not declared"] = pdf(catalog, stream("/Filter /FlateDecode", deflated(doc)))
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
	packed := deflated(doc)
	const file = "/Type /EmbeddedFile /Filter "
	const advice = "; its figures must come from another format, XBRL, CSV or JSON"
	for name, c := range map[string]struct{ document, want string }{
		"plain":        {attached(), "this is a PDF without an attachment" + advice},
		"a form":       {pdf("<< /Type /Catalog /AcroForm << >> >>", "<< /XFA [(template) 3 0 R] >>", stream("", "<template/>")), "this is a PDF form" + advice},
		"encrypted":    {strings.Replace(attached(strings.ToUpper(doc)), "/Size 9", "/Size 9 /Encrypt 8 0 R", 1), "this is an encrypted PDF, whose attachments cannot be opened" + advice},
		"encrypted 2":  {strings.Replace(pdf(catalog, stream(file+"/FlateDecode", "??"+packed)), "/Size 9", "/Encrypt << /V 4 >>", 1), "this is an encrypted PDF, whose attachments cannot be opened" + advice},
		"other XML":    {attached("<Invoice/>"), "this is a PDF with an attachment that holds no figures (line 1, column 1: this is XML, but its root element Invoice is not that of XBRL)" + advice},
		"a letter":     {attached("Dear colleague,"), "this is a PDF with an attachment that holds no figures (this is text of no known layout)" + advice},
		"a picture":    {attached("\x89PNG"), "this is a PDF with an attachment that holds no figures (this is a picture)" + advice},
		"a PDF":        {attached(attached(doc)), "this is a PDF with an attachment that holds no figures (this is a PDF)" + advice},
		"several":      {attached("\x89PNG", "<a/>"), "this is a PDF with 2 attachments, of which none holds figures" + advice},
		"other filter": {pdf(catalog, stream(file+"/LZWDecode", doc)), "(it is packed in a way that is not supported)" + advice},
		"twice packed": {pdf(catalog, stream(file+"[/FlateDecode /FlateDecode]", deflated(packed))), "(it is packed in a way that is not supported)" + advice},
		"predictor":    {pdf(catalog, stream(file+"/FlateDecode /DecodeParms << /Predictor 12 >>", packed)), "(it is packed in a way that is not supported)" + advice},
		"damaged":      {pdf(catalog, stream(file+"/FlateDecode", "xx"+packed)), "(it is damaged)" + advice},
		"differ":       {attached(doc, other), "the attachments of this PDF hold social balances that differ; save the right one as a file of its own"},
		"wrong inside": {attached(strings.Replace(doc, ">7<", ">seven<", 1)), "pfs-xbrl, line 74, column 3: in the attachment of this PDF, the value of rubric"},
		"cut inside":   {attached(doc[:len(doc)/2]), "in the attachment of this PDF, the document breaks off"},
		"cut off":      {attached(doc)[:2000], "the document breaks off"},
		"checksum":     {pdf(catalog, stream(file+"/FlateDecode", packed[:len(packed)-2]+"xx")), "the document cannot be read to its end"},
		"a bomb":       {attached("<xbrl xmlns='http://www.xbrl.org/2003/instance'>" + strings.Repeat(" ", 70<<20)), "the attachments of a PDF unpack to more than 64 MiB"},
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
	for _, s := range []string{
		attached(doc), attached("<a/>", doc), pdf(catalog, stream("/Type /EmbeddedFile /Length 9 0 R", doc)),
		pdf(catalog, stream("/Type/EmbeddedFile/Filter[/A85/Fl]", ascii85ed(deflated(doc)))),
		pdf("<< /XFA 1 0 R /A (x(y)\\)z) /B <414243> >>"), "%PDF-1.4\n1 0 obj << /Encrypt << /Type", "%PDF-1.4 << /Type /EmbeddedFile /Filter /AHx >> stream\n3c6",
	} {
		f.Add([]byte(s))
	}
	fuzzRead(f)
}
