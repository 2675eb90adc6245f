package balance

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// maxFindings bounds what a reader reports about one document, so that a
// hostile one cannot make the report larger than itself.
const maxFindings = 200

// args are what a finding's sentence has in braces.
type args = map[string]string

// builder is a Balance in the making. Each reader fills it and leaves to it what
// all layouts have in common: which cells exist, what a figure is, and what to
// do about the same cell twice.
type builder struct {
	balance Balance
	stated  map[Cell]*statement
	more    int // findings beyond maxFindings
	data    *dictionary
	table   *Members
	// chosenYear is the one that a person chose of the readings of the year.
	chosenYear Period
}

func newBuilder(members *Members) *builder {
	return &builder{balance: Balance{Values: Values{}}, stated: map[Cell]*statement{}, data: loaded(), table: members}
}

// done returns the Balance with its findings.
func (d *builder) done() *Balance {
	b := &d.balance
	d.finishStatements()
	if f := b.FiscalYear; !f.Start.IsZero() && !f.End.IsZero() && f.End.Before(f.Start) {
		d.addFinding("fiscal_year_reversed", nil, args{"start": f.Start.String(), "end": f.End.String()})
	}
	if b.Currency != "" && b.Currency != "EUR" && len(b.Values) > 0 {
		d.addFinding("currency", nil, args{"currency": b.Currency})
	}
	if len(b.Inferred) > 0 {
		slices.SortFunc(b.Inferred, CompareCells)
		d.addFinding("inferred", codesOf(b.Inferred...), args{"count": strconv.Itoa(len(b.Inferred))})
	}
	if d.more > 0 {
		b.Findings = append(b.Findings, newFinding("more", nil, args{"count": strconv.Itoa(d.more)}))
	}
	b.Findings = append(b.Findings, Check(b)...)
	return b
}

// addFinding adds a finding, or counts it where there are very many.
func (d *builder) addFinding(rule string, codes []string, words args) *Finding {
	f := newFinding(rule, codes, words)
	if len(d.balance.Findings) >= maxFindings {
		d.more++
		return &f
	}
	d.balance.Findings = append(d.balance.Findings, f)
	return &d.balance.Findings[len(d.balance.Findings)-1]
}

// codesOf writes cells as findings name them.
func codesOf(cells ...Cell) []string {
	codes := make([]string, len(cells))
	for i, c := range cells {
		codes[i] = c.String()
	}
	return codes
}

// lineNumber returns the line as the sentence of a finding names it.
func (p position) lineNumber() string { return strconv.Itoa(p.line) }

// cell finds the cell that a code of a flat list (CSV, JSON) names: 1003, or
// 1003P for the previous year. Codes of the annual accounts are not found.
func (d *builder) cell(code string) (rubric int, previous, ok bool) {
	if i, ok := d.data.byCode[code]; ok {
		return i, false, true
	}
	base, previous := strings.CutSuffix(strings.ToUpper(code), "P")
	i, ok := d.data.byCode[base]
	return i, previous, ok && previous
}

// put states the value of a cell. An empty value leaves the cell empty. A
// value that is no figure makes the document unreadable.
//
// more, where it is given, completes what is stated.
func (d *builder) put(rubric int, previous bool, value string, at position, more ...func(*statement)) error {
	r := &d.data.rubrics[rubric]
	c := Cell{r.Code, previous}
	if value == "" {
		return nil
	}
	v, err := ParseDecimal(value)
	if err != nil {
		return at.faultOf(CauseNumber, "the value of rubric "+c.String()+" is not a number")
	}
	if previous && !r.HasPrevious() {
		d.addFinding("no_such_cell", []string{r.Code}, args{"line": at.lineNumber(), "code": r.Code, "value": Canonical(v)})
		return nil
	}
	s := statement{value: v}
	for _, m := range more {
		m(&s)
	}
	d.addStatement(c, s, at)
	return nil
}

// personnelCosts takes rubric 62 of the income statement, once. It is no figure
// of the social balance, so that one that cannot be read is left out.
func (d *builder) personnelCosts(value string) {
	if v, err := ParseDecimal(value); err == nil && d.balance.PersonnelCosts == nil {
		d.balance.PersonnelCosts = &v
	}
}

// enterprise states the enterprise number. A wrong one is a finding and leaves
// the balance without a number, so that it can still be shown, but matches
// nothing.
func (d *builder) enterprise(text string) {
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	n, err := ParseEnterpriseNumber(text)
	switch {
	case exponent.MatchString(text):
		d.addFinding("enterprise_number_damaged", nil, args{"number": clip(text)})
	case errors.Is(err, ErrEnterpriseNumberCheck):
		d.addFinding("enterprise_number_check", nil, args{"number": clip(text)})
	case err != nil:
		d.addFinding("enterprise_number_form", nil, args{"number": clip(text)})
	case d.balance.EnterpriseNumber == "":
		d.balance.EnterpriseNumber = n
	case d.balance.EnterpriseNumber != n:
		d.addFinding("two_enterprises", nil, args{"first": d.balance.EnterpriseNumber.Pretty(), "second": n.Pretty()})
	}
}

// date reads a date about the document; rule is the finding for a wrong one.
func (d *builder) date(rule, text string) Date {
	text = strings.TrimSpace(text)
	if text == "" {
		return Date{}
	}
	date, err := ParseDate(text)
	if err != nil {
		d.addFinding(rule, nil, args{"text": clip(text)})
	}
	return date
}

// committee adds the number of a joint committee, once.
func (d *builder) committee(text string) {
	// 149.01 is written 14901 in filings; both are the same committee.
	n := strings.ReplaceAll(strings.TrimSpace(text), ".", "")
	if len(n) <= 20 {
		d.committeeText(n)
	}
}

// committeeText adds a joint committee as the document calls it, once.
func (d *builder) committeeText(text string) {
	const most = 500 // there are some 170
	text = clip(strings.TrimSpace(text))
	if text == "" || len(d.balance.JointCommittees) == most || slices.Contains(d.balance.JointCommittees, text) {
		return
	}
	d.balance.JointCommittees = append(d.balance.JointCommittees, text)
}

// model sets the model by its CBSO code, such as m02 or m02-f.
func (d *builder) model(code string) {
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
		d.addFinding("model", nil, args{"model": clip(code)})
	}
}
