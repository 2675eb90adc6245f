package balance

import (
	"path"
	"slices"
	"strings"
)

// wantedPFS reports whether the present fact, of the pfs taxonomy, matters. Its
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
		in.addFinding("model_unsaid", nil, nil)
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
			if c := in.contexts[f.context]; c != nil && c.whole(whose) && c.end == year.End && !in.isPart(c) {
				in.personnelCosts(plainDecimal(f.value))
			}
		}
	}
	in.checkUnitsAndAccuracy()
	in.defaultCurrency()
	return nil
}

// putPFS states the cell of a fact: the year by the end of its period.
func (in *instance) putPFS(f *xbrlFact, whose int, end, before Date) error {
	code := in.data.rubrics[f.rubric].Code
	words := args{"line": f.at.lineNumber(), "code": code}
	c, known := in.contexts[f.context]
	switch {
	case !known:
		in.addFinding("context_missing", []string{code}, words)
	case c == nil || c.members != "":
		in.addFinding("context_part", []string{code}, words)
	case c.entity != whose: // reported once, with the other entity's number
	case c.end != end && c.end != before || c.end.IsZero() || in.isPart(c):
		in.addFinding("context_period", []string{code}, words)
	default:
		return in.putFact(f.rubric, c.end != end, f)
	}
	return nil
}

// The contexts that filings name in the same way.
const (
	currentDuration = "CurrentDuration"
	currentInstant  = "CurrentInstant"
)

// years finds the financial year, and the end of the one before. The facts of
// rubrics say it, and so do the contexts that every filing has, though nothing
// may be about them. Facts of other taxonomies say nothing.
func (in *instance) years(whose int) (year Period, before Date) {
	in.survey(whose)
	rubrics := in.calendar.year()
	stated, doubtful := in.statedYear(whose)
	switch {
	case stated.End.IsZero():
		year, doubtful = in.unstatedYear(whose, rubrics)
	case rubrics.End.IsZero():
		year = stated
	default:
		year = stated
		other := rubrics.End != stated.End && in.calendar.support(rubrics) > in.calendar.support(stated)
		longer := rubrics.End == stated.End && !rubrics.Start.IsZero() && !stated.Start.IsZero() && rubrics.Start != stated.Start
		if other || longer {
			doubtful = append(doubtful, rubrics)
		}
	}
	year = in.yearDoubt(append([]Period{year}, doubtful...)...)
	return year, in.calendar.before(year)
}

// survey records the periods of the contexts that are about all of an entity.
func (in *instance) survey(whose int) {
	for i := range in.facts {
		f := &in.facts[i]
		if c := in.contexts[f.context]; f.rubric >= 0 && c != nil && c.whole(whose) {
			in.calendar.addFact(c, in.data.rubrics[f.rubric])
		}
	}
	for id, c := range in.contexts {
		if c == nil || !c.whole(whose) {
			continue
		}
		weight := nothingThere
		if _, noted := in.used[id]; noted || c.used {
			weight = otherFact
			in.accounts = later(in.accounts, c.end)
		}
		in.calendar.add(c, weight)
	}
}

// statedYear returns the year by the contexts that filings name in the same way,
// and what contradicts it among them.
func (in *instance) statedYear(whose int) (year Period, doubtful []Period) {
	if c := in.contexts[currentDuration]; c != nil && c.whole(whose) {
		year = Period{c.start, c.end}
	}
	c := in.contexts[currentInstant]
	switch {
	case c == nil || !c.whole(whose):
	case year.End.IsZero():
		year = in.calendar.period(c.end)
	case year.End != c.end:
		doubtful = []Period{in.calendar.period(c.end)}
	}
	return year, doubtful
}

// unstatedYear returns the year where no context has a known name: by the facts
// of rubrics, or where all of them may be of the year before, by those of the
// accounts. What speaks for another year is a doubt.
func (in *instance) unstatedYear(whose int, rubrics Period) (year Period, doubtful []Period) {
	if accounts := in.calendar.period(in.accounts); rubrics.End.IsZero() || in.mayBePrevious() && accounts.follows(rubrics.End) {
		return accounts, nil
	}
	if latest := in.calendar.latest(); latest != rubrics.End {
		return rubrics, []Period{in.calendar.period(latest)}
	}
	if !in.mayBePrevious() {
		return rubrics, nil
	}
	for _, c := range in.contexts {
		if c != nil && c.whole(whose) && c.start == rubrics.End.AddDays(1) {
			return rubrics, []Period{in.calendar.period(c.end)}
		}
	}
	return rubrics, nil
}

// mayBePrevious reports whether all facts of rubrics may be of the year before:
// they are of one year, and each rubric has a cell for it.
func (in *instance) mayBePrevious() bool {
	for i := range in.facts {
		if f := &in.facts[i]; f.rubric >= 0 && !in.data.rubrics[f.rubric].HasPrevious() {
			return false
		}
	}
	return len(in.calendar.facts) == 1
}
