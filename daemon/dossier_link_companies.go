package daemon

import (
	"cmp"
	"context"
	"slices"

	"balansd/balance"
	"balansd/ledger"
)

// CompanyQuery selects companies in Silverfin to which no dossier goes: by words, all of
// which the name, the file code or the number holds.
type CompanyQuery struct {
	Search string `json:"search,omitempty"`
	Offset int    `json:"offset,omitempty"`
	Limit  int    `json:"limit,omitempty"` // 0 for all
}

// CompanyPage are companies without a dossier, by name. Total counts them all.
type CompanyPage struct {
	Companies []FreeCompany `json:"companies"`
	Total     int           `json:"total"`
}

// FreeCompany is a company to which no dossier goes, with the dossiers that may be its.
type FreeCompany struct {
	Company Client `json:"company"`
	// Candidates are the surest ones first, at most three.
	Candidates []DossierCandidate `json:"candidates"`
}

// DossierCandidate is a dossier that goes to no company, by its newest balance.
type DossierCandidate struct {
	Entry      ledger.Entry `json:"entry"`
	Suggestion Suggestion   `json:"suggestion"`
}

// maxCandidates bounds the dossiers that are suggested for a company.
const maxCandidates = 3

// FreeCompanies lists the companies in Silverfin to which no dossier goes.
func (d *Daemon) FreeCompanies(ctx context.Context, q CompanyQuery) (CompanyPage, error) {
	page := CompanyPage{Companies: []FreeCompany{}}
	r, err := d.previewRun(ctx)
	if err != nil {
		return page, err
	}
	ix, err := d.uploadCompanies(ctx, r)
	if err != nil {
		return page, err
	}
	free, err := d.freeDossiers(ctx, r)
	if err != nil {
		return page, err
	}
	found := slices.DeleteFunc(ix.search(q.Search), free.takes)
	sortClients(found)
	page.Total = len(found)
	found = found[min(q.Offset, len(found)):]
	if q.Limit > 0 {
		found = found[:min(q.Limit, len(found))]
	}
	for _, c := range found {
		page.Companies = append(page.Companies, FreeCompany{c, free.candidates(ix.byID[[2]int64{c.FirmID, c.CompanyID}].traits())})
	}
	return page, nil
}

// freeDossiers are the dossiers that go to no company, and the companies that the others
// go to.
type freeDossiers struct {
	entries   []ledger.Entry
	traits    []clientTraits
	companies map[[2]int64]bool
	numbers   map[balance.EnterpriseNumber]bool
}

func (d *Daemon) freeDossiers(ctx context.Context, r *run) (freeDossiers, error) {
	free := freeDossiers{companies: map[[2]int64]bool{}, numbers: map[balance.EnterpriseNumber]bool{}}
	page, err := d.Dossiers(ctx, DossierQuery{})
	if err != nil {
		return free, err
	}
	for _, l := range r.links {
		free.companies[[2]int64{l.FirmID, l.CompanyID}] = true
	}
	for _, e := range page.Entries {
		lost := e.Target == nil || e.State == ledger.Waiting && (e.Reason == ledger.NoCompany || e.Reason == ledger.NumbersDiffer)
		if !lost {
			free.companies[[2]int64{e.Target.FirmID, e.Target.CompanyID}] = true
			free.numbers[e.Dossier.EnterpriseNumber] = true
			continue
		}
		free.entries = append(free.entries, e)
		free.traits = append(free.traits, dossierTraits(e))
	}
	delete(free.numbers, "")
	return free, nil
}

// dossierTraits are what the dossier of an entry is compared by.
func dossierTraits(e ledger.Entry) clientTraits {
	return traitsOf(cmp.Or(e.Dossier.Name, e.Dossier.ID), e.Dossier.ID, e.Dossier.EnterpriseNumber)
}

// takes reports whether a dossier goes to a company, or will by its number.
func (f freeDossiers) takes(c Client) bool {
	return f.companies[[2]int64{c.FirmID, c.CompanyID}] || f.numbers[c.EnterpriseNumber]
}

// candidates lists the dossiers that may be those of a company, surest first.
func (f freeDossiers) candidates(company clientTraits) []DossierCandidate {
	list := []DossierCandidate{}
	for i, t := range f.traits {
		if s, ok := suggest(t, company); ok {
			list = append(list, DossierCandidate{f.entries[i], s})
		}
	}
	slices.SortStableFunc(list, func(a, b DossierCandidate) int { return -cmp.Compare(a.Suggestion.Sure, b.Suggestion.Sure) })
	return list[:min(maxCandidates, len(list))]
}
