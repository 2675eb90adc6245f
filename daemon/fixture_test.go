package daemon_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"balansd/administration"
	"balansd/balance"
	"balansd/daemon"
	"balansd/finbox"
	"balansd/folder"
	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/mapping"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
	"balansd/store"
	"balansd/transport"

	"github.com/rs/zerolog"
)

const (
	workflowName = "Jaarrekening"
	namespace    = "social_balance_integration"
)

// fixture is a firm with its Finbox, its Silverfin and its balansd: the real
// clients and the real state, on the two simulators.
type fixture struct {
	t    testing.TB
	dir  string
	fb   *fakefinbox.Finbox
	sf   *fakesilverfin.Silverfin
	firm int64
	conn string

	fbURL, sfURL string

	store *store.Store
	d     *daemon.Daemon
	// wrapStore, when set, stands between the daemon and its state.
	wrapStore func(daemon.Store) daemon.Store
	// wrapDestination, when set, stands between the daemon and Silverfin.
	wrapDestination func(daemon.Destination) daemon.Destination
	// wrapSource, when set, stands between the daemon and its sources.
	wrapSource   func(daemon.Source) daemon.Source
	extraSources map[string]daemon.Source
	folders      []ledger.Connection
	links        []ledger.DossierLink
	deadline     time.Duration
	hold         bool // balances with findings
	documents    bool // are stored in Silverfin
	appLink      string
	logTo        io.Writer
	follow       bool // companies that are set up anew
	reader       daemon.DocumentReader
	retention    ledger.Retention
	rps          float64
	workers      int // 8 when 0
	mappings     mapping.Configured
	network      http.RoundTripper // takes the place of the network, so that time can be faked
	linker       func(daemon.Linker) daemon.Linker
	notifier     daemon.Notifier
	registers    []administration.Source
	wrapRows     func(keyvalue.Store) keyvalue.Store // stands between the daemon and its rows, when set

	backup bool // a copy of the state each night

	mu    sync.Mutex
	now   time.Time
	began time.Time // from when on now goes on with time; zero while it stands still
}

func (fx *fixture) clock() time.Time {
	fx.mu.Lock()
	defer fx.mu.Unlock()
	if !fx.began.IsZero() {
		return fx.now.Add(time.Since(fx.began))
	}
	return fx.now
}

func (fx *fixture) later(d time.Duration) {
	fx.mu.Lock()
	defer fx.mu.Unlock()
	fx.now = fx.now.Add(d)
}

// newFixture makes a linked firm without dossiers, in the afternoon of a day in
// March.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	return newFixtureOn(t, nil, func(_ string, h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	})
}

// newFixtureOn is newFixture on another network: serve gives the address at which a
// handler answers there.
func newFixtureOn(t testing.TB, network http.RoundTripper, serve func(name string, h http.Handler) string) *fixture {
	t.Helper()
	fx := &fixture{t: t, dir: t.TempDir(), now: time.Date(2026, 3, 10, 15, 0, 0, 0, zone(t, "Europe/Brussels")), network: network}
	fx.fb = fakefinbox.New(fakefinbox.Options{Now: fx.clock})
	fx.fbURL = serve("finbox", fx.fb)
	fx.fb.SetBaseURL(fx.fbURL)
	fx.conn = fx.fb.AddConnection(fakefinbox.Environment{Name: "Kantoor De Wilde", Language: "nl", StartDate: balance.DateOf(fx.now)})
	fx.sf = fakesilverfin.New(fakesilverfin.Options{Now: fx.clock})
	fx.sfURL = serve("silverfin", fx.sf)
	fx.firm = fx.sf.AddFirm("Kantoor De Wilde")
	fx.open(fx.fbURL, fx.sfURL)
	t.Cleanup(func() { _ = fx.store.Close() })

	ctx := t.Context()
	if _, err := fx.d.ConnectFinbox(ctx, daemon.ConnectionRequest{ID: fx.conn, By: "Els"}); err != nil {
		t.Fatal(err)
	}
	signIn, err := fx.d.BeginSilverfin(ctx, daemon.SignInRequest{FirmID: fx.firm})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fx.d.EndSilverfin(ctx, daemon.GrantRequest{State: signIn.State, Code: fx.sf.Grant(fx.firm), FirmID: fx.firm, By: "Els"}); err != nil {
		t.Fatal(err)
	}
	fx.fb.Faults().ResetLog()
	fx.sf.Faults().ResetLog()
	return fx
}

// open opens the state and makes a new daemon on it, as a start of the service
// does.
func (fx *fixture) open(fbURL, sfURL string) {
	fx.t.Helper()
	var err error
	fx.store, err = store.Open(store.Options{Path: filepath.Join(fx.dir, "state.db"), KeyPath: filepath.Join(fx.dir, "state.key"), Version: "test", Now: fx.clock})
	if err != nil {
		fx.t.Fatal(err)
	}
	client, err := transport.New(transport.Config{AllowedHosts: []string{fbURL, sfURL}, Retries: -1, Timeout: time.Minute})
	if err != nil {
		fx.t.Fatal(err)
	}
	if fx.network != nil {
		client = &http.Client{Transport: fx.network}
	}
	fb, err := finbox.New(finbox.Config{BaseURL: fx.fb.BaseURL(), TokenURL: fx.fb.TokenURL(), ClientID: fx.fb.ClientID(),
		ClientSecret: fx.fb.ClientSecret(), Overlap: 24 * time.Hour, HTTP: client, Now: fx.clock})
	if err != nil {
		fx.t.Fatal(err)
	}
	sf, err := silverfin.New(silverfin.Config{BaseURL: sfURL, ClientID: fx.sf.Options().ClientID, ClientSecret: fx.sf.Options().ClientSecret,
		HTTP: client, Vault: fx.store.Secrets(), RequestsPerSecond: fx.rate(), Concurrency: 16, Now: fx.clock})
	if err != nil {
		fx.t.Fatal(err)
	}
	var k daemon.Store = fx.store
	if fx.wrapStore != nil {
		k = fx.wrapStore(k)
	}
	fx.d = daemon.New(daemon.Config{
		Store: k,
		Scratch: func(ctx context.Context) (daemon.Store, func(), error) {
			return fx.store.Scratch(ctx)
		},
		Uploads: folder.NewUploads(filepath.Join(fx.dir, "uploads")),
		Source: func(c ledger.Connection) (daemon.Source, error) {
			var s daemon.Source = fb.Connection(c.ID)
			if x, ok := fx.extraSources[c.ID]; ok {
				s = x
			}
			if fx.wrapSource != nil {
				s = fx.wrapSource(s)
			}
			return s, nil
		},
		Reader:  fx.reader,
		Folders: fx.folders, Links: fx.links, Deadline: fx.deadline, HoldOnFindings: fx.hold, FollowArchived: fx.follow, StoreDocuments: fx.documents, AppLink: fx.appLink, Retention: fx.retention,
		Destination: func(id int64) daemon.Destination {
			if fx.wrapDestination != nil {
				return fx.wrapDestination(sf.Firm(id))
			}
			return sf.Firm(id)
		},
		Linker:         fx.link(sf),
		Mappings:       fx.mappings,
		Notifier:       fx.notifier,
		Administration: daemon.AdministrationConfig{Sources: fx.registers, Rows: fx.rows(), Language: "nl"},
		Schedule:       daemon.Schedule{Hour: 2, Minute: 30, Location: zone(fx.t, "Europe/Brussels")},
		Backup:         fx.backup,
		Workers:        cmp.Or(fx.workers, 8),
		Now:            fx.clock,
		Log:            fx.logger(),
	})
	if err := fx.d.Prepare(fx.t.Context()); err != nil {
		fx.t.Fatal(err)
	}
}

// client is one client of the firm: a dossier in Finbox and a company in
// Silverfin.
type client struct {
	dossier string
	number  balance.EnterpriseNumber
	company int64
	period  int64
}

// numberOf makes an enterprise number with right check digits.
func numberOf(n int) balance.EnterpriseNumber {
	head := 4_000_000 + n
	return balance.EnterpriseNumber(fmt.Sprintf("%08d%02d", head, 97-head%97))
}

// client adds a client whose period of 2025 has an open workflow.
func (fx *fixture) client(n int) client {
	fx.t.Helper()
	c := client{number: numberOf(n)}
	name := fmt.Sprintf("Client %d BV", n)
	var err error
	c.dossier, err = fx.fb.AddDossier(fx.conn, fakefinbox.Dossier{AffiliationNumber: fmt.Sprintf("1AB%04d", n), EnterpriseNumber: c.number, Name: name})
	if err != nil {
		fx.t.Fatal(err)
	}
	c.company = fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: name, VAT: "BE" + c.number.Pretty()})
	c.period = fx.sf.AddPeriod(c.company, balance.Date{Year: 2025, Month: 1, Day: 1}, balance.Date{Year: 2025, Month: 12, Day: 31})
	fx.sf.OpenWorkflow(c.company, c.period, workflowName)
	return c
}

// balance makes a social balance of 2025 for a client, now.
func (fx *fixture) balance(c client, seed int64) *balance.Balance {
	b := madeup.Balance(seed, balance.Abbreviated, 2025)
	b.EnterpriseNumber = c.number
	return b
}

// add puts a balance into Finbox and gives its id.
func (fx *fixture) add(c client, b *balance.Balance) string {
	fx.t.Helper()
	fx.later(time.Second) // no two balances are made in the same instant
	id, _, err := fx.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: fx.conn, DossierID: c.dossier, Balance: b})
	if err != nil {
		fx.t.Fatal(err)
	}
	return id
}

// sync runs a run that must go through.
func (fx *fixture) sync() ledger.Run {
	fx.t.Helper()
	fx.later(time.Minute)
	p, err := fx.d.Sync(fx.t.Context(), daemon.SyncRequest{By: "Els"}, nil)
	if err != nil {
		fx.t.Fatalf("sync: %v", err)
	}
	return p
}

// night runs the run of the next night.
func (fx *fixture) night() (ledger.Run, error) {
	fx.t.Helper()
	fx.mu.Lock()
	next := fx.now.AddDate(0, 0, 1)
	fx.now = time.Date(next.Year(), next.Month(), next.Day(), 2, 31, 0, 0, next.Location())
	fx.mu.Unlock()
	ran, err := fx.d.RunNight(fx.t.Context())
	if !ran && err == nil {
		fx.t.Fatal("the night was not due")
	}
	runs, perr := fx.store.Runs(fx.t.Context(), 1)
	if perr != nil {
		fx.t.Fatal(perr)
	}
	return runs[0], err
}

// entries lists the ledger, oldest first.
func (fx *fixture) entries() []ledger.Entry {
	fx.t.Helper()
	var all []ledger.Entry
	for e, err := range fx.store.Entries(fx.t.Context(), ledger.Query{}) {
		if err != nil {
			fx.t.Fatal(err)
		}
		all = append([]ledger.Entry{e}, all...)
	}
	return all
}

// only returns the one entry of the ledger.
func (fx *fixture) only() ledger.Entry {
	fx.t.Helper()
	all := fx.entries()
	if len(all) != 1 {
		fx.t.Fatalf("%d entries, want one: %+v", len(all), all)
	}
	return all[0]
}

// wantState fails unless the entry is in the state, for the reason.
func (fx *fixture) wantState(e ledger.Entry, s ledger.State, r ledger.Reason) {
	fx.t.Helper()
	if e.State != s || e.Reason != r {
		fx.t.Fatalf("entry %d is %s %s (%s %s), want %s %s", e.Number, e.State, e.Reason, e.FailClass, e.Detail, s, r)
	}
}

// wantHeld fails unless Silverfin holds exactly the balance for the client.
func (fx *fixture) wantHeld(c client, b *balance.Balance) {
	fx.t.Helper()
	held := fx.sf.Custom(c.company, c.period)
	for cell, v := range b.Values {
		if got := held[namespace+".code_"+cell.String()]; got != balance.Canonical(v) {
			fx.t.Errorf("client %s: Silverfin holds %q for %s, want %s", c.number, got, cell, balance.Canonical(v))
		}
	}
}

// wantNothingOverwritten fails when anything that a person typed was written
// over by balansd, or anything at all was deleted by it.
func (fx *fixture) wantNothingOverwritten() {
	fx.t.Helper()
	type key struct {
		company, period int64
		name            string
	}
	byPerson := map[key]bool{}
	for _, x := range fx.sf.Writes() {
		k := key{x.Company, x.Period, x.Namespace + "." + x.Key}
		switch {
		case x.By == fakesilverfin.Person:
			byPerson[k] = true
		case byPerson[k] && x.Changed():
			fx.t.Errorf("%v: balansd wrote over a person's figure", k)
		case x.Removed:
			fx.t.Errorf("%v: balansd deleted it", k)
		}
	}
}

func cellOf(t testing.TB, s string) balance.Cell {
	t.Helper()
	c, err := balance.ParseCell(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (fx *fixture) link(l daemon.Linker) daemon.Linker {
	if fx.linker != nil {
		return fx.linker(l)
	}
	return l
}

// logger logs warnings with the test, or all to fx.logTo.
func (fx *fixture) logger() zerolog.Logger {
	if fx.logTo != nil {
		return zerolog.New(fx.logTo)
	}
	return zerolog.New(zerolog.NewTestWriter(fx.t)).Level(zerolog.WarnLevel)
}

func (fx *fixture) rate() float64 {
	if fx.rps == 0 {
		return -1
	}
	return fx.rps
}

// rows returns the rows of the daemon.
func (fx *fixture) rows() keyvalue.Store {
	if fx.wrapRows != nil {
		return fx.wrapRows(fx.store.KeyValue())
	}
	return fx.store.KeyValue()
}
