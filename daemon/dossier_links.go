package daemon

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"balansd/ledger"
	"balansd/problem"
)

// Links lists the dossier links that people set, by connection and dossier.
func (d *Daemon) Links(ctx context.Context) ([]ledger.DossierLink, error) {
	all, err := d.config().Store.Links(ctx)
	slices.SortFunc(all, func(a, b ledger.DossierLink) int {
		return cmp.Or(cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.DossierID, b.DossierID))
	})
	return all, err
}

// configure saves connections and replaces the links of the configuration, both or
// neither.
func (d *Daemon) configure(ctx context.Context, connections []ledger.Connection, configured []ledger.DossierLink) error {
	store := d.config().Store
	before, err := store.Links(ctx)
	if err != nil {
		return err
	}
	if err := store.Configure(ctx, connections, withStoredNumbers(configured, before)); err != nil {
		return err
	}
	// The configuration is in the state now: an error from here on must not say that
	// it is not.
	if err := d.matchReplaced(ctx, before); err != nil {
		d.log().Error().Err(err).Msg("open entries of changed links could not be matched again")
	}
	return nil
}

// matchReplaced rematches the open entries of the links that are not the same as before.
func (d *Daemon) matchReplaced(ctx context.Context, before []ledger.DossierLink) error {
	after, err := d.config().Store.Links(ctx)
	if err != nil {
		return err
	}
	changed := map[ledger.DossierLink]bool{}
	for _, list := range [][]ledger.DossierLink{before, after} {
		for _, l := range list {
			changed[l] = !changed[l] // those of one list alone stay true
		}
	}
	maps.DeleteFunc(changed, func(_ ledger.DossierLink, is bool) bool { return !is })
	return d.linksChanged(ctx, slices.Collect(maps.Keys(changed))...)
}

// linksChanged has the next run match the open entries again whose dossiers have a
// link that changed. A run under way reads the new links before its next entry; the
// entry that it is working on is rematched at its end.
func (d *Daemon) linksChanged(ctx context.Context, changed ...ledger.DossierLink) error {
	if len(changed) == 0 {
		return nil
	}
	for _, r := range d.runs.all() {
		r.mu.Lock()
		r.relinked = append(r.relinked, changed...)
		r.mu.Unlock()
	}
	return d.rematch(ctx, changed)
}

// drainRelinked returns the links that changed since the run began.
func (r *run) drainRelinked() []ledger.DossierLink {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.relinked
}

// rematch clears the company that an earlier run found for the open entries of the
// links' dossiers. An entry whose write is under way keeps it; it is matched again
// before it is written again.
func (d *Daemon) rematch(ctx context.Context, links []ledger.DossierLink) error {
	if len(links) == 0 {
		return nil
	}
	keys := map[string]bool{}
	for _, l := range links {
		keys[linkKey(l.Connection, l.DossierID)] = true
		keys[foldedLinkKey(l.Connection, l.DossierID)] = true
	}
	store := d.config().Store
	linked := func(e ledger.Entry) bool {
		return slices.ContainsFunc(e.Dossier.References(), func(ref string) bool {
			return keys[linkKey(e.Connection, ref)] || keys[foldedLinkKey(e.Connection, ref)]
		})
	}
	linkedPart := func(number uint64) bool {
		part, err := store.Entry(ctx, number)
		return err == nil && linked(part)
	}
	for e, err := range store.OpenEntries(ctx) {
		if err != nil {
			return err
		}
		if e.Target == nil || e.State == ledger.Sending || !linked(e) && !slices.ContainsFunc(e.Parts, linkedPart) {
			continue
		}
		e.Target = nil
		if _, err := store.Move(ctx, ledger.Move{Entry: e}); err != nil && !problem.Is(err, problem.Conflict) {
			return err
		}
	}
	return nil
}

// link finds the link that a person set for a listing's dossier, by its id,
// its affiliation number or its enterprise number. Names that look the same are the
// same, unless there is a link for the very name.
func (r *run) link(connection string, d ledger.Dossier) (ledger.DossierLink, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ref := range d.References() {
		for _, key := range []string{linkKey(connection, ref), foldedLinkKey(connection, ref)} {
			if l, ok := r.links[key]; ok {
				return l, true
			}
		}
	}
	return ledger.DossierLink{}, false
}

// linkOf finds the link of an entry's dossier, zero for none. A sum whose own link names
// no company has the company that its parts are linked to; it waits where those are two.
func (r *run) linkOf(ctx context.Context, e ledger.Entry) (ledger.DossierLink, error) {
	own, _ := r.link(e.Connection, e.Dossier)
	if own.CompanyID != 0 || own.Paused {
		return own, nil
	}
	found := own
	for _, number := range e.Parts {
		part, err := r.cfg.Store.Entry(ctx, number)
		if err != nil {
			return own, err
		}
		l, _ := r.link(part.Connection, part.Dossier)
		switch {
		case l.CompanyID == 0:
		case found.CompanyID == 0:
			found = l
		case !l.SameCompany(found):
			return own, &ledger.WaitingError{Reason: ledger.PartsDiffer, Detail: fmt.Sprintf(
				"the dossiers that are added up are linked to companies %d and %d", found.CompanyID, l.CompanyID)}
		}
	}
	return found, nil
}

// loadLinks reads the links.
func (r *run) loadLinks(ctx context.Context) error {
	links, err := r.cfg.Store.Links(ctx)
	if err != nil {
		return err
	}
	byDossier := make(map[string]ledger.DossierLink, len(links))
	for _, l := range links {
		byDossier[linkKey(l.Connection, l.DossierID)] = l
		byDossier[foldedLinkKey(l.Connection, l.DossierID)] = l
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.links = byDossier
	return nil
}

// followLinks reads the links again when some changed since they were read.
func (r *run) followLinks(ctx context.Context) error {
	unlock, err := r.following.Acquire(ctx, "") // nobody goes on before they are read
	if err != nil {
		return err
	}
	defer unlock()
	r.mu.Lock()
	changed := len(r.relinked)
	r.mu.Unlock()
	if r.followed == changed {
		return nil
	}
	if err := r.loadLinks(ctx); err != nil {
		return err
	}
	r.followed = changed
	return nil
}
