package silverfin

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"balansd/internal/loopback"
	"balansd/problem"
)

// defaultBaseURL is the host that Silverfin's documentation names.
const defaultBaseURL = "https://live.getsilverfin.com"

// WorkflowMatch says which workflow is the annual-accounts workflow.
type WorkflowMatch struct {
	// Names are regular expressions, tried without regard to case on every
	// name that a workflow has. Empty means the usual names in NL, FR, EN, DE.
	Names []string
}

// LockMatch says how a locked period is recognised. Silverfin does not
// document it, so that all of it can be set.
type LockMatch struct {
	// Fields of a period that mean "locked" when they hold something. Empty
	// means locked, locking_type and locked_at.
	Fields []string
	// Statuses of an answer to a write that mean "locked". 423 always does,
	// and so does an error text that speaks of a lock.
	Statuses []int
}

// Config is all that a Client needs.
type Config struct {
	BaseURL      string   // scheme and host; empty means defaultBaseURL
	ClientID     string   // of the application that Silverfin registered
	ClientSecret string   // never shown
	Scopes       []string // asked for at the sign-in; empty means what the mappings, StoreDocuments and AppLinks need
	// StoreDocuments has documents stored in the permanent documents of companies.
	StoreDocuments bool
	// Administration has names and addresses of companies written.
	Administration bool
	// AppLinks has app links made and deleted, in the menu of AppLinkMenu.
	AppLinks    bool
	AppLinkMenu AppLinkMenu
	// HTTP carries every request; nil means a plain client with a time limit
	// of one minute. It may repeat what is safe to repeat; redirects are never followed.
	HTTP  *http.Client
	Vault Vault
	// Home says where the state is in use: tokens that were received elsewhere
	// are not renewed before TakeOver. Nil means that nobody asks.
	Home func(context.Context) (Home, error)
	// Workflow and Lock have usable zero values.
	Workflow WorkflowMatch
	Lock     LockMatch
	// NumberFields are the fields of a company that may hold its enterprise
	// number, the first that does wins. Empty means vat, registration_number.
	NumberFields []string
	// YearsByEnd leaves the start of Silverfin's financial years out of account: only
	// their end is compared with that of a balance.
	YearsByEnd bool

	RequestsPerSecond float64 // per firm; 0 means 10, negative no limit
	Burst             int     // per firm; 0 means Concurrency
	Concurrency       int     // calls at once per firm; 0 means 4

	Now func() time.Time // nil means time.Now
	Log zerolog.Logger

	// After is the Client that the new one replaces, nil for none: a sign-in that
	// was begun with one can be ended with the other.
	After *Client
}

// Client speaks to Silverfin for all linked firms. It is safe for concurrent
// use. There should be only one for a Vault: two renew the same tokens, which
// neither loses, but costs renewals.
type Client struct {
	id        string // unique among the clients of the Vault
	cfg       Config
	base      string
	http      *http.Client
	workflows []*regexp.Regexp
	pending   *pendingSignIns
	renewals  sync.WaitGroup

	mu    sync.Mutex
	firms map[int64]*Firm
}

// New makes a Client. It makes no call. What is wrong in the configuration is
// a ConfigInvalid problem.
func New(cfg Config) (*Client, error) {
	base, err := baseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.ClientID == "" || cfg.ClientSecret == "" {
		return nil, problem.New(problem.ConfigInvalid, "the client id or the client secret of Silverfin is missing",
			"Ask Silverfin to register an application, and set its client id and secret in the configuration.")
	}
	if cfg.Vault == nil {
		return nil, problem.New(problem.Unexpected, "the Silverfin client has no place to keep tokens", "")
	}
	cfg = cfg.withDefaults()
	c := &Client{id: rand.Text(), cfg: cfg, base: base, pending: &pendingSignIns{}, firms: map[int64]*Firm{}}
	if cfg.After != nil {
		c.pending, c.cfg.After = cfg.After.pending, nil
	}
	for _, name := range cfg.Workflow.Names {
		re, err := regexp.Compile("(?i)" + name)
		if err != nil {
			return nil, problem.Wrap(err, problem.ConfigInvalid, "a name pattern of the annual-accounts workflow cannot be used",
				"Correct the regular expression in the configuration.")
		}
		c.workflows = append(c.workflows, re)
	}
	// A redirect would carry a form with secrets, or figures, to another host.
	h := *cfg.HTTP
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &h
	return c, nil
}

// withDefaults returns cfg with defaults for zero values.
func (cfg Config) withDefaults() Config {
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: time.Minute}
	}
	if len(cfg.Workflow.Names) == 0 {
		cfg.Workflow.Names = []string{`jaarrekening|comptes annuels|annual accounts|jahresabschluss`}
	}
	if len(cfg.Lock.Fields) == 0 {
		cfg.Lock.Fields = []string{"locked", "locking_type", "locked_at"}
	}
	if len(cfg.NumberFields) == 0 {
		cfg.NumberFields = []string{"vat", "registration_number"}
	}
	if cfg.RequestsPerSecond == 0 {
		cfg.RequestsPerSecond = 10
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = 4
	}
	if cfg.Burst <= 0 {
		cfg.Burst = cfg.Concurrency
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

// baseURL checks the host. Tokens must not travel in clear, except to the
// machine itself.
func baseURL(s string) (string, error) {
	if s == "" {
		s = defaultBaseURL
	}
	u, err := url.Parse(strings.TrimRight(s, "/"))
	ok := err == nil && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" &&
		(u.Scheme == "https" || u.Scheme == "http" && loopback.IsHost(u.Hostname()))
	if !ok {
		return "", problem.New(problem.ConfigInvalid, "the address of Silverfin is not an https address",
			"Set it to "+defaultBaseURL+", or leave it out.")
	}
	return u.String(), nil
}

// Firm returns the client of one firm, always the same one for an id. It makes
// no call: a firm that is not linked shows at its first one.
func (c *Client) Firm(id int64) *Firm {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.firms[id]
	if !ok {
		limit := rate.Limit(c.cfg.RequestsPerSecond)
		if limit < 0 {
			limit = rate.Inf
		}
		f = &Firm{
			client: c,
			id:     id,
			tokens: newTokens(c, id),
			slots:  make(chan struct{}, c.cfg.Concurrency),
			bucket: rate.NewLimiter(limit, c.cfg.Burst),
		}
		c.firms[id] = f
	}
	return f
}

// Close waits for token renewals under way, so that their outcome reaches the
// Vault, at most until ctx ends.
func (c *Client) Close(ctx context.Context) error {
	done := make(chan struct{})
	go func() { c.renewals.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lockStatus reports whether the status of a refused write means a locked period.
func (c *Client) lockStatus(status int) bool {
	return status == http.StatusLocked || slices.Contains(c.cfg.Lock.Statuses, status)
}
