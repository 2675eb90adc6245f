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

	"balansd/accounts"
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

// Client is the daemon's API as seen from another process. Its errors are the
// problems that the daemon gave, or a DaemonDown problem when it does not
// answer. It is safe for concurrent use and needs no closing.
type Client struct {
	http  Doer
	state string // the state file that is meant; empty for any
}

var _ daemon.API = (*Client)(nil)

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
func NewClient(d Doer) *Client { return &Client{http: d} }

// For gives a client that only speaks to a daemon of a state file. Any other
// gives a NotAllowed problem.
func (c *Client) For(stateFile string) *Client { return &Client{c.http, stateFile} }

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
func (c *Client) send(ctx context.Context, path string, in any) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://balansd"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", jsonType)
	if c.state != "" {
		req.Header.Set(stateHeader, url.PathEscape(c.state))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, down(ctx, err)
	}
	if theirs, err := url.PathUnescape(resp.Header.Get(stateHeader)); err == nil {
		if err := otherState(theirs, c.state); err != nil {
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

// ask makes a call that has one answer.
func ask[Out any](ctx context.Context, c *Client, path string, in any) (out Out, err error) {
	resp, err := c.send(ctx, path, in)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, down(ctx, err)
	}
	return out, nil
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

// Status is daemon.API's.
func (c *Client) Status(ctx context.Context) (daemon.Status, error) {
	return ask[daemon.Status](ctx, c, pathStatus, none{})
}

// Sync is daemon.API's. When ctx ends, the daemon is asked to stop the pass,
// and has five seconds to say how it ended.
func (c *Client) Sync(ctx context.Context, r daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error) {
	if err := ctx.Err(); err != nil {
		return ledger.Run{}, down(ctx, err)
	}
	in := syncCall{SyncRequest: r, Call: rand.Text()}
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		// Before the daemon is asked: a frozen one takes calls and answers none.
		time.AfterFunc(stopTime, cancel)
		if _, err := ask[none](call, c, pathSyncStop, stopCall{in.Call}); err != nil {
			time.AfterFunc(overTime, cancel)
		}
	})()
	resp, err := c.send(call, pathSync, in)
	if err != nil {
		return ledger.Run{}, brokenOff(ctx, err)
	}
	defer resp.Body.Close()
	for l, err := range lines(call, resp) {
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
		resp, err := c.send(ctx, pathEntries, entriesCall{q})
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

// Show is daemon.API's.
func (c *Client) Show(ctx context.Context, number uint64) (daemon.EntryDetail, error) {
	return ask[daemon.EntryDetail](ctx, c, pathShow, entryCall{Number: number})
}

// Document is daemon.API's.
func (c *Client) Document(ctx context.Context, number uint64) (daemon.Document, error) {
	return ask[daemon.Document](ctx, c, pathDocument, entryCall{Number: number})
}

// Dossiers is daemon.API's.
func (c *Client) Dossiers(ctx context.Context, q daemon.DossierQuery) (daemon.DossierPage, error) {
	return ask[daemon.DossierPage](ctx, c, pathDossiers, q)
}

// History is daemon.API's.
func (c *Client) History(ctx context.Context, limit int) (daemon.History, error) {
	return ask[daemon.History](ctx, c, pathHistory, historyCall{limit})
}

// Retry is daemon.API's.
func (c *Client) Retry(ctx context.Context, number uint64, by string) (ledger.Entry, error) {
	return ask[ledger.Entry](ctx, c, pathRetry, entryCall{number, by})
}

// Decide is daemon.API's.
func (c *Client) Decide(ctx context.Context, d daemon.Decision) (ledger.Entry, error) {
	return ask[ledger.Entry](ctx, c, pathDecide, d)
}

// Dismiss is daemon.API's.
func (c *Client) Dismiss(ctx context.Context, number uint64, by string) (ledger.Entry, error) {
	return ask[ledger.Entry](ctx, c, pathDismiss, entryCall{number, by})
}

// ConnectFinbox is daemon.API's.
func (c *Client) ConnectFinbox(ctx context.Context, connectionID, by string) (ledger.Connection, []string, error) {
	out, err := ask[connectionNoted](ctx, c, pathConnectFinbox, connectionCall{ID: connectionID, By: by})
	return out.Connection, out.Notes, err
}

// Connections is daemon.API's.
func (c *Client) Connections(ctx context.Context) ([]ledger.Connection, error) {
	return ask[[]ledger.Connection](ctx, c, pathConnections, none{})
}

// SetConnection is daemon.API's.
func (c *Client) SetConnection(ctx context.Context, id string, s ledger.ConnectionStatus, by string) (ledger.Connection, error) {
	return ask[ledger.Connection](ctx, c, pathSetConnection, connectionCall{id, s, by})
}

// Firms is daemon.API's.
func (c *Client) Firms(ctx context.Context) ([]ledger.Firm, error) {
	return ask[[]ledger.Firm](ctx, c, pathFirms, none{})
}

// TakeOver is daemon.API's.
func (c *Client) TakeOver(ctx context.Context, firmID int64, by string) error {
	_, err := ask[none](ctx, c, pathTakeOver, firmCall{firmID, by})
	return err
}

// RemoveFirm is daemon.API's.
func (c *Client) RemoveFirm(ctx context.Context, id int64, by string) error {
	_, err := ask[none](ctx, c, pathRemoveFirm, firmCall{id, by})
	return err
}

// BeginSilverfin is daemon.API's.
func (c *Client) BeginSilverfin(ctx context.Context, firmID int64, redirect string) (daemon.SignIn, error) {
	return ask[daemon.SignIn](ctx, c, pathBeginSilverfin, beginCall{firmID, redirect})
}

// EndSilverfin is daemon.API's.
func (c *Client) EndSilverfin(ctx context.Context, state, code string, firmID int64, by string) (ledger.Firm, []string, error) {
	out, err := ask[firmNoted](ctx, c, pathEndSilverfin, endCall{state, code, firmID, by})
	return out.Firm, out.Notes, err
}

// Link is daemon.API's.
func (c *Client) Link(ctx context.Context, l ledger.DossierLink, by string) (ledger.DossierLink, error) {
	return ask[ledger.DossierLink](ctx, c, pathLink, linkCall{l, by})
}

// Links is daemon.API's.
func (c *Client) Links(ctx context.Context) ([]ledger.DossierLink, error) {
	return ask[[]ledger.DossierLink](ctx, c, pathLinks, none{})
}

// Backup is daemon.API's.
func (c *Client) Backup(ctx context.Context, by string) (ledger.Backup, error) {
	return ask[ledger.Backup](ctx, c, pathBackup, byCall{by})
}

// Reload has the daemon read its configuration again. A configuration with
// mistakes gives a ConfigInvalid problem, and the old one stays in force.
func (c *Client) Reload(ctx context.Context, by string) (Reloaded, error) {
	return ask[Reloaded](ctx, c, pathReload, byCall{by})
}

// Accounts lists the people of the web pages, and the invitations that wait.
func (c *Client) Accounts(ctx context.Context) ([]accounts.Account, error) {
	return ask[[]accounts.Account](ctx, c, pathPeople, none{})
}

// Invite makes a one-time link to the web pages, as People.Invite does.
func (c *Client) Invite(ctx context.Context, name string, role accounts.Role, by string) (accounts.Invitation, error) {
	return ask[accounts.Invitation](ctx, c, pathInvite, inviteCall{name, role, by})
}

// Enable lets a person of the web pages in again, as People.Enable does.
func (c *Client) Enable(ctx context.Context, name, by string) (accounts.Person, error) {
	out, err := ask[enabled](ctx, c, pathEnable, enableCall{name, by})
	return accounts.Person{Name: out.Name, Role: out.Role}, err
}
