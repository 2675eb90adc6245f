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
	"balansd/mapping"
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

func (h hooked) Locate(ctx context.Context, c ledger.Company, year balance.Period, to mapping.Target) (ledger.Target, error) {
	if h.locate != nil {
		if err := h.locate(ctx); err != nil {
			return ledger.Target{}, err
		}
	}
	target, err := h.Destination.Locate(ctx, c, year, to)
	if h.located != nil {
		h.located()
	}
	return target, err
}

func (h hooked) Update(ctx context.Context, p ledger.Target, to mapping.Target, decide ledger.Decide) error {
	if h.update != nil {
		h.update(ctx)
	}
	return h.Destination.Update(ctx, p, to, decide)
}

// hook puts hooks between the daemon and Silverfin.
func (fx *fixture) hook(h hooked) {
	fx.wrapDestination = func(d daemon.Destination) daemon.Destination {
		one := h
		one.Destination = d
		return one
	}
}

// must fails the test when what it prepares goes wrong.
func (fx *fixture) must(err error) {
	fx.t.Helper()
	if err != nil {
		fx.t.Fatal(err)
	}
}

// nights runs that many undisturbed nights.
func (fx *fixture) nights(many int) {
	fx.t.Helper()
	for range many {
		_, err := fx.night()
		fx.must(err)
	}
}

// correct replaces a balance in Finbox by a newer revision, an hour later.
func (fx *fixture) correct(id string, b *balance.Balance) {
	fx.t.Helper()
	fx.later(time.Hour)
	_, err := fx.fb.Correct(id, b)
	fx.must(err)
}

// secondDossier adds another payroll file of the same company.
func (fx *fixture) secondDossier(c client) client {
	fx.t.Helper()
	var err error
	c.dossier, err = fx.fb.AddDossier(fx.conn, fakefinbox.Dossier{AffiliationNumber: "9ZZ9999", EnterpriseNumber: c.number, Name: "bedienden"})
	fx.must(err)
	return c
}

// linkFirm signs in to a firm of Silverfin, as a person does.
func (fx *fixture) linkFirm(firm int64) {
	fx.t.Helper()
	fx.must(fx.signIn(firm))
}

// signIn is linkFirm for where a test cannot be ended.
func (fx *fixture) signIn(firm int64) error {
	signIn, err := fx.d.BeginSilverfin(fx.t.Context(), daemon.SignInRequest{FirmID: firm})
	if err != nil {
		return err
	}
	_, err = fx.d.EndSilverfin(fx.t.Context(), daemon.GrantRequest{State: signIn.State, Code: fx.sf.Grant(firm), FirmID: firm, By: "Els"})
	return err
}

// renumber has Finbox give another enterprise number for a client's dossier.
func (fx *fixture) renumber(c client, number balance.EnterpriseNumber) {
	fx.t.Helper()
	_, err := fx.fb.AddDossier(fx.conn, fakefinbox.Dossier{ID: c.dossier, EnterpriseNumber: number, Name: "Client 1 BV"})
	fx.must(err)
}

// secondFirm adds and links another firm.
func (fx *fixture) secondFirm() int64 {
	fx.t.Helper()
	firm := fx.sf.AddFirm("Tweede kantoor")
	fx.linkFirm(firm)
	return firm
}

// connection returns the one connection as the state holds it.
func (fx *fixture) connection() ledger.Connection {
	fx.t.Helper()
	all, err := fx.d.Connections(fx.t.Context())
	fx.must(err)
	if len(all) != 1 {
		fx.t.Fatalf("%d connections, want one", len(all))
	}
	return all[0]
}

// addBeforeActivation puts a balance into Finbox that was made an hour before
// the connection was activated.
func (fx *fixture) addBeforeActivation(c client, b *balance.Balance) {
	fx.t.Helper()
	conn := fx.connection()
	conn.ActivatedAt = fx.clock()
	fx.must(fx.store.SaveConnection(fx.t.Context(), conn))
	_, _, err := fx.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: fx.conn, DossierID: c.dossier, Balance: b,
		CreatedAt: fx.clock().Add(-time.Hour)})
	fx.must(err)
}

// withFolder makes a fixture whose daemon looks at a folder, too.
func withFolder(t *testing.T) (fx *fixture, dir string) {
	t.Helper()
	fx, dir = newFixture(t), t.TempDir()
	src, err := folder.New(folder.Config{Name: "map", Path: dir})
	fx.must(err)
	fx.extraSources = map[string]daemon.Source{"map": src}
	fx.folders = []ledger.Connection{{ID: "map", Kind: ledger.Folder, Name: "map"}}
	fx.reopenWith(nil)
	return fx, dir
}

// put writes a document into a folder, with the time that the file has.
func (fx *fixture) put(file string, b *balance.Balance, at time.Time) {
	fx.t.Helper()
	doc, err := madeup.Document(balance.NBBCSV, b)
	fx.must(err)
	fx.must(os.MkdirAll(filepath.Dir(file), 0o700))
	fx.must(os.WriteFile(file, doc, 0o600))
	fx.must(os.Chtimes(file, at, at))
}
