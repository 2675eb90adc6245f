package balance

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"slices"
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

// xbrlContext is what a fact is about: an entity, a period, and members of
// dimensions.
type xbrlContext struct {
	start, end Date   // start is zero for an instant
	members    string // sorted, such as "bas:m73 part:m8"; without prd
	prd        byte   // '1' current, '2' previous, 0 not said
	social     bool   // has part:m8, the social balance
}

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

type binding struct {
	depth  int
	prefix string
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
		if err == io.EOF && in.depth == 0 && inside {
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
	} else if err != io.EOF && wrong == nil {
		what = "the XML is not well-formed"
	}
	return in.fail(in.here(), "%s", what)
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

// context reads what facts refer to.
func (in *instance) context(start xml.StartElement) error {
	c := &xbrlContext{}
	in.members = in.members[:0]
	for depth := in.depth; ; {
		token, err := in.next()
		if err != nil {
			return in.syntax(err)
		}
		if t, ok := token.(xml.StartElement); ok {
			if err := in.contextPart(t, c); err != nil {
				return err
			}
		}
		if in.depth < depth {
			break
		}
	}
	slices.Sort(in.members)
	in.text = in.text[:0]
	for _, m := range in.members {
		switch m {
		case "prd:m1":
			c.prd = '1'
			continue
		case "prd:m2":
			c.prd = '2'
			continue
		case "part:m8":
			c.social = true
		}
		if len(in.text) > 0 {
			in.text = append(in.text, ' ')
		}
		in.text = append(in.text, m...)
	}
	if _, about := in.data.about[string(in.text)]; !about && !c.social && len(in.text) > 0 {
		c = nil
	} else {
		c.members = string(in.text)
	}
	id := attribute(start, "id")
	if _, double := in.contexts[id]; double {
		return in.fail(in.here(), "two contexts have the same id")
	}
	in.contexts[id] = c
	return nil
}

// contextPart reads one element within a context.
func (in *instance) contextPart(start xml.StartElement, c *xbrlContext) error {
	switch start.Name.Local {
	case "entity", "period", "segment", "scenario":
		return nil // what matters is within
	case "identifier", "startDate", "endDate", "instant", "explicitMember":
		dimension := attribute(start, "dimension")
		value, err := in.content()
		if err != nil {
			return err
		}
		switch start.Name.Local {
		case "identifier":
			in.entity(value)
		case "startDate":
			c.start = xbrlDate(string(value), false)
		case "endDate", "instant":
			c.end = xbrlDate(string(value), true)
		default:
			in.members = append(in.members, in.member(dimension, value))
		}
		return nil
	case "typedMember":
		space, local := in.qname(attribute(start, "dimension"))
		if space != nsDimension {
			local = "{" + space + "}" + local
		}
		in.members = append(in.members, local+":*")
		return in.skip()
	default:
		// Any other content limits what the fact is about; it must not be
		// taken for a figure of the whole entity.
		in.members = append(in.members, clip(start.Name.Local))
		return in.skip()
	}
}

// entity notes who the document is about.
func (in *instance) entity(id []byte) {
	if len(in.entities) < 2 && !slices.Contains(in.entities, string(id)) {
		in.entities = append(in.entities, string(id))
	}
}

// member spells a member by its meaning: bas:m73 for member m73 of the domain
// bas on the dimension bas, whatever the prefixes of the document. Any other
// combination is written in full, so that it equals nothing that is known.
func (in *instance) member(dimension string, value []byte) string {
	in.key = append(append(append(in.key[:0], dimension...), ' '), value...)
	if m, ok := in.interned[string(in.key)]; ok {
		return m
	}
	dSpace, dLocal := in.qname(dimension)
	mSpace, mLocal := in.qname(string(value))
	m := "{" + dSpace + "}" + dLocal + "={" + mSpace + "}" + mLocal
	if dSpace == nsDimension && mSpace == nsDomain+dLocal {
		m = dLocal + ":" + mLocal
	}
	in.interned[string(in.key)] = m
	return m
}

// unit reads what a fact is measured in.
func (in *instance) unit(start xml.StartElement) error {
	currency, parts := "", 0
	for depth := in.depth; ; {
		token, err := in.next()
		if err != nil {
			return in.syntax(err)
		}
		if t, ok := token.(xml.StartElement); ok && t.Name.Local == "measure" {
			value, err := in.content()
			if err != nil {
				return err
			}
			if space, local := in.qname(string(value)); space == nsCurrency {
				currency = clip(local)
			}
			parts++
		}
		if in.depth < depth {
			break
		}
	}
	if parts != 1 {
		currency = "" // a ratio, such as EUR a share
	}
	in.units[attribute(start, "id")] = currency
	return nil
}

// attribute gives the value of an attribute without a namespace.
func attribute(start xml.StartElement, name string) string {
	for i := range start.Attr {
		if start.Attr[i].Name.Local == name && start.Attr[i].Name.Space == "" {
			return start.Attr[i].Value
		}
	}
	return ""
}

// xbrlDate reads a date or a date with a time. XBRL 2.1 (4.7.2) takes the
// midnight at which a period ends as the end of the day before. What cannot be
// read is the zero Date.
func xbrlDate(s string, end bool) Date {
	day, clock, timed := strings.Cut(s, "T")
	d, err := ParseDate(day)
	if err != nil {
		return Date{}
	}
	if timed && end && strings.HasPrefix(clock, "00:00:00") {
		return d.AddDays(-1)
	}
	return d
}

// measure checks the unit of a figure and takes the currency of the balance
// from the first amount.
func (in *instance) measure(r *Rubric, f *xbrlFact) {
	currency, known := in.units[f.unit]
	if !known {
		return
	}
	switch {
	case r.Unit != Money && currency != "":
		in.find("unit", []string{r.Code}, "Line %d: rubric %s counts %s, but is stated in %s", f.at.line, r.Code, r.Unit, currency)
	case r.Unit == Money && currency == "":
		in.find("unit", []string{r.Code}, "Line %d: rubric %s is an amount, but is stated without a currency", f.at.line, r.Code)
	case r.Unit == Money && in.balance.Currency == "":
		in.balance.Currency = currency
	case r.Unit == Money && in.balance.Currency != currency:
		in.find("unit", []string{r.Code}, "Line %d: rubric %s is stated in %s, others in %s", f.at.line, r.Code, currency, in.balance.Currency)
	}
}

// defaultCurrency is for a balance without amounts: the only currency of the
// document, or the euro where it is one of several.
func (in *instance) defaultCurrency() {
	if in.balance.Currency != "" {
		return
	}
	var currencies []string
	for _, c := range in.units {
		if c != "" && !slices.Contains(currencies, c) {
			currencies = append(currencies, c)
		}
	}
	switch {
	case len(currencies) == 1:
		in.balance.Currency = currencies[0]
	case slices.Contains(currencies, "EUR"):
		in.balance.Currency = "EUR"
	}
}
