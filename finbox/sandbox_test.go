package finbox_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"balansd/balance"
	"balansd/daemon"
	"balansd/finbox"
	"balansd/ledger"
	fakefinbox "balansd/sandbox/finbox"
)

var _ daemon.Source = (*finbox.Connection)(nil)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sandboxServer serves a sandbox with one connection.
type sandboxServer struct {
	*fakefinbox.Finbox
	server     *httptest.Server
	connection string
	start      time.Time
}

func newSandboxServer(t *testing.T, opt fakefinbox.Options) *sandboxServer {
	t.Helper()
	b := &sandboxServer{Finbox: fakefinbox.New(opt), start: time.Now().UTC().Add(-time.Hour).Truncate(time.Second)}
	b.server = httptest.NewServer(b.Finbox)
	t.Cleanup(b.server.Close)
	b.SetBaseURL(b.server.URL)
	b.connection = b.AddConnection(fakefinbox.Environment{Name: "Kantoor De Smet", StartDate: balance.DateOf(b.start)})
	return b
}

// client returns a client that signs in with the client secret, unless cfg has a key.
func (b *sandboxServer) client(t *testing.T, cfg finbox.Config) *finbox.Client {
	t.Helper()
	cfg.BaseURL, cfg.TokenURL, cfg.ClientID = b.BaseURL(), b.TokenURL(), b.ClientID()
	if cfg.Key == nil && cfg.ClientSecret == "" {
		cfg.ClientSecret = b.ClientSecret()
	}
	if cfg.HTTP == nil {
		cfg.HTTP = b.server.Client()
	}
	c, err := finbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// add adds a social balance in a dossier of its own.
func (b *sandboxServer) add(t *testing.T, made *balance.Balance, at time.Time, layouts ...balance.Layout) (id, rev string) {
	t.Helper()
	dossier, err := b.AddDossier(b.connection, fakefinbox.Dossier{Name: made.Name, EnterpriseNumber: made.EnterpriseNumber})
	if err != nil {
		t.Fatal(err)
	}
	id, rev, err = b.AddBalance(fakefinbox.NewBalance{ConnectionID: b.connection, DossierID: dossier,
		Balance: made, Layouts: layouts, CreatedAt: at})
	if err != nil {
		t.Fatal(err)
	}
	return id, rev
}

// listAll returns all listings, and fails the test for a page with problems.
func listAll(t *testing.T, s daemon.Source, cursor string) []ledger.Listing {
	t.Helper()
	var all []ledger.Listing
	for p, err := range s.List(t.Context(), cursor) {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		if len(p.Problems) > 0 {
			t.Errorf("list: problems %q", p.Problems)
		}
		all = append(all, p.Listings...)
	}
	return all
}

// firstPage returns the first page of a listing, or its error.
func firstPage(t *testing.T, s daemon.Source, cursor string) (ledger.Page, error) {
	t.Helper()
	for p, err := range s.List(t.Context(), cursor) {
		return p, err
	}
	t.Fatal("the listing gave no page")
	return ledger.Page{}, nil
}
