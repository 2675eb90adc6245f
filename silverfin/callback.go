package silverfin

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"balansd/internal/loopback"
	"balansd/problem"
)

// Callback is the small web server on this machine to which Silverfin sends
// the browser back after a sign-in. It takes one answer, the one with the state
// of the sign-in: any page in the browser can send others.
type Callback struct {
	listener  net.Listener
	host      string
	server    *http.Server
	state     atomic.Pointer[string]
	stateless atomic.Bool // a response without a state was refused
	answers   chan callbackAnswer
	once      sync.Once
	failed    chan error
}

// callbackAnswer is what the browser brought.
type callbackAnswer struct {
	code string
	firm int64
	err  error
}

// ListenCallback opens the server on an address of this machine, such as
// 127.0.0.1:0 for any free port. It must be ended with Wait or Close, and takes no
// answer before Expect.
func ListenCallback(addr string) (*Callback, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || !loopback.IsHost(host) {
		return nil, problem.New(problem.ConfigInvalid, "the callback address of the sign-in is not an address of this machine",
			"Use 127.0.0.1 with a port, or :0 after it for any free port.")
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, problem.Wrap(err, problem.SilverfinSignIn, "the callback address of the sign-in cannot be opened",
			"Choose another port, or sign in by pasting the code.")
	}
	c := &Callback{listener: l, host: host, answers: make(chan callbackAnswer, 1), failed: make(chan error, 1)}
	c.server = &http.Server{Handler: http.HandlerFunc(c.serve), ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { c.failed <- c.server.Serve(l) }()
	return c, nil
}

// URL is the redirect address to begin the sign-in with.
func (c *Callback) URL() string {
	_, port, _ := net.SplitHostPort(c.listener.Addr().String())
	return "http://" + net.JoinHostPort(c.host, port) + "/callback"
}

// Expect sets the state that Begin gave. It is called once, before the person
// gets the address to sign in at.
func (c *Callback) Expect(state string) { c.state.Store(&state) }

// Wait waits for the browser's request with the expected state, and closes the
// server. It returns the arguments of End; firmID is the firm that was granted. If the
// person refused, the error is that of Refused.
func (c *Callback) Wait(ctx context.Context) (code string, firmID int64, err error) {
	defer func() { _ = c.Close() }()
	select {
	case a := <-c.answers:
		return a.code, a.firm, a.err
	case err := <-c.failed:
		return "", 0, problem.Wrap(err, problem.SilverfinSignIn, "the callback of the sign-in was closed",
			"Start the sign-in again.")
	case <-ctx.Done():
		if c.stateless.Load() && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "", 0, problem.New(problem.SilverfinSignIn, "Silverfin did not send back the state of this sign-in",
				"Sign in with --oob --firm ID instead.")
		}
		return "", 0, ctx.Err()
	}
}

// Close closes the server; the page under way is still shown. It may be called
// more than once.
func (c *Callback) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := c.server.Shutdown(ctx); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return c.server.Close()
	}
	return nil
}

func (c *Callback) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address holds the code
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	query := r.URL.Query()
	switch {
	case !loopback.IsHost(strings.Trim(host, "[]")): // a foreign name that was pointed at this machine
		http.Error(w, "wrong host", http.StatusForbidden)
	case r.URL.Path != "/callback":
		http.NotFound(w, r)
	case r.Method != http.MethodGet:
		http.Error(w, "GET only", http.StatusMethodNotAllowed)
	case !c.expected(query.Get("state")):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, page("Dit antwoord hoort niet bij deze aanmelding. Open het adres dat balansd toont; lukt dat niet, gebruik dan --oob.",
			"Cette réponse n'est pas celle de cette connexion. Ouvrez l'adresse que balansd affiche ; si cela ne marche pas, utilisez --oob.",
			"This answer is not of this sign-in. Open the address that balansd shows; if that does not work, use --oob."))
	case query.Get("error") != "":
		_, _ = io.WriteString(w, page("Silverfin werd niet gekoppeld.", "Silverfin n'a pas été lié.", "Silverfin was not linked."))
		c.deliver(callbackAnswer{err: Refused(query.Get("error"), query.Get("error_description"))})
	case query.Get("code") == "":
		http.Error(w, "no code", http.StatusBadRequest)
	default:
		_, _ = io.WriteString(w, page("Bedankt.", "Merci.", "Thank you."))
		firm, _ := strconv.ParseInt(query.Get("authorized_firm_id"), 10, 64)
		c.deliver(callbackAnswer{code: query.Get("code"), firm: max(firm, 0)})
	}
}

// expected reports whether an answer's state is the one of this sign-in.
func (c *Callback) expected(state string) bool {
	if state == "" {
		c.stateless.Store(true)
		return false
	}
	want := c.state.Load()
	return want != nil && subtle.ConstantTimeCompare([]byte(state), []byte(*want)) == 1
}

// deliver sends the first response to Wait and ignores later ones.
func (c *Callback) deliver(a callbackAnswer) { c.once.Do(func() { c.answers <- a }) }

// page is what the person sees. Nothing of the request is in it.
func page(nl, fr, en string) string {
	return `<!doctype html><meta charset="utf-8"><title>balansd</title>` +
		`<body style="font-family:sans-serif;margin:4em auto;max-width:32em">` +
		`<p lang="nl">` + nl + ` Je mag dit venster sluiten.</p>` +
		`<p lang="fr">` + fr + ` Vous pouvez fermer cette fenêtre.</p>` +
		`<p lang="en">` + en + ` You may close this window.</p></body>`
}
