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

// defaultMaxDocument is the limit of a document where Config has none, in bytes.
const defaultMaxDocument int64 = 50 << 20

// Config configures a client. Exactly one of Key and ClientSecret is set.
type Config struct {
	BaseURL  string // /v1/… follows it
	TokenURL string // the token endpoint
	ClientID string

	// Key signs the assertion of private_key_jwt (RFC 7523).
	Key *Key
	// ClientSecret is sent only by HTTP Basic (client_secret_basic, RFC 6749,
	// section 2.3.1).
	ClientSecret string

	Scope string // of the requested token; empty for none
	// Audience is the aud claim of the assertion, TokenURL if empty. With a
	// client secret it is the audience field of the form, left out if empty.
	Audience string

	// HTTP sends the requests and is responsible for time limits and retries.
	// Nil means http.DefaultClient, which has neither.
	HTTP *http.Client
	// MaxDocument bounds a document, in bytes; 0 means defaultMaxDocument.
	MaxDocument int64
	// Overlap is how far before the cursor a listing starts, for balances that
	// became visible late; 0 or less means at the cursor.
	Overlap time.Duration
	Now     func() time.Time // nil means time.Now
	Log     zerolog.Logger
}

// Client calls the API of one Finbox with one set of credentials. It is safe for
// concurrent use.
type Client struct {
	cfg    Config
	tokens *tokens

	mu     sync.Mutex
	status map[string]statusEntry // by connection id
}

// New returns a client and sends nothing. An unusable Config is a ConfigInvalid
// problem.
func New(cfg Config) (*Client, error) {
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	if cfg.MaxDocument <= 0 {
		cfg.MaxDocument = defaultMaxDocument
	}
	cfg.Overlap = max(cfg.Overlap, 0)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if err := checkConfig(cfg); err != nil {
		return nil, err
	}
	t, err := newTokens(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, tokens: t, status: map[string]statusEntry{}}, nil
}

func checkConfig(cfg Config) error {
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

// Connection returns the connection with an id as people copy it; spaces around it
// are ignored. With an invalid id, every call on the connection returns a
// ConnectionID problem.
func (c *Client) Connection(id string) *Connection {
	parsed, err := ParseConnectionID(id)
	return &Connection{client: c, id: parsed, err: err}
}

// A Connection is one Finbox environment, a source of social balances. It is
// safe for concurrent use.
type Connection struct {
	client *Client
	id     string
	err    error // why the id is invalid
}

func (c *Connection) path(rest string) string {
	return "/v1/connections/" + url.PathEscape(c.id) + rest
}

func (c *Connection) String() string { return "connection " + c.id }

// get sends one GET with an access token. A refused token is renewed once: it may
// have been revoked before it expired. The caller closes the body.
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
	req.Header.Set("Accept-Language", "en") // its texts are shown in English messages
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	return resp, nil
}

// unreachable is the problem of a request without a response. The address is left
// out of the cause: it can be long and adds nothing.
func unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return problem.Wrap(err, problem.FinboxDown, "Finbox cannot be reached",
		"Check the network, the proxy and the address of Finbox.").Because(transport.Diagnose(err))
}
