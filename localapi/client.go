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

// ErrNoDaemon means that no daemon runs, so the caller may open the state file itself.
// A daemon that exists and does not answer is another error.
var ErrNoDaemon = errors.New("no daemon is there")

// Timeouts of the client.
const (
	dialTimeout = 5 * time.Second
	// stopGrace is how long a stopped run may take to report how it ended; a call to
	// Silverfin may be under way.
	stopGrace = 5 * time.Second
	// endedGrace is the same if there is no run to stop: it has just ended, or has not
	// begun.
	endedGrace = time.Second
)

// doer sends requests, as *http.Client does.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client is the API of a daemon in another process. Its errors are the problems that
// the daemon answered with, or a DaemonDown problem if it does not answer. It is safe
// for concurrent use and needs no closing.
type Client struct {
	calls
	socket
}

// socket sends calls to the daemon. It is a caller.
type socket struct {
	http      doer
	stateFile string // of the daemon that is wanted; empty for any
}

var _ API = (*Client)(nil)

// Dial connects to the daemon on the socket or pipe at path. stateFile is the state
// that it must work on; its calls to a daemon of another one return a NotAllowed
// problem. If nobody answers, Dial returns a DaemonDown problem, which wraps ErrNoDaemon
// if there is no daemon.
func Dial(ctx context.Context, path, stateFile string) (*Client, error) {
	connect := func(ctx context.Context) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
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
		return nil, unreachable(ctx, err)
	}
	_ = conn.Close()
	return newClient(&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return connect(ctx) },
		// Each call has a connection of its own, which is cheap locally: the daemon
		// cannot close an idle one just as the next call is sent.
		DisableKeepAlives:  true,
		DisableCompression: true,
	}}, stateFile), nil
}

func newClient(d doer, stateFile string) *Client {
	s := socket{d, stateFile}
	return &Client{calls{s}, s}
}

// unreachable returns the problem of a daemon that does not answer, because of err. It
// is another one if ctx ended, or if checkPeer refused the daemon.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return problem.Wrap(fmt.Errorf("%w: %w", ctx.Err(), err), problem.DaemonDown,
			"the call to the daemon was broken off", "")
	}
	if p, ok := errors.AsType[*problem.Problem](err); ok && p.Code == problem.NotAllowed {
		return p
	}
	what, next := "the daemon does not answer", "See in its log what it does, or restart it."
	switch {
	case noDaemon(err):
		err = fmt.Errorf("%w: %w", ErrNoDaemon, err)
		what, next = "no daemon runs here", "Start the service: balansd service start. Or run it here: balansd run."
	case errors.Is(err, fs.ErrPermission):
		what, next = "you may not speak to the daemon",
			"Run the command as an administrator, or as the account that the daemon runs as."
	}
	return problem.Wrap(err, problem.DaemonDown, what, next)
}

// orCancelled returns err, or that the caller cancelled if ctx ended: a sync goes on
// for a while in a context of its own.
func orCancelled(ctx context.Context, err error) error {
	if ctx.Err() != nil && problem.Is(err, problem.DaemonDown) {
		return unreachable(ctx, err)
	}
	return err
}

// send sends a call and returns the response, whose body the caller closes.
func (s socket) send(ctx context.Context, path string, in any) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	return s.post(ctx, path, jsonType, bytes.NewReader(body))
}

// post sends a body and returns the response, whose body the caller closes.
func (s socket) post(ctx context.Context, path, mediaTypeOfBody string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://balansd"+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", mediaTypeOfBody)
	if s.stateFile != "" {
		req.Header.Set(stateHeader, url.PathEscape(s.stateFile))
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if served, err := url.PathUnescape(resp.Header.Get(stateHeader)); err == nil {
		if err := otherState(served, s.stateFile); err != nil {
			_ = resp.Body.Close()
			return nil, err
		}
	}
	if resp.StatusCode == http.StatusOK && mediaType(resp) != problemType {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readProblem(ctx, resp)
}

// readProblem returns the problem that a response contains.
func readProblem(ctx context.Context, resp *http.Response) error {
	var b problemBody
	err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(&b)
	if err != nil || mediaType(resp) != problemType || b.Code == "" {
		return problem.New(problem.DaemonDown,
			fmt.Sprintf("what answers is no daemon that this command line knows (HTTP status %d)", resp.StatusCode),
			"Use a balansd command line of the same version as the daemon.")
	}
	return problemFrom(ctx, &b)
}

// problemFrom returns the problem of a body, nil for none. If its cause was that the
// caller cancelled, it wraps the error of ctx, as it would without a daemon.
func problemFrom(ctx context.Context, b *problemBody) error {
	if b == nil {
		return nil
	}
	p := b.problem()
	if cancelled := ctx.Err(); cancelled != nil && p.Err != nil && p.Err.Error() == cancelled.Error() {
		p.Err = cancelled
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
		return unreachable(ctx, err)
	}
	return nil
}

// lines iterates over the lines of a stream, including the last one. It ends after an
// error.
func lines(ctx context.Context, resp *http.Response) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		d := json.NewDecoder(resp.Body)
		for {
			var l line
			if err := d.Decode(&l); err != nil {
				yield(l, unreachable(ctx, fmt.Errorf("it broke off in the middle: %w", err)))
				return
			}
			if !yield(l, nil) || l.End {
				return
			}
		}
	}
}

// Sync is daemon.API's. When ctx ends, the daemon is asked to stop the run, and has
// five seconds to report how it ended.
func (c *Client) Sync(ctx context.Context, r daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error) {
	if err := ctx.Err(); err != nil {
		return ledger.Run{}, unreachable(ctx, err)
	}
	in := syncCall{SyncRequest: r, Call: rand.Text()}
	stop := call{path: pathSyncStop, in: stopCall{in.Call}, out: &none{}}
	callCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		// Set first, since a frozen daemon accepts the stop and does not answer.
		time.AfterFunc(stopGrace, cancel)
		if err := c.call(callCtx, stop); err != nil {
			time.AfterFunc(endedGrace, cancel)
		}
	})()
	resp, err := c.send(callCtx, pathSync, in)
	if err != nil {
		return ledger.Run{}, orCancelled(ctx, err)
	}
	defer resp.Body.Close()
	for l, err := range lines(callCtx, resp) {
		if err != nil {
			return ledger.Run{}, orCancelled(ctx, err)
		}
		if l.Progress != nil && report != nil {
			report(*l.Progress)
		}
		if l.End {
			if l.Run == nil {
				l.Run = &ledger.Run{}
			}
			return *l.Run, problemFrom(ctx, l.Problem)
		}
	}
	return ledger.Run{}, nil // not reached: lines ends with an error or the last line
}

// Entries is daemon.API's.
func (c *Client) Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		// The call ends when the loop is left early.
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
				err = problemFrom(ctx, l.Problem)
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
