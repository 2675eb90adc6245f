package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"balansd/administration"
	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// ListAdministration lists companies with what sources state of them.
func (d *Daemon) ListAdministration(ctx context.Context, q AdministrationQuery) (AdministrationPage, error) {
	page := AdministrationPage{Sources: []AdministrationSource{}, Companies: []ledger.Administration{}}
	listings, err := d.listings(ctx)
	if err != nil {
		return page, err
	}
	for _, l := range listings {
		page.Sources = append(page.Sources, l.AdministrationSource)
	}
	all, err := d.allAdministration(ctx)
	if err != nil {
		return page, err
	}
	words := strings.Fields(fold(q.Search))
	for _, a := range all {
		open := len(a.Open()) > 0
		if open {
			page.Open++
		}
		if q.Open && !open || q.FirmID != 0 && q.FirmID != a.FirmID || !fitsAdministration(a, words) {
			continue
		}
		page.Total++
		if page.Total > q.Skip && (q.Limit == 0 || len(page.Companies) < q.Limit) {
			page.Companies = append(page.Companies, withDates(listings, a))
		}
	}
	return page, nil
}

// administrationSources lists the sources with what they listed last.
func (d *Daemon) administrationSources(ctx context.Context) (all []AdministrationSource, err error) {
	listings, err := d.listings(ctx)
	for _, l := range listings {
		all = append(all, l.AdministrationSource)
	}
	return all, err
}

// withDates returns a row with the dates of its source as they are now.
func withDates(listings []*sourceListing, a ledger.Administration) ledger.Administration {
	for _, l := range listings {
		if l.Name != a.Source {
			continue
		}
		a.ListedAt = l.ListedAt
		if r, ok := l.withReference(a.Reference); ok {
			a.AsOf = r.AsOf
		}
	}
	return a
}

// fitsAdministration reports whether all words are in the name, numbers or reference of a
// company. Digits are found in any notation of the number.
func fitsAdministration(a ledger.Administration, words []string) bool {
	text := strings.Join([]string{fold(a.Company), a.EnterpriseNumber.String(), a.EnterpriseNumber.Pretty(), fold(a.Reference),
		fmt.Sprint(a.CompanyID), a.Key(), fold(a.Stated[administration.Name])}, "\n")
	for _, w := range words {
		if n, err := balance.ParseEnterpriseNumber(w); err == nil && n == a.EnterpriseNumber {
			continue
		}
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// ShowAdministration returns everything that is known of one company.
func (d *Daemon) ShowAdministration(ctx context.Context, r AdministrationRequest) (AdministrationDetail, error) {
	detail := AdministrationDetail{Others: []StatedBy{}, Unavailable: []string{Shareholders}, Language: d.config().Administration.Language}
	a, err := d.findAdministration(ctx, r)
	if err != nil {
		return detail, err
	}
	listings, err := d.listings(ctx)
	if err != nil {
		return detail, err
	}
	detail.Administration = withDates(listings, a)
	firms, err := d.config().Store.Firms(ctx)
	if err != nil {
		return detail, err
	}
	for _, f := range firms {
		if f.ID == a.FirmID {
			detail.Firm = f.Name
		}
	}
	for _, l := range listings {
		if l.Name == a.Source {
			continue
		}
		if r, ok := l.withNumber(a.EnterpriseNumber); ok {
			detail.Others = append(detail.Others, StatedBy{l.Name, r.Reference, l.ListedAt, d.config().comparison().Values(r)})
		}
	}
	return detail, nil
}

// findAdministration returns the row that a request names.
func (d *Daemon) findAdministration(ctx context.Context, r AdministrationRequest) (ledger.Administration, error) {
	all, err := d.allAdministration(ctx)
	if err != nil {
		return ledger.Administration{}, err
	}
	words := strings.Fields(fold(r.Search))
	if r.CompanyID == 0 && len(words) == 0 {
		return ledger.Administration{}, problem.New(problem.Usage, "no company is named", "Name one by its enterprise number, its name or its id.")
	}
	var hits []ledger.Administration
	for _, a := range all {
		switch {
		case r.CompanyID != 0:
			if a.CompanyID == r.CompanyID && (r.FirmID == 0 || a.FirmID == r.FirmID) {
				return a, nil
			}
		case a.Key() == r.Search || fmt.Sprint(a.CompanyID) == r.Search || a.Company != "" && fold(a.Company) == fold(r.Search):
			return a, nil
		case fitsAdministration(a, words):
			hits = append(hits, a)
		}
	}
	switch len(hits) {
	case 0:
		return ledger.Administration{}, problem.New(problem.NotFound, "nothing is known of such a company's administration data",
			"Compare first: balansd administration sync. balansd administration list has those that are known.")
	case 1:
		return hits[0], nil
	}
	names := make([]string, 0, 5)
	for _, a := range hits[:min(len(hits), 5)] {
		names = append(names, fmt.Sprintf("%s (%s)", companyLabel(a), a.Key()))
	}
	return ledger.Administration{}, problem.New(problem.Usage, fmt.Sprintf("%.60q can be %d companies: %s", r.Search, len(hits), strings.Join(names, ", ")),
		"Name one by what stands in brackets.")
}

// References searches what the sources listed last.
func (d *Daemon) References(ctx context.Context, q ReferenceQuery) (ReferencePage, error) {
	page := ReferencePage{References: []AdministrationReference{}}
	listings, err := d.listings(ctx)
	if err != nil {
		return page, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	words, language := strings.Fields(fold(q.Search)), d.config().Administration.Language
	for _, l := range listings {
		if q.Source != "" && l.Name != q.Source {
			continue
		}
		for _, r := range l.records {
			ref := referenceOf(l, r, language)
			if !fitsReference(ref, r, words) {
				continue
			}
			if page.Total++; len(page.References) < limit {
				page.References = append(page.References, ref)
			}
		}
	}
	slices.SortStableFunc(page.References, func(a, b AdministrationReference) int { return strings.Compare(fold(a.Name), fold(b.Name)) })
	return page, nil
}

func referenceOf(l *sourceListing, r administration.Record, language string) AdministrationReference {
	return AdministrationReference{Source: l.Name, Reference: r.Reference, Name: r.Names.In(language), EnterpriseNumber: r.EnterpriseNumber, City: r.Cities.In(language)}
}

// fitsReference reports whether all words are in a reference, a name, the number or the city.
func fitsReference(ref AdministrationReference, r administration.Record, words []string) bool {
	text := strings.Join(append([]string{fold(ref.Reference), fold(strings.Join(r.Names.All(), "\n")), fold(ref.City)},
		r.EnterpriseNumber.String(), r.EnterpriseNumber.Pretty()), "\n")
	for _, w := range words {
		if n, err := balance.ParseEnterpriseNumber(w); err == nil && n == r.EnterpriseNumber {
			continue
		}
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
