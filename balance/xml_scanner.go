package balance

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The bounds of an XML document, so that none makes the reader spend memory or
// time out of proportion. Filings nest ten deep and have some eighty
// attributes, all of them on the root.
const (
	maxDepth      = 64
	maxAttributes = 512
	maxTag        = 64 << 10 // bytes of one tag with its attributes
	maxValue      = 1 << 10  // bytes of a text; a longer one is cut, and marked as cut
	maxInterned   = 4096     // names that are stored once for all their uses
)

// cut ends a text that was longer than maxValue, so that it cannot be taken
// for a whole figure.
const cut = "…"

// An xmlName is a name with the address that its prefix stands for.
type xmlName struct{ space, local string }

// An xmlAttr is an attribute. Its value is good until the next event.
type xmlAttr struct {
	name  xmlName
	value []byte
}

// An xmlEvent is what xmlScanner.next found.
type xmlEvent int

const (
	xmlEnd   xmlEvent = iota // an element ends, or the document when depth is 0
	xmlStart                 // an element starts: name and attrs
)

// xmlScanner reads XML 1.0 with namespaces, element by element, in bounded
// memory. It refuses document type declarations, which are how XML reaches
// other files and grows entities, and of which XBRL has none. Text is skipped
// but where it is asked for, comments and processing instructions everywhere.
//
// It is no validating parser: within comments, instructions and text that
// it is not needed it searches only for their ends.
type xmlScanner struct {
	*window
	depth int
	at    position // where the present tag starts
	name  xmlName
	attrs []xmlAttr

	empty    bool   // the present start tag is its own end
	rooted   bool   // the root element was there
	open     []byte // the names of the open elements, one behind the other
	opens    []int  // where in open each starts
	tag      []byte // the names and values of the present tag
	parts    []part
	seen     map[string]struct{}
	prefixes map[string][]string // the addresses of a prefix, innermost last
	bound    []binding
	interned map[string]string
	keep     int    // the depth at which text is collected, 0 for none
	text     []byte // what was collected, without white space before it
}

// part says where in tag an attribute's name and value are.
type part struct{ name, value, end int }

// binding says at which depth a prefix got an address.
type binding struct {
	depth  int
	prefix string
}

func newXMLScanner(w *window) *xmlScanner {
	return &xmlScanner{
		window:   w,
		seen:     map[string]struct{}{},
		prefixes: map[string][]string{"xml": {"http://www.w3.org/XML/1998/namespace"}},
		interned: map[string]string{},
	}
}

// event returns the next start or end of an element. At the end of the document
// it is an xmlEnd with depth 0 after which more is false.
func (x *xmlScanner) event() (e xmlEvent, more bool, err error) {
	for n := len(x.bound); n > 0 && x.bound[n-1].depth > x.depth; n-- {
		x.unbind()
	}
	if x.empty {
		x.empty = false
		x.pop()
		return xmlEnd, true, nil
	}
	for {
		if err := x.chars(); err != nil {
			return 0, false, err
		}
		if !x.fill() {
			if x.depth > 0 || !x.rooted || !x.complete() {
				return 0, false, x.endError()
			}
			return xmlEnd, false, nil
		}
		x.at = x.position()
		x.advance(1)
		switch x.head() {
		case '/':
			return xmlEnd, true, x.endTag()
		case '?':
			if !x.readThrough("?>", nil) {
				return 0, false, x.endError()
			}
		case '!':
			if err := x.markup(); err != nil {
				return 0, false, err
			}
		default:
			return xmlStart, true, x.startTag()
		}
	}
}

// chars reads text up to the next tag.
func (x *xmlScanner) chars() error {
	for x.fill() {
		run := x.buf[x.r:x.w]
		n := bytes.IndexByte(run, '<')
		last := n >= 0
		if last {
			run = run[:n]
		}
		if n = bytes.IndexByte(run, '&'); n >= 0 {
			run = run[:n]
		}
		if x.depth == 0 {
			if blank := len(run) - len(bytes.TrimLeft(run, " \t\r\n")); blank < len(run) || n >= 0 {
				x.advance(blank)
				return x.position().fault("there is text outside the root element")
			}
		}
		if x.keep == x.depth {
			x.collect(run)
		}
		x.advance(len(run))
		if n < 0 && last {
			return nil
		}
		if n >= 0 {
			r, err := x.reference()
			if err != nil {
				return err
			}
			if x.keep == x.depth {
				x.collect(utf8.AppendRune(nil, r))
			}
		}
	}
	return nil
}

// collect adds to text, up to maxValue.
func (x *xmlScanner) collect(run []byte) {
	if len(x.text) == 0 {
		run = bytes.TrimLeft(run, " \t\r\n")
	}
	room := maxValue - len(x.text)
	if room < 0 || len(run) == 0 {
		return // cut already
	}
	if len(run) <= room {
		x.text = append(x.text, run...)
		return
	}
	x.text = append(append(x.text, run[:room]...), cut...)
}

// reference reads a reference such as &amp; or &#233;. The five names are the
// only entities that a document without declarations has.
func (x *xmlScanner) reference() (rune, error) {
	at := x.position()
	x.advance(1)
	var name []byte
	for len(name) < 12 {
		b, ok := x.next()
		if !ok {
			return 0, x.endError()
		}
		if b == ';' {
			break
		}
		name = append(name, b)
	}
	switch string(name) {
	case "amp":
		return '&', nil
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "quot":
		return '"', nil
	case "apos":
		return '\'', nil
	}
	digits, base := strings.TrimPrefix(string(name), "#"), 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || name[0] != '#' || !xmlRune(rune(n)) {
		return 0, at.fault("the entity &" + clip(string(name)) + "; is not known; entities are not accepted")
	}
	return rune(n), nil
}

// xmlRune reports whether XML 1.0 allows a character.
func xmlRune(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd ||
		r >= 0x10000 && r <= 0x10ffff
}

// markup reads what starts with <! : a comment or a CDATA section. All else is
// a declaration.
func (x *xmlScanner) markup() error {
	ok := false
	switch head := x.peek(24); {
	case bytes.HasPrefix(head, []byte("!--")):
		x.advance(3)
		ok = x.readThrough("-->", nil)
	case bytes.HasPrefix(head, []byte("![CDATA[")) && x.depth == 0:
		return x.at.fault("there is text outside the root element")
	case bytes.HasPrefix(head, []byte("![CDATA[")):
		x.advance(8)
		ok = x.readThrough("]]>", func(run []byte) {
			if x.keep == x.depth {
				x.collect(run)
			}
		})
	case isHTML(head[1:]):
		return &ReadError{Kind: CauseFormat, What: "this is a web page (HTML)" + readableLayouts}
	case len(head) == 24 || bytes.ContainsAny(head, "<>"):
		return x.at.fault("document type and entity declarations are not accepted")
	}
	if !ok {
		return x.endError()
	}
	return nil
}

// isHTML reports whether a declaration, without its <!, is that of a web page.
func isHTML(declaration []byte) bool {
	words := bytes.Fields(bytes.ToLower(declaration))
	return len(words) > 1 && string(words[0]) == "doctype" && bytes.HasPrefix(words[1], []byte("html"))
}

// startTag reads the rest of a start tag.
func (x *xmlScanner) startTag() error {
	x.tag, x.parts = x.tag[:0], x.parts[:0]
	if err := x.rawName(); err != nil {
		return err
	}
	named := len(x.tag)
	for {
		gap := x.space()
		switch b := x.head(); {
		case b == '>':
			x.advance(1)
			return x.push(named)
		case b == '/':
			x.advance(1)
			if x.head() != '>' {
				return x.mistake("a tag has a slash in its middle")
			}
			x.advance(1)
			x.empty = true
			return x.push(named)
		case !gap:
			return x.mistake("two attributes are not apart, or a name has a character that none may have")
		}
		if err := x.attribute(); err != nil {
			return err
		}
	}
}

// attribute reads one attribute into tag and parts.
func (x *xmlScanner) attribute() error {
	if len(x.parts) == maxAttributes {
		return x.at.fault("an element has too many attributes")
	}
	p := part{name: len(x.tag)}
	if err := x.rawName(); err != nil {
		return err
	}
	p.value = len(x.tag)
	x.space()
	if x.head() != '=' {
		return x.mistake("an attribute has no value")
	}
	x.advance(1)
	x.space()
	quote := x.head()
	if quote != '"' && quote != '\'' {
		return x.mistake("the value of an attribute is not in quotes")
	}
	x.advance(1)
	if err := x.quoted(quote); err != nil {
		return err
	}
	p.end = len(x.tag)
	x.parts = append(x.parts, p)
	return nil
}

// quoted reads the value of an attribute into tag, up to its closing quote.
func (x *xmlScanner) quoted(quote byte) error {
	for x.fill() {
		switch b := x.buf[x.r]; b {
		case quote:
			x.advance(1)
			return nil
		case '<':
			return x.mistake("the value of an attribute has a < in it")
		case '&':
			r, err := x.reference()
			if err != nil {
				return err
			}
			x.tag = utf8.AppendRune(x.tag, r)
		case '\t', '\n', '\r':
			_, _ = x.next()
			x.tag = append(x.tag, ' ')
		default:
			x.r++
			x.tag = append(x.tag, b)
		}
		if len(x.tag) > maxTag {
			return x.at.fault("a tag is too long")
		}
	}
	return x.endError()
}

// rawName reads a name into tag.
func (x *xmlScanner) rawName() error {
	from := len(x.tag)
	for x.fill() {
		b := x.buf[x.r]
		letter := b|0x20 >= 'a' && b|0x20 <= 'z' || b == '_' || b == ':' || b >= utf8.RuneSelf
		if !letter && (len(x.tag) == from || (b < '0' || b > '9') && b != '-' && b != '.') {
			break
		}
		x.r++
		x.tag = append(x.tag, b)
		if len(x.tag) > maxTag {
			return x.at.fault("a tag is too long")
		}
	}
	if len(x.tag) == from {
		return x.mistake("a name is expected here")
	}
	return nil
}

// space skips white space and reports whether there was any.
func (x *xmlScanner) space() bool {
	before := x.base + int64(x.r)
	if b := x.head(); b == ' ' || b == '\n' || b == '\t' || b == '\r' {
		x.skipSpace()
	}
	return x.base+int64(x.r) > before
}

// mistake is the error for XML that is not well-formed.
func (x *xmlScanner) mistake(what string) error {
	if !x.fill() {
		return x.endError()
	}
	return x.position().fault("the XML is not well-formed: " + what)
}
