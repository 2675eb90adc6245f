package finbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"balansd/problem"
	"balansd/transport"
)

// DefaultMaxDocument is the limit of a document where Config has none, in bytes.
const DefaultMaxDocument int64 = 50 << 20

// Config is all that the client needs. Either Key or ClientSecret says who it
// is, not both.
type Config struct {
	BaseURL  string // where /v1/… begins
	TokenURL string // the token endpoint
	ClientID string

	// Key signs the assertion of private_key_jwt (RFC 7523).
	Key *Key
	// ClientSecret is sent by HTTP Basic (client_secret_basic, RFC 6749,
	// section 2.3.1), and in no other way.
	ClientSecret string

	Scope string // asked for with the token; empty for none
	// Audience is the assertion's aud, where empty means TokenURL; with a
	// client secret it is the form's audience field, where empty means none.
	Audience string

	// HTTP sends the requests; its time limits and retries are its own. Nil
	// means http.DefaultClient, which has neither.
	HTTP *http.Client
	// MaxDocument bounds a document, in bytes; 0 means DefaultMaxDocument.
	MaxDocument int64
	// Overlap is how far before the cursor a listing starts, for balances
	// that became visible late; 0 or less means at the cursor.
	Overlap time.Duration
	Now     func() time.Time // nil means time.Now
	Log     zerolog.Logger
}

// Client speaks to one Finbox with one set of credentials. It is safe for
// concurrent use.
type Client struct {
	cfg    Config
	tokens *tokens

	mu     sync.Mutex
	status map[string]knownStatus // by connection id
}

// New makes a client and calls nobody. A Config that cannot be used gives a
// ConfigInvalid problem.
func New(cfg Config) (*Client, error) {
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	if cfg.MaxDocument <= 0 {
		cfg.MaxDocument = DefaultMaxDocument
	}
	cfg.Overlap = max(cfg.Overlap, 0)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if err := check(cfg); err != nil {
		return nil, err
	}
	t, err := newTokens(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, tokens: t, status: map[string]knownStatus{}}, nil
}

func check(cfg Config) error {
	invalid := func(what, next string) error {
		return problem.New(problem.ConfigInvalid, what, next)
	}
	for name, s := range map[string]string{"address": cfg.BaseURL, "token address": cfg.TokenURL} {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
			return invalid(fmt.Sprintf("the %s of Finbox is not a web address", name),
				"Write it as SD Worx gave it, for example https://finbox.example.")
		}
	}
	switch {
	case cfg.ClientID == "":
		return invalid("Finbox's client id is not set", "Set the client id that SD Worx gave.")
	case cfg.Key == nil && cfg.ClientSecret == "":
		return invalid("Finbox has neither a private key nor a client secret",
			"Set the one that belongs to the client id.")
	case cfg.Key != nil && cfg.ClientSecret != "":
		return invalid("Finbox has both a private key and a client secret",
			"Keep the one that SD Worx expects and remove the other.")
	}
	return nil
}

// Connection gives the connection with an id as people copy it; blanks around
// it do not count. An id that cannot be one gives a ConnectionID problem at
// every call on the connection.
func (c *Client) Connection(id string) *Connection {
	parsed, err := ParseConnectionID(id)
	return &Connection{client: c, id: parsed, err: err}
}

// A Connection is one Finbox environment, a source of social balances. It is
// safe for concurrent use.
type Connection struct {
	client *Client
	id     string
	err    error // why the id cannot be one
}

func (c *Connection) path(rest string) string {
	return "/v1/connections/" + url.PathEscape(c.id) + rest
}

func (c *Connection) String() string { return "connection " + c.id }

// get sends one GET with a token. A refused token is renewed once: it may have
// been withdrawn before its time. The caller closes the body.
func (c *Client) get(ctx context.Context, path string, query url.Values, header http.Header) (*http.Response, error) {
	token, err := c.tokens.get(ctx, "")
	if err != nil {
		return nil, err
	}
	resp, err := c.send(ctx, token, path, query, header)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	if token, err = c.tokens.get(ctx, token); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	_ = resp.Body.Close()
	return c.send(ctx, token, path, query, header)
}

func (c *Client) send(ctx context.Context, token, path string, query url.Values, header http.Header) (*http.Response, error) {
	address := c.cfg.BaseURL + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, problem.New(problem.ConfigInvalid, "the address of Finbox cannot be used", "Check it in the configuration.")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept-Language", "en") // what is shown goes into English sentences
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	return resp, nil
}

// unreachable says that Finbox did not answer. The address is left out of the
// cause; it can be long and says nothing more.
func unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return problem.Wrap(err, problem.FinboxDown, "Finbox cannot be reached",
		"Check the network, the proxy and the address of Finbox.").Because(transport.Diagnose(err))
}
