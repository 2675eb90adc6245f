package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// ClientQuery selects clients by words, all of which the name, the file code or a
// number holds. At most Limit are returned; 0 for all.
type ClientQuery struct {
	Search string `json:"search"`
	Limit  int    `json:"limit,omitempty"`
	// For has those come first that may be this client, with why and how sure.
	For ClientTraits `json:"for,omitzero"`
	// InSilverfin leaves out dossiers that Silverfin does not have.
	InSilverfin bool `json:"in_silverfin,omitempty"`
}

// ClientTraits are what is known of a client that is looked for.
type ClientTraits struct {
	Name             string                   `json:"name,omitempty"`
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number,omitempty"`
	// Reference is by what its source knows it, which may be a number with a typing
	// slip.
	Reference string `json:"reference,omitempty"`
}

// ClientPage are the clients that were found, best first. Total counts them all.
type ClientPage struct {
	Clients []Client `json:"clients"`
	Total   int      `json:"total"`
}

// Clients lists the companies in Silverfin, and the dossiers that are not there
// yet, that an uploaded document can be given to. Companies are read anew after
// ten minutes at the latest.
func (d *Daemon) Clients(ctx context.Context, q ClientQuery) (ClientPage, error) {
	page := ClientPage{Clients: []Client{}}
	r, err := d.previewRun(ctx)
	if err != nil {
		return page, err
	}
	ix, err := d.uploadCompanies(ctx, r)
	if err != nil {
		return page, err
	}
	found := ix.search(q.Search)
	more, err := d.dossierClients(ctx, ix, q.Search)
	if err != nil {
		return page, err
	}
	for _, c := range more {
		if (c.CompanyID != 0 || !q.InSilverfin) && !slices.ContainsFunc(found, c.sameAs) {
			found = append(found, c)
		}
	}
	if q.For != (ClientTraits{}) {
		q.For.suggest(ix, found)
	}
	sortClients(found)
	page.Total = len(found)
	if q.Limit > 0 {
		found = found[:min(q.Limit, len(found))]
	}
	page.Clients = append(page.Clients, found...)
	return page, nil
}

// sortClients sorts the surest suggestions first, then by name.
func sortClients(list []Client) {
	folded := make(map[string]string, len(list))
	for _, c := range list {
		folded[c.Name] = fold(c.Name)
	}
	sure := func(c Client) int {
		if c.Suggestion == nil {
			return 0
		}
		return c.Suggestion.Sure
	}
	slices.SortFunc(list, func(a, b Client) int {
		return cmp.Or(-cmp.Compare(sure(a), sure(b)), cmp.Compare(folded[a.Name], folded[b.Name]),
			cmp.Compare(a.FirmID, b.FirmID), cmp.Compare(a.CompanyID, b.CompanyID))
	})
}

// suggest says of each client why it may be t.
func (t ClientTraits) suggest(ix *companyIndex, list []Client) {
	wanted := traitsOf(t.Name, t.Reference, t.EnterpriseNumber)
	for i, c := range list {
		traits := traitsOf(c.Name, "", c.EnterpriseNumber)
		if in, ok := ix.byID[[2]int64{c.FirmID, c.CompanyID}]; ok {
			traits = in.traits()
		}
		if s, ok := suggest(wanted, traits); ok {
			list[i].Suggestion = &s
		}
	}
}

// traits are what a company is compared by.
func (in inFirm) traits() clientTraits {
	c := in.company
	return traitsOf(c.Name, c.WrongNumber, append([]balance.EnterpriseNumber{c.EnterpriseNumber}, c.Several...)...)
}

// sameAs reports whether two clients are one.
func (c Client) sameAs(o Client) bool {
	if c.CompanyID != 0 || o.CompanyID != 0 {
		return c.FirmID == o.FirmID && c.CompanyID == o.CompanyID
	}
	return c.EnterpriseNumber == o.EnterpriseNumber
}

// clientOf describes a company.
func clientOf(in inFirm) Client {
	return Client{FirmID: in.firm.ID, CompanyID: in.company.ID, Firm: in.firm.Name, Name: in.company.Name,
		FileCode: in.company.FileCode, EnterpriseNumber: in.company.EnterpriseNumber}
}

// search lists the companies that a text names.
func (ix *companyIndex) search(text string) (found []Client) {
	if n, err := balance.ParseEnterpriseNumber(text); err == nil {
		for _, in := range ix.byNumber[n] {
			found = append(found, clientOf(in))
		}
		return found
	}
	words := strings.Fields(fold(text))
	for _, in := range ix.byID {
		c := in.company
		haystack := strings.Join([]string{fold(c.Name), fold(c.FileCode), c.EnterpriseNumber.String(), c.EnterpriseNumber.Pretty()}, "\n")
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(haystack, w) }) {
			found = append(found, clientOf(in))
		}
	}
	return found
}

// dossierClients lists the clients of the dossiers in the ledger that a text names:
// people know a dossier by its affiliation number, too.
func (d *Daemon) dossierClients(ctx context.Context, ix *companyIndex, text string) (found []Client, err error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	const most = 200
	page, err := d.Dossiers(ctx, DossierQuery{Search: text, Limit: most})
	if err != nil {
		return nil, err
	}
	for _, e := range page.Entries {
		number := e.Dossier.EnterpriseNumber
		switch {
		case e.Target != nil:
			if in, ok := ix.byID[[2]int64{e.Target.FirmID, e.Target.CompanyID}]; ok {
				found = append(found, clientOf(in))
			}
		case number != "" && len(ix.byNumber[number]) == 0:
			found = append(found, Client{Name: cmp.Or(e.Dossier.Name, e.Dossier.ID), EnterpriseNumber: number})
		}
	}
	return found, nil
}

// FindClient returns the one client that a reference names: an enterprise number, a
// file code, a name, or a part of one that no other client has. Where there is none
// it is a NotFound problem; where there are several, a NeedsPerson problem that
// names them.
func (d *Daemon) FindClient(ctx context.Context, ref string) (Client, error) {
	page, err := d.Clients(ctx, ClientQuery{Search: ref})
	if err != nil {
		return Client{}, err
	}
	found := page.Clients
	exact := slices.DeleteFunc(slices.Clone(found), func(c Client) bool {
		return fold(c.Name) != fold(strings.TrimSpace(ref)) && fold(c.FileCode) != fold(strings.TrimSpace(ref))
	})
	if len(exact) > 0 {
		found = exact
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Client{}, problem.New(problem.NotFound, fmt.Sprintf("no client is known by %.60q", ref),
			"Name a company in Silverfin by its name, file code or enterprise number.")
	default:
		const shown = 5
		names := make([]string, 0, shown)
		for _, c := range found[:min(shown, len(found))] {
			names = append(names, c.describe())
		}
		return Client{}, problem.New(problem.NeedsPerson,
			fmt.Sprintf("%d clients are known by %.60q: %s", len(found), ref, strings.Join(names, "; ")), "Name one of them by its enterprise number or file code.")
	}
}

// describe names a client with its number and firm.
func (c Client) describe() string {
	text := c.Name
	if c.EnterpriseNumber != "" {
		text += ", " + c.EnterpriseNumber.Pretty()
	}
	if c.FileCode != "" {
		text += ", file code " + c.FileCode
	}
	if c.Firm != "" {
		text += " (" + c.Firm + ")"
	}
	return text
}

// previewRun returns a run that changes nothing: it is not among the runs, its
// destinations cannot write, and it saves no link and no firm.
func (d *Daemon) previewRun(ctx context.Context) (*run, error) {
	cfg := d.config()
	cfg.Store = previewStore{cfg.Store}
	cfg.Destination = readOnly(cfg.Destination)
	cfg.Log = cfg.Log.Level(zerolog.Disabled) // the run that delivers it says what is in the way
	r := d.newRun(cfg, SyncRequest{}, ledger.Run{Trigger: ledger.ByHand}, func(Progress) {})
	return r, r.load(ctx)
}

// previewStore is a state in which looking at what would become of a document
// changes nothing.
type previewStore struct{ Store }

func (previewStore) SaveLink(context.Context, ledger.DossierLink) error { return nil }

func (previewStore) ChangeLinks(context.Context, []ledger.DossierLink, []ledger.DossierLink) error {
	return nil
}

func (previewStore) UpdateFirm(context.Context, int64, func(*ledger.Firm)) error { return nil }

// uploadCompanies returns the companies of all firms for a preview, read at most
// ten minutes ago.
func (d *Daemon) uploadCompanies(ctx context.Context, r *run) (*companyIndex, error) {
	firms, err := r.cfg.Store.Firms(ctx)
	if err != nil {
		return nil, err
	}
	if r.index = d.companies.load(firms, r.cfg.Now(), maxIndexAge); r.index != nil {
		return r.index, nil
	}
	return r.companies(ctx)
}

// sameFirm reports whether a firm is linked as it was.
func sameFirm(a, b ledger.Firm) bool { return a.ID == b.ID && a.LinkedAt.Equal(b.LinkedAt) }
