package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

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
// It is read once a run, and only when something needs it.
type companyIndex struct {
	firms    []ledger.Firm
	byNumber map[balance.EnterpriseNumber][]inFirm
	// oneOf are the companies that have several numbers, by each of them.
	oneOf map[balance.EnterpriseNumber][]inFirm
	byID  map[[2]int64]inFirm
	// unread are the names of the firms of which single companies could not
	// be read.
	unread []string
	// unknown are the firms whose companies could not be read, with why.
	unknown map[int64]error
	relink  []string // names of the firms that must be linked again
}

// companies returns the index, reading it at the first call.
func (r *run) companies(ctx context.Context) (*companyIndex, error) {
	r.indexMu.Lock()
	defer r.indexMu.Unlock()
	if r.index != nil {
		return r.index, nil
	}
	firms, err := r.cfg.Store.Firms(ctx)
	if err != nil {
		return nil, err
	}
	ix := &companyIndex{firms: firms, byNumber: map[balance.EnterpriseNumber][]inFirm{}, oneOf: map[balance.EnterpriseNumber][]inFirm{},
		byID: map[[2]int64]inFirm{}, unknown: map[int64]error{}}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, f := range firms {
		if f.Relink != "" {
			ix.relink = append(ix.relink, f.Name)
			continue
		}
		r.progress("reading the companies of " + f.Name)
		wg.Go(func() {
			list, unreadable, err := r.cfg.Destination(f.ID).Companies(ctx)
			mu.Lock()
			defer mu.Unlock()
			if len(unreadable) > 0 {
				ix.unread = append(ix.unread, f.Name)
				r.addProblem(leftOut(f, unreadable))
			}
			if err != nil {
				ix.unknown[f.ID] = err
				return
			}
			ix.add(f, list)
			r.outages.observe(firmService(f.ID), false)
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
			if err := r.mustRelink(ctx, f, err); err != nil {
				return nil, err
			}
		case bad:
			r.reportUnreachable(err, aboutFirm+f.Name)
		}
	}
	r.index = ix
	if !ix.partial() {
		r.daemon.companies.save(ix, r.cfg.Now())
	}
	return ix, nil
}

// knownCompanies is the newest list of all companies that was read as a whole. Its
// zero value is ready to use, and it is safe for concurrent use.
type knownCompanies struct {
	mu     sync.Mutex
	index  *companyIndex
	readAt time.Time
}

// save keeps an index that was read now.
func (k *knownCompanies) save(ix *companyIndex, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.index, k.readAt = ix, now
}

// load returns the index of the firms if it is younger than maxAge, else nil.
func (k *knownCompanies) load(firms []ledger.Firm, now time.Time, maxAge time.Duration) *companyIndex {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.index == nil || now.Sub(k.readAt).Abs() >= maxAge || !slices.EqualFunc(k.index.firms, firms, sameFirm) {
		return nil
	}
	return k.index
}

// maxKnownAge is how old a list of companies may be to find the company of a dossier
// that a person chose. The company itself is read anew.
const maxKnownAge = time.Hour

// known returns the list of companies that was read before, for a run over chosen
// dossiers that has not read it itself; nil for none.
func (r *run) known(ctx context.Context) (*companyIndex, error) {
	if !r.chosen() || r.indexed() {
		return nil, nil
	}
	firms, err := r.cfg.Store.Firms(ctx)
	if err != nil || slices.ContainsFunc(firms, func(f ledger.Firm) bool { return f.Relink != "" }) {
		return nil, err
	}
	return r.daemon.companies.load(firms, r.cfg.Now(), maxKnownAge), nil
}

// confirm reads a company of a known list again. It returns false if it is not what
// the list says, so that the list is to be read anew.
func (r *run) confirm(ctx context.Context, in inFirm) (inFirm, bool) {
	c, err := r.cfg.Destination(in.firm.ID).Company(ctx, in.company.ID)
	if err != nil || c.EnterpriseNumber != in.company.EnterpriseNumber || !slices.Equal(c.Several, in.company.Several) {
		return in, false
	}
	in.company = c
	return in, true
}

// leftOut names the companies in a firm's list that cannot be read.
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
		for _, n := range c.Several {
			ix.oneOf[n] = append(ix.oneOf[n], in)
		}
	}
}

// indexed reports whether the companies were read in this run.
func (r *run) indexed() bool {
	r.indexMu.Lock()
	defer r.indexMu.Unlock()
	return r.index != nil
}

// partial reports whether some companies could not be read.
func (ix *companyIndex) partial() bool { return len(ix.relink)+len(ix.unknown)+len(ix.unread) > 0 }

// knows reports whether the companies of a firm were read.
func (ix *companyIndex) knows(firmID int64) bool {
	for _, f := range ix.firms {
		if f.ID == firmID {
			_, bad := ix.unknown[firmID]
			return !bad && f.Relink == ""
		}
	}
	return false
}
