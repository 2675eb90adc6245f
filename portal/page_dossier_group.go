package portal

import (
	"slices"

	"balansd/daemon"
	"balansd/ledger"
)

// groupView is what a dossier's balances are added up with, or could be.
type groupView struct {
	Together bool             // the dossiers are a group
	Dossiers []groupedDossier // of the group without this one, or of the same enterprise number
}

// groupedDossier is another dossier of the employer.
type groupedDossier struct {
	Ref        string // as daemon.GroupRequest takes it
	Name       string
	Connection string
}

// grouping returns what the balances of an entry's dossier are added up with; where
// that is nothing, the other dossiers with its enterprise number.
func (rq *request) grouping(e ledger.Entry) (groupView, error) {
	var v groupView
	ctx := rq.r.Context()
	groups, err := rq.API.Groups(ctx)
	if err != nil {
		return v, err
	}
	var members []ledger.DossierRef
	for _, g := range groups {
		if g.ID == e.Connection || slices.Contains(g.Dossiers, refOf(e)) {
			v.Together, members = true, g.Dossiers
		}
	}
	if !v.Together && e.Dossier.EnterpriseNumber == "" {
		return v, nil
	}
	q := daemon.DossierQuery{Search: e.Dossier.EnterpriseNumber.String()}
	page, err := rq.API.Dossiers(ctx, q)
	if err != nil {
		return v, err
	}
	for _, other := range page.Entries {
		switch ref := refOf(other); {
		case len(other.Parts) > 0 || ref == refOf(e):
		case v.Together && !slices.Contains(members, ref):
		case other.Dossier.EnterpriseNumber == e.Dossier.EnterpriseNumber:
			v.Dossiers = append(v.Dossiers, groupedDossier{ref.Connection + "/" + ref.DossierID, rq.entry(other).Name(), ref.Connection})
		}
	}
	return v, nil
}

func refOf(e ledger.Entry) ledger.DossierRef {
	return ledger.DossierRef{Connection: e.Connection, DossierID: e.Dossier.ID}
}

// groupDossiers has the balances of a dossier and of the ticked ones added up.
func groupDossiers(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	ref := refOf(f.Entry)
	others := rq.r.PostForm["dossier"]
	if len(others) == 0 {
		rq.flashWarning("group.none")
		return rq.redirect(dossierPath(f.Entry.Number) + "/others")
	}
	r := daemon.GroupRequest{Dossiers: append([]string{ref.Connection + "/" + ref.DossierID}, others...), By: rq.person.Name}
	if _, err := rq.API.Group(rq.r.Context(), r); err != nil {
		return err
	}
	rq.flash("group.grouped", "Name", rq.entry(f.Entry).Name())
	return rq.redirect(dossierPath(f.Entry.Number) + "/others")
}

// ungroupDossiers has the balances of a dossier delivered alone again.
func ungroupDossiers(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	ref := refOf(f.Entry)
	r := daemon.GroupRequest{Dossiers: []string{ref.Connection + "/" + ref.DossierID}, By: rq.person.Name}
	if _, err := rq.API.Ungroup(rq.r.Context(), r); err != nil {
		return err
	}
	rq.flash("group.dissolved", "Name", rq.entry(f.Entry).Name())
	return rq.redirect(dossierPath(f.Entry.Number) + "/others")
}
