package balance

import (
	"bytes"
	"unicode/utf8"
)

// push opens an element whose tag is read: its name is tag[:named]. It binds
// the prefixes that the tag declares, then finds out what the names mean.
func (x *xmlScanner) push(named int) error {
	if x.depth == maxDepth {
		return x.at.fault("the elements are nested too deep")
	}
	if x.depth == 0 && x.rooted {
		return x.at.fault("there is a second root element")
	}
	if !utf8.Valid(x.tag) {
		return x.at.fault("a tag is not in the encoding that the document names")
	}
	x.rooted = true
	x.depth++
	x.opens = append(x.opens, len(x.open))
	x.open = append(x.open, x.tag[:named]...)
	for _, p := range x.parts {
		switch name := x.tag[p.name:p.value]; {
		case string(name) == "xmlns":
			x.bind("", x.tag[p.value:p.end])
		case bytes.HasPrefix(name, []byte("xmlns:")):
			x.bind(x.intern(name[6:]), x.tag[p.value:p.end])
		}
	}
	return x.resolve(named)
}

// pop closes the innermost element.
func (x *xmlScanner) pop() {
	x.depth--
	x.open = x.open[:x.opens[x.depth]]
	x.opens = x.opens[:x.depth]
}

// endTag reads the rest of an end tag.
func (x *xmlScanner) endTag() error {
	x.advance(1)
	x.tag = x.tag[:0]
	if err := x.rawName(); err != nil {
		return err
	}
	x.space()
	if x.head() != '>' {
		return x.mistake("an end tag has more than a name")
	}
	x.advance(1)
	if x.depth == 0 || !bytes.Equal(x.tag, x.open[x.opens[x.depth-1]:]) {
		return x.at.fault("the XML is not well-formed: an end tag of " + clip(string(x.tag)) + " closes nothing")
	}
	x.pop()
	return nil
}

// resolve sets name and attrs.
func (x *xmlScanner) resolve(named int) error {
	var ok bool
	if x.name, ok = x.meaning(x.tag[:named], true); !ok {
		return x.unbound(x.tag[:named])
	}
	x.attrs = x.attrs[:0]
	clear(x.seen)
	for i, p := range x.parts {
		raw := x.tag[p.name:p.value]
		if x.double(i, raw) {
			return x.at.fault("the XML is not well-formed: the attribute " + clip(string(raw)) + " is there twice")
		}
		if bytes.HasPrefix(raw, []byte("xmlns")) && (len(raw) == 5 || raw[5] == ':') {
			continue
		}
		name, ok := x.meaning(raw, false)
		if !ok {
			return x.unbound(raw)
		}
		x.attrs = append(x.attrs, xmlAttr{name, x.tag[p.value:p.end]})
	}
	return nil
}

// double reports whether the attribute with a name, the i-th, was there before.
func (x *xmlScanner) double(i int, raw []byte) bool {
	const few = 8
	if len(x.parts) <= few {
		for _, p := range x.parts[:i] {
			if bytes.Equal(x.tag[p.name:p.value], raw) {
				return true
			}
		}
		return false
	}
	_, twice := x.seen[string(raw)]
	if !twice {
		x.seen[string(raw)] = struct{}{}
	}
	return twice
}

func (x *xmlScanner) unbound(raw []byte) error {
	return x.at.fault("the XML is not well-formed: the prefix of " + clip(string(raw)) + " stands for no address")
}

// bind lets a prefix stand for an address within the present element.
func (x *xmlScanner) bind(prefix string, address []byte) {
	x.prefixes[prefix] = append(x.prefixes[prefix], x.intern(address))
	x.bound = append(x.bound, binding{x.depth, prefix})
}

// unbind removes the address that was bound last.
func (x *xmlScanner) unbind() {
	last := len(x.bound) - 1
	prefix := x.bound[last].prefix
	x.bound = x.bound[:last]
	stack := x.prefixes[prefix]
	if len(stack) == 1 {
		delete(x.prefixes, prefix)
		return
	}
	x.prefixes[prefix] = stack[:len(stack)-1]
}

// meaning finds what a name stands for. A name without a prefix is in the
// default namespace, where it is an element's or stands in text.
func (x *xmlScanner) meaning(raw []byte, byDefault bool) (name xmlName, ok bool) {
	var stack []string
	if colon := bytes.IndexByte(raw, ':'); colon >= 0 {
		stack = x.prefixes[string(raw[:colon])]
		if len(stack) == 0 {
			return xmlName{"", x.intern(raw)}, false
		}
		raw = raw[colon+1:]
	} else if byDefault {
		stack = x.prefixes[""]
	}
	name.local = x.intern(raw)
	if len(stack) > 0 {
		name.space = stack[len(stack)-1]
	}
	return name, true
}

// intern returns the string of some bytes, the same for the same bytes.
func (x *xmlScanner) intern(b []byte) string {
	if s, ok := x.interned[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(x.interned) < maxInterned && len(s) < maxValue {
		x.interned[s] = s
	}
	return s
}

// attr returns the value of an attribute of the present start tag that has no
// namespace, nil where there is none.
func (x *xmlScanner) attr(local string) []byte {
	for i := range x.attrs {
		if x.attrs[i].name == (xmlName{"", local}) {
			return x.attrs[i].value
		}
	}
	return nil
}

// skip reads to the end of the present element.
func (x *xmlScanner) skip() error {
	for depth := x.depth; x.depth >= depth; {
		if _, _, err := x.event(); err != nil {
			return err
		}
	}
	return nil
}

// content reads the text of the present element up to its end, without white
// space around it. Comments within it are dropped. An element within it marks the
// text as cut, so that what is around it is not taken for a figure. The bytes
// are good until the next call.
func (x *xmlScanner) content() ([]byte, error) {
	at := x.at
	x.keep, x.text = x.depth, x.text[:0]
	var err error
	for depth := x.depth; x.depth >= depth && err == nil; {
		var e xmlEvent
		if e, _, err = x.event(); e == xmlStart && err == nil {
			x.collect([]byte(cut))
		}
	}
	x.keep = 0
	if err == nil && !utf8.Valid(x.text) && !bytes.HasSuffix(x.text, []byte(cut)) {
		err = at.fault("the text of an element is not in the encoding that the document names")
	}
	return bytes.TrimSpace(x.text), err
}
