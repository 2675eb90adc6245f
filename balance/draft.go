package balance

import (
	"fmt"
	"strings"
)

// maxFindings bounds what a reader reports about one document, so that a
// hostile one cannot make the report larger than itself.
const maxFindings = 200

// draft is a Balance in the making. Each reader fills it and leaves to it what
// all layouts have in common: which cells exist, what a figure is, and what to
// do about the same cell twice.
type draft struct {
	balance Balance
	more    int // findings beyond maxFindings
	data    *dictionary
}

func newDraft() *draft {
	return &draft{balance: Balance{Values: Values{}}, data: loaded()}
}

// done gives the Balance with its findings.
func (d *draft) done() *Balance {
	b := &d.balance
	if d.more > 0 {
		b.Findings = append(b.Findings, Finding{
			Rule: "more", Codes: []string{}, Message: fmt.Sprintf("%d more findings of this kind are left out", d.more),
		})
	}
	if f := b.FiscalYear; !f.Start.IsZero() && !f.End.IsZero() && f.End.Before(f.Start) {
		d.find("fiscal_year", nil, "The financial year ends on %s, before it starts on %s", f.End, f.Start)
	}
	b.Findings = append(b.Findings, Check(b)...)
	return b
}

// find adds a finding.
func (d *draft) find(rule string, codes []string, format string, args ...any) {
	if len(d.balance.Findings) >= maxFindings {
		d.more++
		return
	}
	if codes == nil {
		codes = []string{}
	}
	d.balance.Findings = append(d.balance.Findings, Finding{Rule: rule, Codes: codes, Message: fmt.Sprintf(format, args...)})
}

// fail makes the error for a document that cannot be read.
func (d *draft) fail(at place, format string, args ...any) error {
	return &ReadError{Layout: d.balance.Layout, Line: at.line, Column: at.column, What: fmt.Sprintf(format, args...)}
}

// cell finds the cell that a code of a flat list (CSV, JSON) names: 1003, or
// 1003P for the previous year. Codes of the annual accounts are not found.
func (d *draft) cell(code string) (rubric int, previous, ok bool) {
	if i, ok := d.data.byCode[code]; ok {
		return i, false, true
	}
	base, previous := strings.CutSuffix(code, "P")
	i, ok := d.data.byCode[base]
	return i, previous, ok && previous
}

// put states the value of a cell. An empty value leaves the cell empty. A
// value that is no figure makes the document unreadable.
func (d *draft) put(rubric int, previous bool, value string, at place) error {
	r := &d.data.rubrics[rubric]
	c := Cell{r.Code, previous}
	if value == "" {
		return nil
	}
	v, err := ParseDecimal(value)
	if err != nil {
		return d.fail(at, "the value of rubric %s is not a number", c)
	}
	if previous && !r.HasPrevious() {
		d.find("no_such_cell", []string{r.Code},
			"Line %d: rubric %s has no previous-year cell; the value %s is left out", at.line, r.Code, Canonical(v))
		return nil
	}
	if old, ok := d.balance.Values[c]; ok {
		if !old.Equal(v) {
			d.find("twice", []string{c.String()},
				"Line %d: %s is stated again as %s; the first value, %s, is kept", at.line, c, Canonical(v), Canonical(old))
		}
		return nil
	}
	d.balance.Values[c] = v
	return nil
}

// enterprise states the enterprise number. A wrong one is a finding and leaves
// the balance without a number, so that it can still be shown, but matches
// nothing.
func (d *draft) enterprise(text string) {
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	n, err := ParseEnterpriseNumber(text)
	switch {
	case err != nil:
		d.find("enterprise_number", nil, "The enterprise number of the document is not used: %v", err)
	case d.balance.EnterpriseNumber == "":
		d.balance.EnterpriseNumber = n
	case d.balance.EnterpriseNumber != n:
		d.find("enterprise_number", nil, "The document names two enterprises, %s and %s; the first is used",
			d.balance.EnterpriseNumber.Pretty(), n.Pretty())
	}
}

// date reads a date about the document; what names it.
func (d *draft) date(what, text string) Date {
	text = strings.TrimSpace(text)
	if text == "" {
		return Date{}
	}
	date, err := ParseDate(text)
	if err != nil {
		d.find("fiscal_year", nil, "The %s of the financial year is not used: %v", what, err)
	}
	return date
}

// committee adds the number of a joint committee, once.
func (d *draft) committee(text string) {
	// 149.01 is written 14901 in filings; both are the same committee.
	n := strings.ReplaceAll(strings.TrimSpace(text), ".", "")
	if n == "" || len(n) > 20 {
		return
	}
	for _, have := range d.balance.JointCommittees {
		if have == n {
			return
		}
	}
	d.balance.JointCommittees = append(d.balance.JointCommittees, n)
}

// model sets the model by its CBSO code, such as m02 or m02-f.
func (d *draft) model(code string) {
	if code = strings.TrimSpace(code); code == "" {
		return
	}
	base, _, _ := strings.Cut(code, "-")
	switch base {
	case "m02", "m82", "m05":
		d.balance.Model = Full
	case "m01", "m81", "m04":
		d.balance.Model = Abbreviated
	case "m07", "m87", "m08":
		d.balance.Model = Micro
	default:
		d.find("model", nil, "The model %q is none of the nine that can have a social balance", clip(code))
	}
}
