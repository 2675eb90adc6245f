package balance

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// sum is a family of relations in which a total equals its parts. A c stands
// for the column digits 1, 2 and 3: full-time, part-time and total.
type sum struct {
	rule     string
	total    string
	parts    string
	fullOnly bool // the parts are in the full model only
}

// sums are the relations that add up. Those that all models have are of the
// National Bank's list of checks for the social balance (Annex 1.3 of its
// filing protocol). Those of the full model only are ours: the Bank's list for
// it is not public, but the relations hold in accepted filings.
var sums = []sum{
	{"hours_total", "1013", "1011 1012", false},
	{"costs_total", "1023", "1021 1022", false},
	{"contract_types", "105c", "110c 111c 112c 113c", false},
	{"gender", "105c", "120c 121c", false},
	{"education_men", "120c", "1200c 1201c 1202c 1203c", false},
	{"education_women", "121c", "1210c 1211c 1212c 1213c", false},
	{"category", "105c", "130c 134c 132c 133c", false},
	{"average_gender", "100c", "100c1 100c2", true},
	{"hours_gender", "101c", "101c1 101c2", true},
	{"costs_gender", "102c", "102c1 102c2", true},
	{"advantages_gender", "1033", "10331 10332", true},
	{"entries_contract_types", "205c", "210c 211c 212c 213c", true},
	{"departures_contract_types", "305c", "310c 311c 312c 313c", true},
	{"departures_reasons", "305c", "340c 341c 342c 343c", true},
}

// Check tests the figures of a balance against each other and against the
// form. Real, accepted filings break some of these checks, so findings are
// told and never stop anything.
func Check(b *Balance) []Finding {
	var findings []Finding
	findings = append(findings, checkForm(b)...)
	for _, s := range sums {
		columns := []string{""}
		if strings.Contains(s.total, "c") {
			columns = []string{"1", "2", "3"}
		}
		for _, column := range columns {
			total := strings.ReplaceAll(s.total, "c", column)
			parts := strings.Fields(strings.ReplaceAll(s.parts, "c", column))
			for _, previous := range []bool{false, true} {
				if f, wrong := s.check(b, total, parts, previous); wrong {
					findings = append(findings, f)
				}
			}
		}
	}
	return findings
}

// check tests one relation for one year. It says nothing where a cell that the
// form does not have takes part, or where nothing is filled in.
func (s sum) check(b *Balance, total string, parts []string, previous bool) (Finding, bool) {
	cells := make([]Cell, 0, len(parts)+1)
	for _, code := range append([]string{total}, parts...) {
		r, ok := RubricOf(code)
		if !ok || previous && !r.HasPrevious() {
			return Finding{}, false
		}
		if s.fullOnly && b.Layout == CBSOXBRL && r.CBSO.Metric == "" {
			return Finding{}, false // not readable there, which is not the same as empty
		}
		cells = append(cells, Cell{code, previous})
	}
	adds, filled := decimal.Decimal{}, 0
	for _, c := range cells[1:] {
		if v, ok := b.Values[c]; ok {
			adds = adds.Add(v)
			filled++
		}
	}
	whole, stated := b.Values[cells[0]]
	if filled == 0 && (!stated || s.fullOnly && b.Model != Full) || whole.Equal(adds) {
		return Finding{}, false
	}
	codes := make([]string, len(cells))
	for i, c := range cells {
		codes[i] = c.String()
	}
	return Finding{Rule: s.rule, Codes: codes, Message: fmt.Sprintf("%s is %s, but %s is %s",
		codes[0], orEmpty(whole, stated), strings.Join(codes[1:], " + "), orEmpty(adds, filled > 0))}, true
}

// orEmpty writes a figure for a person, or that there is none.
func orEmpty(v decimal.Decimal, filled bool) string {
	if !filled {
		return "empty"
	}
	return Canonical(v)
}

// checkForm tests each figure against what its rubric allows.
func checkForm(b *Balance) []Finding {
	var findings []Finding
	for _, c := range b.Values.Cells() {
		r, ok := RubricOf(c.Code)
		if !ok {
			continue
		}
		v := b.Values[c]
		if v.IsNegative() && !r.Signed {
			findings = append(findings, Finding{Rule: "sign", Codes: []string{c.String()},
				Message: fmt.Sprintf("%s is %s, but cannot be negative", c, Canonical(v))})
		}
		if !v.Truncate(int32(r.Decimals)).Equal(v) {
			findings = append(findings, Finding{Rule: "decimals", Codes: []string{c.String()},
				Message: fmt.Sprintf("%s is %s, but the form allows %d decimals", c, Canonical(v), r.Decimals)})
		}
	}
	return findings
}
