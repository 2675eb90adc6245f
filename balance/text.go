package balance

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decodeText gives the document as UTF-8 without a byte order mark. The order
// of the tests is that of the XML recommendation, appendix F: the mark, the
// shape of the first bytes, then what an XML declaration says.
func decodeText(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("<\x00?\x00")):
		return convert(data, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM))
	case bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.HasPrefix(data, []byte("\x00<\x00?")):
		return convert(data, unicode.UTF16(unicode.BigEndian, unicode.UseBOM))
	}
	if first(data) == '<' {
		switch name := declaredEncoding(data); name {
		case "", "utf-8", "utf8", "us-ascii", "ascii":
			return data, nil
		case "iso-8859-1", "latin1", "windows-1252", "cp1252":
			return convert(data, charmap.Windows1252) // the same letters; 1252 only adds to it
		case "iso-8859-15", "latin-9":
			return convert(data, charmap.ISO8859_15)
		default:
			return nil, &ReadError{Line: 1, What: "the encoding " + clip(name) + " is not supported; save the document as UTF-8"}
		}
	}
	if !utf8.Valid(data) {
		// Spreadsheet programs save CSV in the code page of Western Windows.
		return convert(data, charmap.Windows1252)
	}
	return data, nil
}

func convert(data []byte, from encoding.Encoding) ([]byte, error) {
	text, err := from.NewDecoder().Bytes(data)
	if err != nil {
		return nil, &ReadError{What: "the text of the document is damaged"}
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
}

// declaredEncoding gives what the XML declaration says, in lower case, or the
// empty string.
func declaredEncoding(data []byte) string {
	head := bytes.TrimLeft(data[:min(len(data), 256)], " \t\r\n")
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
