package daemon

import (
	"context"
	"fmt"

	"balansd/ledger"
	"balansd/problem"
)

// Link sets the link of a dossier, in the place of the one that it had: which company
// takes its balances, from when, whether it is paused, and a note. What was written
// for the dossier stays where it is; the next balance goes to the new company.
//
// Where dossier and company have different valid enterprise numbers it is refused with
// a NumberDiffers problem, unless NumberDiffers.Company names the company; the caller
// checks who may do that. It returns the link as it is stored, or would be: its
// NumberDiffers then has the company's name and both numbers, also with an error.
func (d *Daemon) Link(ctx context.Context, r LinkRequest) (ledger.DossierLink, error) {
	d.linking.Lock()
	defer d.linking.Unlock()
	c, err := d.checkLinkRequest(ctx, r)
	if err != nil {
		return c.link, err
	}
	return c.link, d.changeLinks(ctx, r.By, []linkCheck{c}, nil)
}

// Unlink removes the link of a dossier. What was written for it stays; its next balance
// goes where its enterprise number leads.
func (d *Daemon) Unlink(ctx context.Context, r UnlinkRequest) (ledger.DossierLink, error) {
	d.linking.Lock()
	defer d.linking.Unlock()
	stored, err := d.config().Store.Links(ctx)
	if err != nil {
		return ledger.DossierLink{}, err
	}
	named := ledger.DossierLink{Connection: r.Connection, DossierID: r.DossierID}
	l := d.storedLink(ctx, stored, &named)
	switch {
	case l.DossierID == "":
		return l, problem.New(problem.NotFound, fmt.Sprintf("dossier %.60q of connection %.60q has no link", r.DossierID, r.Connection),
			"See which there are: balansd links list.")
	case l.Configured:
		return l, configuredLink(l)
	}
	return l, d.changeLinks(ctx, r.By, nil, []ledger.DossierLink{l})
}

// changeLinks saves checked links and removes others, all or none. The entries of their
// dossiers say so, and are matched anew.
func (d *Daemon) changeLinks(ctx context.Context, by string, set []linkCheck, removed []ledger.DossierLink) error {
	links, changed := make([]ledger.DossierLink, len(set)), map[string]linkChange{}
	for i, c := range set {
		links[i] = c.link
		changed[linkKey(c.link.Connection, ledger.FoldName(c.link.DossierID))] = linkChange{c.before, c.link, c.company.Name}
		d.log().Info().Str("connection", c.link.Connection).Str("dossier_id", c.link.DossierID).Int64("company", c.link.CompanyID).
			Bool("number_differs", c.link.NumberDiffers.Company != "").Str("by", by).Msg("dossier linked")
	}
	for _, l := range removed {
		changed[linkKey(l.Connection, ledger.FoldName(l.DossierID))] = linkChange{before: l}
		d.log().Info().Str("connection", l.Connection).Str("dossier_id", l.DossierID).Str("by", by).Msg("link of a dossier removed")
	}
	if err := d.config().Store.ChangeLinks(ctx, links, removed); err != nil {
		return err
	}
	if err := d.linksChanged(ctx, append(links, removed...)...); err != nil {
		return err
	}
	return d.recordLinkChanges(ctx, by, changed)
}

// linkChange is what became of the link of a dossier.
type linkChange struct {
	before, after ledger.DossierLink // zero for none
	company       string             // the name of the company of after
}

// event returns what the history of an entry says about a change; false for nothing.
func (c linkChange) event(e ledger.Entry, by string) (ledger.Event, bool) {
	event := ledger.Event{By: by, State: e.State, Reason: e.Reason, FailClass: e.FailClass}
	word := c.after.NumberDiffers
	if e.Open() {
		event.Act, event.Text = ledger.ActLink, fmt.Sprintf("linked to %s with enterprise number %s, although the dossier has %s; %s said that this is meant",
			word.Company, word.CompanyNumberText(), word.DossierNumber.Pretty(), name(by))
		return event, word.Confirmed() && word != c.before.NumberDiffers
	}
	if e.State != ledger.Done || e.Target == nil || c.before.SameCompany(c.after) || c.after.Leads(*e.Target) {
		return event, false
	}
	event.Act, event.Text = ledger.ActUnlink, "the link to its company was removed"
	if c.after.CompanyID != 0 {
		event.Act, event.Text = ledger.ActRelink, "linked to "+c.company+" from now on"
	}
	event.Text += fmt.Sprintf(" by %s; what was written to %s, period %s, stays there", name(by), e.Target.CompanyName, e.Target.PeriodEnd)
	return event, true
}

// recordLinkChanges adds an event to the history of each entry that a changed link is
// about: what is open goes elsewhere, and what is done stays where it is. changed is by
// connection and folded name of the dossier.
func (d *Daemon) recordLinkChanges(ctx context.Context, by string, changed map[string]linkChange) error {
	store := d.config().Store
	for e, err := range store.Entries(ctx, ledger.Query{}) {
		if err != nil {
			return err
		}
		if e.State == ledger.Sending {
			continue
		}
		for _, ref := range e.Dossier.References() {
			c, ok := changed[linkKey(e.Connection, ledger.FoldName(ref))]
			if !ok {
				continue
			}
			event, says := c.event(e, by)
			if says {
				event.At = d.config().Now()
				if _, err := store.Move(ctx, ledger.Move{Entry: e, Event: event}); err != nil && !problem.Is(err, problem.Conflict) {
					return err
				}
			}
			break
		}
	}
	return nil
}
