package balance

import (
	"path"
	"strings"
)

// fillCBSO makes the balance from the facts of the CBSO taxonomy. What each
// fact states is looked up in the table of cbso.tsv, by its metric and the set
// of its members.
func (in *instance) fillCBSO() error {
	if in.schemaRef != "" {
		in.model(strings.TrimSuffix(path.Base(in.schemaRef), ".xsd"))
	}
	for i := range in.facts {
		f := &in.facts[i]
		c, known := in.contexts[f.context]
		if !known {
			in.find("context", nil, "Line %d: a fact refers to a context that is not there", f.at.line)
			continue
		}
		if c == nil {
			continue
		}
		term, ok := in.data.facts[f.name+" "+c.members]
		switch {
		case ok && term.rubric >= 0:
			in.measure(&in.data.rubrics[term.rubric], f)
			if err := in.put(term.rubric, c.prd == '2', plainDecimal(f.value), f.at); err != nil {
				return err
			}
		case ok:
			in.about(term.about, c, f)
		case c.social:
			in.find("unexplained_fact", nil, "Line %d: no rubric is known for the social fact %s with %s",
				f.at.line, clip(f.name), spell(c))
		}
	}
	in.closing()
	in.defaultCurrency()
	return nil
}

// about takes what a document says about itself.
func (in *instance) about(what string, c *xbrlContext, f *xbrlFact) {
	b := &in.balance
	switch {
	case what == "joint_committee":
		_, code, _ := strings.Cut(f.value, ":")
		in.committee(strings.TrimPrefix(code, "m"))
	case what == "enterprise_number":
		in.enterprise(f.value)
	case what == "name" && b.Name == "":
		b.Name = f.value
	case what == "start" && c.prd != '2':
		b.FiscalYear.Start = in.date("first day", f.value)
	case what == "end" && c.prd != '2':
		b.FiscalYear.End = in.date("last day", f.value)
	}
}

// closing takes the end of the year from the contexts where no fact told it:
// CBSO contexts all have the closing date of the year.
func (in *instance) closing() {
	if !in.balance.FiscalYear.End.IsZero() {
		return
	}
	for _, c := range in.contexts {
		if c != nil && in.balance.FiscalYear.End.Before(c.end) {
			in.balance.FiscalYear.End = c.end
		}
	}
}

// spell writes the members of a context for a person.
func spell(c *xbrlContext) string {
	s := strings.ReplaceAll(c.members, " ", ", ")
	if c.prd != 0 {
		s += ", prd:m" + string(c.prd)
	}
	const most = 400
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "")
}
