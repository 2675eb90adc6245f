package balance

import "strings"

// filedRules starts the names of the rules of CheckFiled.
const filedRules = "filed_"

// FiledFigures returns what of a filed balance CheckFiled compares: the figures of its year
// that have a cell of the previous year.
func FiledFigures(b *Balance) Values {
	v := Values{}
	for c, amount := range b.Values {
		if r, ok := RubricOf(c.Code); ok && !c.Previous && r.HasPrevious() {
			v[c] = amount
		}
	}
	return v
}

// CheckFiled compares the previous-year column of a balance with the figures that were filed
// for that year. The checks are ours.
//
// A balance without a figure in that column, as a payroll bureau's first one, is not
// compared. Else an empty cell counts as zero; one of the full model alone is compared where
// both state it, as the year before may have been filed in another model. An amount that one
// side has in whole euros is no difference.
func CheckFiled(v, filed Values) (findings []Finding) {
	b := &Balance{Values: v}
	if !b.statesPrevious() {
		return nil
	}
	for _, r := range Rubrics() {
		c, then := Cell{r.Code, true}, Cell{Code: r.Code}
		amount, stated := v[c]
		was, has := filed[then]
		alike := Change{Cell: then, Before: Canonical(was), After: Canonical(amount)}.ByRounding()
		if !r.HasPrevious() || alike || r.FullOnly && !(stated && has) {
			continue
		}
		args := map[string]string{"cell": c.String()}
		setFigure(args, "value", amount, stated)
		setFigure(args, "filed", was, has)
		rule := filedRules + "figure"
		if r.Unit == Money {
			rule = filedRules + "amount"
		}
		findings = append(findings, b.newCheckFinding(rule, nil, []Cell{c}, args))
	}
	return findings
}

// OfFiled reports whether the finding is one of CheckFiled.
func (f Finding) OfFiled() bool { return strings.HasPrefix(f.Rule, filedRules) }

// statesPrevious reports whether the balance has a figure of the previous year.
func (b *Balance) statesPrevious() bool {
	for c := range b.Values {
		if c.Previous {
			return true
		}
	}
	return false
}
