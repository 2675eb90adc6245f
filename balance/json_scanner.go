package balance

import (
	"regexp"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonScanner reads JSON (RFC 8259) value by value, in bounded memory: what is
// not asked for is checked and skipped.
type jsonScanner struct {
	*window
	depth int
	text  []byte // the string or number read last; beyond maxValue it is cut, and marked as cut
}

// object reads an object and calls each for every member, with the key, to
// read the value.
func (j *jsonScanner) object(each func(key string) error) error {
	return j.list('{', '}', func() error {
		if err := j.str(); err != nil {
			return err
		}
		key := string(j.text)
		if err := j.symbol(':'); err != nil {
			return err
		}
		return each(key)
	})
}

// array reads an array and calls each for every item, to read it.
func (j *jsonScanner) array(each func() error) error { return j.list('[', ']', each) }

func (j *jsonScanner) list(first, last byte, each func() error) error {
	if err := j.symbol(first); err != nil {
		return err
	}
	if j.depth++; j.depth > maxDepth {
		return j.position().fault("the lists and objects are nested too deep")
	}
	if j.kind() == last {
		j.advance(1)
		j.depth--
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		if j.kind() == last {
			j.advance(1)
			j.depth--
			return nil
		}
		if err := j.symbol(','); err != nil {
			return err
		}
	}
}

// kind returns the first byte of the next value, 0 at the end of the text.
func (j *jsonScanner) kind() byte {
	j.skipSpace()
	return j.head()
}

// symbol reads a byte that must be there.
func (j *jsonScanner) symbol(b byte) error {
	if j.kind() != b || !j.fill() {
		return j.mistake()
	}
	j.advance(1)
	return nil
}

// mistake is the error for what cannot stand where the next byte is.
func (j *jsonScanner) mistake() error {
	if !j.fill() {
		return j.endError()
	}
	return j.position().fault("the JSON is not well-formed")
}

// skip reads a value of any kind.
func (j *jsonScanner) skip() error {
	switch b := j.kind(); b {
	case '{':
		return j.object(func(string) error { return j.skip() })
	case '[':
		return j.array(j.skip)
	case '"':
		return j.str()
	default:
		return j.scalar()
	}
}

// scalar reads a number or one of the three words into text.
func (j *jsonScanner) scalar() error {
	at := j.position()
	j.text = j.text[:0]
	for j.fill() {
		b := j.buf[j.r]
		word := b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9' || b == '-' || b == '+' || b == '.'
		if !word {
			break
		}
		if j.text = append(j.text, b); len(j.text) > maxValue {
			return at.fault("a number is too long")
		}
		j.r++
	}
	switch string(j.text) {
	case "null", "true", "false":
		return nil
	}
	if !number.Match(j.text) {
		if !j.fill() {
			return j.endError()
		}
		return at.fault("the JSON is not well-formed")
	}
	return nil
}

// number is a number as JSON has them (RFC 8259, 6).
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// str reads a string into text.
func (j *jsonScanner) str() error {
	if err := j.symbol('"'); err != nil {
		return err
	}
	j.text = j.text[:0]
	for j.fill() {
		b := j.buf[j.r]
		switch {
		case b == '"':
			j.r++
			return nil
		case b < ' ':
			return j.mistake()
		case b == '\\':
			r, err := j.escape()
			if err != nil {
				return err
			}
			j.append(utf8.AppendRune(nil, r)...)
		default:
			j.r++
			j.append(b)
		}
	}
	return j.endError()
}

// append adds to text, up to maxValue.
func (j *jsonScanner) append(b ...byte) {
	switch {
	case len(j.text) < maxValue:
		j.text = append(j.text, b...)
	case len(j.text) < maxValue+len(cut):
		j.text = append(j.text[:maxValue], cut...)
	}
}

// escape reads what starts with a backslash.
func (j *jsonScanner) escape() (rune, error) {
	j.advance(1)
	b := j.head()
	switch b {
	case '"', '\\', '/':
	case 'b':
		b = '\b'
	case 'f':
		b = '\f'
	case 'n':
		b = '\n'
	case 'r':
		b = '\r'
	case 't':
		b = '\t'
	case 'u':
		return j.unicode()
	default:
		return 0, j.mistake()
	}
	j.advance(1)
	return rune(b), nil
}

// unicode reads the rest of \u00e9, or of two of them that are one character.
func (j *jsonScanner) unicode() (rune, error) {
	r, err := j.hex()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if next := j.peek(2); string(next) != `\u` {
		return utf8.RuneError, nil
	}
	j.advance(1)
	low, err := j.hex()
	return utf16.DecodeRune(r, low), err
}

// hex reads the u and the four digits behind it.
func (j *jsonScanner) hex() (rune, error) {
	digits := j.peek(5)
	if len(digits) < 5 {
		return 0, j.endError()
	}
	n, err := strconv.ParseUint(string(digits[1:]), 16, 16)
	if err != nil {
		return 0, j.mistake()
	}
	j.advance(5)
	return rune(n), nil
}
