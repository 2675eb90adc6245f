package daemon

import (
	"fmt"
	"strings"

	"balansd/balance"
	"balansd/ledger"
)

// checkHold returns a WaitingError for a balance whose document can be read in more
// than one way, or that has findings if the configuration holds such balances and no
// person has released it. A balance that is in Silverfin already, or may be, is not
// held for its findings.
func (d *delivery) checkHold() error {
	e := d.entry
	if len(e.Doubts) > 0 {
		return inDoubt(e.Doubts)
	}
	n := e.CountFindings()
	if !d.cfg.HoldOnFindings || n == 0 || e.Released || e.State == ledger.Done || e.State == ledger.Sending {
		return nil
	}
	many := "1 finding"
	if n > 1 {
		many = fmt.Sprintf("%d findings", n)
	}
	return &ledger.WaitingError{Reason: ledger.HasFindings, Detail: "the checks of the balance have " + many + ", and such a balance waits for a person"}
}

// inDoubt says why a balance waits that can be read in more than one way. It
// names the rubrics and the years, and leaves their figures to the entry.
func inDoubt(doubts []balance.Doubt) *ledger.WaitingError {
	wait := &ledger.WaitingError{Reason: ledger.TwoAmounts}
	var several, unclear []string
	year := ""
	for _, d := range doubts {
		switch d.Kind {
		case balance.TwoAmounts:
			several = append(several, d.Code)
		case balance.DoubtfulYear:
			wait.Reason, year = ledger.DoubtfulFigures, strings.Join(d.Readings, " or ")
		default:
			wait.Reason, unclear = ledger.DoubtfulFigures, append(unclear, d.Code)
		}
	}
	var why []string
	if year != "" {
		why = append(why, "its financial year can be "+year)
	}
	if len(several) > 0 {
		why = append(why, "it states more than one amount for "+someOf(several))
	}
	if len(unclear) > 0 {
		why = append(why, "it can be read in two ways at "+someOf(unclear))
	}
	wait.Detail = "the document leaves open what to deliver: " + strings.Join(why, "; ")
	return wait
}

// someOf names the first few codes and counts the rest.
func someOf(codes []string) string {
	const most = 5
	if len(codes) <= most {
		return strings.Join(codes, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(codes[:most], ", "), len(codes)-most)
}
