package balance

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// pdfScanner reads the tokens of a PDF.
type pdfScanner struct {
	*window
	word []byte
}

// token returns the next token: a name with its slash, a number, a keyword, <<,
// >>, [ or ]. A string is the token ( without what is in it. Comments fall
// away. ok is false at the end of the file.
func (p *pdfScanner) token() (token string, ok bool) {
	for {
		b, ok := p.next()
		switch {
		case !ok:
			return "", false
		case isPDFSpace(b):
		case b == '%':
			p.skipLine()
		case b == '(':
			p.skipString()
			return "(", true
		case b == '<' || b == '>':
			if p.head() == b {
				p.advance(1)
				return string([]byte{b, b}), true
			}
			if b == '<' {
				p.readThrough(">", nil)
				return "(", true
			}
		case b == '[' || b == ']':
			return string(b), true
		case b == '{' || b == '}' || b == ')':
		default:
			return p.regular(b), true
		}
	}
}

// regular reads the rest of a name, a number or a keyword.
func (p *pdfScanner) regular(b byte) string {
	p.word = append(p.word[:0], b)
	for p.fill() {
		b := p.buf[p.r]
		if isPDFSpace(b) || bytes.IndexByte([]byte("()<>[]{}/%"), b) >= 0 {
			break
		}
		const most = 127 // of a name, ISO 32000-1, annex C
		if p.r++; len(p.word) < most {
			p.word = append(p.word, b)
		}
	}
	return string(p.word)
}

func isPDFSpace(b byte) bool {
	return b == ' ' || b == '\n' || b == '\r' || b == '\t' || b == '\f' || b == 0
}

// skipLine skips the rest of a line.
func (p *pdfScanner) skipLine() {
	for b, ok := p.next(); ok && b != '\n' && b != '\r'; {
		b, ok = p.next()
	}
}

// skipString skips the rest of a string in parentheses, which may nest.
func (p *pdfScanner) skipString() {
	for depth := 1; depth > 0; {
		b, ok := p.next()
		switch {
		case !ok:
			return
		case b == '\\':
			_, _ = p.next()
		case b == '(':
			depth++
		case b == ')':
			depth--
		}
	}
}

// pdfDictionary holds the tokens of some entries of a dictionary, by key.
type pdfDictionary map[string][]string

// dictionary reads up to the end of a dictionary, of which the start is read.
func (p *pdfScanner) dictionary() pdfDictionary {
	d := pdfDictionary{}
	key, values := "", 0
	for depth, lists := 1, 0; ; {
		token, ok := p.token()
		switch {
		case !ok, token == "endobj", token == "endstream":
			return d // it has no end
		case token == "<<":
			depth++
		case token == ">>":
			if depth--; depth == 0 {
				return d
			}
		case token == "[":
			lists++
		case token == "]":
			lists--
		case token[0] == '/' && depth == 1 && lists <= 0 && (key == "" || values > 0):
			key, values = token, 0
			continue
		}
		values++
		d.add(key, token)
	}
}

// add adds a token to an entry that matters here.
func (d pdfDictionary) add(key, token string) {
	const most = 16
	switch key {
	case "/Type", "/Subtype", "/Filter", "/DecodeParms", "/Length", "/Encrypt", "/XFA":
		if len(d[key]) < most {
			d[key] = append(d[key], token)
		}
	}
}

// one returns the first token of an entry, or the empty string.
func (d pdfDictionary) one(key string) string {
	if len(d[key]) == 0 {
		return ""
	}
	return d[key][0]
}

// names lists the names in an entry that is a name or a list of names.
func (d pdfDictionary) names(key string) []string {
	var names []string
	for _, t := range d[key] {
		if strings.HasPrefix(t, "/") {
			names = append(names, t)
		}
	}
	return names
}

// unpack returns the data of a stream as its filters make it.
func (p *pdfReader) unpack(filters []string, data io.Reader, d pdfDictionary) (io.Reader, error) {
	unsupported := errors.New("it is packed in a way that is not supported")
	parameters := strings.Join(d["/DecodeParms"], " ")
	if strings.Contains(parameters, "/Predictor") && !strings.Contains(parameters+" ", "/Predictor 1 ") {
		return nil, unsupported
	}
	inflated := false
	for i, f := range filters {
		switch f {
		case "/FlateDecode", "/Fl":
			if inflated {
				return nil, unsupported
			}
			inflated = true
			if err := p.inflate(data); err != nil {
				return nil, errors.New("it is damaged")
			}
			data = p.inflater
		case "/ASCIIHexDecode", "/AHx":
			data = hex.NewDecoder(&until{window: p.window, end: '>'})
		case "/ASCII85Decode", "/A85":
			data = ascii85.NewDecoder(&until{window: p.window, end: '~'})
		default:
			return nil, unsupported
		}
		if i > 0 && f != "/FlateDecode" && f != "/Fl" {
			return nil, unsupported
		}
	}
	return &unpacking{data, &p.left}, nil
}

// inflate starts to unpack a stream, with the memory of the one before.
func (p *pdfReader) inflate(data io.Reader) (err error) {
	if p.inflater == nil {
		p.inflater, err = zlib.NewReader(data)
		return err
	}
	return p.inflater.(zlib.Resetter).Reset(data, nil)
}

// unpacking bounds what all attachments together unpack to.
type unpacking struct {
	data io.Reader
	left *int64
}

func (u *unpacking) Read(b []byte) (int, error) {
	n, err := u.data.Read(b)
	if *u.left -= int64(n); *u.left < 0 {
		return 0, &ReadError{What: fmt.Sprintf("the attachments of a PDF unpack to more than %d MiB", maxDocument>>20)}
	}
	return n, err
}

// until is the text before a byte, without white space, which both encodings
// of binary data as text allow anywhere.
type until struct {
	*window
	end  byte
	over bool
}

func (u *until) Read(b []byte) (n int, err error) {
	for n < len(b) && !u.over {
		c, ok := u.next()
		switch {
		case !ok:
			return n, io.ErrUnexpectedEOF
		case c == u.end:
			u.over = true
		case !isPDFSpace(c):
			b[n] = c
			n++
		}
	}
	if n == 0 && u.over {
		return 0, io.EOF
	}
	return n, nil
}

// untilEndstream is the data of a stream that does not say how long it is. It
// leaves the word endstream to the one who reads on.
type untilEndstream struct{ *window }

func (u *untilEndstream) Read(b []byte) (int, error) {
	const end = "endstream"
	ahead := u.peek(windowSize)
	if len(ahead) < len(end) {
		return 0, io.ErrUnexpectedEOF
	}
	n := bytes.Index(ahead, []byte(end))
	switch {
	case n == 0:
		return 0, io.EOF
	case n < 0:
		n = len(ahead) - len(end) + 1
	}
	n = copy(b, ahead[:n])
	u.advance(n)
	return n, nil
}
