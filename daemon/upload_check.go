package daemon

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// CheckUpload reads the documents of an upload that were not read yet, finds their
// clients, and compares them with Silverfin. It writes nothing there and in the
// state. It returns the upload as it stands then.
func (d *Daemon) CheckUpload(ctx context.Context, r UploadRequest) (Upload, error) {
	if _, err := d.uploadFiles(); err != nil {
		return Upload{}, err
	}
	if _, err := d.loadUpload(r.ID); err != nil {
		return Upload{}, err
	}
	defer d.uploads.begin(r.ID)()
	release, err := d.uploads.checks.Acquire(ctx, r.ID)
	if err != nil {
		return Upload{}, err
	}
	defer release()
	if err := d.readUploads(ctx, r.ID); err != nil {
		return Upload{}, err
	}
	d.companies.save(nil, time.Time{}) // which may be others by now
	if err := d.compareUpload(ctx, r.ID, func(UploadItem) bool { return true }); err != nil {
		return Upload{}, err
	}
	u, err := d.loadUpload(r.ID)
	u.Checking = false
	return u, err
}

// begin counts a check of an upload until its end is called.
func (u *uploads) begin(id string) (end func()) {
	count := func(by int) {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.checking == nil {
			u.checking = map[string]int{}
		}
		if u.checking[id] += by; u.checking[id] == 0 {
			delete(u.checking, id)
		}
	}
	count(1)
	return func() { count(-1) }
}

// eachItem calls do for the items, several at once. The first error ends it.
func (d *Daemon) eachItem(ctx context.Context, items []UploadItem, do func(context.Context, UploadItem) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan UploadItem)
	var wg sync.WaitGroup
	for range d.config().Workers {
		wg.Go(func() {
			for it := range work {
				if err := do(ctx, it); err != nil && !problem.Is(err, problem.NotFound) { // it was discarded meanwhile
					cancel(err)
				}
			}
		})
	}
	for _, it := range items {
		select {
		case work <- it:
		case <-ctx.Done():
		}
	}
	close(work)
	wg.Wait()
	return context.Cause(ctx)
}

// compareUpload says of the documents that are to be confirmed, and are wanted, what
// would become of them.
func (d *Daemon) compareUpload(ctx context.Context, id string, wanted func(UploadItem) bool) error {
	u, err := d.loadUpload(id)
	if err != nil {
		return err
	}
	items := slices.DeleteFunc(u.Items, func(it UploadItem) bool { return it.State != UploadRead || !wanted(it) })
	if len(items) == 0 {
		return nil
	}
	r, err := d.previewRun(ctx)
	if err != nil {
		return err
	}
	if _, err := d.uploadCompanies(ctx, r); err != nil {
		return err
	}
	return d.eachItem(ctx, items, func(ctx context.Context, it UploadItem) error {
		outlook, err := r.outlook(ctx, it)
		if err != nil {
			return err
		}
		_, err = d.updateItem(ctx, id, it.ID, func(now *UploadItem) (bool, error) {
			if now.State != UploadRead || now.Version != it.Version { // a person changed it meanwhile
				return false, nil
			}
			changed := !outlook.same(now.Outlook)
			now.Outlook = &outlook
			return changed, nil
		})
		return err
	})
}

// same reports whether two outlooks say the same, whenever they were found.
func (o UploadOutlook) same(before *UploadOutlook) bool {
	if before == nil {
		return false
	}
	o.At = before.At
	return reflect.DeepEqual(o, *before)
}

// entry returns the entry that an item becomes.
func (it UploadItem) entry(cfg Config) ledger.Entry {
	b, now := it.Balance, cfg.Now()
	e := ledger.Entry{Connection: ledger.UploadsID, FoundAt: now, UpdatedAt: now, State: ledger.Found,
		Listing: ledger.Listing{ID: it.SHA256[:12] + "/" + it.Name, Revision: it.SHA256[:12], SHA256: it.SHA256,
			Dossier: it.dossier(), Model: b.Model, CreatedAt: now}}
	if !b.YearInDoubt() {
		e.FiscalYear = b.FiscalYear
	}
	return e
}

// dossier returns the dossier that an item belongs to: by the number that the
// document states, else by that of the client that a person chose.
func (it UploadItem) dossier() ledger.Dossier {
	d := ledger.Dossier{EnterpriseNumber: it.Balance.EnterpriseNumber, Name: it.Balance.Name}
	if c := it.Client; c != nil {
		if d.EnterpriseNumber == "" {
			d.EnterpriseNumber = c.EnterpriseNumber
		}
		if d.Name == "" {
			d.Name = c.Name
		}
		d.ID = fmt.Sprintf("silverfin-%d-%d", c.FirmID, c.CompanyID)
	}
	if d.EnterpriseNumber != "" {
		d.ID = d.EnterpriseNumber.String()
	}
	return d
}

// link returns the link that has an item go to the company that a person chose.
func (it UploadItem) link() (ledger.DossierLink, bool) {
	c := it.Client
	if c == nil || c.CompanyID == 0 {
		return ledger.DossierLink{}, false
	}
	d := it.dossier()
	return ledger.DossierLink{Connection: ledger.UploadsID, DossierID: d.ID, EnterpriseNumber: d.EnterpriseNumber,
		FirmID: c.FirmID, CompanyID: c.CompanyID, NumberDiffers: ledger.NumberDiffers{Company: c.NumberDiffers}}, true
}

// outlook says what would become of an item. The error is of the state, or of ctx.
func (r *run) outlook(ctx context.Context, it UploadItem) (o UploadOutlook, err error) {
	o.At = r.cfg.Now()
	if it.ClientMissing() {
		o.Kind, o.Reason = OutlookWaits, ledger.NoCompany
		o.Detail = "the document gives no enterprise number"
		return o, nil
	}
	e := it.entry(r.cfg)
	e.Number = ledger.FirstDryRunNumber // behind all that there are
	e.Correction, e.Rounded, e.Findings, e.Doubts = it.Balance.Correction, it.Balance.Rounded, it.Balance.Findings, it.Balance.Doubts
	e.ValuesHash = it.Balance.Values.Hash()
	if known, err := r.outlookByLedger(ctx, &o, e, it.Balance.Values); known || err != nil {
		return o, err
	}
	d := &delivery{run: r, before: e, entry: e, values: it.Balance.Values}
	err = r.outlookInSilverfin(ctx, &o, d, func() (inFirm, error) { return r.matchUpload(ctx, it, e) })
	if err := r.conclude(ctx, &o, err); err != nil {
		return o, err
	}
	if o.Reason == ledger.SeveralCompanies {
		for _, in := range r.index.byNumber[e.Dossier.EnterpriseNumber] {
			o.Candidates = append(o.Candidates, clientOf(in))
		}
	}
	return o, nil
}

// outlookByLedger reports whether the ledger settles what becomes of an entry: it has
// its content, or a balance that counts before it.
func (r *run) outlookByLedger(ctx context.Context, o *UploadOutlook, e ledger.Entry, values balance.Values) (known bool, err error) {
	siblings, err := r.cfg.Store.Siblings(ctx, e)
	if err != nil {
		return false, err
	}
	for _, s := range slices.Backward(siblings) {
		switch {
		case s.SHA256 == e.SHA256:
			o.Kind, o.Entry, o.State = OutlookKnown, s.Number, s.State
			return true, nil
		case s.State == ledger.Superseded || s.State == ledger.Ignored:
			continue
		}
		others, err := r.cfg.Store.Values(ctx, s.Number)
		if err != nil {
			return false, err
		}
		if ledger.CompareSiblings(ledger.Upload, e, s, isRounding(e, values, s, others)) < 0 {
			o.Kind, o.Entry, o.State = OutlookOlder, s.Number, s.State
		}
	}
	return o.Kind != "", nil
}

// outlookInSilverfin finds the company, by match, and the target of an entry that was
// read, and compares what stands there.
func (r *run) outlookInSilverfin(ctx context.Context, o *UploadOutlook, d *delivery, match func() (inFirm, error)) error {
	in, err := match()
	if in.company.ID != 0 {
		c := clientOf(in)
		o.Company = &c
	}
	if err != nil {
		return err
	}
	if in.firm.Relink != "" {
		return &ledger.WaitingError{Reason: ledger.NeedsRelink, Detail: "Silverfin firm " + in.firm.Name + " must be linked again"}
	}
	if (&balance.Balance{Doubts: d.entry.Doubts}).YearInDoubt() {
		return inDoubt(d.entry.Doubts)
	}
	if err := d.useMappingOf(ctx, in.firm.ID); err != nil {
		return err
	}
	target, err := r.locateYear(ctx, in, &d.entry, d.mapping)
	if err != nil {
		return err
	}
	o.Target = &target
	d.in = in
	x := d.exchange(target)
	err = x.dest.Update(ctx, target, x.mapping, func(reading ledger.Reading) (ledger.Figures, error) {
		x.Reading = reading
		return nil, x.compare(ctx)
	})
	if err != nil {
		return err
	}
	o.compare(x)
	return nil
}

// compare says how what Silverfin holds compares with the figures.
func (o *UploadOutlook) compare(x *exchange) {
	o.Writes, o.Differences = len(x.plan.Write), x.plan.Differ
	held := slices.ContainsFunc(x.values.Cells(), func(c balance.Cell) bool { return x.Have[c] != "" })
	switch {
	case len(x.plan.Differ) > 0:
		o.Kind = OutlookDiffers
	case len(x.plan.Write) == 0:
		o.Kind = OutlookEqual
	case held:
		o.Kind = OutlookOurs
	default:
		o.Kind = OutlookEmpty
	}
}

// matchUpload finds the company that takes an item. A company that a person chose
// must be among those of the document's number, where there are any. It returns
// the company also with a problem about its number.
func (r *run) matchUpload(ctx context.Context, it UploadItem, e ledger.Entry) (inFirm, error) {
	link, chosen := it.link()
	if !chosen {
		return r.match(ctx, e)
	}
	number := e.Dossier.EnterpriseNumber
	company, ok := r.index.byID[[2]int64{link.FirmID, link.CompanyID}]
	if !ok {
		return inFirm{}, &ledger.WaitingError{Reason: ledger.NoCompany, Detail: "the company that was chosen is no longer in Silverfin"}
	}
	hits := r.index.byNumber[number]
	if number != "" && len(hits) > 0 && company.company.EnterpriseNumber != number {
		return company, &ledger.WaitingError{Reason: ledger.NumbersDiffer, Detail: fmt.Sprintf("%s; it belongs to %s",
			numbersDiffer(e.Dossier, company.company, hits), clientOf(hits[0]).describe())}
	}
	return company, r.checkLink(ctx, link, e.Dossier, number, company, hits)
}
