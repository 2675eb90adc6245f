package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) addConnectionRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/connection/add/{source}", access: admin, handle: addConnectionPage},
		{method: http.MethodPost, path: "/connection/add/{source}", access: admin, handle: addConnection},
		{method: http.MethodPost, path: "/connection/test", access: admin, handle: testConnection},
	}
}

// catalogueGroup is a part of the catalogue.
type catalogueGroup struct {
	Key          ledger.CatalogueGroup
	Title, About string
	Entries      []ledger.CatalogueEntry
}

// groupCatalogue sorts the entries that have a page of their own into groups, in their
// order.
func (rq *request) groupCatalogue(list []ledger.CatalogueEntry) (groups []catalogueGroup) {
	for _, e := range list {
		if len(e.Fields) == 0 {
			continue
		}
		i := slices.IndexFunc(groups, func(g catalogueGroup) bool { return g.Key == e.Group })
		if i < 0 {
			i = len(groups)
			groups = append(groups, catalogueGroup{Key: e.Group, Title: rq.textOr("syncs.group-"+string(e.Group), string(e.Group)), About: rq.aboutGroup(e.Group)})
		}
		groups[i].Entries = append(groups[i].Entries, e)
	}
	return groups
}

func (rq *request) aboutGroup(g ledger.CatalogueGroup) string {
	return rq.textOr("syncs.group-about-"+string(g), "")
}

// textOr returns a message, or otherwise where there is none: a new source may bring
// names for which there is no translation.
func (rq *request) textOr(id, otherwise string) string {
	if s, err := rq.locale.localize(id, nil); err == nil {
		return s
	}
	return otherwise
}

// addConnectionData is the data of the form of a source.
type addConnectionData struct {
	Entry  ledger.CatalogueEntry
	Fields []fieldView // that everybody fills in
	Rare   []fieldView
	Error  *problemView
	// Name is the entry's, in the person's language.
	Name, About string
	RareOpen    bool // something was typed there
}

// problemView is a problem for a person, with what the English text says to do.
type problemView struct {
	Code   problem.Code
	Reason problem.Reason
	Text   string
}

// viewProblem returns the view of an error.
func viewProblem(err error) *problemView {
	p := problem.Of(err)
	v := &problemView{Code: p.Code, Reason: p.Reason, Text: p.What + "."}
	if p.Next != "" {
		v.Text += " " + p.Next
	}
	return v
}

// fieldView is a field of a source, with what was typed.
type fieldView struct {
	ledger.SourceField

	Value       string
	Label, Hint string // the hint is empty where there is none
	Choices     []choiceView
}

// choiceView is one of the values that a field may have.
type choiceView struct{ Value, Label string }

// fieldViews returns the fields of a source. A source that has a field for which there is
// no text shows its name.
func (rq *request) fieldViews(e ledger.CatalogueEntry, typed map[string]string) (usual, rare []fieldView) {
	for _, f := range e.Fields {
		v := fieldView{SourceField: f, Value: typed[f.Name], Label: rq.textOr("syncs.field-"+f.Name, f.Name), Hint: rq.textOr("syncs.hint-"+f.Name, "")}
		for _, o := range f.Options {
			v.Choices = append(v.Choices, choiceView{o, rq.textOr("syncs.option-"+o, o)})
		}
		if f.Rare {
			rare = append(rare, v)
		} else {
			usual = append(usual, v)
		}
	}
	return usual, rare
}

// requireSource returns the entry of the catalogue that the path names.
func (rq *request) requireSource() (ledger.CatalogueEntry, error) {
	list, err := rq.API.Catalogue(rq.r.Context())
	if err != nil {
		return ledger.CatalogueEntry{}, err
	}
	id := rq.r.PathValue("source")
	i := slices.IndexFunc(list, func(e ledger.CatalogueEntry) bool { return e.ID == id && len(e.Fields) > 0 })
	if i < 0 {
		return ledger.CatalogueEntry{}, accounts.Refusal{Status: http.StatusNotFound}
	}
	return list[i], nil
}

func addConnectionPage(rq *request) error {
	e, err := rq.requireSource()
	if err != nil {
		return err
	}
	return rq.showAddConnection(http.StatusOK, addConnectionData{Entry: e}, nil)
}

// showAddConnection answers with the form of a source, with what was typed.
func (rq *request) showAddConnection(status int, d addConnectionData, typed map[string]string) (err error) {
	d.Fields, d.Rare = rq.fieldViews(d.Entry, typed)
	d.Name, d.About = d.Entry.Name, rq.aboutGroup(d.Entry.Group)
	if d.Entry.Group == ledger.AnyFolder {
		if d.Name, err = rq.locale.t("connection.folder"); err != nil {
			return err
		}
	}
	for _, f := range d.Rare {
		d.RareOpen = d.RareOpen || f.Value != "" && f.Value != f.Default
	}
	return rq.renderPageStatus(status, "connectionadd", d)
}

// addConnection tests a source and saves it as a connection. A secret is never written
// into the form again.
func addConnection(rq *request) error {
	e, err := rq.requireSource()
	if err != nil {
		return err
	}
	typed, again := map[string]string{}, map[string]string{}
	for _, f := range e.Fields {
		typed[f.Name] = rq.r.PostForm.Get(f.Name)
		if !f.Secret {
			again[f.Name] = typed[f.Name]
		}
	}
	by := rq.person.Name
	return rq.runTask(func(ctx context.Context) func(*request) error {
		t, err := rq.API.AddConnection(ctx, daemon.NewConnection{Source: e.ID, Fields: typed, By: by})
		return func(rq *request) error {
			if err != nil {
				v := viewProblem(err)
				return rq.showAddConnection(v.Code.HTTPStatus(), addConnectionData{Entry: e, Error: v}, again)
			}
			if t.Unseen {
				rq.flashWarning("syncs.added-unseen", "Name", t.Connection.Name)
				return rq.redirect("/connection#step1")
			}
			rq.flash("syncs.added", "Name", t.Connection.Name)
			if err := rq.flashTest(t); err != nil {
				return err
			}
			return rq.redirectToSync("step1")
		}
	})
}

// testConnection asks a connection what it holds, and shows the answer.
func testConnection(rq *request) error {
	id := rq.r.PostForm.Get("id")
	return rq.runTask(func(ctx context.Context) func(*request) error {
		t, err := rq.API.TestConnection(ctx, daemon.ConnectionRequest{ID: id})
		return func(rq *request) error {
			if err != nil {
				v := viewProblem(err)
				return rq.showConnection(v.Code.HTTPStatus(), connectionData{ErrorCode: string(v.Code), Reason: v.Reason, ErrorText: v.Text})
			}
			if err := rq.flashTest(t); err != nil {
				return err
			}
			return rq.redirect("/connection#step1")
		}
	})
}

// flashTest shows what a test saw, on the next page.
func (rq *request) flashTest(t daemon.ConnectionTest) error {
	switch {
	case t.Partial:
		rq.flash("syncs.seen-part", "Name", t.Environment, "Dossiers", t.Dossiers, "Balances", t.Balances)
	case t.Balances == 0:
		rq.flash("syncs.seen-none", "Name", t.Environment)
	default:
		newest, err := rq.locale.day(t.Newest)
		if err != nil {
			return err
		}
		rq.flash("syncs.seen", "Name", t.Environment, "Dossiers", t.Dossiers, "Balances", t.Balances, "Newest", newest)
	}
	return nil
}

// redirectToSync redirects to the page of connections, with names and values in its
// address. Where balances can be delivered, a sync is started first, whose progress that
// page shows.
func (rq *request) redirectToSync(anchor string, pairs ...string) error {
	s, err := rq.API.Status(rq.r.Context())
	if err != nil {
		return err
	}
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	if canDeliver(s) {
		q.Set("job", rq.startJob(rq.r.Context(), job{}, daemon.SyncRequest{By: rq.person.Name, Wait: true}))
	}
	at := "/connection"
	if len(q) > 0 {
		at += "?" + q.Encode()
	}
	return rq.redirect(at + "#" + anchor)
}

// canDeliver reports whether there is an active connection, and a firm that accepts the
// tokens.
func canDeliver(s daemon.Status) bool {
	return slices.ContainsFunc(s.Connections, func(c ledger.Connection) bool { return c.Status == ledger.Active && c.Kind != ledger.Upload }) &&
		slices.ContainsFunc(s.Firms, func(f ledger.Firm) bool { return !f.Fails() })
}

// jobHere returns the id of the sync that the address names: its progress, or with ended
// its result too, is shown on the page.
func (rq *request) jobHere(ended bool) string {
	id := rq.r.URL.Query().Get("job")
	if j, ok := rq.jobs.find(func(j *job) bool { return j.ID == id }); !ok || !ended && !j.End.IsZero() {
		return ""
	}
	return id
}
