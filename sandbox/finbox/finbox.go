package finbox

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a Windows server has no zone files

	"balansd/balance"
	"balansd/sandbox/faults"
	"balansd/sandbox/madeup"
)

// Options are what a Finbox needs. The zero value works.
type Options struct {
	Now          func() time.Time // nil means time.Now
	BaseURL      string           // where it is reached, without a slash at the end; see SetBaseURL
	ClientID     string           // empty means a made-up one
	ClientSecret string           // empty means a made-up one
	PageSize     int              // items on a page; 0 means 200
	PortalURL    string           // where the settings page's last button goes; empty: the page says which address to open
}

// Finbox is a made-up Finbox: environments with a connection each, their
// dossiers and social balances, the token endpoint and the settings page. It
// is safe for concurrent use.
type Finbox struct {
	opt     Options
	handler http.Handler
	faults  *faults.Injector

	mu          sync.RWMutex
	baseURL     string
	keys        []registeredKey
	keyPEMs     []string
	tokens      map[string]time.Time // access token to its end
	usedJTI     map[string]time.Time // assertion id to its end
	connections map[string]*connection
	balances    map[string]*storedBalance
	lastNumber  int // numbers made-up ids
}

// An Environment is an accountant's Finbox and the connection that it offers
// for social balances.
type Environment struct {
	ConnectionID string       `json:"connection_id"` // empty means a made-up one
	ID           string       `json:"id"`            // empty means a made-up one
	Name         string       `json:"name"`
	Language     string       `json:"language"`   // nl or fr; empty means nl
	StartDate    balance.Date `json:"start_date"` // zero means today in Belgium
	Inactive     bool         `json:"inactive"`   // not activated yet, or deactivated
}

// A Dossier is one client in Finbox.
type Dossier struct {
	ID                string                   `json:"id"` // empty means a made-up one
	AffiliationNumber string                   `json:"affiliation_number"`
	EnterpriseNumber  balance.EnterpriseNumber `json:"enterprise_number,omitempty"` // empty: Finbox does not know it
	Name              string                   `json:"name"`
	UpdatedAt         time.Time                `json:"updated_at"` // zero means now
}

// A NewBalance is a social balance to add to a dossier.
type NewBalance struct {
	ConnectionID string
	DossierID    string
	Balance      *balance.Balance // what the document says
	Made         *Recipe          // instead of Balance: made up when it is asked for, which costs no memory
	Layouts      []balance.Layout // empty means those that carry every figure; the first is what sha256 is of
	CreatedAt    time.Time        // zero means now
}

// A Recipe names a made-up balance. The name and the enterprise number are put
// in place of the made-up ones when they are not empty.
type Recipe struct {
	Seed             int64                    `json:"seed"`
	Model            balance.Model            `json:"model"`
	Year             int                      `json:"year"`
	Name             string                   `json:"name,omitempty"`
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number,omitempty"`
}

// Make returns the balance.
func (r Recipe) Make() *balance.Balance {
	b := madeup.Balance(r.Seed, r.Model, r.Year)
	b.Name = cmp.Or(r.Name, b.Name)
	b.EnterpriseNumber = cmp.Or(r.EnterpriseNumber, b.EnterpriseNumber)
	return b
}

// Errors of the control methods, told apart with errors.Is.
var (
	ErrNoSuchConnection = errors.New("the sandbox has no such connection")
	ErrNoSuchDossier    = errors.New("the sandbox has no such dossier")
	ErrNoSuchBalance    = errors.New("the sandbox has no such social balance")
)

type connection struct {
	Environment
	Dossiers []Dossier // by id
	Tag      string    `json:",omitempty"` // of the listing as it is, see changed
	listing  []listed  // sorted, see comparePositions
}

// changed sets a new tag of the listing. Tags are random and not counted, so that a
// restored sandbox does not repeat one.
func (c *connection) changed() { c.Tag = rand.Text() }

// dossier finds a dossier; at is where it is, or would be.
func (c *connection) dossier(id string) (at int, ok bool) {
	return slices.BinarySearchFunc(c.Dossiers, id, func(d Dossier, id string) int { return cmp.Compare(d.ID, id) })
}

// A listed is one line of a connection's listing: a revision of a balance.
type listed struct {
	position
	balance *storedBalance
}

// A position is the place of a line in the listing.
type position struct {
	At       time.Time `json:"t,omitzero"`
	ID       string    `json:"i,omitempty"`
	Revision int       `json:"r,omitempty"` // index among the revisions
	Number   int       `json:"n,omitempty"` // of a balance that is listed twice
}

type storedBalance struct {
	ID           string
	ConnectionID string
	DossierID    string
	Revisions    []*revision
}

type revision struct {
	Revision  string
	CreatedAt time.Time
	Layouts   []balance.Layout
	Made      *Recipe       `json:",omitempty"`
	Balance   *savedBalance `json:",omitempty"`
	Raw       []byte        `json:",omitempty"` // served instead of any document
	Number    int           // of its listing, see position
	Twice     int           `json:",omitempty"` // likewise for a second listing

	once sync.Once
	sum  string
	head summary
}

// A savedBalance is a balance as it is saved: its fields, not what it prints of
// itself.
type savedBalance balance.Balance

// A summary is what the listing shows of a document.
type summary struct {
	year  balance.Period
	model balance.Model
}

// New returns a Finbox without environments.
func New(opt Options) *Finbox {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	opt.ClientID = cmp.Or(opt.ClientID, "balansd-sandbox")
	opt.ClientSecret = cmp.Or(opt.ClientSecret, rand.Text())
	opt.PageSize = cmp.Or(opt.PageSize, 200)
	f := &Finbox{
		opt: opt, faults: faults.New(opt.Now), baseURL: strings.TrimRight(opt.BaseURL, "/"),
		tokens: map[string]time.Time{}, usedJTI: map[string]time.Time{},
		connections: map[string]*connection{}, balances: map[string]*storedBalance{},
	}
	f.handler = f.faults.Wrap(f.routes())
	return f
}

// ServeHTTP serves the API, the token endpoint and the settings page.
func (f *Finbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.handler.ServeHTTP(w, r) }

// Faults returns what makes calls fail, and the log of calls.
func (f *Finbox) Faults() *faults.Injector { return f.faults }

// SetBaseURL sets where the Finbox is reached, once that is known. A signed
// assertion may name it, or its token URL, as its audience.
func (f *Finbox) SetBaseURL(u string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.baseURL = strings.TrimRight(u, "/")
}

// BaseURL is where it is reached.
func (f *Finbox) BaseURL() string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.baseURL
}

// TokenURL is where access tokens are asked for.
func (f *Finbox) TokenURL() string { return f.BaseURL() + tokenPath }

// ClientID is the one client that may ask for tokens.
func (f *Finbox) ClientID() string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.opt.ClientID
}

// ClientSecret is that client's secret.
func (f *Finbox) ClientSecret() string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.opt.ClientSecret
}

// AddConnection adds an environment and returns its connection id. Unless it
// says otherwise, the connection is active.
func (f *Finbox) AddConnection(e Environment) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastNumber++
	e.ConnectionID = cmp.Or(e.ConnectionID, randomUUID())
	e.ID = cmp.Or(e.ID, fmt.Sprintf("env-%04d", f.lastNumber))
	e.Language = cmp.Or(e.Language, "nl")
	e.StartDate = cmp.Or(e.StartDate, balance.DateOf(f.opt.Now().In(brussels())))
	f.connections[e.ConnectionID] = &connection{Environment: e, Tag: rand.Text()}
	return e.ConnectionID
}

// Environments lists the environments, by their id.
func (f *Finbox) Environments() []Environment {
	f.mu.RLock()
	defer f.mu.RUnlock()
	all := make([]Environment, 0, len(f.connections))
	for _, c := range f.connections {
		all = append(all, c.Environment)
	}
	slices.SortFunc(all, func(a, b Environment) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Activate makes a connection active again.
func (f *Finbox) Activate(connectionID string) error { return f.setInactive(connectionID, false) }

// Deactivate makes a connection answer 410, as the settings page does.
func (f *Finbox) Deactivate(connectionID string) error { return f.setInactive(connectionID, true) }

func (f *Finbox) setInactive(connectionID string, inactive bool) error {
	return f.change(func() error {
		c, ok := f.connections[connectionID]
		if !ok {
			return ErrNoSuchConnection
		}
		c.Inactive = inactive
		return nil
	})
}

// SetStartDate changes the date from which a connection offers balances.
func (f *Finbox) SetStartDate(connectionID string, d balance.Date) error {
	return f.change(func() error {
		c, ok := f.connections[connectionID]
		if !ok {
			return ErrNoSuchConnection
		}
		c.StartDate = d
		c.changed()
		return nil
	})
}

// change does something under the lock.
func (f *Finbox) change(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return do()
}

// AddDossier adds a dossier, or replaces the one with the same id, and returns its id.
func (f *Finbox) AddDossier(connectionID string, d Dossier) (string, error) {
	err := f.change(func() error {
		c, ok := f.connections[connectionID]
		if !ok {
			return ErrNoSuchConnection
		}
		f.lastNumber++
		d.ID = cmp.Or(d.ID, fmt.Sprintf("dos-%06d", f.lastNumber))
		d.AffiliationNumber = cmp.Or(d.AffiliationNumber, fmt.Sprintf("1AB%06d", f.lastNumber))
		if d.UpdatedAt.IsZero() {
			d.UpdatedAt = f.opt.Now().UTC()
		}
		at, ok := c.dossier(d.ID)
		if ok {
			c.Dossiers[at] = d
			c.changed() // the listing repeats what its dossiers are called
			return nil
		}
		c.Dossiers = slices.Insert(c.Dossiers, at, d)
		return nil
	})
	return d.ID, err
}

// brussels is the zone in which Finbox counts days.
func brussels() *time.Location {
	zone, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		return time.UTC // cannot happen: time/tzdata is linked in
	}
	return zone
}

func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// DossierCount is how many dossiers an environment has.
func (f *Finbox) DossierCount(connectionID string) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	c, ok := f.connections[connectionID]
	if !ok {
		return 0, ErrNoSuchConnection
	}
	return len(c.Dossiers), nil
}

// Dossier returns one dossier of an environment.
func (f *Finbox) Dossier(connectionID, id string) (Dossier, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	c, ok := f.connections[connectionID]
	if !ok {
		return Dossier{}, ErrNoSuchConnection
	}
	at, ok := c.dossier(id)
	if !ok {
		return Dossier{}, ErrNoSuchDossier
	}
	return c.Dossiers[at], nil
}
