package balance

import (
	"path"
	"slices"
	"strings"
)

// fillCBSO makes the balance from the facts of the CBSO taxonomy. What each
// fact states is found in a table, by its metric and the set of its
// members.
func (in *instance) fillCBSO() error {
	if in.schemaRef != "" {
		in.model(strings.TrimSuffix(path.Base(in.schemaRef), ".xsd"))
	}
	whose := in.mainEntity()
	social, about := in.facts[:0], []xbrlFact(nil)
	for i := range in.facts {
		f := &in.facts[i]
		c, known := in.contexts[f.context]
		switch {
		case !known:
			in.addFinding("fact_without_context", nil, args{"line": f.at.lineNumber(), "metric": clip(f.name)})
		case c == nil || c.entity != whose:
		case c.social && !in.isAbout(f, c):
			social = append(social, *f)
			if !c.end.IsZero() {
				in.calendar.addFact(c, in.data.rubrics[in.table.facts[f.name+" "+c.members].rubric])
			}
		default:
			about = append(about, *f)
		}
	}
	in.facts = social
	in.aboutYear(about)
	end, before := in.closing()
	in.aboutRest(about, end)
	for i := range in.facts {
		if err := in.putCBSO(&in.facts[i], end, before); err != nil {
			return err
		}
	}
	in.checkUnitsAndAccuracy()
	in.defaultCurrency()
	return nil
}

// isAbout reports whether a fact within the social balance says something that
// is no figure: the joint committee.
func (in *instance) isAbout(f *xbrlFact, c *xbrlContext) bool {
	return in.term(f, c) != ""
}

// freeText is the metric of a text, such as the name of a joint committee that
// the National Bank's list does not have.
const freeText = "str2"

// putCBSO states the cell of a fact about the social balance.
func (in *instance) putCBSO(f *xbrlFact, end, before Date) error {
	c := in.contexts[f.context]
	term, ok := in.table.facts[f.name+" "+c.members]
	if !ok {
		in.addFinding("unexplained_fact", nil, args{"line": f.at.lineNumber(), "metric": clip(f.name), "members": c.spell()})
		return nil
	}
	previous := c.prd == '2'
	switch {
	case !in.isPart(c) && c.end == end:
	case !in.isPart(c) && c.end == before && !before.IsZero() && c.prd != '1':
		previous = true
	default:
		code := in.data.rubrics[term.rubric].Code
		in.addFinding("context_period", []string{code}, args{"line": f.at.lineNumber(), "code": code})
		return nil
	}
	if cell := (Cell{in.data.rubrics[term.rubric].Code, previous}); term.inferred && f.value != "" &&
		!slices.Contains(in.balance.Inferred, cell) {
		in.balance.Inferred = append(in.balance.Inferred, cell)
	}
	return in.putFact(term.rubric, previous, f)
}

// aboutYear reads the first and the last day of the year that a document
// states. Some documents state those of the year before as well, by an earlier
// date of their own: the latest ones count. Two that disagree are a doubt.
func (in *instance) aboutYear(about []xbrlFact) {
	said := map[string][]Date{}
	latest := map[string]Date{}
	for i := range about {
		f := &about[i]
		c := in.contexts[f.context]
		what := in.term(f, c)
		if what != "start" && what != "end" || c.prd == '2' || c.end.Before(latest[what]) {
			continue
		}
		if latest[what].Before(c.end) {
			said[what] = nil
		}
		latest[what] = c.end
		d := in.date("fiscal_year_"+what, f.value)
		if !d.IsZero() && !slices.Contains(said[what], d) && len(said[what]) < maxReadings {
			said[what] = append(said[what], d)
		}
	}
	var readings []Period
	for _, end := range orNone(said["end"]) {
		for _, start := range orNone(said["start"]) {
			readings = append(readings, Period{start, end})
		}
	}
	in.balance.FiscalYear = in.yearDoubt(readings[:min(len(readings), maxReadings)]...)
}

// orNone returns dates, or the zero Date where there are none.
func orNone(dates []Date) []Date {
	if len(dates) == 0 {
		return []Date{{}}
	}
	return dates
}

// term returns what a fact says about the document, if it does.
func (in *instance) term(f *xbrlFact, c *xbrlContext) string {
	return in.table.facts[f.name+" "+c.members].about
}

// aboutRest reads what else a document says about itself.
func (in *instance) aboutRest(about []xbrlFact, end Date) {
	b := &in.balance
	for i := range about {
		f := &about[i]
		c := in.contexts[f.context]
		switch what := in.term(f, c); {
		case what == "joint_committee":
			if _, code, coded := strings.Cut(f.value, ":"); coded && f.name != freeText {
				in.committee(strings.TrimPrefix(code, "m"))
			} else {
				in.committeeText(f.value)
			}
		case what == "correction":
			b.Correction = b.Correction || f.value == "true" || f.value == "1"
		case what == "enterprise_number":
			in.enterprise(f.value)
		case what == "name" && b.Name == "":
			b.Name = f.value
		case what == "personnel_costs" && c.prd != '2' && (c.end == end || end.IsZero()):
			in.personnelCosts(plainDecimal(f.value))
		}
	}
}

// closing returns the closing date of the social balance, and the end of the
// year before where some contexts have that: filings date all their contexts
// at the closing date and distinguish the years by prd, others date each by its
// own year. It also completes the financial year, and reports where the document
// states another year than its figures.
func (in *instance) closing() (end, before Date) {
	year, figures := &in.balance.FiscalYear, in.calendar.year()
	switch _, dated := in.calendar.facts[year.End]; {
	case year.End.IsZero() && len(in.facts) == 0:
		for _, c := range in.contexts {
			if c != nil {
				year.End = later(year.End, c.end)
			}
		}
		return year.End, Date{}
	case year.End.IsZero():
		year.End = figures.End
		if latest := in.calendar.latest(); latest != figures.End {
			*year = in.yearDoubt(Period{year.Start, figures.End}, in.calendar.period(latest))
			figures.End = year.End
		}
	case dated || len(in.facts) == 0 || in.allBefore(*year):
		return year.End, in.calendar.before(*year)
	default:
		in.addFinding("fiscal_year_differs", nil, args{"end": year.End.String(), "closing": figures.End.String()})
		*year = in.yearDoubt(*year, figures)
	}
	closed := Period{year.Start, figures.End}
	if !year.Start.Before(figures.End) {
		closed.Start = Date{} // of another year than the figures
	}
	return figures.End, in.calendar.before(closed)
}

// allBefore reports whether all figures are of the year before a year, by the
// dates that their contexts have.
func (in *instance) allBefore(year Period) bool {
	for i := range in.facts {
		if c := in.contexts[in.facts[i].context]; c.prd == '1' || !year.follows(c.end) {
			return false
		}
	}
	return true
}
