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

// Limits of a request. The largest body is a decision on every cell of the
// form, about 5 KiB.
const (
	maxBody     = 64 << 10
	bodyTime    = 10 * time.Second
	defaultWait = 30 * time.Second
)

// Config is all that the local API needs.
type Config struct {
	// API does the work.
	API API
	// StateFile is the state that the daemon works on. A client that means
	// another is refused.
	StateFile string
	// Log has every call; never what is in it.
	Log zerolog.Logger
	// Wait is how long a client may leave a stream unread before it is taken
	// for gone, so that a stopped terminal cannot hold up the night. 0 for
	// 30 seconds.
	Wait time.Duration
}

// handler serves API.
type handler struct {
	Config

	mu    sync.Mutex
	syncs map[string]context.CancelFunc // the passes that clients may stop, by call
}

// New serves every method of the daemon's API as POST /v1/NAME, with the
// method's arguments in a JSON body; docs/api.md describes it. A call ends when
// its client goes away: a pass that was asked for stops cleanly, as with
// Ctrl-C. The handler is safe for concurrent use. It trusts whoever reaches it:
// the socket's mode is what keeps others out.
func New(cfg Config) http.Handler {
	if cfg.Wait == 0 {
		cfg.Wait = defaultWait
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

// served is an operation as the server sees it.
type served interface {
	// handler returns the path of the operation, and what serves it by api.
	handler(api API) (string, http.HandlerFunc)
}

func (o operation[In, Out]) handler(api API) (string, http.HandlerFunc) {
	return o.path, answer(func(ctx context.Context, in In) (Out, error) { return o.run(api, ctx, in) })
}

// handlers returns the handlers of all calls, by path.
func (h *handler) handlers() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{pathSync: h.sync, pathSyncStop: answer(h.stop), pathEntries: h.entries}
	for _, o := range operations() {
		path, serve := o.handler(h.API)
		all[path] = serve
	}
	return all
}

// answer makes a handler of a call that has one answer.
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
		writeJSON(w, http.StatusOK, jsonType, withLists(out))
	}
}

// sync runs a pass and tells it as it happens.
func (h *handler) sync(w http.ResponseWriter, r *http.Request) {
	var in syncCall
	if err := decode(w, r, &in); err != nil {
		writeProblem(w, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer h.stoppable(in.Call, cancel)()
	out := newStream(w, h.Wait, cancel)
	pass, err := h.API.Sync(ctx, in.SyncRequest, func(p daemon.Progress) { out.line(line{Progress: &p}) })
	out.end(&pass, err)
}

// stoppable lets the call be stopped by its name until the returned function
// is called. A call without a name cannot be.
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

// stop ends a pass that a client asked for; the pass's own call then answers.
func (h *handler) stop(_ context.Context, r stopCall) (none, error) {
	h.mu.Lock()
	cancel, ok := h.syncs[r.Call]
	h.mu.Unlock()
	if !ok {
		return none{}, problem.New(problem.NotFound, "no such pass is under way", "")
	}
	cancel()
	return none{}, nil
}

// entries walks the ledger.
func (h *handler) entries(w http.ResponseWriter, r *http.Request) {
	var in ledger.Query
	if err := decode(w, r, &in); err != nil {
		writeProblem(w, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := newStream(w, h.Wait, cancel)
	for e, err := range h.API.Entries(ctx, in) {
		if err != nil {
			out.end(nil, err)
			return
		}
		if !out.line(line{Entry: &e}) {
			return
		}
	}
	out.end(nil, nil)
}

// logged logs each call, and answers with a problem when one panics.
func (h *handler) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		log := h.Log.With().Str("call", strings.TrimPrefix(r.URL.Path, prefix)).Logger()
		seen := &httpserver.StatusRecorder{ResponseWriter: w}
		defer func() {
			fault := recover()
			if fault == nil {
				log.Debug().Int("status", seen.Status).Dur("took_ms", time.Since(begun)).Msg("local API call")
				return
			}
			if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(fault)
			}
			log.Error().Interface("fault", fault).Bytes("stack", debug.Stack()).Msg("local API call broke down")
			if seen.Status == 0 {
				writeProblem(w, errors.New("a fault in balansd"))
			}
		}()
		seen.Header().Set(stateHeader, url.PathEscape(h.StateFile))
		if meant, err := url.PathUnescape(r.Header.Get(stateHeader)); err == nil {
			if err := otherState(h.StateFile, meant); err != nil {
				writeProblem(seen, err)
				return
			}
		}
		next.ServeHTTP(seen, r)
	})
}

// Serve serves h on l until ctx ends, and closes l. The calls under way are then
// cancelled and have three seconds to end. It returns nil after ctx ended.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log zerolog.Logger) error {
	s := httpserver.New(h, log)
	s.BaseContext = func(net.Listener) context.Context { return ctx }
	return httpserver.Run(ctx, s, func() error { return s.Serve(l) })
}
