package daemon_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/finbox"
	"balansd/ledger"
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

// world is a firm with its Finbox, its Silverfin and its balansd: the real
// clients and the real state, on the two simulators.
type world struct {
	t    testing.TB
	dir  string
	fb   *fakefinbox.Finbox
	sf   *fakesilverfin.Silverfin
	firm int64
	conn string

	fbURL, sfURL string

	keeper *store.Store
	d      *daemon.Daemon
	// spoil, when set, stands between the daemon and its state.
	spoil func(daemon.Store) daemon.Store
	// between, when set, stands between the daemon and Silverfin.
	between func(daemon.Destination) daemon.Destination
	// through, when set, stands between the daemon and its sources.
	through  func(daemon.Source) daemon.Source
	extra    map[string]daemon.Source
	folders  []ledger.Connection
	links    []ledger.DossierLink
	deadline time.Duration
	hold     bool // balances with findings
	keep     ledger.Retention
	rps      float64
	target   silverfin.Target
	carry    http.RoundTripper // takes the place of the network, so that time can be faked
	linker   func(daemon.Linker) daemon.Linker

	backup bool // a copy of the state each night

	mu    sync.Mutex
	now   time.Time
	began time.Time // from when on now goes on with time; zero while it stands still
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.began.IsZero() {
		return w.now.Add(time.Since(w.began))
	}
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// newWorld makes a linked firm without dossiers, in the afternoon of a day in
// March.
func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, nil, func(_ string, h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	})
}

// newWorldOn is newWorld on another network: serve gives the address at which a
// handler answers there.
func newWorldOn(t testing.TB, carry http.RoundTripper, serve func(name string, h http.Handler) string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), now: time.Date(2026, 3, 10, 15, 0, 0, 0, zone(t, "Europe/Brussels")), carry: carry}
	w.fb = fakefinbox.New(fakefinbox.Options{Now: w.clock})
	w.fbURL = serve("finbox", w.fb)
	w.fb.SetBaseURL(w.fbURL)
	w.conn = w.fb.AddConnection(fakefinbox.Environment{Name: "Kantoor De Wilde", Language: "nl", StartDate: balance.DateOf(w.now)})
	w.sf = fakesilverfin.New(fakesilverfin.Options{Now: w.clock})
	w.sfURL = serve("silverfin", w.sf)
	w.firm = w.sf.AddFirm("Kantoor De Wilde")
	w.open(w.fbURL, w.sfURL)
	t.Cleanup(func() { _ = w.keeper.Close() })

	ctx := t.Context()
	if _, _, err := w.d.ConnectFinbox(ctx, w.conn, "Els"); err != nil {
		t.Fatal(err)
	}
	signIn, err := w.d.BeginSilverfin(ctx, w.firm, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.d.EndSilverfin(ctx, signIn.State, w.sf.Grant(w.firm), w.firm, "Els"); err != nil {
		t.Fatal(err)
	}
	w.fb.Faults().ResetLog()
	w.sf.Faults().ResetLog()
	return w
}

// open opens the state and makes a new daemon on it, as a start of the service
// does.
func (w *world) open(fbURL, sfURL string) {
	w.t.Helper()
	var err error
	w.keeper, err = store.Open(store.Options{Path: filepath.Join(w.dir, "state.db"), KeyPath: filepath.Join(w.dir, "state.key"), Version: "test", Now: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := transport.New(transport.Config{AllowedHosts: []string{fbURL, sfURL}, Retries: -1, Timeout: time.Minute})
	if err != nil {
		w.t.Fatal(err)
	}
	if w.carry != nil {
		client = &http.Client{Transport: w.carry}
	}
	fb, err := finbox.New(finbox.Config{BaseURL: w.fb.BaseURL(), TokenURL: w.fb.TokenURL(), ClientID: w.fb.ClientID(),
		ClientSecret: w.fb.ClientSecret(), Overlap: 24 * time.Hour, HTTP: client, Now: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	sf, err := silverfin.New(silverfin.Config{BaseURL: sfURL, ClientID: w.sf.Options().ClientID, ClientSecret: w.sf.Options().ClientSecret,
		HTTP: client, Vault: w.keeper.Secrets(), Target: w.target, RequestsPerSecond: w.rate(), Concurrency: 16, Now: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	var k daemon.Store = w.keeper
	if w.spoil != nil {
		k = w.spoil(k)
	}
	w.d = daemon.New(daemon.Config{
		Store: k,
		Scratch: func(ctx context.Context) (daemon.Store, func(), error) {
			return w.keeper.Scratch(ctx)
		},
		Source: func(c ledger.Connection) (daemon.Source, error) {
			var s daemon.Source = fb.Connection(c.ID)
			if x, ok := w.extra[c.ID]; ok {
				s = x
			}
			if w.through != nil {
				s = w.through(s)
			}
			return s, nil
		},
		Folders: w.folders, Links: w.links, Deadline: w.deadline, HoldOnFindings: w.hold, Retention: w.keep,
		Destination: func(id int64) daemon.Destination {
			if w.between != nil {
				return w.between(sf.Firm(id))
			}
			return sf.Firm(id)
		},
		Linker:  w.link(sf),
		Night:   daemon.Schedule{Hour: 2, Minute: 30, Location: zone(w.t, "Europe/Brussels")},
		Backup:  w.backup,
		Workers: 8,
		Now:     w.clock,
		Log:     zerolog.New(zerolog.NewTestWriter(w.t)).Level(zerolog.WarnLevel),
	})
	if err := w.d.Prepare(w.t.Context()); err != nil {
		w.t.Fatal(err)
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
func (w *world) client(n int) client {
	w.t.Helper()
	c := client{number: numberOf(n)}
	name := fmt.Sprintf("Client %d BV", n)
	var err error
	c.dossier, err = w.fb.AddDossier(w.conn, fakefinbox.Dossier{AffiliationNumber: fmt.Sprintf("1AB%04d", n), EnterpriseNumber: c.number, Name: name})
	if err != nil {
		w.t.Fatal(err)
	}
	c.company = w.sf.AddCompany(w.firm, fakesilverfin.Company{Name: name, VAT: "BE" + c.number.Pretty()})
	c.period = w.sf.AddPeriod(c.company, balance.Date{Year: 2025, Month: 1, Day: 1}, balance.Date{Year: 2025, Month: 12, Day: 31})
	w.sf.OpenWorkflow(c.company, c.period, workflowName)
	return c
}

// balance makes a social balance of 2025 for a client, now.
func (w *world) balance(c client, seed int64) *balance.Balance {
	b := madeup.Balance(seed, balance.Abbreviated, 2025)
	b.EnterpriseNumber = c.number
	return b
}

// add puts a balance into Finbox and gives its id.
func (w *world) add(c client, b *balance.Balance) string {
	w.t.Helper()
	w.later(time.Second) // no two balances are made in the same instant
	id, _, err := w.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: w.conn, DossierID: c.dossier, Balance: b})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// sync runs a pass that must go through.
func (w *world) sync() ledger.Run {
	w.t.Helper()
	w.later(time.Minute)
	p, err := w.d.Sync(w.t.Context(), daemon.SyncRequest{By: "Els"}, nil)
	if err != nil {
		w.t.Fatalf("sync: %v", err)
	}
	return p
}

// night runs the pass of the next night.
func (w *world) night() (ledger.Run, error) {
	w.t.Helper()
	w.mu.Lock()
	next := w.now.AddDate(0, 0, 1)
	w.now = time.Date(next.Year(), next.Month(), next.Day(), 2, 31, 0, 0, next.Location())
	w.mu.Unlock()
	ran, err := w.d.RunNight(w.t.Context())
	if !ran && err == nil {
		w.t.Fatal("the night was not due")
	}
	passes, perr := w.keeper.Runs(w.t.Context(), 1)
	if perr != nil {
		w.t.Fatal(perr)
	}
	return passes[0], err
}

// entries lists the ledger, oldest first.
func (w *world) entries() []ledger.Entry {
	w.t.Helper()
	var all []ledger.Entry
	for e, err := range w.keeper.Entries(w.t.Context(), ledger.Query{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append([]ledger.Entry{e}, all...)
	}
	return all
}

// only gives the one entry of the ledger.
func (w *world) only() ledger.Entry {
	w.t.Helper()
	all := w.entries()
	if len(all) != 1 {
		w.t.Fatalf("%d entries, want one: %+v", len(all), all)
	}
	return all[0]
}

// wantState fails unless the entry is in the state, for the reason.
func (w *world) wantState(e ledger.Entry, s ledger.State, r ledger.Reason) {
	w.t.Helper()
	if e.State != s || e.Reason != r {
		w.t.Fatalf("entry %d is %s %s (%s %s), want %s %s", e.Number, e.State, e.Reason, e.FailClass, e.Detail, s, r)
	}
}

// wantHeld fails unless Silverfin holds exactly the balance for the client.
func (w *world) wantHeld(c client, b *balance.Balance) {
	w.t.Helper()
	held := w.sf.Custom(c.company, c.period)
	for cell, v := range b.Values {
		if got := held[namespace+".code_"+cell.String()]; got != balance.Canonical(v) {
			w.t.Errorf("client %s: Silverfin holds %q for %s, want %s", c.number, got, cell, balance.Canonical(v))
		}
	}
}

// wantNothingOverwritten fails when anything that a person typed was written
// over by balansd, or anything at all was deleted by it.
func (w *world) wantNothingOverwritten() {
	w.t.Helper()
	type key struct {
		company, period int64
		name            string
	}
	byPerson := map[key]bool{}
	for _, x := range w.sf.Writes() {
		k := key{x.Company, x.Period, x.Namespace + "." + x.Key}
		switch {
		case x.By == fakesilverfin.Person:
			byPerson[k] = true
		case byPerson[k] && x.Changed():
			w.t.Errorf("%v: balansd wrote over a person's figure", k)
		case x.Removed:
			w.t.Errorf("%v: balansd deleted it", k)
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

func (w *world) link(l daemon.Linker) daemon.Linker {
	if w.linker != nil {
		return w.linker(l)
	}
	return l
}

func (w *world) rate() float64 {
	if w.rps == 0 {
		return -1
	}
	return w.rps
}
