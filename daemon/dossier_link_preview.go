package daemon

import (
	"context"
	"errors"
	"slices"

	"balansd/ledger"
	"balansd/problem"
)

// LinkPreview shows both sides of a link before it is set, and what would become of the
// dossier's balances.
type LinkPreview struct {
	Link    ledger.DossierLink `json:"link"`            // as it would be stored
	Before  ledger.DossierLink `json:"before,omitzero"` // that it replaces
	Dossier ledger.Dossier     `json:"dossier"`
	// Company is zero for a link that names none; Firm is the name of its firm.
	Company ledger.Company `json:"company,omitzero"`
	Firm    string         `json:"firm,omitempty"`
	// NumbersDiffer says that the two have different enterprise numbers, both valid:
	// an administrator types the company's name to set the link all the same.
	NumbersDiffer bool `json:"numbers_differ,omitempty"`
	// Others are other companies with the dossier's enterprise number.
	Others   []Client               `json:"others"`
	Periods  []ledger.CompanyPeriod `json:"periods"` // of the company, newest first
	Balances []LinkedBalance        `json:"balances"`
	// Left counts balances of the dossier that are not among Balances.
	Left int `json:"left,omitempty"`
	// Seen is for LinkRequest: a link of sides that changed since is refused.
	Seen string `json:"seen"`
}

// LinkedBalance is a balance of a dossier whose link is changed.
type LinkedBalance struct {
	Entry ledger.Entry `json:"entry"`
	// Outlook says what would become of it; nil for one that is done, which stays
	// where it is.
	Outlook *UploadOutlook `json:"outlook,omitempty"`
}

// maxPreviewed bounds how many balances of a dossier a preview compares with Silverfin.
const maxPreviewed = 20

// PreviewLink returns both sides of a link, and what would be written for it. It changes
// nothing.
func (d *Daemon) PreviewLink(ctx context.Context, r LinkRequest) (LinkPreview, error) {
	p := LinkPreview{Others: []Client{}, Periods: []ledger.CompanyPeriod{}, Balances: []LinkedBalance{}}
	c, err := d.checkLinkRequest(ctx, r)
	p.Link, p.Before, p.Dossier, p.Company, p.Seen = c.link, c.before, c.dossier, c.company, c.seen()
	p.NumbersDiffer = problem.Is(err, problem.NumberDiffers)
	if err != nil && !p.NumbersDiffer {
		return p, err
	}
	run, err := d.linkPreviewRun(ctx, c)
	if err != nil {
		return p, err
	}
	for _, f := range run.index.firms {
		if f.ID == c.link.FirmID {
			p.Firm = f.Name
		}
	}
	for _, in := range run.index.byNumber[c.dossier.EnterpriseNumber] {
		if c.dossier.EnterpriseNumber != "" && (in.firm.ID != c.link.FirmID || in.company.ID != c.link.CompanyID) {
			p.Others = append(p.Others, clientOf(in))
		}
	}
	if c.company.ID != 0 {
		if p.Periods, err = run.cfg.Destination(c.link.FirmID).Periods(ctx, c.company); err != nil {
			return p, err
		}
	}
	var all []ledger.Entry
	for e, err := range run.cfg.Store.Entries(ctx, ledger.Query{Connection: c.link.Connection}) {
		if err != nil {
			return p, err
		}
		if e.Dossier.IsNamed(c.link.DossierID) {
			all = append(all, e)
		}
	}
	p.Balances, p.Left, err = run.previewBalances(ctx, all)
	return p, err
}

// linkPreviewRun returns a run that changes nothing and goes by a link that is not set.
func (d *Daemon) linkPreviewRun(ctx context.Context, checks ...linkCheck) (*run, error) {
	r, err := d.previewRun(ctx)
	if err != nil {
		return nil, err
	}
	ix, err := d.uploadCompanies(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, c := range checks {
		r.links[linkKey(c.link.Connection, c.link.DossierID)], r.links[foldedLinkKey(c.link.Connection, c.link.DossierID)] = c.link, c.link
		if _, known := ix.byID[[2]int64{c.link.FirmID, c.link.CompanyID}]; !known && c.company.ID != 0 && ix.knows(c.link.FirmID) {
			r.index = nil // it is newer than what was read
			if ix, err = r.companies(ctx); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// previewBalances says what would become of the balances of a dossier.
// They are given newest first; left counts those that are not compared.
func (r *run) previewBalances(ctx context.Context, entries []ledger.Entry) (balances []LinkedBalance, left int, err error) {
	balances = []LinkedBalance{}
	for _, e := range entries {
		tooOld := e.State == ledger.Ignored && e.Reason == ledger.BeforeActivation
		replaced := slices.ContainsFunc(balances, func(newer LinkedBalance) bool { return newer.Entry.SiblingOf(e) })
		switch {
		case replaced:
		case e.State == ledger.Superseded || e.State == ledger.Ignored && !(tooOld && r.counts(r.connection(e.Connection), e.Listing)):
		case len(balances) == maxPreviewed:
			left++
		case e.State == ledger.Done:
			balances = append(balances, LinkedBalance{Entry: e})
		default:
			o, err := r.outlookOf(ctx, &e)
			if err != nil {
				return balances, left, err
			}
			balances = append(balances, LinkedBalance{e, &o})
		}
	}
	return balances, left, nil
}

// outlookOf says what would become of an entry if it were delivered now, and completes
// it with what its document says. The error is of the state, or of ctx.
func (r *run) outlookOf(ctx context.Context, e *ledger.Entry) (UploadOutlook, error) {
	o := UploadOutlook{At: r.cfg.Now()}
	d := &delivery{run: r, before: *e, entry: *e}
	err := d.read(ctx)
	*e = d.entry
	if err == nil {
		err = r.outlookInSilverfin(ctx, &o, d, func() (inFirm, error) { return r.match(ctx, d.entry) })
	}
	return o, r.conclude(ctx, &o, err)
}

// conclude completes an outlook with what stands in the way. The error is of the state,
// or of ctx.
func (r *run) conclude(ctx context.Context, o *UploadOutlook, err error) error {
	notYet, waits := errors.AsType[*ledger.WaitingError](err)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return ctx.Err()
	case isState(err):
		return err
	case waits:
		o.Kind, o.Reason, o.Detail = OutlookWaits, notYet.Reason, notYet.Detail
	default:
		o.Kind, o.Detail = OutlookUnknown, problem.Of(err).What
	}
	return nil
}
