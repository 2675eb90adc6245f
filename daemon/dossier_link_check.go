package daemon

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// linkCheck is a link that a person wants to set, with both sides as they are now.
type linkCheck struct {
	link    ledger.DossierLink // as it would be stored
	before  ledger.DossierLink // that it replaces; zero for none
	dossier ledger.Dossier
	company ledger.Company // zero for a link that names none
}

// seen identifies what a person is shown of both sides, so that a page that is no
// longer true sets no link.
func (c linkCheck) seen() string {
	text, _ := json.Marshal([]any{c.before, c.dossier.EnterpriseNumber, c.link.FirmID, c.company.ID, c.company.Name,
		c.company.EnterpriseNumber, c.company.Several})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// checkLinkRequest checks a link that a person wants to set. Where the two have
// different valid enterprise numbers it is a NumberDiffers problem, unless
// NumberDiffers.Company names the company.
func (d *Daemon) checkLinkRequest(ctx context.Context, r LinkRequest) (linkCheck, error) {
	c := linkCheck{link: r.DossierLink}
	if err := d.checkLinkForm(ctx, c.link); err != nil {
		return c, err
	}
	stored, err := d.config().Store.Links(ctx)
	if err != nil {
		return c, err
	}
	c.before = d.storedLink(ctx, stored, &c.link)
	if c.dossier, err = d.dossierOf(ctx, c.link); err != nil {
		return c, err
	}
	return c, d.checkSides(ctx, &c, r)
}

// checkSides compares the two sides of a link, and completes it.
func (d *Daemon) checkSides(ctx context.Context, c *linkCheck, r LinkRequest) (err error) {
	l := &c.link
	if l.CompanyID != 0 && c.company.ID == 0 {
		if c.company, err = d.config().Destination(l.FirmID).Company(ctx, l.CompanyID); err != nil {
			return err
		}
	}
	if r.Seen != "" && r.Seen != c.seen() {
		return problem.New(problem.Conflict, "the link of dossier "+dossierName(ledger.Listing{Dossier: c.dossier})+", or one of its two sides, was changed since it was looked at",
			"Look at both sides again, and link them then.")
	}
	word := l.NumberDiffers
	l.NumberDiffers, l.Configured, l.SetBy, l.SetAt = ledger.NumberDiffers{}, false, r.By, d.config().Now()
	numbersProblem := d.checkNumbers(ctx, c, word, r.By)
	if c.before.Configured {
		l.Configured, l.SetBy, l.SetAt = true, c.before.SetBy, c.before.SetAt
		if same := *l; numbersProblem == nil {
			same.NumberDiffers = c.before.NumberDiffers
			if !same.Same(c.before) {
				return configuredLink(c.before)
			}
		}
	}
	return numbersProblem
}

// checkNumbers refuses different numbers without the company's name, and a company
// without a number where another one has the dossier's.
func (d *Daemon) checkNumbers(ctx context.Context, c *linkCheck, word ledger.NumberDiffers, by string) error {
	if c.link.CompanyID == 0 {
		return nil
	}
	c.company.EnterpriseNumber = c.company.NumberBeside(c.dossier.EnterpriseNumber)
	var others []inFirm
	if c.company.EnterpriseNumber == "" && c.dossier.EnterpriseNumber != "" {
		r, err := d.previewRun(ctx)
		if err != nil {
			return err
		}
		ix, err := d.uploadCompanies(ctx, r)
		if err != nil {
			return err
		}
		others = ix.byNumber[c.dossier.EnterpriseNumber]
	}
	if mayBeOne(c.dossier.EnterpriseNumber, c.company.EnterpriseNumber, others) {
		return nil
	}
	c.link.NumberDiffers = ledger.NumberDiffers{Company: c.company.Name, DossierNumber: c.dossier.EnterpriseNumber,
		CompanyNumber: c.company.EnterpriseNumber, By: by, At: d.config().Now()}
	if word.Names(c.company.Name) {
		return nil
	}
	if old := c.before.NumberDiffers; word.Company == "" && sameTarget(c.before, c.link) && old.Covers(c.dossier.EnterpriseNumber, c.company.EnterpriseNumber) {
		c.link.NumberDiffers = old // said before, of the same two numbers
		return nil
	}
	what := numbersDiffer(c.dossier, c.company, others)
	if word.Company != "" {
		what += fmt.Sprintf("; the name that was typed, %q, is not the company's", word.Company)
	}
	return problem.New(problem.NumberDiffers, what, "Compare the two. If it is meant, an administrator says so by typing the company's name.")
}

// checkLinkForm refuses a link that cannot be meant, whatever the two sides are.
func (d *Daemon) checkLinkForm(ctx context.Context, l ledger.DossierLink) error {
	switch {
	case l.Connection == "" || l.DossierID == "":
		return problem.New(problem.Usage, "a link names a connection and a dossier", "Name both.")
	case l.FirmID < 0 || l.CompanyID < 0 || l.FirmID == 0 && l.CompanyID != 0:
		return problem.New(problem.Usage, "a link names a company without its firm", "Take both from Silverfin's address bar.")
	case utf8.RuneCountInString(l.Note) > ledger.MaxNote:
		return problem.New(problem.Usage, fmt.Sprintf("the note has more than %d characters", ledger.MaxNote), "Shorten it.")
	}
	if l.Connection != ledger.UploadsID { // which is made with the first upload
		if _, err := d.requireConnection(ctx, l.Connection); err != nil {
			return err
		}
	}
	return d.requireFirm(ctx, l.FirmID)
}

// storedLink returns the link that l replaces, zero for none, and gives l its
// spelling: names in a folder that look the same are one.
func (d *Daemon) storedLink(ctx context.Context, stored []ledger.DossierLink, l *ledger.DossierLink) ledger.DossierLink {
	c, err := d.requireConnection(ctx, l.Connection)
	folder := err == nil && c.Kind == ledger.Folder
	for _, old := range stored {
		if old.Connection == l.Connection && (old.DossierID == l.DossierID || folder && ledger.FoldName(old.DossierID) == ledger.FoldName(l.DossierID)) {
			l.DossierID = old.DossierID
			return old
		}
	}
	return ledger.DossierLink{}
}

// configuredLink says that a link can be changed in the configuration alone.
func configuredLink(l ledger.DossierLink) error {
	return problem.New(problem.NotAllowed, fmt.Sprintf("the link of dossier %s of %s is in the configuration, and can only be changed there", l.DossierID, l.Connection),
		"Change it under dossiers in balansd.yaml, and have it read again: balansd config reload.")
}

// dossierOf finds what is known of a link's dossier, newest entry first.
func (d *Daemon) dossierOf(ctx context.Context, l ledger.DossierLink) (ledger.Dossier, error) {
	found := ledger.Dossier{ID: l.DossierID, EnterpriseNumber: l.EnterpriseNumber}
	for e, err := range d.config().Store.Entries(ctx, ledger.Query{Connection: l.Connection}) {
		if err != nil {
			return found, err
		}
		if !e.Dossier.IsNamed(l.DossierID) {
			continue
		}
		found.Name, found.AffiliationNumber = cmp.Or(found.Name, e.Dossier.Name), cmp.Or(found.AffiliationNumber, e.Dossier.AffiliationNumber)
		if e.Dossier.EnterpriseNumber != "" {
			return e.Dossier, nil
		}
	}
	return found, nil
}

// agree reports whether two enterprise numbers, each valid or unknown, may belong
// to one client.
func agree(a, b balance.EnterpriseNumber) bool { return a == "" || b == "" || a == b }

// mayBeOne reports whether a dossier may go into a company: their numbers agree, and a
// company without one is not taken for one of others, which have the dossier's.
func mayBeOne(dossier, company balance.EnterpriseNumber, others []inFirm) bool {
	return agree(dossier, company) && (company != "" || len(others) == 0)
}

// numbersDiffer names both sides, and the company that has the dossier's number where
// the one that is linked has none.
func numbersDiffer(d ledger.Dossier, c ledger.Company, others []inFirm) string {
	if c.EnterpriseNumber == "" && len(others) > 0 {
		return fmt.Sprintf("dossier %s has enterprise number %s, as company %s in Silverfin, and company %s has none",
			dossierName(ledger.Listing{Dossier: d}), d.EnterpriseNumber.Pretty(), others[0].company.Name, c.Name)
	}
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
func (r *run) checkLink(ctx context.Context, l ledger.DossierLink, d ledger.Dossier, number balance.EnterpriseNumber, in inFirm, others []inFirm) error {
	in.company.EnterpriseNumber = in.company.NumberBeside(number)
	company := in.company.EnterpriseNumber
	if mayBeOne(number, company, others) || l.NumberDiffers.Covers(number, company) {
		return nil
	}
	if !l.NumberDiffers.Confirmed() && l.NumberDiffers.Names(in.company.Name) {
		l.NumberDiffers.DossierNumber, l.NumberDiffers.CompanyNumber, l.NumberDiffers.At = number, company, r.cfg.Now()
		return r.cfg.Store.SaveLink(ctx, l)
	}
	d.EnterpriseNumber = number
	return &ledger.WaitingError{Reason: ledger.NumbersDiffer, Detail: numbersDiffer(d, in.company, others)}
}

// withStoredNumbers returns the links of the configuration with the NumberDiffers of
// the stored links to the same target.
func withStoredNumbers(configured, stored []ledger.DossierLink) []ledger.DossierLink {
	configured = slices.Clone(configured)
	for i, l := range configured {
		for _, s := range stored {
			if s.Configured && sameTarget(s, l) && s.NumberDiffers.Confirmed() &&
				(l.NumberDiffers.Company == "" && s.NumberDiffers.By != "" || l.NumberDiffers.Names(s.NumberDiffers.Company)) {
				configured[i].NumberDiffers = s.NumberDiffers
			}
		}
	}
	return configured
}
