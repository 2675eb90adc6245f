package balance

import (
	"path"
	"slices"
	"strings"
)

// fillCBSO makes the balance from the facts of the CBSO taxonomy. What each
// fact states is looked up in a table, by its metric and the set of its
// members.
func (in *instance) fillCBSO() error {
	if in.schemaRef != "" {
		in.model(strings.TrimSuffix(path.Base(in.schemaRef), ".xsd"))
	}
	whose := in.mainEntity()
	social := in.facts[:0]
	for i := range in.facts {
		f := &in.facts[i]
		c, known := in.contexts[f.context]
		switch {
		case !known:
			in.find("fact_without_context", nil, args{"line": f.at.word(), "metric": clip(f.name)})
		case c == nil || c.entity != whose:
		case c.social && !in.isAbout(f, c):
			social = append(social, *f)
		default:
			in.about(in.table.facts[f.name+" "+c.members].about, c, f)
		}
	}
	in.facts = social
	end, before := in.closing()
	for i := range in.facts {
		if err := in.putCBSO(&in.facts[i], end, before); err != nil {
			return err
		}
	}
	in.vouch()
	in.defaultCurrency()
	return nil
}

// isAbout tells whether a fact within the social balance says something that
// is no figure: the joint committee.
func (in *instance) isAbout(f *xbrlFact, c *xbrlContext) bool {
	return in.table.facts[f.name+" "+c.members].about != ""
}

// putCBSO states the cell of a fact about the social balance.
func (in *instance) putCBSO(f *xbrlFact, end, before Date) error {
	c := in.contexts[f.context]
	term, ok := in.table.facts[f.name+" "+c.members]
	if !ok {
		in.find("unexplained_fact", nil, args{"line": f.at.word(), "metric": clip(f.name), "members": c.spell()})
		return nil
	}
	previous := c.prd == '2'
	switch {
	case in.isPart(c):
		code := in.data.rubrics[term.rubric].Code
		in.find("context_period", []string{code}, args{"line": f.at.word(), "code": code})
		return nil
	case c.end == end:
	case c.end == before && !before.IsZero():
		previous = true
	default:
		code := in.data.rubrics[term.rubric].Code
		in.find("context_period", []string{code}, args{"line": f.at.word(), "code": code})
		return nil
	}
	if cell := (Cell{in.data.rubrics[term.rubric].Code, previous}); term.inferred && f.value != "" &&
		!slices.Contains(in.balance.Inferred, cell) {
		in.balance.Inferred = append(in.balance.Inferred, cell)
	}
	return in.putFact(term.rubric, previous, f)
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
	case what == "personnel_costs" && c.prd != '2':
		in.personnelCosts(plainDecimal(f.value))
	case what == "start" && c.prd != '2':
		b.FiscalYear.Start = in.date("fiscal_year_start", f.value)
	case what == "end" && c.prd != '2':
		b.FiscalYear.End = in.date("fiscal_year_end", f.value)
	}
}

// closing gives the closing date of the social balance, and the end of the
// year before where some contexts have that: filings date all their contexts
// at the closing date and tell the years apart by prd, others date each by its
// own year. It also completes the financial year.
func (in *instance) closing() (end, before Date) {
	year := &in.balance.FiscalYear
	for i := range in.facts {
		c := in.contexts[in.facts[i].context]
		end = later(end, c.end)
		in.spans(c)
	}
	for _, c := range in.contexts {
		if year.End.IsZero() && c != nil && end.Before(c.end) && len(in.facts) == 0 {
			end = c.end
		}
	}
	switch {
	case year.End.IsZero():
		year.End = end
	case !end.IsZero() && end != year.End:
		in.find("fiscal_year_differs", nil, args{"end": year.End.String(), "closing": end.String()})
	}
	closed := Period{year.Start, end}
	if !year.Start.Before(end) {
		closed.Start = Date{} // of another year than the figures
	}
	for i := range in.facts {
		if c := in.contexts[in.facts[i].context]; closed.follows(c.end) {
			before = later(before, c.end)
		}
	}
	return end, before
}
