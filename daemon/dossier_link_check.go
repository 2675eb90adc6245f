package daemon

import (
	"context"
	"fmt"
	"slices"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// Link ties a dossier to a company. Where the two have different valid
// enterprise numbers it is refused with a NumberDiffers problem, unless
// NumberDiffers.Company names the company; the caller checks who may do that. It
// returns the link as it is stored, or would be: its NumberDiffers then has the
// company's name and both numbers, also with an error.
func (d *Daemon) Link(ctx context.Context, r LinkRequest) (ledger.DossierLink, error) {
	l, by := r.DossierLink, r.By
	if err := d.spellAsBefore(ctx, &l); err != nil {
		return l, err
	}
	if err := d.checkNewLink(ctx, &l, by); err != nil {
		return l, err
	}
	d.log().Info().Str("connection", l.Connection).Str("dossier_id", l.DossierID).Int64("company", l.CompanyID).
		Bool("number_differs", l.NumberDiffers.Company != "").Str("by", by).Msg("dossier linked")
	if err := d.config().Store.SaveLink(ctx, l); err != nil {
		return l, err
	}
	if err := d.linksChanged(ctx, l); err != nil {
		return l, err
	}
	return l, d.recordNumberDiffers(ctx, l, by)
}

// spellAsBefore gives a link of a folder the spelling of the one that it replaces:
// names that look the same are one folder's.
func (d *Daemon) spellAsBefore(ctx context.Context, l *ledger.DossierLink) error {
	if !slices.ContainsFunc(d.config().Folders, func(c ledger.Connection) bool { return c.ID == l.Connection }) {
		return nil
	}
	links, err := d.config().Store.Links(ctx)
	for _, old := range links {
		if old.Connection == l.Connection && ledger.FoldName(old.DossierID) == ledger.FoldName(l.DossierID) {
			l.DossierID = old.DossierID
			return nil
		}
	}
	return err
}

// recordNumberDiffers adds an event to the history of each open entry of a link's
// dossier, if an administrator confirmed that the two numbers differ.
func (d *Daemon) recordNumberDiffers(ctx context.Context, l ledger.DossierLink, by string) error {
	word := l.NumberDiffers
	if word.CompanyNumber == "" {
		return nil
	}
	store := d.config().Store
	for e, err := range store.OpenEntries(ctx) {
		if err != nil {
			return err
		}
		if e.Connection != l.Connection || !e.Dossier.IsNamed(l.DossierID) || e.State == ledger.Sending {
			continue
		}
		event := ledger.Event{At: d.config().Now(), By: by, State: e.State, Reason: e.Reason, Act: ledger.ActLink,
			Text: fmt.Sprintf("linked to %s with enterprise number %s, although the dossier has %s; %s said that this is meant",
				word.Company, word.CompanyNumber.Pretty(), word.DossierNumber.Pretty(), name(by))}
		if _, err := store.Move(ctx, ledger.Move{Entry: e, Event: event}); err != nil && !problem.Is(err, problem.Conflict) {
			return err
		}
	}
	return nil
}

// checkNewLink compares the numbers of a link's dossier and company, and completes
// its NumberDiffers. A link of the configuration stays one.
func (d *Daemon) checkNewLink(ctx context.Context, l *ledger.DossierLink, by string) error {
	word := l.NumberDiffers
	l.NumberDiffers = ledger.NumberDiffers{}
	if l.CompanyID == 0 {
		return nil
	}
	company, err := d.config().Destination(l.FirmID).Company(ctx, l.CompanyID)
	if err != nil {
		return err
	}
	dossier, err := d.dossierOf(ctx, *l)
	if err != nil {
		return err
	}
	company.EnterpriseNumber = company.NumberBeside(dossier.EnterpriseNumber)
	if agree(dossier.EnterpriseNumber, company.EnterpriseNumber) {
		return nil
	}
	l.NumberDiffers = ledger.NumberDiffers{Company: company.Name, DossierNumber: dossier.EnterpriseNumber,
		CompanyNumber: company.EnterpriseNumber, By: by, At: d.config().Now()}
	if !word.Names(company.Name) {
		what := numbersDiffer(dossier, company)
		if word.Company != "" {
			what += fmt.Sprintf("; the name that was typed, %q, is not the company's", word.Company)
		}
		return problem.New(problem.NumberDiffers, what, "Compare the two. If it is meant, an administrator says so by typing the company's name.")
	}
	stored, err := d.config().Store.Links(ctx)
	if err != nil {
		return err
	}
	l.Configured = slices.ContainsFunc(stored, func(s ledger.DossierLink) bool {
		return s.Configured && sameTarget(s, *l)
	})
	return nil
}

// dossierOf finds what is known of a link's dossier, newest entry first.
func (d *Daemon) dossierOf(ctx context.Context, l ledger.DossierLink) (ledger.Dossier, error) {
	for e, err := range d.config().Store.Entries(ctx, ledger.Query{Connection: l.Connection}) {
		if err != nil {
			return ledger.Dossier{}, err
		}
		if e.Dossier.EnterpriseNumber != "" && e.Dossier.IsNamed(l.DossierID) {
			return e.Dossier, nil
		}
	}
	return ledger.Dossier{ID: l.DossierID, EnterpriseNumber: l.EnterpriseNumber}, nil
}

// agree reports whether two enterprise numbers, each valid or unknown, may belong
// to one client.
func agree(a, b balance.EnterpriseNumber) bool { return a == "" || b == "" || a == b }

// numbersDiffer names both sides.
func numbersDiffer(d ledger.Dossier, c ledger.Company) string {
	return fmt.Sprintf("dossier %s has enterprise number %s, and company %s in Silverfin has %s",
		dossierName(ledger.Listing{Dossier: d}), d.EnterpriseNumber.Pretty(), c.Name, c.EnterpriseNumber.Pretty())
}

// sameTarget reports whether two links tie one dossier to one company.
func sameTarget(a, b ledger.DossierLink) bool {
	return a.Connection == b.Connection && a.DossierID == b.DossierID && a.FirmID == b.FirmID && a.CompanyID == b.CompanyID
}

// checkLink compares the numbers of a link's dossier and company. NumberDiffers of the
// configuration has no numbers: those of the first run that uses the link are saved
// with it, so that a later change of the company's number is noticed.
func (r *run) checkLink(ctx context.Context, l ledger.DossierLink, d ledger.Dossier, number balance.EnterpriseNumber, in inFirm) error {
	in.company.EnterpriseNumber = in.company.NumberBeside(number)
	company := in.company.EnterpriseNumber
	if agree(number, company) || l.NumberDiffers.Covers(number, company) {
		return nil
	}
	if l.NumberDiffers.CompanyNumber == "" && l.NumberDiffers.Names(in.company.Name) {
		l.NumberDiffers.DossierNumber, l.NumberDiffers.CompanyNumber, l.NumberDiffers.At = number, company, r.cfg.Now()
		return r.cfg.Store.SaveLink(ctx, l)
	}
	d.EnterpriseNumber = number
	return &ledger.WaitingError{Reason: ledger.NumbersDiffer, Detail: numbersDiffer(d, in.company)}
}

// withStoredNumbers returns the links of the configuration with the NumberDiffers of
// the stored links to the same target.
func withStoredNumbers(configured, stored []ledger.DossierLink) []ledger.DossierLink {
	configured = slices.Clone(configured)
	for i, l := range configured {
		for _, s := range stored {
			if s.Configured && sameTarget(s, l) && s.NumberDiffers.CompanyNumber != "" &&
				(l.NumberDiffers.Company == "" && s.NumberDiffers.By != "" || l.NumberDiffers.Names(s.NumberDiffers.Company)) {
				configured[i].NumberDiffers = s.NumberDiffers
			}
		}
	}
	return configured
}
