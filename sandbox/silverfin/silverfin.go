package silverfin

import (
	"balansd/sandbox/faults"
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// OutOfBand is the redirect address for which Silverfin shows the code on the
// screen, as its own command-line client uses it.
const OutOfBand = "urn:ietf:wg:oauth:2.0:oob"

// Options says how the simulated Silverfin behaves. Much of what the real one
// does is not published: where balansd must work with several behaviours, an
// option chooses one, and its zero value is the likeliest.
type Options struct {
	Now          func() time.Time // the clock; nil means time.Now
	ClientID     string           // of the one application that is registered; empty means "sandbox-client"
	ClientSecret string           // empty means "sandbox-secret"

	LockedStatus       int    // of a write to a locked period; 0 means 422
	LockField          string // the period's field that reports a lock; empty means "locked", "-" means none
	StrictPeriodScopes bool   // periods need communication:read and financials:read; else either will do
	HideArchived       bool   // leave archived workflows out of the list
	YearFields         YearFields
}

// YearFields says what a period tells of its financial year. The zero value is its start
// and end, as Silverfin's description of its interface has it.
type YearFields string

// The values besides the zero value.
const (
	YearEnd YearFields = "end"  // its end alone
	NoYear  YearFields = "none" // nothing
)

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.ClientID = cmp.Or(o.ClientID, "sandbox-client")
	o.ClientSecret = cmp.Or(o.ClientSecret, "sandbox-secret")
	o.LockField = cmp.Or(o.LockField, "locked")
	o.LockedStatus = cmp.Or(o.LockedStatus, http.StatusUnprocessableEntity)
	return o
}

// Silverfin is a Silverfin in memory: sign-in, tokens that rotate, and the
// part of the public API (version 4) that concerns client files, periods,
// workflows, templates and custom properties. It is an http.Handler, and its
// methods are what people do in the real one. Safe for concurrent use.
//
// Nothing in it calls out, and no document's content is kept.
type Silverfin struct {
	options Options
	faults  *faults.Injector
	handler http.Handler

	mu    sync.Mutex
	state state
	index index

	flight   sync.Mutex
	inFlight map[string]int
	overlaps int
}

// New returns a Silverfin without firms.
func New(o Options) *Silverfin {
	o = o.withDefaults()
	s := &Silverfin{options: o, faults: faults.New(o.Now), inFlight: map[string]int{}}
	s.index.rebuild(&s.state)
	s.handler = s.faults.Wrap(s.routes())
	return s
}

// Faults returns what makes calls fail, and the log of calls.
func (s *Silverfin) Faults() *faults.Injector { return s.faults }

// Options returns how this Silverfin behaves, defaults filled in.
func (s *Silverfin) Options() Options { return s.options }

// ServeHTTP answers as Silverfin does: /oauth, /f/{firm}/oauth and /api/v4.
func (s *Silverfin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if company := companyInPath(r.URL.Path); company != "" {
		s.enter(company)
		defer s.leave(company)
	}
	s.handler.ServeHTTP(w, r)
}

// Overlaps counts the calls that arrived while another one for the same
// company was under way. A well-mannered client has none.
func (s *Silverfin) Overlaps() int {
	s.flight.Lock()
	defer s.flight.Unlock()
	return s.overlaps
}

func (s *Silverfin) enter(company string) {
	s.flight.Lock()
	defer s.flight.Unlock()
	if s.inFlight[company] > 0 {
		s.overlaps++
	}
	s.inFlight[company]++
}

func (s *Silverfin) leave(company string) {
	s.flight.Lock()
	defer s.flight.Unlock()
	if s.inFlight[company]--; s.inFlight[company] == 0 {
		delete(s.inFlight, company)
	}
}

// companyInPath finds the id in …/companies/{id}/…, or nothing.
func companyInPath(path string) string {
	_, rest, found := strings.Cut(path, "/companies/")
	if !found {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	if _, err := strconv.ParseInt(id, 10, 64); err != nil {
		return ""
	}
	return id
}

func (s *Silverfin) now() time.Time { return s.options.Now().UTC() }
