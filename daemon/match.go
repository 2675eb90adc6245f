package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// company returns the entry's company: the one that an earlier run found, so
// that a waiting entry does not cost the index every night, or a match. Once a
// week, when a person asks, and when the index was read anyway, it is matched
// anew.
func (d *delivery) company(ctx context.Context) (in inFirm, remembered bool, err error) {
	rematch := d.record.Night.IsZero() || d.record.Night.In(time.UTC).Weekday() == time.Monday || d.indexed()
	if pl := d.entry.Target; pl != nil && pl.FirmID != 0 && !rematch {
		firms, err := d.cfg.Store.Firms(ctx)
		if err != nil {
			return inFirm{}, false, err
		}
		for _, f := range firms {
			if f.ID == pl.FirmID {
				c := ledger.Company{ID: pl.CompanyID, Name: pl.CompanyName, EnterpriseNumber: d.entry.Dossier.EnterpriseNumber}
				return inFirm{f, c}, true, nil
			}
		}
	}
	in, err = d.matched(ctx)
	return in, false, err
}

// matched matches the entry, and remembers with it whether several companies
// were found: that is for a person to settle, also when on another night only
// one of them can be seen.
func (d *delivery) matched(ctx context.Context) (inFirm, error) {
	in, err := d.match(ctx, d.entry)
	notYet, waits := errors.AsType[*ledger.WaitingError](err)
	switch {
	case waits && d.req.FirmID != 0:
		d.skipped = true // a run over one firm does not judge the others
		return in, errLeftAlone
	case waits && notYet.Reason == ledger.SeveralCompanies:
		d.entry.Ambiguous = true
	case err == nil:
		d.entry.Ambiguous = false
	}
	return in, err
}

// match returns the company of the entry's dossier: the one of the link that a person
// set, else by enterprise number. It returns a *ledger.WaitingError if there is none,
// or more than one, or while the link is paused.
//
// A dossier that a person chose is looked up in the list of companies that is known;
// the list is read anew where that does not lead to one company that is as it says.
func (r *run) match(ctx context.Context, e ledger.Entry) (inFirm, error) {
	link, err := r.linkOf(ctx, e)
	if err != nil {
		return inFirm{}, err
	}
	if link.Paused {
		return inFirm{}, linkPaused("the link of its dossier", link)
	}
	known, err := r.known(ctx)
	if err != nil {
		return inFirm{}, err
	}
	if known != nil && !e.Ambiguous { // which a list that is older does not settle
		if in, byLink, err := known.match(e, link); err == nil {
			// Which other companies have the dossier's number, only the whole list tells.
			if in, same := r.confirm(ctx, in); same && (!byLink || in.company.EnterpriseNumber != "") {
				return in, r.checkMatch(ctx, e, link, byLink, in, nil)
			}
		}
	}
	ix, err := r.companies(ctx)
	if err != nil {
		return inFirm{}, err
	}
	in, byLink, err := ix.match(e, link)
	if err != nil {
		return inFirm{}, err
	}
	return in, r.checkMatch(ctx, e, link, byLink, in, ix)
}

// checkMatch reports whether the company may take the entry's dossier, if the link led
// there. ix has the other companies; nil where the company has a number of its own.
func (r *run) checkMatch(ctx context.Context, e ledger.Entry, link ledger.DossierLink, byLink bool, in inFirm, ix *companyIndex) error {
	if !byLink {
		return nil
	}
	number := cmp.Or(e.Dossier.EnterpriseNumber, link.EnterpriseNumber)
	return r.checkLink(ctx, link, e.Dossier, number, in, ix.withNumber(number))
}

// match returns the company of the entry's dossier, whose link is zero where there is
// none, and whether the link led there.
func (ix *companyIndex) match(e ledger.Entry, link ledger.DossierLink) (in inFirm, byLink bool, err error) {
	if link.CompanyID != 0 {
		if in, ok := ix.byID[[2]int64{link.FirmID, link.CompanyID}]; ok {
			return in, true, nil
		}
	}
	number := cmp.Or(e.Dossier.EnterpriseNumber, link.EnterpriseNumber)
	hits := ix.withNumber(number)
	if link.FirmID != 0 {
		hits = slices.DeleteFunc(slices.Clone(hits), func(h inFirm) bool { return h.firm.ID != link.FirmID })
	}
	switch {
	case len(hits) == 1 && e.Ambiguous && ix.partial():
		return inFirm{}, false, &ledger.WaitingError{Reason: ledger.SeveralCompanies,
			Detail: fmt.Sprintf("several companies in Silverfin had enterprise number %s, and not all companies can be looked at now", number.Pretty())}
	case len(hits) == 1:
		return hits[0], false, nil
	}
	if link.CompanyID != 0 && ix.knows(link.FirmID) {
		return inFirm{}, false, &ledger.WaitingError{Reason: ledger.NoCompany,
			Detail: fmt.Sprintf("its link names company %d of Silverfin firm %d, which is not there", link.CompanyID, link.FirmID)}
	}
	return inFirm{}, false, ix.miss(number, hits)
}

// withNumber lists the companies with an enterprise number; none for an empty one.
func (ix *companyIndex) withNumber(number balance.EnterpriseNumber) []inFirm {
	if ix == nil || number == "" {
		return nil
	}
	return ix.byNumber[number]
}

// linkPaused says that a balance waits because a link is paused.
func linkPaused(what string, link ledger.DossierLink) error {
	return &ledger.WaitingError{Reason: ledger.LinkPaused, Detail: what + " is paused" + because(link.Note)}
}

// because adds a person's note to a sentence.
func because(note string) string {
	if note == "" {
		return ""
	}
	return ": " + note
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
		return &ledger.WaitingError{Reason: ledger.SeveralCompanies,
			Detail: fmt.Sprintf("%d companies in Silverfin have enterprise number %s: %s", len(hits), number.Pretty(), strings.Join(names, "; "))}
	case len(ix.firms) == 0:
		return &ledger.WaitingError{Reason: ledger.NeedsRelink, Detail: "no Silverfin firm is linked"}
	case len(ix.relink) > 0:
		return &ledger.WaitingError{Reason: ledger.NeedsRelink,
			Detail: "its company may be in a firm that must be linked again: " + strings.Join(ix.relink, ", ")}
	}
	for _, f := range ix.firms {
		if err, bad := ix.unknown[f.ID]; bad {
			return problem.Wrap(err, problem.SilverfinDown, "the companies of Silverfin firm "+f.Name+" could not be read", "")
		}
	}
	if number == "" {
		return &ledger.WaitingError{Reason: ledger.NoCompany,
			Detail: "neither the source nor the document gives a valid enterprise number, and no link is set"}
	}
	detail := fmt.Sprintf("no company in Silverfin has enterprise number %s", number.Pretty())
	if among := ix.oneOf[number]; len(among) > 0 {
		first := slices.MinFunc(among, func(a, b inFirm) int { return cmp.Compare(a.company.ID, b.company.ID) })
		detail += fmt.Sprintf(" alone; %s (company %d) has several: %s", first.company.Name, first.company.ID, prettyNumbers(first.company.Several))
	}
	return &ledger.WaitingError{Reason: ledger.NoCompany, Detail: detail}
}

func prettyNumbers(numbers []balance.EnterpriseNumber) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = n.Pretty()
	}
	return strings.Join(texts, ", ")
}
