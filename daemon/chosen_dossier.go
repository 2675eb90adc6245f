package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"balansd/ledger"
	"balansd/problem"
)

// shownEmployers bounds how many employers a problem lists.
const shownEmployers = 20

// checkDossier refuses a request whose dossier could be several.
func checkDossier(ctx context.Context, store Store, r SyncRequest) error {
	if r.Dossier == "" || r.Connection != "" {
		return nil
	}
	found, err := ledger.FindEmployers(store.Entries(ctx, ledger.Query{Dossier: r.Dossier}), r.Dossier)
	if err == nil && len(found) > 1 {
		err = severalDossiers(r.Dossier, found)
	}
	return err
}

// severalDossiers says that a reference fits several employers, and which.
func severalDossiers(ref string, found []ledger.Employer) error {
	names := make([]string, 0, shownEmployers)
	for _, e := range found[:min(len(found), shownEmployers)] {
		names = append(names, dossierName(ledger.Listing{Dossier: e.Dossier}))
	}
	slices.Sort(names)
	text := strings.Join(names, "; ")
	if more := len(found) - len(names); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return problem.New(problem.Usage, fmt.Sprintf("%.60q fits %d dossiers: %s", ref, len(found), text),
		"Name one of them by its enterprise number, affiliation number, id or whole name.")
}

// choose reads the entries of the dossier, or those, that the request names, newest
// first.
func (r *run) choose(ctx context.Context) ([]ledger.Entry, error) {
	if len(r.req.Entries) > 0 {
		return r.named(ctx)
	}
	var all []ledger.Entry
	for e, err := range r.cfg.Store.Entries(ctx, ledger.Query{Connection: r.req.Connection, Dossier: r.req.Dossier}) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	if r.req.Connection != "" {
		isID := func(e ledger.Entry) bool { return e.Dossier.ID == r.req.Dossier }
		if slices.ContainsFunc(all, isID) {
			return slices.DeleteFunc(all, func(e ledger.Entry) bool { return !isID(e) }), nil
		}
	}
	found, err := ledger.FindEmployers(walk(all), r.req.Dossier)
	switch {
	case err != nil || len(found) == 0:
		return nil, err
	case len(found) > 1:
		return nil, severalDossiers(r.req.Dossier, found)
	}
	return slices.DeleteFunc(all, func(e ledger.Entry) bool { return !found[0].Has(e) }), nil
}

// named reads the entries that the request names.
func (r *run) named(ctx context.Context) (all []ledger.Entry, err error) {
	for _, number := range r.req.Entries {
		e, err := r.cfg.Store.Entry(ctx, number)
		if problem.Is(err, problem.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
