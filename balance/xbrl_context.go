package balance

import (
	"encoding/xml"
	"slices"
	"strings"
)

// xbrlContext is what a fact is about: an entity, a period, and members of
// dimensions.
type xbrlContext struct {
	start, end Date   // start is zero for an instant
	members    string // sorted, such as "bas:m73 part:m8"; without prd
	prd        byte   // '1' current, '2' previous, 0 not said
	social     bool   // has part:m8, the social balance
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

// plainDecimal writes a decimal of XML Schema, which may be .5 or 5., with a
// digit on both sides of its point.
func plainDecimal(s string) string {
	digits := strings.TrimLeft(s, "+-")
	sign := s[:len(s)-len(digits)]
	if len(digits) > 1 {
		if digits[0] == '.' {
			digits = "0" + digits
		}
		digits = strings.TrimSuffix(digits, ".")
	}
	return sign + digits
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
