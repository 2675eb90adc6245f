package balance_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"balansd/balance"
)

// pad is what fills up a password.
const pad = "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A"

// encryptedPDF makes a PDF of one page, encrypted with RC4 and an empty password
// and 128 bits as ISO 32000-1, 7.6 describes.
func encryptedPDF(content string) string {
	return encryptedWith("/V 2 /R 3 /Length 128", 128, func(key []byte, object int, text string) string {
		sum := md5.Sum(append(bytes.Clone(key), byte(object), 0, 0, 0, 0))
		return rc4ed(sum[:], text)
	}, content)
}

// encryptedWithAES makes a PDF as version 4 describes, with AES and 128 bits.
func encryptedWithAES(content string) string {
	const filter = "/V 4 /R 4 /Length 128 /CF << /StdCF << /CFM /AESV2 /AuthEvent /DocOpen /Length 16 >> >> /StmF /StdCF /StrF /StdCF"
	return encryptedWith(filter, 128, func(key []byte, object int, text string) string {
		sum := md5.Sum(append(append(bytes.Clone(key), byte(object), 0, 0, 0, 0), "sAlT"...))
		block, err := aes.NewCipher(sum[:])
		if err != nil {
			panic(err)
		}
		pad := aes.BlockSize - len(text)%aes.BlockSize
		b := []byte(text + strings.Repeat(string(rune(pad)), pad))
		iv := []byte("0123456789abcdef")
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(b, b)
		return string(iv) + string(b)
	}, content)
}

// encryptedWith makes a PDF of one page whose objects a function encrypts.
func encryptedWith(entries string, bits int, of func(key []byte, object int, text string) string, content string) string {
	owner, id := strings.Repeat("o", 32), "0123456789abcdef"
	sum := md5.Sum([]byte(pad + owner + "\xfc\xff\xff\xff" + id))
	if bits > 40 {
		for range 50 {
			sum = md5.Sum(sum[:bits/8])
		}
	}
	key := sum[:bits/8]
	user := rc4ed(key, pad)
	if bits > 40 {
		check := md5.Sum([]byte(pad + id))
		user = string(check[:])
		for i := range 20 {
			other := bytes.Clone(key)
			for k := range other {
				other[k] ^= byte(i)
			}
			user = rc4ed(other, user)
		}
	}
	return pdfWithTrailer(fmt.Sprintf("/ID [<%x> <%x>] /Encrypt << /Filter /Standard %s /P -4 /O <%x> /U <%x> >>", id, id, entries, owner, (user + strings.Repeat("\x00", 16))[:32]),
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 << /Type /Font /Encoding /WinAnsiEncoding >> >> >> >>",
		stream("", of(key, 4, content)))
}

func rc4ed(key []byte, text string) string {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err)
	}
	b := []byte(text)
	c.XORKeyStream(b, b)
	return string(b)
}

// encryptedShort makes a PDF as versions 1 and 2 describe, with RC4 and fewer bits.
func encryptedShort(bits int, entries, content string) string {
	return encryptedWith(entries, bits, func(key []byte, object int, text string) string {
		sum := md5.Sum(append(bytes.Clone(key), byte(object), 0, 0, 0, 0))
		return rc4ed(sum[:min(len(key)+5, 16)], text)
	}, content)
}

// An encrypted PDF that opens without a password is read; any other says what
// to do.
func TestPDFEncrypted(t *testing.T) {
	pages := newForm(filing(t, balance.Abbreviated), balance.Dutch).print(t)
	whole := encryptedPDF(paper{}.content(pages[2]))
	for way, document := range map[string]string{
		"RC4": whole, "AES-128": encryptedWithAES(paper{}.content(pages[2])),
		"RC4 of version 4":    encryptedShort(128, "/V 4 /R 4 /Length 128 /CF << /StdCF << /CFM /V2 /Length 16 >> >> /StmF /StdCF /StrF /StdCF", paper{}.content(pages[2])),
		"streams as they are": encryptedWith("/V 4 /R 4 /StmF /Identity /StrF /Identity", 128, func(_ []byte, _ int, text string) string { return text }, paper{}.content(pages[2])),
		"RC4 of 40 bits":      encryptedShort(40, "/V 1 /R 2", paper{}.content(pages[2])),
		"RC4 of 64 bits":      encryptedShort(64, "/V 2 /R 3 /Length 64", paper{}.content(pages[2])),
	} {
		b, err := newReader().Read([]byte(document))
		if err != nil || len(b.Values) < 20 || b.EnterpriseNumber == "" {
			t.Errorf("%s with an empty password: %v, %v", way, b, err)
		}
	}
	for name, c := range map[string]struct{ document, want string }{
		"a password":     {strings.Replace(whole, "/P -4", "/P -8", 1), "this PDF wants a password"},
		"AES-256":        {strings.Replace(whole, "/V 2 /R 3 /Length 128", "/V 5 /R 6 /Length 256", 1), "this PDF is encrypted with AES-256"},
		"another way":    {strings.Replace(whole, "/Standard", "/Adobe.PubSec", 1), "this is an encrypted PDF that cannot be opened"},
		"a password, 2":  {strings.Replace(encryptedShort(40, "/V 1 /R 2", "BT ET"), "/P -4", "/P -8", 1), "this PDF wants a password"},
		"another way, 3": {strings.Replace(encryptedWithAES("BT ET"), "AESV2", "AESV9", 1), "this is an encrypted PDF that cannot be opened"},
		"another way, 2": {strings.Replace(whole, "/V 2 /R 3", "/V 3 /R 3", 1), "this is an encrypted PDF that cannot be opened"},
	} {
		if b, err := newReader().Read([]byte(c.document)); err == nil || b != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
}

// A PDF that leads in a circle, or says that it has more of something than its
// bytes can hold, ends in one line.
func TestPDFLimits(t *testing.T) {
	const catalog, pages = "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
	page := func(more string) string { return "<< /Type /Page /Parent 2 0 R " + more + " >>" }
	const tooLarge = "this PDF has more pages, objects or text than any filing"
	const damaged = "this PDF is damaged"
	font := func(table string) string {
		return pdf(catalog, pages, page("/Contents 4 0 R /Resources << /Font << /F << /Subtype /Type0 /ToUnicode 5 0 R >> >> >>"), stream("", "BT /F 1 Tf <0001> Tj ET"), stream("", table))
	}
	good := pdf(catalog, pages, page(""))
	for name, c := range map[string]struct{ document, want string }{
		"pages":              {pdf(catalog, "<< /Type /Pages /Kids [3 0 R] /Count 99999999 >>", page("")), tooLarge},
		"no pages":           {pdf(catalog, "<< /Type /Pages /Count -1 >>"), damaged},
		"pages in a circle":  {pdf(catalog, "<< /Type /Pages /Kids [2 0 R] /Count 3 >>", page("")), tooLarge},
		"tables in a circle": {strings.Replace(good, "/Size", "/Prev "+fmt.Sprint(strings.LastIndex(good, "xref\n0"))+" /Size", 1), damaged},
		"room for objects":   {strings.Replace(good, "xref\n0 4", "xref\n0 4\n4999999999 1", 1), damaged},
		"room for a stream":  {pdf(catalog, pages, page("")) + "7 0 obj << /Type /XRef /Size 99999999999 /W [1 2 1] >> stream\n\nendstream endobj\nstartxref\n" + fmt.Sprint(len(good)) + "\n%%EOF", damaged},
		"length in a circle": {pdf(catalog, pages, page("/Contents 4 0 R"), "<< /Length 4 0 R >>\nstream\nx\nendstream"), "without a social balance"},
		"content":            {pdf(catalog, pages, page("/Contents 4 0 R"), packed("", strings.Repeat(" ", 9<<20))), tooLarge},
		"contents":           {pdf(catalog, pages, page("/Contents ["+strings.Repeat("4 0 R ", 10)+"]"), packed("", strings.Repeat(" ", 1<<20))), tooLarge},
		"forms":              {pdf(catalog, pages, page("/Contents 4 0 R /Resources << /XObject << /X 4 0 R >> >>"), stream("/Subtype /Form", "/X Do /X Do")), tooLarge},
		"broken content":     {pdf(catalog, pages, page("/Contents 4 0 R"), stream("", "BT (\\q) Tj ET")), "nbb-pdf: page 1 of this PDF cannot be read"},
		"codes of a font":    {font("999999999999 beginbfchar endbfchar 1 beginbfrange <00000000> <ffffffff> <0041> endbfrange"), "without a social balance"},
		"deep objects":       {pdf(catalog, pages, page("/Contents "+strings.Repeat("[", 100_000))), "page 1 of this PDF cannot be read"},
		"nothing":            {"%PDF-1.7\n%%EOF", damaged},
		"mark alone":         {"%PDF-", "breaks off"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := newReader().Read([]byte(c.document))
			if err == nil || b != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v", b, err)
			}
		})
	}
	// objects in a stream whose length is one of them: without a bound this
	// uses up the stack, which ends the program
	inside := "5 0 99 \n"
	own := fmt.Sprintf("%%PDF-1.7\n1 0 obj\n<< /Type /ObjStm /N 1 /First 8 /Length 5 0 R >>\nstream\n%s\nendstream\nendobj\n", inside)
	entries := "\x00\x00\x00\x00" + "\x01\x00\x09\x00" + strings.Repeat("\x00\x00\x00\x00", 3) + "\x02\x00\x01\x00"
	own += fmt.Sprintf("9 0 obj\n<< /Type /XRef /Size 6 /W [1 2 1] /Root 5 0 R /Length %d >>\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF", len(entries), entries, len(own))
	if b, err := newReader().Read([]byte(own)); err == nil || b != nil {
		t.Errorf("a length inside itself: %v, %v", b, err)
	}
}

// A PDF may have its first object right after its first line.
func TestPDFWithoutComment(t *testing.T) {
	b := filing(t, balance.Abbreviated)
	doc := paper{flat: true}.write(newForm(b, balance.Dutch).print(t))
	for _, head := range []string{"%PDF-1.7\n", "%PDF-2.0\r"} {
		bare := strings.Replace(doc, "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", head, 1)
		// The offsets are those of the document that the comment is cut out of.
		moved := regexp.MustCompile(`\d{10} 00000 n|startxref\n\d+`).ReplaceAllStringFunc(bare, func(s string) string {
			offset := regexp.MustCompile(`\d{10}|\d+$`).FindString(s)
			return strings.Replace(s, offset, fmt.Sprintf("%0*d", len(offset), atoi(strings.TrimLeft(offset, "0"))-6), 1)
		})
		got, err := newReader().Read([]byte(moved))
		if err != nil || got.Values.Hash() != b.Values.Hash() {
			t.Errorf("%q: %v", head, err)
		}
	}
}
