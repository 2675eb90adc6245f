package balance

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strings"
)

// Namespaces of XBRL 2.1, its dimensions, and the National Bank's taxonomies.
// Documents choose their own prefixes; only these addresses count.
const (
	nsInstance  = "http://www.xbrl.org/2003/instance"
	nsLinkbase  = "http://www.xbrl.org/2003/linkbase"
	nsCurrency  = "http://www.xbrl.org/2003/iso4217"
	nsSchema    = "http://www.w3.org/2001/XMLSchema-instance"
	nsPFS       = "http://www.nbb.be/be/fr/pfs/"
	nsCBSO      = "http://www.nbb.be/be/fr/cbso/"
	nsMetric    = "http://www.nbb.be/be/fr/cbso/dict/met"
	nsDimension = "http://www.nbb.be/be/fr/cbso/dict/dim"
	nsDomain    = "http://www.nbb.be/be/fr/cbso/dict/dom/"
)

// xbrlFact is a fact that one of the taxonomies may use.
type xbrlFact struct {
	name    string // pfs: the element; CBSO: the metric, such as int3 or jcc-enum:list1
	rubric  int    // pfs: its rubric, -1 for something about the document
	context string
	unit    string
	value   string // without white space around it
	at      place
}

// instance reads an XBRL instance in one go over its tokens. Contexts, units
// and facts may come in any order, so that facts are kept until the end,
// except those whose context already shows that they are of no use.
type instance struct {
	*draft
	decoder   *xml.Decoder
	depth     int
	prefixes  map[string][]string // the addresses that a prefix stands for, innermost last
	bound     []binding
	interned  map[string]string       // members by their spelling in the document
	contexts  map[string]*xbrlContext // nil: of no use to a social balance
	units     map[string]string       // a currency code, or empty for any other unit
	facts     []xbrlFact
	path      []string // the tuples around the present element
	text, key []byte   // scratch
	members   []string
	schemaRef string
	entities  []string // the first two different identifiers
}

// readXBRL reads an XBRL instance of either taxonomy.
func (d *draft) readXBRL(text []byte) error {
	if err := guardXML(text); err != nil {
		return err
	}
	in := &instance{
		draft:    d,
		decoder:  xml.NewDecoder(bytes.NewReader(text)),
		prefixes: map[string][]string{},
		interned: map[string]string{},
		contexts: map[string]*xbrlContext{},
		units:    map[string]string{},
	}
	// The text is UTF-8 by now, whatever its declaration still says.
	in.decoder.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	if err := in.root(); err != nil {
		return err
	}
	for _, id := range in.entities {
		d.enterprise(id)
	}
	switch d.balance.Layout {
	case PFSXBRL:
		return in.fillPFS()
	case CBSOXBRL:
		return in.fillCBSO()
	default:
		return d.fail(place{}, "this is XBRL, but of neither taxonomy of the National Bank"+accepted)
	}
}

// root reads the whole document.
func (in *instance) root() error {
	for inside := false; ; {
		token, err := in.next()
		if errors.Is(err, io.EOF) && in.depth == 0 && inside {
			return nil
		}
		if err != nil {
			return in.syntax(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if !inside {
				if t.Name.Local != "xbrl" || t.Name.Space != nsInstance {
					return in.fail(in.here(), "this is XML, but its root element %s is not that of XBRL%s", clip(t.Name.Local), accepted)
				}
				inside = true
				continue
			}
			if in.depth == 1 {
				return in.fail(in.here(), "there is a second root element")
			}
			if err := in.item(t); err != nil {
				return err
			}
		case xml.CharData:
			if in.depth == 0 && first(t) != 0 {
				return in.fail(in.here(), "there is text outside the root element")
			}
		}
	}
}

// item reads a child of the root or of a tuple.
func (in *instance) item(start xml.StartElement) error {
	switch start.Name.Space {
	case nsInstance:
		switch start.Name.Local {
		case "context":
			return in.context(start)
		case "unit":
			return in.unit(start)
		}
		return in.skip()
	case nsLinkbase:
		if start.Name.Local == "schemaRef" && in.schemaRef == "" {
			for _, a := range start.Attr {
				if a.Name.Local == "href" {
					in.schemaRef = a.Value
					in.layoutOf(a.Value)
				}
			}
		}
		return in.skip()
	}
	return in.fact(start)
}

// layoutOf sets the layout by the address of a taxonomy, once.
func (in *instance) layoutOf(address string) {
	if in.balance.Layout != "" {
		return
	}
	switch {
	case strings.HasPrefix(address, nsCBSO):
		in.balance.Layout = CBSOXBRL
	case strings.HasPrefix(address, nsPFS):
		in.balance.Layout = PFSXBRL
	}
}

// fact reads a fact or a tuple of facts.
func (in *instance) fact(start xml.StartElement) error {
	f := xbrlFact{rubric: -1, at: in.here()}
	null := false
	for i := range start.Attr {
		switch a := &start.Attr[i]; {
		case a.Name.Local == "contextRef" && a.Name.Space == "":
			f.context = a.Value
		case a.Name.Local == "unitRef" && a.Name.Space == "":
			f.unit = a.Value
		case a.Name.Local == "nil" && a.Name.Space == nsSchema:
			null = a.Value == "true" || a.Value == "1"
		}
	}
	if f.context == "" {
		return in.tuple(start)
	}
	if null || !in.wanted(start.Name, &f) {
		return in.skip()
	}
	value, err := in.content()
	if err != nil {
		return err
	}
	f.value = string(value)
	in.facts = append(in.facts, f)
	return nil
}

// tuple reads the facts within a tuple.
func (in *instance) tuple(start xml.StartElement) error {
	in.path = append(in.path, start.Name.Local)
	for depth := in.depth; ; {
		token, err := in.next()
		if err != nil {
			return in.syntax(err)
		}
		if t, ok := token.(xml.StartElement); ok {
			if err := in.item(t); err != nil {
				return err
			}
		}
		if in.depth < depth {
			in.path = in.path[:len(in.path)-1]
			return nil
		}
	}
}

// wanted tells whether a fact may matter, and names it.
func (in *instance) wanted(name xml.Name, f *xbrlFact) bool {
	switch {
	case name.Space == nsMetric:
		f.name = name.Local
	case strings.HasPrefix(name.Space, nsPFS):
		in.layoutOf(name.Space)
		return in.balance.Layout == PFSXBRL && in.wantedPFS(name, f)
	case strings.HasPrefix(name.Space, nsCBSO):
		f.name = path.Base(name.Space) + ":" + name.Local // an enumeration of the framework's version
	default:
		return false
	}
	in.layoutOf(name.Space)
	if in.balance.Layout != CBSOXBRL {
		return false
	}
	c, known := in.contexts[f.context]
	return !known || c != nil
}
