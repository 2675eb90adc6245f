package balance

import (
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// jsonReader reads the JSON ("jsonxbrl") of the National Bank's web service. By
// itself it says neither enterprise number nor dates nor model. The service's list
// of filings does, and whoever has both puts what the list says of a filing beside
// its figures, or each as one member of an object: that is read too.
type jsonReader struct {
	*builder
	jsonScanner
	rubrics bool // the list of rubrics was there
}

// readJSON reads a JSON document.
func (d *builder) readJSON(w *window) error {
	j := &jsonReader{builder: d, jsonScanner: jsonScanner{window: w}}
	if j.kind() != '{' {
		return &ReadError{Kind: CauseFormat, What: "this is JSON, but a list" + readableLayouts}
	}
	if err := j.object(j.member); err != nil {
		return err
	}
	if !j.rubrics {
		return &ReadError{Kind: CauseFormat, What: "this is JSON, but has no list of Rubrics" + readableLayouts}
	}
	if j.kind(); j.fill() {
		return j.position().fault("there is text after the end of the JSON")
	}
	if !w.complete() {
		return w.endError()
	}
	return nil
}

// member reads one member of the whole.
func (j *jsonReader) member(key string) error {
	switch key {
	case "Rubrics":
		j.balance.Layout = NBBJSON
		j.rubrics = true
		return j.items(j.rubric)
	case "JointCommittees":
		return j.items(j.jointCommittee)
	case "EnterpriseName":
		name, err := j.simple()
		j.balance.Name = name
		return err
	}
	return j.reference(key)
}

// reference reads a member of what the service's list says of a filing.
func (j *jsonReader) reference(key string) (err error) {
	var text string
	switch strings.ToLower(key) {
	case "exercisedates":
		return j.exerciseDates()
	case "reference", "accountingdata":
		if j.kind() == '{' && j.depth == 1 {
			return j.object(j.member)
		}
		return j.skip()
	case "enterprisenumber", "modeltype", "deposittype", "currency":
		text, err = j.simple()
	default:
		return j.skip()
	}
	switch b := &j.balance; strings.ToLower(key) {
	case "enterprisenumber":
		j.enterprise(text)
	case "modeltype":
		j.model(text)
	case "deposittype":
		b.Correction = b.Correction || strings.EqualFold(text, "correction")
	case "currency":
		b.Currency = clip(text)
	}
	return err
}

// exerciseDates reads the first and the last day of the financial year.
func (j *jsonReader) exerciseDates() error {
	if j.kind() != '{' {
		return j.skip()
	}
	return j.object(func(key string) error {
		text, err := j.simple()
		day, _, _ := strings.Cut(text, "T") // some programs add a time
		switch strings.ToLower(key) {
		case "startdate":
			j.balance.FiscalYear.Start = j.date("fiscal_year_start", day)
		case "enddate":
			j.balance.FiscalYear.End = j.date("fiscal_year_end", day)
		}
		return err
	})
}

// items reads a list item by item; null is an empty one.
func (j *jsonReader) items(item func() error) error {
	switch j.kind() {
	case '[':
		return j.array(item)
	case 'n':
		return j.skip()
	}
	return j.another("a list is expected here")
}

// another is the error for a value of another kind than the layout has.
func (j *jsonReader) another(what string) error {
	if !j.fill() {
		return j.endError()
	}
	return j.position().fault(what)
}

// simple reads a string or a number. Anything else is the empty text.
func (j *jsonReader) simple() (string, error) {
	b := j.kind()
	err := j.skip()
	if b == '"' || b == '-' || b >= '0' && b <= '9' {
		return decodeWestern(j.text), err
	}
	return "", err
}

// rubric reads one item of the list Rubrics.
func (j *jsonReader) rubric() error {
	if j.kind() != '{' {
		return j.another("an object with Code, Value and Period is expected here")
	}
	at := j.position()
	var code, value, period string
	said := ""
	err := j.object(func(key string) error {
		name := strings.ToLower(key)
		var to *string
		switch name {
		case "code":
			to = &code
		case "value":
			to = &value
		case "period":
			to = &period
		default:
			return j.skip()
		}
		if strings.Contains(said, name) {
			j.kind()
			return j.another(clip(key) + " is there twice")
		}
		said += name
		return j.field(key, to, name == "value")
	})
	if err != nil {
		return err
	}
	value = plainNumber(value)
	previous := period == "NM1"
	if code == incomeStatement && (period == "" || period == "N") {
		j.personnelCosts(value)
	}
	rubric, suffixed, ok := j.cell(code)
	switch {
	case !ok:
		return nil
	case period != "" && period != "N" && !previous:
		code := j.data.rubrics[rubric].Code
		j.addFinding("period", []string{code}, args{"line": at.lineNumber(), "code": code, "period": clip(period)})
		return nil
	}
	return j.put(rubric, previous || suffixed, value, at)
}

// field reads the value of a key, which is a string, or a number where that
// may be, into to. null is the empty text.
func (j *jsonReader) field(key string, to *string, numbers bool) error {
	b := j.kind()
	if b != '"' && b != 'n' && !(numbers && (b == '-' || b >= '0' && b <= '9')) {
		return j.another(clip(key) + " is of another kind than the National Bank's JSON has")
	}
	text, err := j.simple()
	*to = strings.TrimSpace(text)
	return err
}

// plainNumber writes a number with an exponent, as some programs write large
// ones in JSON (RFC 8259, 6), without it. All else stays as it is.
func plainNumber(s string) string {
	if !strings.ContainsAny(s, "eE") || len(s) > maxDigits || !number.MatchString(s) {
		return s
	}
	_, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	if n, err := strconv.Atoi(exponent); err != nil || n > maxDigits || n < -maxDigits {
		return s
	}
	v, err := decimal.NewFromString(s)
	if err != nil {
		return s
	}
	return Canonical(v)
}

// jointCommittee reads an item that is a number, a text such as 200 or
// jcc:m200, or an object with a Code.
func (j *jsonReader) jointCommittee() error {
	var text string
	var err error
	j.kind()
	at := j.position()
	if j.head() == '{' {
		err = j.object(func(key string) (err error) {
			if !strings.EqualFold(key, "code") {
				return j.skip()
			}
			text, err = j.simple()
			return err
		})
	} else {
		text, err = j.simple()
	}
	if err != nil {
		return err
	}
	if _, code, coded := strings.Cut(text, ":"); coded {
		text = code
	}
	if text == "" {
		j.addFinding("joint_committee", nil, args{"line": at.lineNumber()})
	}
	j.committee(strings.TrimPrefix(text, "m"))
	return nil
}
