package portal

import (
	"cmp"
	"html/template"
	"slices"
	"strings"

	"balansd/balance"
)

// balanceFunctions are the template functions for social balances, in a language:
//
//	label CELL           the rubric, with "previous year" where it is of that
//	figure CELL TEXT     a figure formatted as on the form; any other text unchanged
//	finding F            the text of a finding
//	change C             before, after and the difference, in a list of three
//	enterprise NUMBER    formatted with dots
func balanceFunctions(l balance.Lang) template.FuncMap {
	return template.FuncMap{
		"label": func(c balance.Cell) string {
			if _, ok := balance.RubricOf(c.Code); !ok {
				return c.String()
			}
			return c.Label(l)
		},
		"typed":   func(c balance.Cell, text string) string { return typedText(l, c, text) },
		"figure":  func(c balance.Cell, text string) string { return figureText(l, c, text) },
		"finding": func(f balance.Finding) string { return f.In(l) },
		"change": func(c balance.Change) []string {
			before, after, by := c.Texts(l)
			return []string{before, after, by}
		},
		"enterprise": func(n balance.EnterpriseNumber) string { return n.Pretty() },
	}
}

// figureText formats a figure as the form does. A text that is not a number, such as
// what a person typed in Silverfin, is unchanged.
func figureText(l balance.Lang, c balance.Cell, text string) string {
	d, err := balance.ParseDecimal(strings.TrimSpace(text))
	if err != nil {
		return text
	}
	decimals := 0
	if r, ok := balance.RubricOf(c.Code); ok && (r.Unit == balance.Money || !d.IsInteger()) {
		decimals = r.Decimals
	}
	return l.Figure(d, decimals)
}

// typedText formats a figure that stands in a template of Silverfin. One that can be read in
// two ways, such as 1.234, is unchanged: the template decides what it means.
func typedText(l balance.Lang, c balance.Cell, text string) string {
	if len(balance.Readings(text)) > 1 {
		return text
	}
	return figureText(l, c, text)
}

// valueSection is a section of the form with its figures.
type valueSection struct {
	Label string
	Rows  []valueRow
	Jumps int // how many of its figures jumped
}

// HasFindings reports whether a finding is about one of its figures.
func (s valueSection) HasFindings() bool {
	return slices.ContainsFunc(s.Rows, func(r valueRow) bool { return r.Findings })
}

// valueRow is a rubric with the figures of this year and of the previous one.
type valueRow struct {
	Code, Label       string
	Current, Previous string
	Findings          bool   // a finding is about it
	Jump              string // by how much it changed; empty unless that is much
}

// sections groups figures by section, in the order of the form. before has the figures of
// the balance of the year before; nil for none. It is used where the document itself does
// not state the figure of the previous year.
func sections(l balance.Lang, values, before map[string]string, findings []balance.Finding) (out []valueSection) {
	about := map[string]bool{}
	for _, f := range findings {
		if f.IsRemark() {
			continue // it is about how the document was read
		}
		for _, c := range f.Codes {
			about[c] = true
		}
	}
	for _, r := range balance.Rubrics() {
		c, p := balance.Cell{Code: r.Code}, balance.Cell{Code: r.Code, Previous: true}
		current, has := values[c.String()]
		previous, had := values[p.String()]
		if !had {
			previous, had = before[c.String()], before[c.String()] != ""
		}
		if !has && !had {
			continue
		}
		if label := r.SectionLabel(l); len(out) == 0 || out[len(out)-1].Label != label {
			out = append(out, valueSection{Label: label})
		}
		s := &out[len(out)-1]
		row := valueRow{Code: r.Code, Label: r.Label(l), Current: figureText(l, c, current),
			Previous: figureText(l, p, previous), Findings: about[c.String()] || about[p.String()]}
		if before != nil { // what is missing is nothing
			previous, current = cmp.Or(previous, "0"), cmp.Or(current, "0")
		}
		if row.Jump = jumpOf(l, r.Unit, previous, current); row.Jump != "" {
			s.Jumps++
		}
		s.Rows = append(s.Rows, row)
	}
	return out
}
