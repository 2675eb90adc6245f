package daemon_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/folder"
	"balansd/ledger"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
)

// hooked is a destination with something that happens just before or after its
// calls. A hook that gives an error takes the place of the call.
type hooked struct {
	daemon.Destination
	companies func() error
	locate    func(context.Context) error
	located   func()
	update    func(context.Context)
}

func (h hooked) Companies(ctx context.Context) ([]ledger.Company, []string, error) {
	if h.companies != nil {
		if err := h.companies(); err != nil {
			return nil, nil, err
		}
	}
	return h.Destination.Companies(ctx)
}

func (h hooked) Locate(ctx context.Context, c ledger.Company, year balance.Period) (ledger.Target, error) {
	if h.locate != nil {
		if err := h.locate(ctx); err != nil {
			return ledger.Target{}, err
		}
	}
	place, err := h.Destination.Locate(ctx, c, year)
	if h.located != nil {
		h.located()
	}
	return place, err
}

func (h hooked) Update(ctx context.Context, p ledger.Target, decide ledger.Decide) error {
	if h.update != nil {
		h.update(ctx)
	}
	return h.Destination.Update(ctx, p, decide)
}

// hook puts hooks between the daemon and Silverfin.
func (w *world) hook(h hooked) {
	w.between = func(d daemon.Destination) daemon.Destination {
		one := h
		one.Destination = d
		return one
	}
}

// must fails the test when what it prepares goes wrong.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// nights runs that many undisturbed nights.
func (w *world) nights(many int) {
	w.t.Helper()
	for range many {
		_, err := w.night()
		w.must(err)
	}
}

// correct replaces a balance in Finbox by a newer revision, an hour later.
func (w *world) correct(id string, b *balance.Balance) {
	w.t.Helper()
	w.later(time.Hour)
	_, err := w.fb.Correct(id, b)
	w.must(err)
}

// secondDossier adds another payroll file of the same company.
func (w *world) secondDossier(c client) client {
	w.t.Helper()
	var err error
	c.dossier, err = w.fb.AddDossier(w.conn, fakefinbox.Dossier{AffiliationNumber: "9ZZ9999", EnterpriseNumber: c.number, Name: "bedienden"})
	w.must(err)
	return c
}

// linkFirm signs in to a firm of Silverfin, as a person does.
func (w *world) linkFirm(firm int64) {
	w.t.Helper()
	w.must(w.signIn(firm))
}

// signIn is linkFirm for where a test cannot be ended.
func (w *world) signIn(firm int64) error {
	signIn, err := w.d.BeginSilverfin(w.t.Context(), firm, "")
	if err != nil {
		return err
	}
	_, _, err = w.d.EndSilverfin(w.t.Context(), signIn.State, w.sf.Grant(firm), firm, "Els")
	return err
}

// renumber has Finbox give another enterprise number for a client's dossier.
func (w *world) renumber(c client, number balance.EnterpriseNumber) {
	w.t.Helper()
	_, err := w.fb.AddDossier(w.conn, fakefinbox.Dossier{ID: c.dossier, EnterpriseNumber: number, Name: "Client 1 BV"})
	w.must(err)
}

// secondFirm adds and links another firm.
func (w *world) secondFirm() int64 {
	w.t.Helper()
	firm := w.sf.AddFirm("Tweede kantoor")
	w.linkFirm(firm)
	return firm
}

// connection gives the one connection as the state holds it.
func (w *world) connection() ledger.Connection {
	w.t.Helper()
	all, err := w.d.Connections(w.t.Context())
	w.must(err)
	if len(all) != 1 {
		w.t.Fatalf("%d connections, want one", len(all))
	}
	return all[0]
}

// addBeforeActivation puts a balance into Finbox that was made an hour before
// the connection was activated.
func (w *world) addBeforeActivation(c client, b *balance.Balance) {
	w.t.Helper()
	conn := w.connection()
	conn.ActivatedAt = w.clock()
	w.must(w.keeper.SaveConnection(w.t.Context(), conn))
	_, _, err := w.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: w.conn, DossierID: c.dossier, Balance: b,
		CreatedAt: w.clock().Add(-time.Hour)})
	w.must(err)
}

// withFolder makes a world whose daemon looks at a folder, too.
func withFolder(t *testing.T) (w *world, dir string) {
	t.Helper()
	w, dir = newWorld(t), t.TempDir()
	src, err := folder.New(folder.Config{Name: "map", Path: dir})
	w.must(err)
	w.extra = map[string]daemon.Source{"map": src}
	w.folders = []ledger.Connection{{ID: "map", Kind: ledger.Folder, Name: "map"}}
	w.respoil(nil)
	return w, dir
}

// put writes a document into a folder, with the time that the file has.
func (w *world) put(file string, b *balance.Balance, at time.Time) {
	w.t.Helper()
	doc, err := madeup.Document(balance.NBBCSV, b)
	w.must(err)
	w.must(os.MkdirAll(filepath.Dir(file), 0o700))
	w.must(os.WriteFile(file, doc, 0o600))
	w.must(os.Chtimes(file, at, at))
}
