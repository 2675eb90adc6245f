package balance

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// Check tests the figures of a balance against the form and against each
// other: all checks that the National Bank publishes for the social balance of
// the short models (Annex 1.3 of its filing protocol, in the taxonomy of
// framework 26.0), and some of our own. A finding of ours names no assertion.
//
// Real, accepted filings break some of these checks, so that findings are reported
// and never stop anything. An empty cell counts as zero in a relation, as it
// does for the Bank. docs/checks.md lists every rule.
func Check(b *Balance) []Finding {
	var findings []Finding
	for _, family := range []func(*Balance) []Finding{
		checkForm, checkTriples, checkFTE, checkSums, checkLimits, checkSplits,
	} {
		findings = append(findings, family(b)...)
	}
	return findings
}

// cs returns the ids of assertions of the social balance by their numbers. The
// ids are those of the micro model; that of the abbreviated model states the
// same relations.
func cs(numbers ...int) []string {
	ids := make([]string, len(numbers))
	for i, n := range numbers {
		ids[i] = fmt.Sprintf("cs_11.00.0_%04d", n)
	}
	return ids
}

// cx returns the ids of assertions between the social balance and the accounts.
func cx(number int) []string { return []string{fmt.Sprintf("cx_11.00.0_%04d", number)} }

// incomeStatement is the one rubric outside the social balance that checks read
// at: remuneration, social security costs and pensions.
const incomeStatement = "62"

// figure returns what a cell holds. An empty cell counts as zero.
func (b *Balance) figure(c Cell) (v decimal.Decimal, filled bool) {
	if c.Code == incomeStatement {
		if b.PersonnelCosts == nil {
			return decimal.Zero, false
		}
		return *b.PersonnelCosts, true
	}
	v, filled = b.Values[c]
	return v, filled
}

// newCheckFinding makes the finding of a check: a rule, the assertions that fail, the
// cells that take part with what they hold, and the words of the sentence.
func (b *Balance) newCheckFinding(rule string, assertions []string, cells []Cell, args map[string]string) Finding {
	codes := make([]string, len(cells))
	figures := make(map[string]string, len(cells))
	for i, c := range cells {
		codes[i] = c.String()
		if v, filled := b.figure(c); filled {
			figures[codes[i]] = Canonical(v)
		}
	}
	f := newFinding(rule, codes, args)
	f.Assertions, f.Figures = assertions, figures
	return f
}

// setFigure puts a figure into the words of a sentence, or nothing where it is empty.
func setFigure(args map[string]string, name string, v decimal.Decimal, filled bool) {
	if filled {
		args[name] = Canonical(v)
	}
}

// side is one side of a relation: cells added up, some of them with a minus.
type side struct {
	text  string // as it is shown, such as 58031 + 58032 - 58033
	cells []Cell
	minus []bool
}

// parseSide reads a side. In a text of ours a c stands for a column digit and
// previous turns each cell into that of the previous year.
func parseSide(text, column string, previous bool) side {
	var s side
	minus := false
	for word := range strings.FieldsSeq(strings.ReplaceAll(text, "c", column)) {
		if word == "+" || word == "-" {
			minus = word == "-"
			continue
		}
		c := Cell{word, previous}
		switch {
		case minus:
			s.text += " - "
		case s.text != "":
			s.text += " + "
		}
		s.text += c.String()
		s.cells, s.minus = append(s.cells, c), append(s.minus, minus)
	}
	return s
}

// sum adds a side up and reports whether any of its cells is filled in.
func (b *Balance) sum(s side) (total decimal.Decimal, filled bool) {
	for i, c := range s.cells {
		v, has := b.figure(c)
		if s.minus[i] {
			v = v.Neg()
		}
		total, filled = total.Add(v), filled || has
	}
	return total, filled
}

// readable reports whether the document could have stated a cell, so that its
// absence means that it is empty: the form of some model has it, and the layout
// can carry it.
func (b *Balance) readable(c Cell) bool {
	r, ok := RubricOf(c.Code)
	if !ok {
		return c.Code == incomeStatement
	}
	if c.Previous && !r.HasPrevious() {
		return false
	}
	return b.Layout != CBSOXBRL || r.CBSO.Metric != ""
}

// checkForm tests each figure against what its rubric allows. The checks are
// ours; the limits are the types of the taxonomy.
func checkForm(b *Balance) []Finding {
	var findings []Finding
	for _, c := range b.Values.Cells() {
		r, ok := RubricOf(c.Code)
		if !ok {
			continue
		}
		v := b.Values[c]
		if v.IsNegative() && !r.Signed {
			findings = append(findings, b.newCheckFinding("sign", nil, []Cell{c}, map[string]string{"cell": c.String(), "value": Canonical(v)}))
		}
		if !v.Truncate(int32(r.Decimals)).Equal(v) {
			findings = append(findings, b.newCheckFinding("decimals", nil, []Cell{c},
				map[string]string{"cell": c.String(), "value": Canonical(v), "decimals": fmt.Sprint(r.Decimals)}))
		}
	}
	return findings
}
