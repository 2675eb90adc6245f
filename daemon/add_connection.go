package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"balansd/internal/clip"
	"balansd/internal/typo"
	"balansd/ledger"
	"balansd/problem"
)

// testTimeout is how long a test of a connection looks at what it holds.
const testTimeout = 30 * time.Second

// Catalogue lists the sources that a person can add.
func (d *Daemon) Catalogue(context.Context) ([]ledger.CatalogueEntry, error) {
	return d.config().Catalogue, nil
}

// AddConnection tests a new connection and saves it. A folder that the service does not
// see yet is saved too, since the service sees it once it knows it.
func (d *Daemon) AddConnection(ctx context.Context, r NewConnection) (ConnectionTest, error) {
	i := slices.IndexFunc(d.config().Catalogue, func(e ledger.CatalogueEntry) bool { return e.ID == r.Source })
	if i < 0 {
		return ConnectionTest{}, problem.New(problem.Usage, fmt.Sprintf("the catalogue has no source %q", clip.Text(r.Source)),
			"See balansd syncs catalogue.")
	}
	c, err := fromFields(d.config().Catalogue[i], r.Fields)
	if err != nil {
		return ConnectionTest{}, err
	}
	if c.Kind == ledger.Finbox {
		return d.addFinbox(ctx, c, r)
	}
	if c, err = d.completeConnection(ctx, c); err != nil {
		return ConnectionTest{Connection: c}, err
	}
	t, err := d.testConnection(ctx, c)
	if p := problem.Of(err); err != nil {
		if p.Reason != problem.HiddenFolder {
			return t, err
		}
		c.Problem, c.ProblemReason = p.What, string(p.Reason)
		t.Connection, t.Unseen = c, true
		t.Notes = append(t.Notes, p.What+". "+p.Next)
	}
	if r.DryRun {
		return t, nil
	}
	d.adding.Lock()
	defer d.adding.Unlock()
	// Another one may have been added during the test.
	if _, err := d.completeConnection(ctx, c); err != nil {
		return t, err
	}
	d.log().Info().Str("connection", c.ID).Str("source", c.Source).Str("by", r.By).Msg("connection added")
	return t, d.config().Store.SaveConnection(ctx, c)
}

// completeConnection checks a new connection beside the others, and completes it.
func (d *Daemon) completeConnection(ctx context.Context, c ledger.Connection) (ledger.Connection, error) {
	known, err := d.config().Store.Connections(ctx)
	if err != nil {
		return c, err
	}
	if c, err = revived(c, known); err != nil {
		return c, err
	}
	return d.config().Complete(c, slices.DeleteFunc(known, func(k ledger.Connection) bool { return k.ID == c.ID || k.Status == ledger.Removed }))
}

// addFinbox validates a Finbox connection, and saves it.
func (d *Daemon) addFinbox(ctx context.Context, c ledger.Connection, r NewConnection) (t ConnectionTest, err error) {
	if !r.DryRun {
		linked, err := d.linkFinbox(ctx, c, r.By)
		if err != nil {
			return ConnectionTest{Connection: linked.Connection, Notes: linked.Notes}, err
		}
		t.Notes, c = linked.Notes, linked.Connection
	}
	seen, err := d.testConnection(ctx, c)
	seen.Notes = append(t.Notes, seen.Notes...)
	if err != nil && !r.DryRun && ctx.Err() == nil {
		p := problem.Of(err) // it is saved; what it holds is seen at the first sync
		seen.Connection, seen.Notes = c, append(seen.Notes, strings.TrimSpace(p.What+". "+p.Next))
		return seen, nil
	}
	return seen, err
}

// TestConnection asks a connection what it holds. It changes nothing.
func (d *Daemon) TestConnection(ctx context.Context, r ConnectionRequest) (ConnectionTest, error) {
	c, err := d.requireConnection(ctx, r.ID)
	if err != nil {
		return ConnectionTest{}, err
	}
	if c.Kind == ledger.Upload {
		return ConnectionTest{Connection: c}, nil // they are in the ledger already
	}
	return d.testConnection(ctx, c)
}

// testConnection asks a source how it stands, and counts what it lists. After
// testTimeout it says what it has seen until then.
func (d *Daemon) testConnection(ctx context.Context, c ledger.Connection) (ConnectionTest, error) {
	t := ConnectionTest{Connection: c, Environment: c.Name}
	open := d.config().TestSource
	if open == nil {
		open = d.config().Source
	}
	src, err := open(c)
	if err != nil {
		return t, err
	}
	st, err := src.Status(ctx)
	if err != nil {
		return t, err
	}
	if st.Environment != "" {
		t.Environment = st.Environment
	}
	if !st.Active {
		return t, notActive(c.ID)
	}
	within, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	dossiers := map[string]bool{}
	for page, err := range src.List(within, "") {
		switch {
		case err != nil && ctx.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded):
			t.Partial = true
			return t, nil
		case errors.Is(err, ledger.ErrDeactivated):
			return t, notActive(c.ID)
		case err != nil:
			return t, err
		}
		for _, l := range page.Listings {
			dossiers[l.Dossier.ID] = true
			if l.CreatedAt.After(t.Newest) {
				t.Newest = l.CreatedAt
			}
		}
		t.Balances += len(page.Listings)
		t.Dossiers = len(dossiers)
		t.Notes = append(t.Notes, page.Problems...)
	}
	const most = 5
	if more := len(t.Notes) - most; more > 0 {
		t.Notes = append(t.Notes[:most], fmt.Sprintf("There are %d more notes of this kind.", more))
	}
	return t, nil
}

// notActive says that a connection is not active in Finbox.
func notActive(id string) error {
	return problem.New(problem.ConnectionClosed, fmt.Sprintf("connection %s is not active in Finbox", id),
		"In Finbox, under Settings, social balance connection, activate the external connection, then try again.")
}

// requireConnection returns a connection; a NotFound problem if there is none.
func (d *Daemon) requireConnection(ctx context.Context, id string) (ledger.Connection, error) {
	all, err := d.config().Store.Connections(ctx)
	if err != nil {
		return ledger.Connection{}, err
	}
	ids := make([]string, len(all))
	for i, c := range all {
		if ids[i] = c.ID; c.ID == id {
			return c, nil
		}
	}
	next := "See balansd syncs list."
	if best := typo.Nearest(id, ids); best != "" {
		next = fmt.Sprintf("Did you mean %s? See balansd syncs list.", best)
	}
	return ledger.Connection{}, problem.New(problem.NotFound, fmt.Sprintf("there is no connection %.64q", id), next)
}

// fromFields makes a connection of what a person typed.
func fromFields(e ledger.CatalogueEntry, typed map[string]string) (ledger.Connection, error) {
	c := ledger.Connection{Kind: e.Kind, Source: e.ID, Status: ledger.Active, Settings: map[string]string{}}
	left := maps.Clone(typed)
	for _, f := range e.Fields {
		v := strings.TrimSpace(left[f.Name])
		delete(left, f.Name)
		if v == "" {
			v = f.Default
		}
		switch {
		case v == "" && f.Required:
			return c, problem.New(problem.Usage, fmt.Sprintf("%s needs %s", e.Name, f.Name), "Give it, and try again.")
		case v == "":
			continue
		case len(f.Options) > 0 && !slices.Contains(f.Options, v):
			return c, problem.New(problem.Usage, fmt.Sprintf("%s is %q", f.Name, clip.Text(v)), "Write one of "+strings.Join(f.Options, ", ")+".")
		}
		if !f.Secret {
			c.Settings[f.Name] = v
			continue
		}
		if c.Secrets == nil {
			c.Secrets = map[string]string{}
		}
		c.Secrets[f.Name] = v
	}
	for name := range left {
		return c, problem.New(problem.Usage, fmt.Sprintf("%s has no setting %q", e.Name, clip.Text(name)), "See balansd syncs catalogue.")
	}
	if len(e.Fields) == 0 {
		return c, problem.New(problem.Usage, e.Name+" is always there: nothing is to be added", "Upload files with balansd add, or on the page Upload.")
	}
	if c.Kind == ledger.Finbox {
		c.ID = c.Settings["id"]
		delete(c.Settings, "id")
		return c, nil
	}
	c.Name = c.Settings["name"]
	if delete(c.Settings, "name"); c.Name == "" {
		c.Name = e.ID
		if e.Group == ledger.AnyFolder {
			c.Name = filepath.Base(c.Settings["path"])
		}
	}
	c.ID = c.Name
	return c, nil
}

// revived returns a new connection with what is kept of a removed one of its name. A
// name that is taken is a Conflict problem.
func revived(c ledger.Connection, known []ledger.Connection) (ledger.Connection, error) {
	i := slices.IndexFunc(known, func(k ledger.Connection) bool { return k.ID == c.ID })
	if i < 0 && c.ID != ledger.UploadsID {
		return c, nil
	}
	if i < 0 || known[i].Status != ledger.Removed || known[i].Kind != c.Kind {
		return c, problem.New(problem.Conflict, fmt.Sprintf("there is a connection %s already", c.ID), "Give this one another name, or remove that one first.")
	}
	old := known[i]
	old.Source, old.Settings, old.Secrets, old.Name, old.Status = c.Source, c.Settings, c.Secrets, c.Name, ledger.Active
	old.Problem, old.ProblemReason, old.Folder = "", "", nil
	old.ResetCursor()
	return old, nil
}
