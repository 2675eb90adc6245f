package faults

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Kind names one way in which a server can fail its caller.
type Kind string

// The kinds of fault. They are the failures that the clients promise to
// survive.
const (
	Unauthorized        Kind = "unauthorized"         // 401
	Forbidden           Kind = "forbidden"            // 403
	NotFound            Kind = "not_found"            // 404
	Conflict            Kind = "conflict"             // 409 {"error": …}
	UnprocessableError  Kind = "unprocessable_error"  // 422 {"error": …}
	UnprocessableErrors Kind = "unprocessable_errors" // 422 {"errors": […]}
	TooMany             Kind = "too_many"             // 429 without Retry-After
	TooManyRetryAfter   Kind = "too_many_retry_after" // 429 with Retry-After
	ServerError         Kind = "server_error"         // 500 with a page of HTML
	LostBefore          Kind = "lost_before"          // closed before anything was done
	LostAfter           Kind = "lost_after"           // done, then closed without a reply
	Slow                Kind = "slow"                 // the reply arrives a few bytes at a time
	Truncated           Kind = "truncated"            // the reply stops half way
	NotJSON             Kind = "not_json"             // 200 with a page of HTML
)

// Kinds lists every kind of fault.
func Kinds() []Kind {
	return []Kind{Unauthorized, Forbidden, NotFound, Conflict, UnprocessableError, UnprocessableErrors,
		TooMany, TooManyRetryAfter, ServerError, LostBefore, LostAfter, Slow, Truncated, NotJSON}
}

// A Fault orders one failure: the Nth call that matches, counted from the
// moment it is added, and the Times-1 matching calls after it.
type Fault struct {
	Method     string `json:"method,omitempty"`      // empty for any
	Path       string `json:"path,omitempty"`        // a prefix, or a pattern of path.Match; empty for any
	Nth        int    `json:"nth,omitempty"`         // 1 is the next matching call; 0 means 1
	Times      int    `json:"times,omitempty"`       // how many calls fail; 0 is once, -1 is always
	Kind       Kind   `json:"kind"`                  // what happens
	RetryAfter string `json:"retry_after,omitempty"` // the header for too_many_retry_after; empty means 1
	DelayMS    int    `json:"delay_ms,omitempty"`    // between two pieces of a slow reply; 0 means 50
}

// Check reports whether the order can be carried out.
func (f Fault) Check() error {
	if !slices.Contains(Kinds(), f.Kind) {
		return fmt.Errorf("kind %.30q is unknown; it is one of %v", f.Kind, Kinds())
	}
	if _, err := path.Match(f.Path, "/"); err != nil {
		return fmt.Errorf("path %.80q is no pattern", f.Path)
	}
	if f.Nth < 0 || f.Times < -1 || f.DelayMS < 0 {
		return fmt.Errorf("nth, times and delay_ms count from 0 up (times -1 means always)")
	}
	return nil
}

func (f Fault) matches(r *http.Request) bool {
	if f.Method != "" && !strings.EqualFold(f.Method, r.Method) {
		return false
	}
	if strings.HasPrefix(r.URL.Path, f.Path) {
		return true
	}
	ok, err := path.Match(f.Path, r.URL.Path)
	return err == nil && ok
}

// hits reports whether the fault happens on its seen-th matching call.
func (f Fault) hits(seen int) bool {
	first, times := max(f.Nth, 1), f.Times
	if times == 0 {
		times = 1
	}
	return seen >= first && (times < 0 || seen < first+times)
}

// A Call is one request that a simulator received and what it answered. The
// query is kept without tokens and secrets; headers and bodies are not kept.
type Call struct {
	At     time.Time `json:"at"` // when the call arrived, UTC
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Query  string    `json:"query,omitempty"`
	Status int       `json:"status"`          // 0 when no reply was sent
	Fault  string    `json:"fault,omitempty"` // the kind of fault that was carried out
}

// maxCalls bounds the log that is held in memory.
const maxCalls = 100_000

// Injector wraps the handler of a simulator: it counts and logs each call, and
// fails the calls that a Fault matches. It is safe for concurrent use.
type Injector struct {
	total   atomic.Int64
	latency atomic.Int64 // nanoseconds

	mu     sync.Mutex
	orders []*order
	ring   []Call
	next   int // where the ring goes on once it is full
	onCall func(Call)
	before func(Call)
	now    func() time.Time
}

// An order is a Fault and how many calls it has seen.
type order struct {
	Fault
	seen int
}

// New returns an Injector without faults, which takes the time of a call from
// now.
func New(now func() time.Time) *Injector { return &Injector{now: now} }

// Add orders a fault. An order that cannot be carried out (see Fault.Check)
// never happens.
func (f *Injector) Add(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = append(f.orders, &order{Fault: fault})
}

// Clear forgets every order. The latency and the log stay.
func (f *Injector) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = nil
}

// SetLatency makes every call take at least d, as a far server would.
func (f *Injector) SetLatency(d time.Duration) { f.latency.Store(int64(d)) }

// Total is how many calls there were since the start, beyond what the log
// still holds. ResetLog does not change it.
func (f *Injector) Total() int64 { return f.total.Load() }

// Log lists the last calls, at most 100,000, oldest first.
func (f *Injector) Log() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Concat(f.ring[f.next:], f.ring[:f.next])
}

// ResetLog empties the log.
func (f *Injector) ResetLog() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ring, f.next = nil, 0
}

// Count counts the calls of the log that match; nil matches all.
func (f *Injector) Count(match func(Call) bool) int {
	n := 0
	for _, c := range f.Log() {
		if match == nil || match(c) {
			n++
		}
	}
	return n
}

// OnCall sets one function that is called for every call as soon as its status
// is known. It is called from the goroutine of that call.
func (f *Injector) OnCall(observe func(Call)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onCall = observe
}

// BeforeCall sets one function that is called before each call is carried out,
// a faulty one too, from the goroutine of that call; the status is not known
// yet. What it does, such as what a person types, happens between that call and
// the one before.
func (f *Injector) BeforeCall(do func(Call)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = do
}

// Wrap puts the faults before next.
func (f *Injector) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := Call{At: f.now().UTC(), Method: r.Method, Path: r.URL.Path, Query: redact(r.URL.Query())}
		fault := f.match(r)
		if fault != nil {
			call.Fault = string(fault.Kind)
		}
		w.Header().Set("Date", call.At.Format(http.TimeFormat)) // net/http would take the machine's clock
		// A call is in the log before its caller can have the reply, so that who
		// counts calls after a reply counts that one.
		seen := &statusWriter{ResponseWriter: w, answering: func(status int) {
			call.Status = status
			f.record(call)
		}}
		// A fault that closes the connection does so by a panic.
		defer seen.reportNoReply()
		if !sleep(r.Context(), time.Duration(f.latency.Load())) {
			return
		}
		f.mu.Lock()
		before := f.before
		f.mu.Unlock()
		if before != nil {
			before(call)
		}
		if fault == nil {
			next.ServeHTTP(seen, r)
			seen.finish()
			return
		}
		fault.carryOut(seen, r, next)
	})
}

// match finds the first order that happens on this call. Every order that
// matches counts the call, so that the orders do not hide each other.
func (f *Injector) match(r *http.Request) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var hit *Fault
	for _, o := range f.orders {
		if !o.matches(r) {
			continue
		}
		o.seen++
		if hit == nil && o.hits(o.seen) && o.Check() == nil {
			fault := o.Fault
			hit = &fault
		}
	}
	return hit
}

func (f *Injector) record(c Call) {
	f.total.Add(1)
	f.mu.Lock()
	if len(f.ring) < maxCalls {
		f.ring = append(f.ring, c)
	} else {
		f.ring[f.next] = c
		f.next = (f.next + 1) % maxCalls
	}
	observe := f.onCall
	f.mu.Unlock()
	if observe != nil {
		observe(c)
	}
}

// redact writes a query without what must never be logged.
func redact(q url.Values) string {
	for key := range q {
		switch key {
		case "access_token", "refresh_token", "token", "code", "client_secret", "client_assertion", "password", "state":
			q.Set(key, "redacted")
		}
	}
	return q.Encode()
}
