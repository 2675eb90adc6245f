package daemon

import "balansd/problem"

// CheckOutcome says how a check of balansd doctor ended.
type CheckOutcome string

// The outcomes.
const (
	CheckWell    CheckOutcome = "well"
	CheckWarning CheckOutcome = "warning" // it works today, and a person should do something about it
	CheckWrong   CheckOutcome = "wrong"
)

// Check is the result of one check of balansd doctor, for an administrator.
type Check struct {
	Name    string       `json:"name"`
	Well    bool         `json:"well"` // Outcome is CheckWell
	Outcome CheckOutcome `json:"outcome"`
	Text    string       `json:"text"`           // what was found, a sentence without a full stop
	Next    string       `json:"next,omitempty"` // what to do, a sentence
	Code    problem.Code `json:"code,omitempty"` // of the problem, where it is not well
}

// NewCheck returns the result of a check: what was found, or the problem in its way.
func NewCheck(name, text string, err error) Check {
	if err == nil {
		return Check{Name: name, Well: true, Outcome: CheckWell, Text: text}
	}
	p := problem.Of(err)
	return Check{Name: name, Outcome: CheckWrong, Text: p.Error(), Next: p.Next, Code: p.Code}
}

// NewWarning returns the result of a check that found what goes wrong later.
func NewWarning(name, text, next string) Check {
	return Check{Name: name, Outcome: CheckWarning, Text: text, Next: next, Code: problem.NeedsPerson}
}

// Err returns the problem of a check that is not well.
func (c Check) Err() error {
	if c.Outcome == CheckWell {
		return nil
	}
	return problem.New(c.Code, c.Text, c.Next)
}

// Examination is what balansd doctor found, in the order in which things depend on one
// another.
type Examination struct {
	Checks []Check `json:"checks"`
}
