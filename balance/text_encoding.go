package balance

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decodeText returns the text of a document as UTF-8 without a byte order mark;
// head is its start. The order of the tests is that of the XML recommendation,
// appendix F: the mark, the shape of the first bytes, then what an XML
// declaration says.
func decodeText(raw io.Reader, head []byte) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("<\x00?\x00")):
		return withoutMark(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(raw)), nil
	case bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.HasPrefix(head, []byte("\x00<\x00?")):
		return withoutMark(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Reader(raw)), nil
	case bytes.HasPrefix(head, []byte(byteOrderMark)):
		return withoutMark(raw), nil
	}
	var from encoding.Encoding
	switch name := declaredEncoding(head); name {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return raw, nil
	case "utf-16", "utf16", "unicode":
		return raw, nil // the declaration could be read, so that it is not that
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1", "windows-1252", "cp1252":
		from = charmap.Windows1252 // the same letters; 1252 only adds to it
	case "iso-8859-15", "iso8859-15", "latin-9", "latin9":
		from = charmap.ISO8859_15
	default:
		return nil, &ReadError{Line: 1, What: "the encoding " + clip(name) + " is not supported; save the document as UTF-8"}
	}
	return from.NewDecoder().Reader(raw), nil
}

// byteOrderMark is the byte order mark in UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// withoutMark leaves out a byte order mark at the start of a text.
func withoutMark(text io.Reader) io.Reader {
	start := make([]byte, len(byteOrderMark))
	n, err := io.ReadFull(text, start)
	start = bytes.TrimPrefix(start[:n], []byte(byteOrderMark))
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return io.MultiReader(bytes.NewReader(start), &errReader{err})
	}
	return io.MultiReader(bytes.NewReader(start), text)
}

// errReader is a source that has ended with an error.
type errReader struct{ err error }

func (b *errReader) Read([]byte) (int, error) { return 0, b.err }

// declaredEncoding returns what an XML declaration says, in lower case, or the
// empty string.
func declaredEncoding(head []byte) string {
	head = bytes.TrimLeft(head[:min(len(head), 256)], " \t\r\n")
	if !bytes.HasPrefix(head, []byte("<?xml")) {
		return ""
	}
	declaration, _, _ := bytes.Cut(head, []byte("?>"))
	_, rest, ok := bytes.Cut(declaration, []byte("encoding"))
	if !ok {
		return ""
	}
	value := strings.TrimLeft(string(rest), " \t\r\n=")
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return ""
	}
	name, _, _ := strings.Cut(value[1:], value[:1])
	return strings.ToLower(name)
}

// decodeWestern returns text as UTF-8 that may be in the code page of Western Windows,
// in which spreadsheet programs save CSV.
func decodeWestern(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	decoded, err := charmap.Windows1252.NewDecoder().Bytes(text)
	if err != nil {
		return strings.ToValidUTF8(string(text), " ")
	}
	return string(decoded)
}
