package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// read gets the figures: those kept from an earlier pass, or the document's.
func (j *job) read(ctx context.Context) error {
	if j.entry.ValuesHash != "" {
		v, err := j.cfg.Store.Values(ctx, j.entry.Number)
		if err != nil {
			return err
		}
		if v != nil && v.Hash() == j.entry.ValuesHash {
			j.values = v
			return nil
		}
	}
	service := sourceService(j.entry.Connection)
	if j.outages.over(service) {
		j.skipped = true
		return errLeftAlone
	}
	src, err := j.cfg.Source(j.connections[j.entry.Connection])
	if err != nil {
		return err
	}
	doc, err := src.Content(ctx, j.entry.Listing)
	j.outages.saw(service, isDown(err))
	if errors.Is(err, ledger.ErrClosed) {
		return &ledger.NotYet{Reason: ledger.ConnectionInactive, Detail: "its connection is deactivated in Finbox"}
	}
	if err != nil {
		return err
	}
	return j.take(doc)
}

// take reads a document and completes the entry by what it says.
func (j *job) take(doc []byte) error {
	j.doc = doc // kept whatever comes of it: people want to see what came
	reader := j.cfg.Reader
	if reader == nil {
		reader = balance.NewReader(balance.ReaderOptions{})
	}
	b, err := reader.Read(doc)
	if err != nil {
		return problem.Wrap(err, problem.Unreadable, "the document "+j.entry.ID+" cannot be read",
			j.mend("Ask the payroll bureau for the balance in another format, or for a corrected one."))
	}
	if len(b.Values) == 0 && len(b.Doubts) == 0 {
		return problem.New(problem.NoSocialBalance, "the document "+j.entry.ID+" has no social balance in it",
			j.mend("Ask the payroll bureau for the social balance itself."))
	}
	listed := j.entry.Listing
	switch d := listed.Dossier.EnterpriseNumber; {
	case d == "":
		j.entry.Dossier.EnterpriseNumber = b.EnterpriseNumber
	case b.EnterpriseNumber != "" && b.EnterpriseNumber != d:
		return problem.New(problem.Unreadable, fmt.Sprintf("the document is of enterprise number %s, but it is listed for %s",
			b.EnterpriseNumber.Pretty(), d.Pretty()), "Ask the payroll bureau which of the two is right.")
	}
	switch end := listed.FiscalYear.End; {
	case b.YearInDoubt(): // it waits, and replaces no balance of either year
	case end.IsZero():
		j.entry.FiscalYear = b.FiscalYear
	case !b.FiscalYear.End.IsZero() && b.FiscalYear.End != end:
		return problem.New(problem.Unreadable, fmt.Sprintf("the document is of the financial year that ends %s, but it is listed for %s",
			b.FiscalYear.End, end), "Ask the payroll bureau which of the two is right.")
	}
	if j.entry.FiscalYear.End.IsZero() && !b.YearInDoubt() {
		return problem.New(problem.Unreadable, "neither the source nor the document gives the financial year",
			"Ask the payroll bureau for the balance in another format.")
	}
	if j.entry.Dossier.Name == "" || j.entry.Dossier.Name == j.entry.Dossier.ID && b.Name != "" {
		j.entry.Dossier.Name = b.Name
	}
	if b.Model != "" {
		j.entry.Model = b.Model
	}
	j.entry.Correction = b.Correction
	j.values, j.fresh = b.Values, true
	j.entry.ValuesHash, j.entry.Findings, j.entry.Doubts = b.Values.Hash(), b.Findings, b.Doubts
	return nil
}

// hold keeps a balance back whose document can be read in more than one way, or
// whose checks found something, where the configuration asks for that and no
// person has let it go. What is in Silverfin already, or may be, is not held for
// its findings.
func (j *job) hold() error {
	e := j.entry
	if len(e.Doubts) > 0 {
		return inDoubt(e.Doubts)
	}
	n := e.CountFindings()
	if !j.cfg.HoldOnFindings || n == 0 || e.Released || e.State == ledger.Done || e.State == ledger.Sending {
		return nil
	}
	many := "1 finding"
	if n > 1 {
		many = fmt.Sprintf("%d findings", n)
	}
	return &ledger.NotYet{Reason: ledger.HasFindings, Detail: "the checks of the balance have " + many + ", and such a balance waits for a person"}
}

// inDoubt says why a balance waits that can be read in more than one way. It
// names the rubrics and the years, and leaves their figures to the entry.
func inDoubt(doubts []balance.Doubt) error {
	wait := &ledger.NotYet{Reason: ledger.TwoAmounts}
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

// revised says at the end of a sentence what a balance that was just read
// changed of the one that it replaces.
func (j *job) revised() string {
	switch e := j.entry; {
	case !j.fresh || e.Replaces == 0:
		return ""
	case len(e.Changes) == 0:
		return fmt.Sprintf("; it replaces entry %d, with the same figures", e.Replaces)
	default:
		return fmt.Sprintf("; it replaces entry %d, with %s changed", e.Replaces, figures(len(e.Changes)))
	}
}

// mend says what to do about a document: what to ask the payroll bureau, or
// what to do with the file.
func (j *job) mend(ask string) string {
	if j.connections[j.entry.Connection].Kind == ledger.Folder {
		return "Replace the file, or take it out of the folder if it is no social balance."
	}
	return ask
}
