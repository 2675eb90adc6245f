package localapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

// TestStoppedSyncReturnsItsRun is Ctrl-C: the client gets the run as it ended, as
// without a daemon.
func TestStoppedSyncReturnsItsRun(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	c := connect(t, fakeAPI{&daemontest.API{Run: daemontest.RunUntilStopped(begun, ended)}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	run, err := c.Sync(ctx, daemon.SyncRequest{}, nil)
	if d := cmp.Diff(ledger.Run{Number: 9, Stopped: "stopped by hand"}, run); d != "" {
		t.Error(d)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Sync returns %v", err)
	}
	<-ended
}

// TestKilledClientStopsItsRun is kill -9 of the command line.
func TestKilledClientStopsItsRun(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	path, _ := serve(t, Config{API: fakeAPI{&daemontest.API{Run: daemontest.RunUntilStopped(begun, ended)}}, Log: zerolog.Nop()})
	conn, err := dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "POST /v1/sync HTTP/1.1\r\nHost: balansd\r\nContent-Length: 2\r\n\r\n{}")
	<-begun
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	<-ended
}

// TestStuckClientStopsItsRun is a command that was suspended with Ctrl-Z: it keeps its
// connection open and reads nothing.
func TestStuckClientStopsItsRun(t *testing.T) {
	ended := make(chan struct{})
	api := fakeAPI{&daemontest.API{Run: func(ctx context.Context, _ daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error) {
		defer close(ended)
		for ctx.Err() == nil {
			report(daemon.Progress{Text: strings.Repeat("x", 1<<16)})
		}
		return ledger.Run{}, ctx.Err()
	}}}
	path, _ := serve(t, Config{API: api, Log: zerolog.Nop(), StreamTimeout: 1})
	conn, err := dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /v1/sync HTTP/1.1\r\nHost: balansd\r\nContent-Length: 2\r\n\r\n{}")
	<-ended
}

// TestStoppedDaemonEndsItsRuns is SIGTERM for the daemon during a run that a client
// waits for.
func TestStoppedDaemonEndsItsRuns(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	path, stop := serve(t, Config{API: fakeAPI{&daemontest.API{Run: daemontest.RunUntilStopped(begun, ended)}}, Log: zerolog.Nop()})
	c, err := Dial(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-begun; stop() }()
	run, err := c.Sync(t.Context(), daemon.SyncRequest{}, nil)
	if run.Number != 9 || err == nil {
		t.Errorf("Sync returns run %d and %v", run.Number, err)
	}
	<-ended
	stop() // waits for the one above, as a run can end before the listener is closed
	_, err = Dial(t.Context(), path, "")
	if !errors.Is(err, ErrNoDaemon) {
		t.Errorf("Dial returns %v after the daemon stopped", err)
	}
}

func TestListenWhileAnotherDaemonRuns(t *testing.T) {
	path, _ := serve(t, Config{API: fakeAPI{&daemontest.API{}}, Log: zerolog.Nop()})
	if _, err := Listen(path); !problem.Is(err, problem.StateLocked) {
		t.Errorf("Listen returns %v", err)
	}
	if _, err := Dial(t.Context(), path, ""); err != nil {
		t.Errorf("the first daemon no longer answers: %v", err)
	}
}

func TestNoDaemon(t *testing.T) {
	_, err := Dial(t.Context(), address(t), "")
	if !errors.Is(err, ErrNoDaemon) || !problem.Is(err, problem.DaemonDown) {
		t.Errorf("Dial returns %v", err)
	}
}

func TestSyncThatCannotBeginIsNoStream(t *testing.T) {
	api := fakeAPI{&daemontest.API{Run: func(context.Context, daemon.SyncRequest, func(daemon.Progress)) (ledger.Run, error) {
		return ledger.Run{}, problem.New(problem.Busy, "another run is under way", "Wait.")
	}}}
	w := post(api, pathSync, "{}")
	if w.Code != http.StatusConflict || w.Header().Get("Content-Type") != problemType {
		t.Errorf("the answer is %d %s", w.Code, w.Header().Get("Content-Type"))
	}
	_, err := connect(t, api).Sync(t.Context(), daemon.SyncRequest{}, nil)
	if !problem.Is(err, problem.Busy) {
		t.Errorf("Sync returns %v", err)
	}
}

// TestIncompleteStream has a daemon that dies in the middle of its answer.
func TestIncompleteStream(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", streamType)
		_, _ = io.WriteString(w, `{"entry":{"number":2}}`+"\n")
	}))
	defer s.Close()
	c := newClient(doerTo(t, s), "")
	var numbers []uint64
	var last error
	for e, err := range c.Entries(t.Context(), ledger.Query{}) {
		if last = err; err == nil {
			numbers = append(numbers, e.Number)
		}
	}
	if d := cmp.Diff([]uint64{2}, numbers); d != "" {
		t.Error(d)
	}
	if !problem.Is(last, problem.DaemonDown) {
		t.Errorf("the walk ends with %v", last)
	}
	if _, err := c.Sync(t.Context(), daemon.SyncRequest{}, nil); !problem.Is(err, problem.DaemonDown) {
		t.Errorf("Sync returns %v", err)
	}
}

func TestAnswerOfAnotherServer(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	_, err := newClient(doerTo(t, s), "").Status(t.Context())
	if !problem.Is(err, problem.DaemonDown) || !strings.Contains(err.Error(), "404") {
		t.Errorf("Status returns %v", err)
	}
}

// doerTo returns a doer that sends all requests to a test server.
func doerTo(t *testing.T, s *httptest.Server) doer {
	t.Helper()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, s.Listener.Addr().String())
		},
	}
	return &http.Client{Transport: transport}
}

// TestLeavingEntriesEndsTheCall leaves the loop after its first entry.
func TestLeavingEntriesEndsTheCall(t *testing.T) {
	c := connect(t, fakeAPI{&daemontest.API{}})
	for e, err := range c.Entries(t.Context(), ledger.Query{}) {
		if err != nil || e.Number != 3 {
			t.Errorf("the first entry is %d, %v", e.Number, err)
		}
		break
	}
	// TestMain checks that no goroutine is left.
}

func TestCancelledCall(t *testing.T) {
	c := connect(t, fakeAPI{&daemontest.API{}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, statusErr := c.Status(ctx)
	_, syncErr := c.Sync(ctx, daemon.SyncRequest{}, nil)
	for name, err := range map[string]error{"Status": statusErr, "Sync": syncErr} {
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNoDaemon) {
			t.Errorf("%s returns %v", name, err)
		}
	}
}

// pipe is a listener in memory, for tests in a synctest bubble.
type pipe struct{ conns chan net.Conn }

func (p pipe) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipe) Close() error   { close(p.conns); return nil }
func (p pipe) Addr() net.Addr { return &net.UnixAddr{} }

// TestSlowRequest sends half a request and waits.
func TestSlowRequest(t *testing.T) {
	for name, c := range map[string]struct{ half, want string }{
		"header": {"POST /v1/status HTTP/1.1\r\nHost: bal", ""},
		"body":   {"POST /v1/status HTTP/1.1\r\nHost: balansd\r\nContent-Length: 2\r\n\r\n{", "HTTP/1.1 400 "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				l, done := pipe{make(chan net.Conn)}, make(chan error)
				go func() { done <- Serve(ctx, l, New(Config{API: fakeAPI{&daemontest.API{}}}), zerolog.Nop()) }()
				ours, theirs := net.Pipe()
				l.conns <- theirs
				go func() { _, _ = io.WriteString(ours, c.half) }()
				answer, err := io.ReadAll(ours) // ends only when the server closes
				if err != nil || !strings.HasPrefix(string(answer), c.want) || c.want == "" && len(answer) > 0 {
					t.Errorf("half a request is answered with %q, %v", answer, err)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestServeEndsDespiteAStuckRun has a run that ignores its context.
func TestServeEndsDespiteAStuckRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, begun := make(chan struct{}), make(chan struct{})
		api := fakeAPI{&daemontest.API{Run: func(context.Context, daemon.SyncRequest, func(daemon.Progress)) (ledger.Run, error) {
			close(begun)
			<-release
			return ledger.Run{}, nil
		}}}
		ctx, cancel := context.WithCancel(t.Context())
		l, done := pipe{make(chan net.Conn)}, make(chan error)
		go func() { done <- Serve(ctx, l, New(Config{API: api}), zerolog.Nop()) }()
		ours, theirs := net.Pipe()
		l.conns <- theirs
		go func() {
			_, _ = io.WriteString(ours, "POST /v1/sync HTTP/1.1\r\nHost: balansd\r\nContent-Length: 2\r\n\r\n{}")
		}()
		<-begun
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		close(release)
		_ = ours.Close()
	})
}

// post makes one call without a server.
func post(api API, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	New(Config{API: api, Log: zerolog.Nop()}).ServeHTTP(w, r)
	return w
}

func TestHostileRequests(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		code       problem.Code
		detail     string
	}{
		"no JSON":           {retry.path, `number=7`, problem.Usage, "invalid character"},
		"cut off":           {retry.path, `{"number": 7`, problem.Usage, "unexpected EOF"},
		"misspelt":          {pathSync, `{"dry-run": true}`, problem.Usage, `unknown field "dry-run"`},
		"of another type":   {retry.path, `{"number": "7"}`, problem.Usage, "cannot unmarshal"},
		"negative number":   {retry.path, `{"number": -7}`, problem.Usage, "cannot unmarshal"},
		"two values":        {retry.path, `{"number": 7} {"number": 8}`, problem.Usage, "more than one JSON value"},
		"rubbish after":     {retry.path, `{"number": 7} x`, problem.Usage, "invalid character"},
		"too large":         {retry.path, `{"by": "` + strings.Repeat("x", maxBody) + `"}`, problem.Usage, "too large"},
		"too large, spaces": {retry.path, `{}` + strings.Repeat(" ", maxBody), problem.Usage, "too large"},
		"equity as rubric":  {decide.path, `{"number": 7, "cells": ["1311"]}`, problem.Usage, "not a rubric"},
		"deep":              {retry.path, strings.Repeat("[", 20_000), problem.Usage, "max depth"},
		"another call":      {"/v1/rm", `{}`, problem.NotFound, "no such call"},
		"another version":   {"/v2/status", `{}`, problem.NotFound, "no such call"},
		"stop of nothing":   {pathSyncStop, `{"call": "x"}`, problem.NotFound, "no such run"},
		"stop of no name":   {pathSyncStop, `{}`, problem.NotFound, "no such run"},
	} {
		t.Run(name, func(t *testing.T) {
			api := fakeAPI{&daemontest.API{}}
			w := post(api, c.path, c.body)
			var b problemBody
			if err := json.NewDecoder(w.Body).Decode(&b); err != nil {
				t.Fatal(err)
			}
			if w.Header().Get("Content-Type") != problemType || w.Code != c.code.HTTPStatus() || b.Status != w.Code {
				t.Errorf("the answer is %d %s, with status %d in it", w.Code, w.Header().Get("Content-Type"), b.Status)
			}
			if b.Code != c.code || !strings.Contains(b.Detail, c.detail) {
				t.Errorf("the problem is %s: %q", b.Code, b.Detail)
			}
			if len(api.Calls()) > 0 {
				t.Errorf("the daemon was called: %v", api.Calls())
			}
		})
	}
}

func TestOnlyPost(t *testing.T) {
	w := httptest.NewRecorder()
	api := fakeAPI{&daemontest.API{}}
	New(Config{API: api}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, status.path, nil))
	if w.Code != http.StatusNotFound || len(api.Calls()) > 0 {
		t.Errorf("GET answers %d, and the daemon was called: %v", w.Code, api.Calls())
	}
}

// TestPanicIsAnswered has a method that panics.
func TestPanicIsAnswered(t *testing.T) {
	api := fakeAPI{&daemontest.API{Run: func(context.Context, daemon.SyncRequest, func(daemon.Progress)) (ledger.Run, error) {
		panic("nil map")
	}}}
	var log strings.Builder
	w := httptest.NewRecorder()
	New(Config{API: api, Log: zerolog.New(&log)}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, pathSync, nil))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `"code":"unexpected"`) {
		t.Errorf("the answer is %d %s", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "nil map") || !strings.Contains(log.String(), "nil map") {
		t.Errorf("the panic belongs in the log alone; answer %s, log %s", w.Body, log.String())
	}
}

// TestStreamIsOneValueALine: scripts read an answer line by line.
func TestStreamIsOneValueALine(t *testing.T) {
	w := post(fakeAPI{&daemontest.API{}}, pathEntries, "")
	lines := bufio.NewScanner(w.Body)
	var ends []bool
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		ends = append(ends, l.End)
	}
	if d := cmp.Diff([]bool{false, false, false, true}, ends); d != "" {
		t.Error(d)
	}
}

// FuzzRequest checks that every call is answered, whatever the body.
func FuzzRequest(f *testing.F) {
	paths := (&handler{}).handlers()
	for path := range paths {
		f.Add(path, `{"number": 7, "by": "An"}`)
		f.Add(path, `{"firm_id": 14, "cells": ["1003P"], "from": "2026-02-30"}`)
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		if _, ok := paths[path]; !ok {
			t.Skip()
		}
		w := post(fakeAPI{&daemontest.API{}}, path, body)
		kind := w.Header().Get("Content-Type")
		if w.Code == http.StatusOK && (kind == jsonType || kind == streamType) {
			return
		}
		var b problemBody
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil || kind != problemType || b.Code == "" {
			t.Errorf("%d %s %s", w.Code, kind, w.Body)
		}
	})
}
