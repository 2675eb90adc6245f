package balance

import (
	"slices"
	"strings"
	"sync"

	"github.com/shopspring/decimal"
)

// sum is a family of relations in which a total equals its parts. A c stands
// for the column digits 1, 2 and 3: full-time, part-time and total.
type sum struct {
	rule       string
	total      string
	parts      string
	assertions []string // one a column; none where the relation is ours
}

// sums are the relations that add up. Those without assertions are of the full
// model, whose list of checks is not public; they hold in accepted filings.
var sums = []sum{
	{"hours_total", "1013", "1011 + 1012", cs(10)},
	{"costs_total", "1023", "1021 + 1022", cs(7)},
	{"contract_types", "105c", "110c + 111c + 112c + 113c", cs(51, 52, 53)},
	{"gender", "105c", "120c + 121c", cs(54, 57, 60)},
	{"education_men", "120c", "1200c + 1201c + 1202c + 1203c", cs(55, 58, 61)},
	{"education_women", "121c", "1210c + 1211c + 1212c + 1213c", cs(56, 59, 62)},
	{"category", "105c", "130c + 134c + 132c + 133c", cs(63, 64, 65)},
	{"training_net_cost", "5803", "58031 + 58032 - 58033", cs(76)},
	{"training_net_cost", "5813", "58131 + 58132 - 58133", cs(77)},
	{"average_gender", "100c", "100c1 + 100c2", nil},
	{"hours_gender", "101c", "101c1 + 101c2", nil},
	{"costs_gender", "102c", "102c1 + 102c2", nil},
	{"advantages_gender", "1033", "10331 + 10332", nil},
	{"entries_contract_types", "205c", "210c + 211c + 212c + 213c", nil},
	{"departures_contract_types", "305c", "310c + 311c + 312c + 313c", nil},
	{"departures_reasons", "305c", "340c + 341c + 342c + 343c", nil},
}

// relation is one relation of a family, for one column and one year.
type relation struct {
	rule       string
	total      Cell
	parts      side
	assertions []string
}

// relations returns the relations of a family: each column that it has, and the
// previous year where all its cells have one.
func (s sum) relations() []relation {
	columns := []string{""}
	if strings.Contains(s.total, "c") {
		columns = []string{"1", "2", "3"}
	}
	var all []relation
	for i, column := range columns {
		for _, previous := range []bool{false, true} {
			r := relation{
				rule:  s.rule,
				total: Cell{strings.ReplaceAll(s.total, "c", column), previous},
				parts: parseSide(s.parts, column, previous),
			}
			if previous && !allHavePrevious(append(r.parts.cells, r.total)) {
				continue
			}
			if s.assertions != nil {
				r.assertions = s.assertions[i : i+1]
			}
			all = append(all, r)
		}
	}
	return all
}

// relations lists the relations of all sums.
var relations = sync.OnceValue(func() []relation {
	var all []relation
	for _, s := range sums {
		all = append(all, s.relations()...)
	}
	return all
})

func allHavePrevious(cells []Cell) bool {
	for _, c := range cells {
		if r, ok := RubricOf(c.Code); !ok || !r.HasPrevious() {
			return false
		}
	}
	return true
}

// checkSums tests every total that has parts.
func checkSums(b *Balance) []Finding {
	var findings []Finding
	for _, r := range relations() {
		whole, stated := b.figure(r.total)
		adds, filled := b.sum(r.parts)
		// That the full model's parts are empty altogether is reported by
		// checkSplits, once.
		own := r.assertions == nil
		if whole.Sub(adds).Abs().LessThanOrEqual(b.roundingOf(r)) || own && (!filled || !b.readableAll(r.parts.cells)) {
			continue
		}
		args := map[string]string{"total": r.total.String(), "parts": r.parts.text}
		setFigure(args, "whole", whole, stated)
		setFigure(args, "adds", adds, filled)
		findings = append(findings, b.newCheckFinding(r.rule, r.assertions, append([]Cell{r.total}, r.parts.cells...), args))
	}
	return findings
}

// roundingOf returns by how much rounding alone can set a total apart from its
// parts, in a document in whole euros: by half a euro for each amount. One part
// alone is rounded as the total is.
func (b *Balance) roundingOf(r relation) decimal.Decimal {
	rubric, _ := RubricOf(r.total.Code)
	if !b.Rounded || rubric.Unit != Money {
		return decimal.Zero
	}
	parts := int64(0)
	for _, c := range r.parts.cells {
		if v, _ := b.figure(c); !v.IsZero() {
			parts++
		}
	}
	if parts < 2 {
		return decimal.Zero
	}
	return decimal.NewFromInt((parts + 1) / 2)
}

func (b *Balance) readableAll(cells []Cell) bool {
	for _, c := range cells {
		if !b.readable(c) {
			return false
		}
	}
	return true
}

// checkSplits reports, in one finding, which figures of the full model are not
// split although its form asks for it. The check is ours: accepted filings
// leave some of these cells empty.
func checkSplits(b *Balance) []Finding {
	if b.Model != Full {
		return nil
	}
	var cells []Cell
	var totals []string
	for _, r := range relations() {
		if r.assertions != nil {
			continue
		}
		whole, _ := b.figure(r.total)
		// A total may have parts of two kinds; it is named once.
		if _, filled := b.sum(r.parts); filled || whole.IsZero() || !b.readableAll(r.parts.cells) || slices.Contains(cells, r.total) {
			continue
		}
		cells = append(cells, r.total)
		totals = append(totals, r.total.String())
	}
	if cells == nil {
		return nil
	}
	return []Finding{b.newCheckFinding("not_split", nil, cells, map[string]string{"totals": strings.Join(totals, ", ")})}
}
