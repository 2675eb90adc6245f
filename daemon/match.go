package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// inFirm is a company with the firm that it is in.
type inFirm struct {
	firm    ledger.Firm
	company ledger.Company
}

// companyIndex holds the companies of all linked firms, by enterprise number.
// It is read once a pass, and only when something needs it.
type companyIndex struct {
	firms    []ledger.Firm
	byNumber map[balance.EnterpriseNumber][]inFirm
	byID     map[[2]int64]inFirm
	// unread are the names of the firms of which single companies could not
	// be read.
	unread []string
	// unknown are the firms whose companies could not be read, with why.
	unknown map[int64]error
	relink  []string // names of the firms that must be linked again
}

// companies gives the index, reading it at the first call.
func (p *pass) companies(ctx context.Context) (*companyIndex, error) {
	unlock := p.dossiers.Lock("\x00companies")
	defer unlock()
	if p.index != nil {
		return p.index, nil
	}
	firms, err := p.cfg.Store.Firms(ctx)
	if err != nil {
		return nil, err
	}
	ix := &companyIndex{firms: firms, byNumber: map[balance.EnterpriseNumber][]inFirm{},
		byID: map[[2]int64]inFirm{}, unknown: map[int64]error{}}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, f := range firms {
		if f.Relink != "" {
			ix.relink = append(ix.relink, f.Name)
			continue
		}
		p.progress("reading the companies of " + f.Name)
		wg.Go(func() {
			list, unreadable, err := p.cfg.Destination(f.ID).Companies(ctx)
			mu.Lock()
			defer mu.Unlock()
			if len(unreadable) > 0 {
				ix.unread = append(ix.unread, f.Name)
				p.note(leftOut(f, unreadable))
			}
			if err != nil {
				ix.unknown[f.ID] = err
				return
			}
			ix.add(f, list)
			p.outages.saw(firmService(f.ID), false)
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, f := range firms {
		err, bad := ix.unknown[f.ID]
		switch {
		case problem.Is(err, problem.NeedsRelink):
			ix.relink = append(ix.relink, f.Name)
			if err := p.mustRelink(ctx, f, err); err != nil {
				return nil, err
			}
		case bad:
			p.outOfReach(err, aboutFirm+f.Name)
		}
	}
	p.index = ix
	return ix, nil
}

// leftOut names the companies that a firm gives and that cannot be read.
func leftOut(f ledger.Firm, unreadable []string) string {
	const shown = 5
	text := fmt.Sprintf("Silverfin firm %s gives %d companies that cannot be read and are left out: %s", f.Name, len(unreadable),
		strings.Join(unreadable[:min(shown, len(unreadable))], ", "))
	if len(unreadable) > shown {
		text += " and more"
	}
	return text
}

func (ix *companyIndex) add(f ledger.Firm, list []ledger.Company) {
	for _, c := range list {
		in := inFirm{f, c}
		ix.byID[[2]int64{f.ID, c.ID}] = in
		if c.EnterpriseNumber != "" {
			ix.byNumber[c.EnterpriseNumber] = append(ix.byNumber[c.EnterpriseNumber], in)
		}
	}
}

// indexed tells whether the companies were read in this pass.
func (p *pass) indexed() bool {
	unlock := p.dossiers.Lock("\x00companies")
	defer unlock()
	return p.index != nil
}

// match finds the one company that takes the entry's dossier: by enterprise
// number, else by the link that a person set. It gives a *ledger.NotYet when
// there is none, or more than one.
func (p *pass) match(ctx context.Context, e ledger.Entry) (inFirm, error) {
	ix, err := p.companies(ctx)
	if err != nil {
		return inFirm{}, err
	}
	link, linked := p.link(e.Connection, e.Dossier)
	number := e.Dossier.EnterpriseNumber
	if number == "" {
		number = link.EnterpriseNumber
	}
	var hits []inFirm
	if number != "" {
		hits = ix.byNumber[number]
	}
	if linked && link.FirmID != 0 {
		hits = slices.DeleteFunc(slices.Clone(hits), func(h inFirm) bool { return h.firm.ID != link.FirmID })
	}
	switch {
	case len(hits) == 1 && e.Ambiguous && ix.partial():
		return inFirm{}, &ledger.NotYet{Reason: ledger.SeveralCompanies,
			Detail: fmt.Sprintf("several companies in Silverfin had enterprise number %s, and not all companies can be looked at now", number.Pretty())}
	case len(hits) == 1:
		return hits[0], nil
	}
	if linked && link.CompanyID != 0 {
		if in, ok := ix.byID[[2]int64{link.FirmID, link.CompanyID}]; ok {
			return in, p.checkLink(ctx, link, e.Dossier, number, in)
		}
		if ix.knows(link.FirmID) {
			return inFirm{}, &ledger.NotYet{Reason: ledger.NoCompany,
				Detail: fmt.Sprintf("its link names company %d of Silverfin firm %d, which is not there", link.CompanyID, link.FirmID)}
		}
	}
	return inFirm{}, ix.miss(number, hits)
}

// partial tells whether some companies could not be read.
func (ix *companyIndex) partial() bool { return len(ix.relink)+len(ix.unknown)+len(ix.unread) > 0 }

// knows tells whether the companies of a firm were read.
func (ix *companyIndex) knows(firmID int64) bool {
	for _, f := range ix.firms {
		if f.ID == firmID {
			_, bad := ix.unknown[firmID]
			return !bad && f.Relink == ""
		}
	}
	return false
}

// miss says why a number leads to no company.
func (ix *companyIndex) miss(number balance.EnterpriseNumber, hits []inFirm) error {
	switch {
	case len(hits) > 1:
		// In one order, whichever firm answered first: the same detail each
		// night is one step of the history.
		hits = slices.SortedFunc(slices.Values(hits), func(a, b inFirm) int {
			return cmp.Or(cmp.Compare(a.firm.ID, b.firm.ID), cmp.Compare(a.company.ID, b.company.ID))
		})
		names := make([]string, len(hits))
		for i, h := range hits {
			names[i] = fmt.Sprintf("%s (%s, company %d)", h.company.Name, h.firm.Name, h.company.ID)
		}
		return &ledger.NotYet{Reason: ledger.SeveralCompanies,
			Detail: fmt.Sprintf("%d companies in Silverfin have enterprise number %s: %s", len(hits), number.Pretty(), strings.Join(names, "; "))}
	case len(ix.firms) == 0:
		return &ledger.NotYet{Reason: ledger.NeedsRelink, Detail: "no Silverfin firm is linked"}
	case len(ix.relink) > 0:
		return &ledger.NotYet{Reason: ledger.NeedsRelink,
			Detail: "its company may be in a firm that must be linked again: " + strings.Join(ix.relink, ", ")}
	}
	for _, f := range ix.firms {
		if err, bad := ix.unknown[f.ID]; bad {
			return problem.Wrap(err, problem.SilverfinDown, "the companies of Silverfin firm "+f.Name+" could not be read", "")
		}
	}
	if number == "" {
		return &ledger.NotYet{Reason: ledger.NoCompany,
			Detail: "neither the source nor the document gives a valid enterprise number, and no link is set"}
	}
	return &ledger.NotYet{Reason: ledger.NoCompany,
		Detail: fmt.Sprintf("no company in Silverfin has enterprise number %s", number.Pretty())}
}

// whatNext says what a person can do about each reason to wait.
func whatNext(r ledger.Reason) string {
	switch r {
	case ledger.NoCompany:
		return "Put the enterprise number on the company in Silverfin, or link the dossier to a company in the configuration."
	case ledger.SeveralCompanies:
		return "Link the dossier to the right company in the configuration, or archive the other one in Silverfin."
	case ledger.NoPeriod:
		return "Add the financial year to the company in Silverfin."
	case ledger.WorkflowClosed:
		return "Open the annual-accounts workflow in Silverfin; the balance goes in the night after."
	case ledger.PeriodLocked:
		return "Unlock the period in Silverfin; the balance goes in the night after."
	case ledger.TemplateMissing:
		return "Add the social balance template to the workflow in Silverfin."
	case ledger.ConnectionInactive:
		return "Resume the connection, or activate it in Finbox."
	case ledger.NeedsRelink:
		return "Link the firm: balansd connect silverfin."
	case ledger.DoubtfulFigures, ledger.TwoAmounts:
		return "See what is possible with balansd ledger show, and ask the payroll bureau for a document that leaves nothing open, or replace the file by one."
	case ledger.HasFindings:
		return "See what was found with balansd ledger show; deliver it all the same with balansd ledger retry, or ask the payroll bureau for a corrected balance."
	case ledger.NumbersDiffer:
		return "Compare the two. If it is meant, an administrator types the company's name on the dossier's page, or: balansd links set … --number-differs NAME; else link the dossier to its own company."
	case ledger.WhichCounts:
		return "See both with balansd ledger show. For the one that counts: balansd ledger retry; for the one that does not: balansd ledger dismiss."
	default:
		return ""
	}
}
