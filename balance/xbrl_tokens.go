package balance

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

type binding struct {
	depth  int
	prefix string
}

// next gives the next token and keeps account of depth and prefixes. The
// prefixes of an element that has ended still hold until the next call, so
// that its text can be read with them.
func (in *instance) next() (xml.Token, error) {
	for n := len(in.bound); n > 0 && in.bound[n-1].depth > in.depth; n-- {
		in.unbind()
	}
	token, err := in.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case xml.StartElement:
		in.depth++
		for i := range t.Attr {
			switch a := &t.Attr[i]; {
			case a.Name.Space == "xmlns":
				in.bind(a.Name.Local, a.Value)
			case a.Name.Space == "" && a.Name.Local == "xmlns":
				in.bind("", a.Value)
			}
		}
	case xml.EndElement:
		in.depth--
	}
	return token, nil
}

func (in *instance) bind(prefix, address string) {
	in.prefixes[prefix] = append(in.prefixes[prefix], address)
	in.bound = append(in.bound, binding{in.depth, prefix})
	clear(in.interned) // spellings may now mean something else
}

func (in *instance) unbind() {
	last := len(in.bound) - 1
	prefix := in.bound[last].prefix
	in.bound = in.bound[:last]
	stack := in.prefixes[prefix]
	in.prefixes[prefix] = stack[:len(stack)-1]
	clear(in.interned)
}

// qname reads a name with a prefix that stands in an attribute or in text.
func (in *instance) qname(s string) (space, local string) {
	prefix, local, ok := strings.Cut(s, ":")
	if !ok {
		prefix, local = "", s
	}
	if stack := in.prefixes[prefix]; len(stack) > 0 {
		return stack[len(stack)-1], local
	}
	return "", local
}

func (in *instance) here() place {
	line, column := in.decoder.InputPos()
	return place{line, column}
}

// syntax turns an error of the parser into ours.
func (in *instance) syntax(err error) error {
	var known *ReadError
	if errors.As(err, &known) {
		return err
	}
	what := "the document breaks off"
	var wrong *xml.SyntaxError
	if errors.As(err, &wrong) && wrong.Msg != "unexpected EOF" {
		what = "the XML is not well-formed: " + clip(wrong.Msg)
	} else if wrong == nil && !errors.Is(err, io.EOF) {
		what = "the XML is not well-formed"
	}
	return in.fail(in.here(), "%s", what)
}

// skip reads to the end of the present element.
func (in *instance) skip() error {
	for depth := in.depth; ; {
		if _, err := in.next(); err != nil {
			return in.syntax(err)
		}
		if in.depth < depth {
			return nil
		}
	}
}

// content reads the text of the present element up to its end. Comments
// within it fall away; elements within it are not text. The bytes are good
// until the next call.
func (in *instance) content() ([]byte, error) {
	in.text = in.text[:0]
	for depth := in.depth; ; {
		token, err := in.next()
		if err != nil {
			return nil, in.syntax(err)
		}
		if t, ok := token.(xml.CharData); ok && in.depth == depth {
			in.text = append(in.text, t...)
		}
		if in.depth < depth {
			return bytes.TrimSpace(in.text), nil
		}
	}
}
