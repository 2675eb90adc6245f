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

	"balansd/accounts"
	"balansd/daemon"
	"balansd/httpserver"
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
	API daemon.API
	// Reload reads the configuration again; nil where that cannot be done.
	Reload func(ctx context.Context, by string) (Reloaded, error)
	// StateFile is the state that the daemon works on. A client that means
	// another is refused.
	StateFile string
	// People are those of the web pages; nil where there are none.
	People *accounts.People
	// Log hears of every call; never of what is in it.
	Log zerolog.Logger
	// Wait is how long a client may leave a stream unread before it is taken
	// for gone, so that a stopped terminal cannot hold up the night. 0 for
	// 30 seconds.
	Wait time.Duration
}

// Reloaded says what reading the configuration again changed, by the keys of
// the settings.
type Reloaded struct {
	Changed []string `json:"changed"` // what is in force now
	Restart []string `json:"restart"` // what waits for a restart of the service
}

// api serves daemon.API.
type api struct {
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
	a := &api{Config: cfg, syncs: map[string]context.CancelFunc{}}
	mux := http.NewServeMux()
	for path, h := range a.calls() {
		mux.HandleFunc("POST "+path, h)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem.New(problem.NotFound, "the local API has no such call",
			"Use POST, and a balansd command line of the same version as the daemon."))
	})
	return a.guard(mux)
}

// served is an operation as the server sees it.
type served interface {
	// handle returns the path and the handler of the operation.
	handle(c *Config) (string, http.HandlerFunc)
}

func (o operation[In, Out]) handle(c *Config) (string, http.HandlerFunc) {
	return o.path, answer(func(ctx context.Context, in In) (Out, error) { return o.run(ctx, c, in) })
}

// calls returns the handlers of all calls, by path.
func (a *api) calls() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{pathSync: a.sync, pathSyncStop: answer(a.stop), pathEntries: a.entries}
	for _, o := range operations() {
		path, h := o.handle(&a.Config)
		all[path] = h
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
func (a *api) sync(w http.ResponseWriter, r *http.Request) {
	var in syncCall
	if err := decode(w, r, &in); err != nil {
		writeProblem(w, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer a.stoppable(in.Call, cancel)()
	out := newStream(w, a.Wait, cancel)
	pass, err := a.API.Sync(ctx, in.SyncRequest, func(p daemon.Progress) { out.line(line{Progress: &p}) })
	out.end(&pass, err)
}

// stoppable lets the call be stopped by its name until the returned function
// is called. A call without a name cannot be.
func (a *api) stoppable(call string, cancel context.CancelFunc) func() {
	if call == "" {
		return func() {}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.syncs[call] = cancel
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.syncs, call)
	}
}

// stop ends a pass that a client asked for; the pass's own call then answers.
func (a *api) stop(_ context.Context, r stopCall) (none, error) {
	a.mu.Lock()
	cancel, ok := a.syncs[r.Call]
	a.mu.Unlock()
	if !ok {
		return none{}, problem.New(problem.NotFound, "no such pass is under way", "")
	}
	cancel()
	return none{}, nil
}

// entries walks the ledger.
func (a *api) entries(w http.ResponseWriter, r *http.Request) {
	var in entriesCall
	if err := decode(w, r, &in); err != nil {
		writeProblem(w, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := newStream(w, a.Wait, cancel)
	for e, err := range a.API.Entries(ctx, in.Query) {
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

// guard logs each call, and makes a fault in one an answer to its client
// instead of a silence.
func (a *api) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		log := a.Log.With().Str("call", strings.TrimPrefix(r.URL.Path, prefix)).Logger()
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
		seen.Header().Set(stateHeader, url.PathEscape(a.StateFile))
		if meant, err := url.PathUnescape(r.Header.Get(stateHeader)); err == nil {
			if err := otherState(a.StateFile, meant); err != nil {
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
