package localapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// ErrNoDaemon says that no daemon runs: whoever asked may open the state file
// itself. A daemon that is there and does not answer does not give it.
var ErrNoDaemon = errors.New("no daemon is there")

// How long the client waits.
const (
	dialTime = 5 * time.Second
	// stopTime is how long a pass that was stopped may take to say how it
	// ended; a call to Silverfin may be under way.
	stopTime = 5 * time.Second
	// overTime is the same when there was no pass to stop: it is just over, or
	// not begun yet.
	overTime = time.Second
)

// Doer sends requests, as *http.Client does.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client is the API of a daemon in another process. Its errors are the
// problems that the daemon gave, or a DaemonDown problem when it does not
// answer. It is safe for concurrent use and needs no closing.
type Client struct {
	calls
	socket
}

// socket sends calls to the daemon. It is a caller.
type socket struct {
	http  Doer
	state string // the state file that is meant; empty for any
}

var _ API = (*Client)(nil)

// Dial looks for a daemon on the socket or pipe at path. When nobody answers it
// gives a DaemonDown problem; errors.Is(err, ErrNoDaemon) tells then that there
// is no daemon.
func Dial(ctx context.Context, path string) (*Client, error) {
	connect := func(ctx context.Context) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTime)
		defer cancel()
		conn, err := dial(ctx, path)
		if err != nil {
			return nil, err
		}
		if err := checkPeer(conn, path); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return conn, nil
	}
	conn, err := connect(ctx)
	if err != nil {
		return nil, down(ctx, err)
	}
	_ = conn.Close()
	return NewClient(&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return connect(ctx) },
		// A connection per call: a local one costs nothing, and none is left
		// over that the daemon closes just as the next call goes out.
		DisableKeepAlives:  true,
		DisableCompression: true,
	}}), nil
}

// NewClient makes a client of what sends its requests to the handler of
// New, whatever their host.
func NewClient(d Doer) *Client { return newClient(socket{http: d}) }

func newClient(s socket) *Client { return &Client{calls{s}, s} }

// For gives a client that only speaks to a daemon of a state file. Any other
// gives a NotAllowed problem.
func (c *Client) For(stateFile string) *Client { return newClient(socket{c.http, stateFile}) }

// down is the problem of a daemon that does not answer. A caller that gave up
// hears that instead, and one that may not speak to the daemon hears why.
func down(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return problem.Wrap(fmt.Errorf("%w: %w", ctx.Err(), err), problem.DaemonDown,
			"the call to the daemon was broken off", "")
	}
	if p, ok := errors.AsType[*problem.Problem](err); ok && p.Code == problem.NotAllowed {
		return p // somebody else answers
	}
	what, next := "the daemon does not answer", "See in its log what it does, or restart it."
	switch {
	case absent(err):
		err = fmt.Errorf("%w: %w", ErrNoDaemon, err)
		what, next = "no daemon runs here", "Start the service: balansd service start. Or run it here: balansd run."
	case errors.Is(err, fs.ErrPermission):
		what, next = "you may not speak to the daemon",
			"Run the command as an administrator, or as the account that the daemon runs as."
	}
	return problem.Wrap(err, problem.DaemonDown, what, next)
}

// brokenOff says that the caller broke off a call whose own context did not
// end with the caller's.
func brokenOff(ctx context.Context, err error) error {
	if ctx.Err() != nil && problem.Is(err, problem.DaemonDown) {
		return down(ctx, err)
	}
	return err
}

// send makes a call and gives its answer, whose body the caller closes.
func (s socket) send(ctx context.Context, path string, in any) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://balansd"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", jsonType)
	if s.state != "" {
		req.Header.Set(stateHeader, url.PathEscape(s.state))
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, down(ctx, err)
	}
	if theirs, err := url.PathUnescape(resp.Header.Get(stateHeader)); err == nil {
		if err := otherState(theirs, s.state); err != nil {
			_ = resp.Body.Close()
			return nil, err
		}
	}
	if resp.StatusCode == http.StatusOK && mediaType(resp) != problemType {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusal(ctx, resp)
}

// refusal reads the problem of an answer.
func refusal(ctx context.Context, resp *http.Response) error {
	var b problemBody
	err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(&b)
	if err != nil || mediaType(resp) != problemType || b.Code == "" {
		return problem.New(problem.DaemonDown,
			fmt.Sprintf("what answers is no daemon that this command line knows (HTTP status %d)", resp.StatusCode),
			"Use a balansd command line of the same version as the daemon.")
	}
	return told(ctx, &b)
}

// told is the problem that the daemon told, nil for none. Where its cause was
// that the caller broke off, errors.Is finds that, as it would without a daemon.
func told(ctx context.Context, b *problemBody) error {
	if b == nil {
		return nil
	}
	p := b.problem()
	if gaveUp := ctx.Err(); gaveUp != nil && p.Err != nil && p.Err.Error() == gaveUp.Error() {
		p.Err = gaveUp
	}
	return p
}

func mediaType(resp *http.Response) string {
	t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return t
}

// call is caller's.
func (s socket) call(ctx context.Context, c call) error {
	resp, err := s.send(ctx, c.path, c.in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(c.out); err != nil {
		return down(ctx, err)
	}
	return nil
}

// lines walks the lines of a stream, the last one included. An error is the
// last that it gives.
func lines(ctx context.Context, resp *http.Response) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		d := json.NewDecoder(resp.Body)
		for {
			var l line
			if err := d.Decode(&l); err != nil {
				yield(l, down(ctx, fmt.Errorf("it broke off in the middle: %w", err)))
				return
			}
			if !yield(l, nil) || l.End {
				return
			}
		}
	}
}

// Sync is daemon.API's. When ctx ends, the daemon is asked to stop the pass,
// and has five seconds to say how it ended.
func (c *Client) Sync(ctx context.Context, r daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error) {
	if err := ctx.Err(); err != nil {
		return ledger.Run{}, down(ctx, err)
	}
	in := syncCall{SyncRequest: r, Call: rand.Text()}
	stop := call{path: pathSyncStop, in: stopCall{in.Call}, out: &none{}}
	under, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		// Before the daemon is asked: a frozen one takes calls and answers none.
		time.AfterFunc(stopTime, cancel)
		if err := c.call(under, stop); err != nil {
			time.AfterFunc(overTime, cancel)
		}
	})()
	resp, err := c.send(under, pathSync, in)
	if err != nil {
		return ledger.Run{}, brokenOff(ctx, err)
	}
	defer resp.Body.Close()
	for l, err := range lines(under, resp) {
		if err != nil {
			return ledger.Run{}, brokenOff(ctx, err)
		}
		if l.Progress != nil && report != nil {
			report(*l.Progress)
		}
		if l.End {
			if l.Run == nil {
				l.Run = &ledger.Run{}
			}
			return *l.Run, told(ctx, l.Problem)
		}
	}
	return ledger.Run{}, nil // not reached: lines ends with an error or the last line
}

// Entries is daemon.API's.
func (c *Client) Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		// A walk that is left early ends the call.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		resp, err := c.send(ctx, pathEntries, q)
		if err != nil {
			yield(ledger.Entry{}, err)
			return
		}
		defer resp.Body.Close()
		for l, err := range lines(ctx, resp) {
			if err == nil {
				err = told(ctx, l.Problem)
			}
			if err != nil {
				yield(ledger.Entry{}, err)
				return
			}
			if l.Entry != nil && !yield(*l.Entry, nil) {
				return
			}
		}
	}
}
