package daemon

import (
	"context"
	"slices"

	"balansd/balance"
	"balansd/ledger"
)

// sureEnough is the least certainty of a suggestion, in percent, with which dossiers are
// linked several at once: the number, the number but for a slip with a name that is
// alike, or the very name.
const sureEnough = 90

// linkTarget is a company that a dossier can be linked to.
type linkTarget struct {
	client Client
	traits clientTraits
}

// suggestLinks finds for each entry that is not refused the one company that is free and
// suggested with certainty, and refuses the others.
func (d *Daemon) suggestLinks(ctx context.Context, items []BulkItem, outcomes []BulkOutcome) error {
	r, err := d.previewRun(ctx)
	if err != nil {
		return err
	}
	ix, err := d.uploadCompanies(ctx, r)
	if err != nil {
		return err
	}
	free, err := d.freeDossiers(ctx, r)
	if err != nil {
		return err
	}
	var targets []linkTarget
	for _, in := range ix.byID {
		if c := clientOf(in); !free.takes(c) {
			targets = append(targets, linkTarget{c, in.traits()})
		}
	}
	wanted := map[[2]int64]int{} // how many dossiers a company is suggested for
	for i := range outcomes {
		o := &outcomes[i]
		if o.Refused != bulkOK {
			continue
		}
		if l, ok := r.link(o.Entry.Connection, o.Entry.Dossier); ok && l.CompanyID != 0 {
			o.Refused = BulkLinked
			continue
		}
		if o.suggestOne(targets); o.Refused == bulkOK {
			wanted[o.Company.key()]++
		}
	}
	refuseShared(items, outcomes, wanted)
	return nil
}

// suggestOne suggests the surest company for the dossier of an entry, or refuses it.
func (o *BulkOutcome) suggestOne(targets []linkTarget) {
	traits, equal := dossierTraits(o.Entry), 0
	for _, t := range targets {
		s, ok := suggestSurely(traits, t.traits)
		switch {
		case !ok || o.Suggestion != nil && s.Sure < o.Suggestion.Sure:
		case o.Suggestion != nil && s.Sure == o.Suggestion.Sure:
			equal++
		default:
			o.Company, o.Suggestion, equal = &t.client, &s, 0
		}
	}
	switch {
	case o.Company == nil:
		o.Refused = BulkUnsure
	case equal > 0:
		o.Refused, o.Company, o.Suggestion = BulkSeveral, nil, nil
	}
}

// refuseShared refuses the suggestions of a company that is suggested for several
// dossiers, and those that are no longer what the person saw.
func refuseShared(items []BulkItem, outcomes []BulkOutcome, wanted map[[2]int64]int) {
	for i := range outcomes {
		o, saw := &outcomes[i], [2]int64{items[i].FirmID, items[i].CompanyID}
		switch {
		case o.Refused != bulkOK:
		case wanted[o.Company.key()] > 1:
			o.Refused = BulkShared
		case saw[1] != 0 && saw != o.Company.key():
			o.Refused = BulkChanged
		}
	}
}

// key identifies a company among those of all firms.
func (c Client) key() [2]int64 { return [2]int64{c.FirmID, c.CompanyID} }

// suggestSurely is suggest for what is sure enough. It compares no names letter by
// letter where that could not make it so: there may be thousands on both sides.
func suggestSurely(dossier, company clientTraits) (Suggestion, bool) {
	named := dossier.name == company.name
	slip := dossier.typed != "" || company.typed != ""
	numbered := slices.ContainsFunc(dossier.numbers, func(n balance.EnterpriseNumber) bool { return slices.Contains(company.numbers, n) })
	if !named && !slip && !numbered {
		return Suggestion{}, false
	}
	s, ok := suggest(dossier, company)
	return s, ok && s.Sure >= sureEnough
}

// bulkLink links the dossier of an entry to the company that is suggested for it, and has
// the entry tried again.
func (d *Daemon) bulkLink(ctx context.Context, o *BulkOutcome, by string) (ledger.Entry, error) {
	e := o.Entry
	link := ledger.DossierLink{Connection: e.Connection, DossierID: e.Dossier.ID, FirmID: o.Company.FirmID, CompanyID: o.Company.CompanyID}
	if _, err := d.Link(ctx, LinkRequest{DossierLink: link, By: by}); err != nil {
		return e, err
	}
	return d.Retry(ctx, EntryRequest{Number: e.Number, By: by}) // Link may have made another version of it
}
