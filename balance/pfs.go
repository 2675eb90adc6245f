package balance

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// wantedPFS tells whether the present fact, of the pfs taxonomy, matters. Its
// core, its identification part (gcd) and its lists (vl) each have a namespace
// a year; the names of the elements stayed.
func (in *instance) wantedPFS(f *xbrlFact) bool {
	if i, ok := in.data.pfs[in.name.local]; ok {
		f.name, f.rubric = in.name.local, i
		return true
	}
	switch {
	case in.name.local == staffAccountPFS && len(in.path) == 0:
		f.name = staffAccountPFS
	case in.name.local == "EntityCurrentLegalName" && slices.Contains(in.path, "EntityInformation"):
		f.name = "name"
	case len(in.path) > 0 && in.path[len(in.path)-1] == "NumberJointIndustrialCommittee":
		f.name = "joint_committee"
	default:
		return false
	}
	return true
}

// fillPFS makes the balance from the facts of the pfs taxonomy.
func (in *instance) fillPFS() error {
	switch base := path.Base(in.schemaRef); {
	case strings.Contains(base, "-full-"):
		in.balance.Model = Full
	case strings.Contains(base, "-abbr-"):
		in.balance.Model = Abbreviated
	case strings.Contains(base, "-mic-"):
		in.balance.Model = Micro
	default:
		in.find("model_unsaid", nil, nil)
	}
	whose := in.mainEntity()
	year, before := in.years(whose)
	in.balance.FiscalYear = year
	for i := range in.facts {
		f := &in.facts[i]
		switch {
		case f.rubric >= 0:
			if err := in.putPFS(f, whose, year.End, before); err != nil {
				return err
			}
		case f.name == "name" && in.balance.Name == "":
			in.balance.Name = f.value
		case f.name == "joint_committee":
			in.committee(f.value)
		case f.name == staffAccountPFS:
			if c := in.contexts[f.context]; c != nil && c.is(whose, year.End) && !in.isPart(c) {
				in.personnelCosts(plainDecimal(f.value))
			}
		}
	}
	in.vouch()
	in.defaultCurrency()
	return nil
}

// putPFS states the cell of a fact: the year by the end of its period.
func (in *instance) putPFS(f *xbrlFact, whose int, end, before Date) error {
	code := in.data.rubrics[f.rubric].Code
	words := args{"line": f.at.word(), "code": code}
	c, known := in.contexts[f.context]
	switch {
	case !known:
		in.find("context_missing", []string{code}, words)
	case c == nil || c.members != "":
		in.find("context_part", []string{code}, words)
	case c.entity != whose: // told once, with the other entity's number
	case c.end != end && c.end != before || c.end.IsZero() || in.isPart(c):
		in.find("context_period", []string{code}, words)
	default:
		return in.putFact(f.rubric, c.end != end, f)
	}
	return nil
}

// years finds the financial year, and the end of the one before, among the
// contexts that facts refer to, whatever their ids. The year is the period that
// ends last; where there are only instants, it ends at the last of them.
func (in *instance) years(whose int) (year Period, before Date) {
	ends := map[Date]bool{}
	for id, c := range in.contexts {
		if c == nil || c.members != "" || c.end.IsZero() || c.entity != whose {
			continue
		}
		if _, noted := in.used[id]; noted || c.used {
			ends[c.end] = true
			in.spans(c)
		}
	}
	in.unusedSpans(whose, ends)
	for end, start := range in.starts {
		if year.End.Before(end) {
			year = Period{start, end}
		}
	}
	if len(in.starts) == 0 {
		for end := range ends {
			year.End = later(year.End, end)
		}
	}
	for end := range ends {
		if year.follows(end) {
			before = later(before, end)
		}
	}
	return year, before
}

// unusedSpans notes when a period starts of which facts state the last day
// alone.
func (in *instance) unusedSpans(whose int, ends map[Date]bool) {
	known := maps.Clone(in.starts)
	for _, c := range in.contexts {
		if c == nil || c.members != "" || c.entity != whose || !ends[c.end] {
			continue
		}
		if _, ok := known[c.end]; !ok {
			in.spans(c)
		}
	}
}

// follows tells whether a date is the end of the financial year before: the
// day before this one starts, or where that is not known, at most two years
// before it ends, for a financial year may be longer than twelve months.
func (p Period) follows(end Date) bool {
	if end.IsZero() || !end.Before(p.End) {
		return false
	}
	if p.Start.IsZero() {
		return !end.Before(p.End.AddDays(-2 * 366))
	}
	return end == p.Start.AddDays(-1)
}

// later gives the later of two dates.
func later(a, b Date) Date {
	if a.Before(b) {
		return b
	}
	return a
}
