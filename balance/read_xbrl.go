package balance

import (
	"bytes"
	"math"
	"path"
	"slices"
	"strconv"
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

// maxKept bounds, in bytes, what is held of a document until its end. It is
// some fifty times what the largest filings need.
const maxKept = 12 << 20

// xbrlFact is a fact that one of the taxonomies may use.
type xbrlFact struct {
	name     string // pfs: the element; CBSO: the metric, such as int3 or jcc-enum:list1
	rubric   int    // pfs: its rubric, -1 for something about the document
	context  string
	unit     string
	value    string // without white space around it
	accuracy accuracy
	at       position
}

// instance reads an XBRL instance in one go. Contexts, units and facts may come
// in any order, so that facts are held until the end, except those whose
// context already shows that they are of no use.
type instance struct {
	*builder
	*xmlScanner
	spelled   map[string]string       // members by their spelling in the document
	contexts  map[string]*xbrlContext // nil: of no use to a social balance
	used      map[string]struct{}     // contexts that facts of pfs referred to before they came
	calendar  *calendar
	accounts  Date // the last day of those that facts of pfs, of rubrics or not, are about
	units     map[string]unit
	facts     []xbrlFact
	path      []string // the tuples around the present element
	members   []string // scratch
	key       []byte   // scratch
	schemaRef string
	entities  []entity
	kept      int
}

// readXBRL reads an XBRL instance of either taxonomy.
func (d *builder) readXBRL(w *window) error {
	in := &instance{
		builder:    d,
		xmlScanner: newXMLScanner(w),
		spelled:    map[string]string{},
		contexts:   map[string]*xbrlContext{},
		used:       map[string]struct{}{},
		calendar:   newCalendar(),
		units:      map[string]unit{},
	}
	if err := in.document(); err != nil {
		return err
	}
	switch d.balance.Layout {
	case PFSXBRL:
		return in.fillPFS()
	case CBSOXBRL:
		return in.fillCBSO()
	default:
		return &ReadError{Kind: CauseFormat, What: "this is XBRL, but of neither taxonomy of the National Bank" + readableLayouts}
	}
}

// document reads from the root element to the end.
func (in *instance) document() error {
	e, more, err := in.event()
	switch {
	case err != nil:
		return err
	case !more || e != xmlStart:
		return in.endError()
	case strings.EqualFold(in.name.local, "html"):
		return &ReadError{Kind: CauseFormat, What: "this is a web page (HTML)" + readableLayouts}
	case in.name != xmlName{nsInstance, "xbrl"}:
		return in.at.fault("this is XML, but its root element " + clip(in.name.local) + " is not that of XBRL" + readableLayouts)
	}
	if err := in.children(); err != nil {
		return err
	}
	if _, more, err = in.event(); more {
		return in.at.fault("there is a second root element")
	}
	return err
}

// children reads what is within the root or within a tuple.
func (in *instance) children() error {
	for depth := in.depth; in.depth >= depth; {
		e, _, err := in.event()
		if err == nil && e == xmlStart {
			err = in.item()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// item reads a child of the root or of a tuple.
func (in *instance) item() error {
	switch in.name {
	case xmlName{nsInstance, "context"}:
		return in.context()
	case xmlName{nsInstance, "unit"}:
		return in.unit()
	case xmlName{nsLinkbase, "schemaRef"}:
		for _, a := range in.attrs {
			if a.name.local == "href" && in.schemaRef == "" {
				in.schemaRef = string(a.value)
				in.layoutOf(in.schemaRef)
			}
		}
		return in.skip()
	}
	if in.name.space == nsInstance || in.name.space == nsLinkbase {
		return in.skip()
	}
	return in.fact()
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
func (in *instance) fact() error {
	f := xbrlFact{rubric: -1, at: in.at}
	var context, unit []byte
	null := false
	for i := range in.attrs {
		a := &in.attrs[i]
		switch {
		case a.name == xmlName{nsSchema, "nil"}:
			v := bytes.TrimSpace(a.value)
			null = string(v) == "true" || string(v) == "1"
		case a.name.space != "":
		case a.name.local == "contextRef":
			context = bytes.TrimSpace(a.value)
		case a.name.local == "unitRef":
			unit = bytes.TrimSpace(a.value)
		case a.name.local == "decimals":
			f.accuracy.decimals = newDigits(a.value)
		case a.name.local == "precision":
			f.accuracy.precision = newDigits(a.value)
		}
	}
	if context == nil {
		in.contextless()
		in.path = append(in.path, in.name.local)
		err := in.children()
		in.path = in.path[:len(in.path)-1]
		return err
	}
	if err := in.recordContextUse(context); err != nil {
		return err
	}
	if null || !in.wanted(context, &f) {
		return in.skip()
	}
	f.context, f.unit = string(context), in.intern(unit)
	value, err := in.content()
	if err != nil {
		return err
	}
	f.value = string(value)
	in.facts = append(in.facts, f)
	return in.reserve(2*128 + len(f.context) + len(f.value))
}

// contextless reports a figure that names no context. All else without one is
// a tuple.
func (in *instance) contextless() {
	if i, ok := in.data.pfs[in.name.local]; ok && strings.HasPrefix(in.name.space, nsPFS) {
		code := in.data.rubrics[i].Code
		in.addFinding("context_missing", []string{code}, args{"line": in.at.lineNumber(), "code": code})
	}
	if in.name.space == nsMetric {
		in.addFinding("fact_without_context", nil, args{"line": in.at.lineNumber(), "metric": clip(in.name.local)})
	}
}

// recordContextUse records that a fact of pfs, of whatever kind, refers to a context: programs
// write contexts that nothing is about, and facts of their own taxonomies, of
// which no year may be taken.
func (in *instance) recordContextUse(context []byte) error {
	if !strings.HasPrefix(in.name.space, nsPFS) {
		return nil
	}
	if c, known := in.contexts[string(context)]; known {
		if c != nil {
			c.used = true
		}
		return nil
	}
	if _, noted := in.used[string(context)]; noted || in.balance.Layout == CBSOXBRL {
		return nil
	}
	in.used[string(context)] = struct{}{}
	return in.reserve(64 + len(context))
}

// reserve counts the bytes that are held until the end of the document.
func (in *instance) reserve(bytes int) error {
	if in.kept += bytes; in.kept > maxKept {
		return in.at.fault("there are more contexts and facts than any filing has")
	}
	return nil
}

// wanted reports whether the present fact may matter, and names it. In CBSO that
// is every fact whose context is about the social balance or is not known yet,
// of whatever taxonomy, so that none is left out silently.
func (in *instance) wanted(context []byte, f *xbrlFact) bool {
	in.layoutOf(in.name.space)
	if in.balance.Layout == PFSXBRL {
		return strings.HasPrefix(in.name.space, nsPFS) && in.wantedPFS(f)
	}
	if c, known := in.contexts[string(context)]; known && c == nil {
		return false
	}
	switch {
	case in.name.space == nsMetric:
		f.name = in.name.local
	case strings.HasPrefix(in.name.space, nsCBSO):
		// An enumeration, whose address has the framework's version.
		in.key = append(append(append(in.key[:0], path.Base(in.name.space)...), ':'), in.name.local...)
		f.name = in.intern(in.key)
	default:
		in.key = append(append(append(append(in.key[:0], '{'), in.name.space...), '}'), in.name.local...)
		f.name = in.intern(in.key)
	}
	return true
}

// accuracy is how exact a fact says that its value is.
type accuracy struct{ decimals, precision digits }

// digits is a number of digits as the attributes decimals and precision give
// it. The zero digits say nothing, as INF does: the value is exact.
type digits struct {
	said bool
	n    int
}

func newDigits(value []byte) digits {
	n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
	return digits{err == nil && n > -maxDigits && n < math.MaxInt16, n}
}

// entity is an identifier that contexts name, with the number of the facts that
// may matter and are about it.
type entity struct {
	id    string
	facts int
}

// entity records who a context is about and returns its index in the list. One
// enterprise spelled in two ways is one.
func (in *instance) entity(id []byte) int {
	const most = 16 // beyond that the last stands for all others
	name := string(id)
	if n, err := ParseEnterpriseNumber(name); err == nil {
		name = n.String()
	}
	i := slices.IndexFunc(in.entities, func(e entity) bool { return e.id == name })
	if i < 0 && len(in.entities) < most {
		in.entities = append(in.entities, entity{id: name})
	}
	if i < 0 {
		i = len(in.entities) - 1
	}
	return i
}

// mainEntity states the enterprise that most facts are about, or the first one
// where there are no facts, and returns its index in the list. Facts about
// another are not the balance's.
func (in *instance) mainEntity() int {
	if len(in.entities) == 0 {
		return 0 // no context names anybody
	}
	for i := range in.facts {
		if c := in.contexts[in.facts[i].context]; c != nil {
			in.entities[c.entity].facts++
		}
	}
	most := 0
	for i, e := range in.entities {
		if e.facts > in.entities[most].facts {
			most = i
		}
	}
	for i, e := range in.entities {
		if i != most && e.facts > 0 {
			in.addFinding("other_entity", nil, args{"first": clip(in.entities[most].id), "second": clip(e.id)})
		}
	}
	in.enterprise(in.entities[most].id)
	return most
}
