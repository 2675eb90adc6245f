package localapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"balansd/daemon"
	"balansd/httpserver"
	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// Limits of a request. The largest body in use is a decision on every cell of the
// form, about 5 KiB.
const (
	maxBody              = 64 << 10
	bodyTimeout          = 10 * time.Second
	defaultStreamTimeout = 30 * time.Second
)

// Config is all that the local API needs.
type Config struct {
	// API does the work.
	API API
	// StateFile is the state file of the daemon. A client that names another one is
	// refused.
	StateFile string
	// Log gets a line for each call, without its request and answer.
	Log zerolog.Logger
	// StreamTimeout is how long a client may leave a stream unread before its call
	// ends, so that a stopped terminal cannot hold up the night; 30 seconds when 0.
	StreamTimeout time.Duration
}

// handler serves API.
type handler struct {
	Config

	mu    sync.Mutex
	syncs map[string]context.CancelFunc // the runs that clients may stop, by call
}

// New returns a handler that serves each method of cfg.API as POST /v1/NAME, with the
// request as a JSON body; docs/api.md describes it. A call ends when its client
// disconnects: a run that it asked for stops cleanly, as with Ctrl-C. The handler is
// safe for concurrent use. It authorizes nobody: the mode of the socket keeps others
// out.
func New(cfg Config) http.Handler {
	if cfg.StreamTimeout == 0 {
		cfg.StreamTimeout = defaultStreamTimeout
	}
	h := &handler{Config: cfg, syncs: map[string]context.CancelFunc{}}
	mux := http.NewServeMux()
	for path, serve := range h.handlers() {
		mux.HandleFunc("POST "+path, serve)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem.New(problem.NotFound, "the local API has no such call",
			"Use POST, and a balansd command line of the same version as the daemon."))
	})
	return h.logged(mux)
}

// servable is an operation of any request and answer.
type servable interface {
	// handler returns the path of the operation, and a handler that calls api.
	handler(api API) (string, http.HandlerFunc)
}

func (o operation[In, Out]) handler(api API) (string, http.HandlerFunc) {
	return o.path, answer(func(ctx context.Context, in In) (Out, error) { return o.run(api, ctx, in) })
}

// handlers returns the handlers of all calls, by path.
func (h *handler) handlers() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{pathSync: h.sync, pathSyncStop: answer(h.stop), pathEntries: h.entries, pathUploadFile: h.uploadFile}
	for _, o := range operations() {
		path, serve := o.handler(h.API)
		all[path] = serve
	}
	return all
}

// answer returns a handler of a call that has one answer.
func answer[In, Out any](call func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := decode(w, r, &in); err != nil {
			writeProblem(w, err)
			return
		}
		out, err := call(r.Context(), in)
		if err != nil {
			writeProblem(w, err)
			return
		}
		writeJSON(w, http.StatusOK, jsonType, withEmptyLists(out))
	}
}

// sync carries out a run and streams its progress.
func (h *handler) sync(w http.ResponseWriter, r *http.Request) {
	var in syncCall
	if err := decode(w, r, &in); err != nil {
		writeProblem(w, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer h.stoppable(in.Call, cancel)()
	out := newStream(w, h.StreamTimeout, cancel)
	run, err := h.API.Sync(ctx, in.SyncRequest, func(p daemon.Progress) { out.write(line{Progress: &p}) })
	out.end(&run, err)
}

// stoppable registers cancel under the name of a call, for stop, until the returned
// function is called. A call without a name cannot be stopped.
func (h *handler) stoppable(call string, cancel context.CancelFunc) func() {
	if call == "" {
		return func() {}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.syncs[call] = cancel
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.syncs, call)
	}
}

// stop stops a run that a client asked for; the run's own call then answers.
func (h *handler) stop(_ context.Context, r stopCall) (none, error) {
	h.mu.Lock()
	cancel, ok := h.syncs[r.Call]
	h.mu.Unlock()
	if !ok {
		return none{}, problem.New(problem.NotFound, "no such run is under way", "")
	}
	cancel()
	return none{}, nil
}

// entries streams the entries of the ledger.
func (h *handler) entries(w http.ResponseWriter, r *http.Request) {
	var in ledger.Query
	if err := decode(w, r, &in); err != nil {
		writeProblem(w, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := newStream(w, h.StreamTimeout, cancel)
	for e, err := range h.API.Entries(ctx, in) {
		if err != nil {
			out.end(nil, err)
			return
		}
		if !out.write(line{Entry: &e}) {
			return
		}
	}
	out.end(nil, nil)
}

// logged logs each call, and answers with a problem when one panics.
func (h *handler) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		log := h.Log.With().Str("call", strings.TrimPrefix(r.URL.Path, prefix)).Logger()
		recorder := &httpserver.StatusRecorder{ResponseWriter: w}
		defer func() {
			panicked := recover()
			if panicked == nil {
				log.Debug().Int("status", recorder.Status).Dur("took_ms", time.Since(start)).Msg("local API call")
				return
			}
			if err, ok := panicked.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(panicked)
			}
			log.Error().Interface("fault", panicked).Bytes("stack", debug.Stack()).Msg("local API call broke down")
			if recorder.Status == 0 {
				writeProblem(w, errors.New("a fault in balansd"))
			}
		}()
		recorder.Header().Set(stateHeader, url.PathEscape(h.StateFile))
		if wanted, err := url.PathUnescape(r.Header.Get(stateHeader)); err == nil {
			if err := otherState(h.StateFile, wanted); err != nil {
				writeProblem(recorder, err)
				return
			}
		}
		next.ServeHTTP(recorder, r)
	})
}

// Serve serves h on l until ctx ends, and closes l. Calls under way are then cancelled
// and have three seconds to end. It returns nil after ctx ended.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log zerolog.Logger) error {
	s := httpserver.New(h, log)
	s.BaseContext = func(net.Listener) context.Context { return ctx }
	return httpserver.Run(ctx, s, func() error { return s.Serve(l) })
}
