package administration

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"balansd/balance"
	"balansd/sandbox/faults"
)

// The credentials that the simulated services take. They are no secrets.
const (
	AdminPulseKey    = "sandbox-adminpulse-key"
	AdsolutClient    = "sandbox-adsolut"
	AdsolutSecret    = "sandbox-adsolut-secret"
	NationalBankKey  = "sandbox-nbb-key"
	tokenLife        = time.Hour
	mostRelations    = 400 // of a page of AdminPulse
	adsolutPageItems = 50
)

// Client is a client as the services know it.
type Client struct {
	Reference  string // an id of AdminPulse and Adsolut
	Number     balance.EnterpriseNumber
	Name       string
	Street     string
	House      string
	Box        string
	PostalCode string
	City       string
	LegalForm  string
	Meeting    string // date of the general meeting, as 2026-06-15
	Directors  []Director
	Deposits   []Deposit
}

// Director is a natural person with a mandate.
type Director struct{ FirstName, LastName, Function, From, Until string }

// Deposit is what was filed with the National Bank for one year.
type Deposit struct {
	Reference string // as 2025-00000001
	Filed     string // the day, as 2025-06-30
	Balance   *balance.Balance
	Gone      bool // older than the service keeps: 404
}

// Options says how the services behave.
type Options struct {
	Now         func() time.Time // the clock; nil means time.Now
	FalseEmpty  bool             // the first list of deposits of each enterprise is empty
	KeepRefresh bool             // Adsolut gives no new refresh token with an access token
}

// Services are the simulated services, on one address. They are an http.Handler and safe
// for concurrent use.
type Services struct {
	options Options
	faults  *faults.Injector
	handler http.Handler

	mu           sync.Mutex
	clients      []Client
	asked        map[balance.EnterpriseNumber]bool // of which a list of deposits was asked for
	codes        map[string]string                 // challenges of Adsolut's codes
	refresh      map[string]bool
	access       map[string]time.Time // until when
	integrations int
}

// New returns services without clients.
func New(o Options) *Services {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Services{options: o, faults: faults.New(o.Now), asked: map[balance.EnterpriseNumber]bool{}, codes: map[string]string{}, refresh: map[string]bool{}, access: map[string]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /relations", s.relations)
	mux.HandleFunc("GET /connect/authorize", s.authorize)
	mux.HandleFunc("POST /connect/token", s.token)
	mux.HandleFunc("GET /adm/v1/administrations", s.administrations)
	mux.HandleFunc("/adm/v1/administrations/{id}/integrations", s.integration)
	mux.HandleFunc("GET /authentic/legalEntity/{number}/references", s.references)
	mux.HandleFunc("GET /authentic/deposit/{reference}/accountingData", s.accountingData)
	s.handler = s.faults.Wrap(mux)
	return s
}

// ServeHTTP answers as the services do.
func (s *Services) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Faults returns what makes calls fail, and the log of calls.
func (s *Services) Faults() *faults.Injector { return s.faults }

// SetClients replaces the clients that the services know.
func (s *Services) SetClients(clients ...Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = slices.Clone(clients)
}

// Integrations counts the calls that switched an integration of Adsolut on or off, which
// costs its customer money.
func (s *Services) Integrations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.integrations
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int) {
	answer(w, status, map[string]any{"statusCode": status, "message": http.StatusText(status)})
}
