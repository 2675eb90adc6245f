package daemon

import (
	"context"
	"errors"
	"fmt"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// read gets the figures, and compares them with what was filed for the year before.
func (d *delivery) read(ctx context.Context) error {
	if err := d.readFigures(ctx); err != nil {
		return err
	}
	return d.checkFiled(ctx)
}

// readFigures gets the figures: those kept from an earlier run, or the document's.
func (d *delivery) readFigures(ctx context.Context) error {
	if d.entry.ValuesHash != "" {
		v, err := d.cfg.Store.Values(ctx, d.entry.Number)
		if err != nil {
			return err
		}
		if v != nil && v.Hash() == d.entry.ValuesHash {
			d.values = v
			return nil
		}
	}
	if !d.kind().HasSource() {
		return d.readStored(ctx)
	}
	service := sourceService(d.entry.Connection)
	if d.outages.isDown(service) {
		d.skipped = true
		return errLeftAlone
	}
	src, err := d.cfg.Source(d.connection(d.entry.Connection))
	if err != nil {
		return err
	}
	doc, err := src.Content(ctx, d.entry.Listing)
	d.outages.observe(service, isDown(err))
	if errors.Is(err, ledger.ErrDeactivated) {
		return &ledger.WaitingError{Reason: ledger.ConnectionInactive, Detail: "its connection is deactivated in Finbox"}
	}
	if err != nil {
		return err
	}
	return d.readDocument(ctx, doc)
}

// readStored reads a document that is in the state alone.
func (d *delivery) readStored(ctx context.Context) error {
	doc, err := d.cfg.Store.Document(ctx, d.entry.Number)
	if err != nil {
		return err
	}
	if doc == nil {
		return problem.New(problem.NotFound, "the document "+d.entry.ID+" is older than the configuration keeps documents",
			"Upload it again.")
	}
	if err := d.readDocument(ctx, doc); err != nil {
		return err
	}
	d.doc = nil // it is kept already
	return nil
}

// parse reads a document, and settles what it leaves open by what people said of it.
func (d *delivery) parse(ctx context.Context, doc []byte) (*balance.Balance, error) {
	b, err := d.cfg.readAccepted(ctx, doc, d.entry.Accepted)
	if wrong := (*balance.ReadError)(nil); errors.As(err, &wrong) {
		return nil, problem.Wrap(err, problem.Unreadable, "the document "+d.entry.ID+" cannot be read",
			d.remedy("Ask the payroll bureau for the balance in another format, or for a corrected one."))
	}
	return b, err // with any other error nothing is known of the document
}

// readDocument parses a document and completes the entry with what it says.
func (d *delivery) readDocument(ctx context.Context, doc []byte) error {
	d.doc = doc // kept even if it cannot be read, for people to see
	b, err := d.parse(ctx, doc)
	if err != nil {
		return err
	}
	if len(b.Values) == 0 && len(b.Doubts) == 0 {
		return problem.New(problem.NoSocialBalance, "the document "+d.entry.ID+" has no social balance in it",
			d.remedy("Ask the payroll bureau for the social balance itself."))
	}
	listed := d.entry.Listing
	switch listedNumber := listed.Dossier.EnterpriseNumber; {
	case listedNumber == "":
		d.entry.Dossier.EnterpriseNumber = b.EnterpriseNumber
	case b.EnterpriseNumber != "" && b.EnterpriseNumber != listedNumber:
		return problem.New(problem.Unreadable, fmt.Sprintf("the document is of enterprise number %s, but it is listed for %s",
			b.EnterpriseNumber.Pretty(), listedNumber.Pretty()), "Ask the payroll bureau which of the two is right.")
	}
	if err := d.takeYear(b); err != nil {
		return err
	}
	if d.entry.Dossier.Name == "" || d.entry.Dossier.Name == d.entry.Dossier.ID && b.Name != "" {
		d.entry.Dossier.Name = b.Name
	}
	if b.Model != "" {
		d.entry.Model = b.Model
	}
	d.entry.Correction, d.entry.Rounded = b.Correction, b.Rounded || len(d.entry.Parts) > 0 && d.entry.Rounded
	d.values, d.fresh = b.Values, true
	d.entry.ValuesHash, d.entry.Findings, d.entry.Doubts = b.Values.Hash(), b.Findings, b.Doubts
	return nil
}

// takeYear completes the entry with the financial year of its document.
func (d *delivery) takeYear(b *balance.Balance) error {
	switch end := d.entry.FiscalYear.End; {
	case b.YearInDoubt(): // it waits, and replaces no balance of either year
	case end.IsZero():
		d.entry.FiscalYear = b.FiscalYear
	case !b.FiscalYear.End.IsZero() && b.FiscalYear.End != end:
		return problem.New(problem.Unreadable, fmt.Sprintf("the document is of the financial year that ends %s, but it is listed for %s",
			b.FiscalYear.End, end), "Ask the payroll bureau which of the two is right.")
	}
	if d.entry.FiscalYear.End.IsZero() && !b.YearInDoubt() {
		return problem.New(problem.Unreadable, "neither the source nor the document gives the financial year",
			"Ask the payroll bureau for the balance in another format.")
	}
	return nil
}

// remedy says what to do about a document: what to ask the payroll bureau, or
// what to do with the file.
func (d *delivery) remedy(ask string) string {
	switch d.kind() {
	case ledger.Folder:
		return "Replace the file. If it is no social balance, give it a name that does not say so, or take it out of the folder."
	case ledger.Upload:
		return "Dismiss it, and upload the social balance in another format."
	default:
		return ask
	}
}
