package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"balansd/ledger"
	"balansd/problem"
)

// Group records that dossiers belong together: from now on their balances of one
// year and model are added up, and the sum is delivered. What was delivered of their
// newest years is tried again as a sum.
func (d *Daemon) Group(ctx context.Context, r GroupRequest) (DossierGroup, error) {
	d.linking.Lock()
	defer d.linking.Unlock()
	members := make([]ledger.Entry, 0, len(r.Dossiers))
	for _, ref := range r.Dossiers {
		e, err := d.findDossier(ctx, ref)
		if err != nil {
			return DossierGroup{}, err
		}
		members = append(members, e)
	}
	group, err := d.newGroup(ctx, members)
	if err != nil {
		return DossierGroup{}, err
	}
	if err := d.config().Store.SaveConnection(ctx, group); err != nil {
		return DossierGroup{}, err
	}
	d.log().Info().Str("group", group.ID).Int("dossiers", len(members)).Str("by", r.By).Msg("dossiers grouped")
	for _, e := range members {
		if err := d.addAgain(ctx, e, r.By); err != nil {
			return groupOf(group), err
		}
	}
	return groupOf(group), nil
}

// newGroup returns the connection that adds up the balances of the dossiers of
// entries, or the reason why they cannot be a group.
func (d *Daemon) newGroup(ctx context.Context, members []ledger.Entry) (ledger.Connection, error) {
	c := ledger.Connection{Kind: ledger.Sum, Status: ledger.Active, ActivatedAt: d.config().Now()}
	connections, err := d.config().Store.Connections(ctx)
	if err != nil {
		return c, err
	}
	for _, e := range members {
		ref := ledger.DossierRef{Connection: e.Connection, DossierID: e.Dossier.ID}
		if slices.Contains(c.Parts, ref) {
			continue
		}
		for _, other := range connections {
			if other.Status != ledger.Removed && other.HasPart(e) {
				return c, problem.New(problem.Conflict, fmt.Sprintf("%s belongs to a group already: %s", dossierName(e.Listing), partsText(other.Parts)),
					"Dissolve that one first: balansd links group --remove.")
			}
		}
		number := e.Dossier.EnterpriseNumber
		if i := slices.IndexFunc(members, func(m ledger.Entry) bool { return !agree(m.Dossier.EnterpriseNumber, number) }); i >= 0 {
			return c, problem.New(problem.NumberDiffers, fmt.Sprintf("%s has enterprise number %s, and %s has %s", dossierName(members[i].Listing),
				members[i].Dossier.EnterpriseNumber.Pretty(), dossierName(e.Listing), number.Pretty()), "Only dossiers of one employer can be added up.")
		}
		c.Parts = append(c.Parts, ref)
		if c.Name == "" {
			c.Name = e.Dossier.Name
		}
	}
	if len(c.Parts) < 2 {
		return c, problem.New(problem.Usage, "a group has at least two dossiers", "Name each as CONNECTION/DOSSIER; balansd links group lists the groups.")
	}
	hash := sha256.Sum256([]byte(partsText(c.Parts)))
	c.ID = "sum-" + hex.EncodeToString(hash[:4])
	return c, nil
}

// partsText names dossiers as Group takes them.
func partsText(parts []ledger.DossierRef) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Connection + "/" + p.DossierID
	}
	return strings.Join(texts, ", ")
}

func groupOf(c ledger.Connection) DossierGroup {
	return DossierGroup{ID: c.ID, Name: c.Name, Dossiers: c.Parts}
}

// addAgain has the next run add up what was delivered, or differs, of a dossier and
// its newest year.
func (d *Daemon) addAgain(ctx context.Context, e ledger.Entry, by string) error {
	if e.State != ledger.Done && e.State != ledger.Differs {
		return nil // its turn comes
	}
	next, err := e.Retry(d.config().Now())
	if err != nil {
		return err
	}
	_, err = d.config().Store.Move(ctx, ledger.Move{Entry: next, Event: ledger.Event{At: next.UpdatedAt, By: by, State: next.State,
		Act: ledger.ActSum, Text: name(by) + " had it added up with the other dossiers of the employer"}})
	if problem.Is(err, problem.Conflict) {
		return nil
	}
	return err
}

// Ungroup dissolves the group of a dossier. What was delivered stays; what comes from
// now on is delivered for each dossier alone.
func (d *Daemon) Ungroup(ctx context.Context, r GroupRequest) (DossierGroup, error) {
	d.linking.Lock()
	defer d.linking.Unlock()
	if len(r.Dossiers) != 1 {
		return DossierGroup{}, problem.New(problem.Usage, "one dossier of the group is needed", "See balansd links group.")
	}
	e, err := d.findDossier(ctx, r.Dossiers[0])
	if err != nil {
		return DossierGroup{}, err
	}
	connections, err := d.config().Store.Connections(ctx)
	if err != nil {
		return DossierGroup{}, err
	}
	for _, c := range connections {
		if c.Status == ledger.Removed || !c.HasPart(e) && c.ID != e.Connection {
			continue
		}
		if c.Kind != ledger.Sum {
			continue
		}
		c.Status = ledger.Removed
		if err := d.config().Store.SaveConnection(ctx, c); err != nil {
			return DossierGroup{}, err
		}
		d.log().Info().Str("group", c.ID).Str("by", r.By).Msg("group of dossiers dissolved")
		return groupOf(c), d.dismissOpenSums(ctx, c, r.By)
	}
	return DossierGroup{}, problem.New(problem.NotFound, dossierName(e.Listing)+" belongs to no group", "See balansd links group.")
}

// dismissOpenSums dismisses the sums of a dissolved group that were not delivered.
func (d *Daemon) dismissOpenSums(ctx context.Context, c ledger.Connection, by string) error {
	q := ledger.Query{Connection: c.ID, States: []ledger.State{ledger.Found, ledger.Waiting, ledger.Failed, ledger.Differs}}
	for e, err := range d.config().Store.Entries(ctx, q) {
		if err != nil {
			return err
		}
		if _, err := d.Dismiss(ctx, EntryRequest{Number: e.Number, By: by}); err != nil && !problem.Is(err, problem.Conflict) {
			return err
		}
	}
	return nil
}

// Groups lists the groups of dossiers, by id.
func (d *Daemon) Groups(ctx context.Context) ([]DossierGroup, error) {
	connections, err := d.config().Store.Connections(ctx)
	groups := []DossierGroup{}
	for _, c := range connections {
		if c.Kind == ledger.Sum && c.Status != ledger.Removed {
			groups = append(groups, groupOf(c))
		}
	}
	return groups, err
}

// findDossier returns the newest entry of the one dossier that a person means: by
// connection and id, CONNECTION/DOSSIER, or by what names it alone.
func (d *Daemon) findDossier(ctx context.Context, ref string) (ledger.Entry, error) {
	connection, id, exact := strings.Cut(ref, "/")
	query := DossierQuery{Search: ref}
	if exact {
		query = DossierQuery{Search: id, Connection: connection}
	}
	page, err := d.Dossiers(ctx, query)
	if err != nil {
		return ledger.Entry{}, err
	}
	var found []ledger.Entry
	for _, e := range page.Entries {
		switch {
		case exact && e.Connection == connection && ledger.FoldName(e.Dossier.ID) == ledger.FoldName(id),
			!exact && (e.Dossier.IsNamed(ref) || e.Dossier.Matches(ref)):
			found = append(found, e)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return ledger.Entry{}, problem.New(problem.NotFound, fmt.Sprintf("no dossier is called %.64q", ref),
			"Name it as CONNECTION/DOSSIER, with the id that balansd ledger list shows.")
	}
	refs := make([]ledger.DossierRef, len(found))
	for i, e := range found {
		refs[i] = ledger.DossierRef{Connection: e.Connection, DossierID: e.Dossier.ID}
	}
	return ledger.Entry{}, problem.New(problem.Usage, fmt.Sprintf("%.64q can be %d dossiers: %s", ref, len(found), partsText(refs[:min(len(refs), 10)])),
		"Name it as CONNECTION/DOSSIER.")
}
