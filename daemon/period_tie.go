package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// CompanyPeriods are the periods of the company that takes a balance.
type CompanyPeriods struct {
	FirmID    int64            `json:"firm_id"`
	CompanyID int64            `json:"company_id"`
	Company   string           `json:"company"`
	Year      balance.Period   `json:"year"` // of the balance
	Periods   []BalancesPeriod `json:"periods"`
}

// BalancesPeriod is a period with what goes into it.
type BalancesPeriod struct {
	ledger.CompanyPeriod
	Interim bool `json:"interim,omitempty"` // it ends before its financial year does
	Own     bool `json:"own,omitempty"`     // it is the one of the balance's year
	Near    bool `json:"near,omitempty"`    // a balance of this year might be meant for it
	Tied    bool `json:"tied,omitempty"`    // a person tied the balance to it
	// Entries are the balances of the company that are in it, or go there.
	Entries []ledger.Entry `json:"entries,omitempty"`
}

// TieRequest ties a balance to a period of its company, or takes the tie away.
type TieRequest struct {
	Number   uint64 `json:"number"`
	PeriodID int64  `json:"period_id,omitempty"` // 0: no tie any more
	// Seen is the version of the entry that the person saw; 0 for whatever it is now.
	Seen uint64 `json:"seen,omitempty"`
	By   string `json:"by,omitempty"`
}

// nearPeriods is how many periods are offered for a balance.
const nearPeriods = 3

// Periods lists the periods of the company that takes a balance, newest first, as
// Silverfin has them now.
func (d *Daemon) Periods(ctx context.Context, r EntryRequest) (CompanyPeriods, error) {
	e, err := d.config().Store.Entry(ctx, r.Number)
	if err != nil {
		return CompanyPeriods{}, err
	}
	return d.periodsFor(ctx, e)
}

func (d *Daemon) periodsFor(ctx context.Context, e ledger.Entry) (CompanyPeriods, error) {
	in, err := d.companyOf(ctx, e)
	if err != nil {
		return CompanyPeriods{}, err
	}
	all, err := d.config().Destination(in.firm.ID).Periods(ctx, in.company)
	if err != nil {
		return CompanyPeriods{}, err
	}
	others, err := d.entriesIn(ctx, in, e)
	if err != nil {
		return CompanyPeriods{}, err
	}
	near := ledger.Nearest(all, e.FiscalYear, nearPeriods)
	out := CompanyPeriods{FirmID: in.firm.ID, CompanyID: in.company.ID, Company: in.company.Name, Year: e.FiscalYear, Periods: []BalancesPeriod{}}
	for _, p := range all {
		out.Periods = append(out.Periods, BalancesPeriod{CompanyPeriod: p, Interim: p.IsInterim(), Own: p.Takes(e.FiscalYear),
			Near: slices.Contains(near, p), Tied: e.Tie != nil && e.Tie.Period.ID == p.ID, Entries: others[p.ID]})
	}
	return out, nil
}

// companyOf returns the company that takes an entry: the one that the last run found,
// else the one that the next would find.
func (d *Daemon) companyOf(ctx context.Context, e ledger.Entry) (inFirm, error) {
	r, err := d.previewRun(ctx)
	if err != nil {
		return inFirm{}, err
	}
	if t := e.Target; t != nil && t.CompanyID != 0 {
		firms, err := r.cfg.Store.Firms(ctx)
		if err != nil {
			return inFirm{}, err
		}
		if ix := d.companies.load(firms, r.cfg.Now(), maxKnownAge); ix != nil && ix.lacks(*t) {
			return inFirm{}, problem.New(problem.SilverfinRefused, fmt.Sprintf("%s (company %d) is archived in Silverfin, or gone", t.CompanyName, t.CompanyID),
				fmt.Sprintf("Sync its dossier, which looks for another company with its number: balansd sync --dossier %s.", cmp.Or(e.Dossier.EnterpriseNumber.String(), e.Dossier.ID)))
		}
		for _, f := range firms {
			if f.ID == t.FirmID {
				return inFirm{f, ledger.Company{ID: t.CompanyID, Name: t.CompanyName}}, nil
			}
		}
	}
	if _, err := d.uploadCompanies(ctx, r); err != nil {
		return inFirm{}, err
	}
	in, err := r.match(ctx, e)
	if waits(err) {
		return in, problem.New(problem.NotAllowed, fmt.Sprintf("no company takes entry %d (%s): %s", e.Number, dossierName(e.Listing), err),
			"Link the dossier to a company first: balansd links set.")
	}
	return in, err
}

// entriesIn returns the entries that are in a period of a company, or go there, by
// period: those of the entry's dossier, and of the others that go to the company.
func (d *Daemon) entriesIn(ctx context.Context, in inFirm, e ledger.Entry) (map[int64][]ledger.Entry, error) {
	byPeriod := map[int64][]ledger.Entry{}
	entries, err := d.entriesOf(ctx, in, e)
	if err != nil {
		return nil, err
	}
	for _, o := range entries {
		var firm, company, period int64
		switch {
		case o.State == ledger.Superseded || o.State == ledger.Ignored:
		case o.Tie != nil:
			firm, company, period = o.Tie.FirmID, o.Tie.CompanyID, o.Tie.Period.ID
		case o.Target != nil:
			firm, company, period = o.Target.FirmID, o.Target.CompanyID, o.Target.PeriodID
		}
		if period != 0 && firm == in.firm.ID && company == in.company.ID {
			byPeriod[period] = append(byPeriod[period], o)
		}
	}
	return byPeriod, nil
}

// entriesOf returns the entries of a dossier, and of the others that go to a company.
func (d *Daemon) entriesOf(ctx context.Context, in inFirm, e ledger.Entry) ([]ledger.Entry, error) {
	store := d.config().Store
	if err := d.dossierIndex.build(ctx, store, d.config().Now()); err != nil {
		return nil, err
	}
	own := dossierKey{e.Connection, e.Dossier.ID}
	dossiers := append(d.dossierIndex.inCompany(in.firm.ID, in.company.ID), own)
	slices.SortFunc(dossiers, func(a, b dossierKey) int {
		return cmp.Or(cmp.Compare(a.connection, b.connection), cmp.Compare(a.dossier, b.dossier))
	})
	var entries []ledger.Entry
	for _, key := range slices.Compact(dossiers) {
		for o, err := range store.Entries(ctx, ledger.Query{Connection: key.connection, DossierID: key.dossier}) {
			if err != nil {
				return nil, err
			}
			entries = append(entries, o)
		}
	}
	return entries, nil
}

// Tie has a balance go into a period of its company whose financial year is another
// than its own, by a person's word, or with no period into the one of its own year
// again. What was written before stays where it is.
func (d *Daemon) Tie(ctx context.Context, r TieRequest) (ledger.Entry, error) {
	e, err := d.config().Store.Entry(ctx, r.Number)
	if err != nil {
		return e, err
	}
	if r.Seen != 0 && r.Seen != e.Version {
		return e, changedSince(e)
	}
	if e.MovedTo != 0 || e.State == ledger.Sending || e.State == ledger.Superseded || e.State == ledger.Ignored {
		return e, notAllowed(e, "tied to a period", fmt.Sprintf("See it with balansd ledger show %d.", e.Number))
	}
	if e.Sum != 0 {
		return e, notAllowed(e, "tied to a period, since it is a part of a sum", fmt.Sprintf("Tie that one: balansd links tie %d.", e.Sum))
	}
	if r.PeriodID == 0 {
		return d.untie(ctx, e, r)
	}
	tie, company, err := d.newTie(ctx, e, r)
	if err != nil {
		return e, err
	}
	text := fmt.Sprintf("tied the balance of %s to the period of %s that ends on %s (financial year %s)",
		yearText(tie.Year), company, tie.Period.End, yearText(tie.Period.FiscalYear))
	return d.saveTie(ctx, e, &tie, action{by: r.By, act: ledger.ActTie, text: text})
}

// newTie checks that a balance may go into a period.
func (d *Daemon) newTie(ctx context.Context, e ledger.Entry, r TieRequest) (tie ledger.PeriodTie, company string, err error) {
	refuse := func(why, next string) (ledger.PeriodTie, string, error) {
		return tie, "", problem.New(problem.NotAllowed, fmt.Sprintf("entry %d (%s) cannot go into period %d: %s", e.Number, dossierName(e.Listing), r.PeriodID, why), next)
	}
	if e.FiscalYear.End.IsZero() {
		return refuse("its own financial year is not known yet", "Say which it is first: balansd ledger accept.")
	}
	list, err := d.periodsFor(ctx, e)
	if err != nil {
		return tie, "", err
	}
	i := slices.IndexFunc(list.Periods, func(p BalancesPeriod) bool { return p.ID == r.PeriodID })
	see := fmt.Sprintf("See the periods that there are: balansd links tie %d.", e.Number)
	if i < 0 {
		return refuse(fmt.Sprintf("%s (company %d) has no such period", list.Company, list.CompanyID), see)
	}
	p := list.Periods[i]
	switch {
	case p.Interim:
		return refuse(fmt.Sprintf("it is an interim period of the financial year %s", yearText(p.FiscalYear)), see)
	case p.Own:
		return refuse("it is the one of its own year, which needs no tie", fmt.Sprintf("Take the tie away: balansd links tie %d --undo.", e.Number))
	}
	for _, o := range p.Entries {
		if o.Number != e.Number && o.FiscalYear.End != e.FiscalYear.End {
			return refuse(fmt.Sprintf("it takes entry %d, the balance of %s", o.Number, yearText(o.FiscalYear)), see)
		}
	}
	return ledger.PeriodTie{FirmID: list.FirmID, CompanyID: list.CompanyID, Period: p.CompanyPeriod, Year: e.FiscalYear, By: r.By, At: d.config().Now()}, list.Company, nil
}

// untie has a balance go into the period of its own year again, and those that come
// after it.
func (d *Daemon) untie(ctx context.Context, e ledger.Entry, r TieRequest) (ledger.Entry, error) {
	if e.Tie == nil {
		return e, notAllowed(e, "untied, since it is not tied to a period", "")
	}
	siblings, err := d.config().Store.Siblings(ctx, e)
	if err != nil {
		return e, err
	}
	text := fmt.Sprintf("took away the tie to the period that ends on %s", e.Tie.Period.End)
	var older []ledger.Move
	for _, s := range siblings {
		if s.Tie != nil && s.State != ledger.Sending {
			s.Tie = nil
			older = append(older, ledger.Move{Entry: s, Event: ledger.Event{At: d.config().Now(), By: r.By, State: s.State, Reason: s.Reason,
				Act: ledger.ActUntie, Text: fmt.Sprintf("%s %s, of entry %d too", name(r.By), text, e.Number)}})
		}
	}
	return d.saveTie(ctx, e, nil, action{by: r.By, act: ledger.ActUntie, text: text}, older...)
}

// saveTie moves an entry whose tie a person set or took away.
func (d *Daemon) saveTie(ctx context.Context, e ledger.Entry, tie *ledger.PeriodTie, by action, others ...ledger.Move) (ledger.Entry, error) {
	cfg := d.config()
	next, err := e.TieTo(tie, cfg.Now())
	if err != nil {
		return e, notAllowed(e, "tied to a period", "")
	}
	next.Detail, next.Next = by.text, "It is delivered at the next run: balansd sync."
	move := ledger.Move{Entry: next, Event: ledger.Event{At: cfg.Now(), By: by.by, State: next.State, Act: by.act,
		Text: name(by.by) + " " + by.text + staysWritten(e, next)}}
	moved, err := cfg.Store.Move(ctx, append([]ledger.Move{move}, others...)...)
	if err != nil {
		return e, err
	}
	d.log().Info().Uint64("entry", e.Number).Str("by", by.by).Bool("tied", tie != nil).Msg("a person tied an entry to a period")
	return moved[0], nil
}
