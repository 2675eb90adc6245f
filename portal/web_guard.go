package portal

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"balansd/accounts"
	"balansd/httpserver"
	"balansd/internal/loopback"
)

// maxBody bounds a request, in bytes.
const maxBody = 64 << 10

// guard wraps all routes as a whole. A request passes, in this order: the log
// and the net under a fault, the headers that a browser obeys, the names by
// which the pages may be reached, the check that another site's page did not
// send it, the limit of its size, its route, its session, and what its route
// asks of the person. Only then is it answered.
func (w *Web) guard(mux *http.ServeMux) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		seen := &httpserver.StatusRecorder{ResponseWriter: rw}
		v := &visit{Web: w, w: seen, r: r, words: w.tongue(r), status: seen}
		v.caller.Address = v.from()
		defer v.end(w.Now())
		w.secure(seen.Header())
		switch {
		case !w.hosts.allow(r.Host):
			v.bare(http.StatusMisdirectedRequest)
			return
		case cross.Check(r) != nil:
			v.bare(http.StatusForbidden)
			return
		case r.ContentLength > maxBody:
			v.bare(http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = http.MaxBytesReader(seen, r.Body, maxBody)
		v.route = w.find(mux, r)
		r = r.WithContext(context.WithValue(accounts.WithCaller(r.Context(), &v.caller), visitKey{}, v))
		v.r = r
		if v.route.bare {
			v.admit(mux)
			return
		}
		w.sessions.LoadAndSave(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			v.w, v.r = rw, r
			v.admit(mux)
		})).ServeHTTP(seen, r)
	})
}

// secure sets the headers that keep a browser from doing what the pages never
// need. Nothing that comes from elsewhere is ever loaded, run or framed.
func (w *Web) secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "no-store")
	if w.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// admit lets a request through to its route, or refuses it.
func (v *visit) admit(mux *http.ServeMux) {
	err := v.recognise()
	if err == nil {
		err = v.mayPass()
	}
	if err != nil {
		v.fail(err)
		return
	}
	if _, pattern := mux.Handler(v.r); v.routes[pattern] == nil {
		v.answer(v.r) // no such page
		return
	}
	mux.ServeHTTP(v.w, v.r)
}

// mayPass holds a visit to what its route asks.
func (v *visit) mayPass() error {
	switch v.route.may {
	case open:
		return nil
	case metrics:
		given, ok := strings.CutPrefix(v.r.Header.Get("Authorization"), "Bearer ")
		if !ok || v.MetricsToken == "" || !accounts.SameSecret(given, v.MetricsToken) {
			v.w.Header().Set("WWW-Authenticate", "Bearer")
			return accounts.Refusal{Status: http.StatusUnauthorized}
		}
		return nil
	case staff:
		if v.person.Key == "" {
			return errSignIn
		}
		return nil
	case admin:
		switch {
		case v.person.Key == "":
			return errSignIn
		case v.person.Role != accounts.Admin:
			return accounts.Refusal{Status: http.StatusForbidden}
		}
		return nil
	}
	return accounts.Refusal{Status: http.StatusForbidden}
}

// end logs a request, and makes a fault in it an answer instead of a silence.
// The log has the route and not the path: a path may hold a one-time link.
func (v *visit) end(begun time.Time) {
	fault := recover()
	log := v.Log.With().Str("method", v.r.Method).Str("route", v.route.path).Str("client", v.from()).Logger()
	if fault == nil {
		log.Debug().Int("status", v.status.Status).Dur("took_ms", v.Now().Sub(begun)).Msg("page")
		return
	}
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(fault)
	}
	log.Error().Interface("fault", fault).Bytes("stack", debug.Stack()).Msg("a page broke down")
	if v.status.Status == 0 {
		v.bare(http.StatusInternalServerError)
	}
}

// from is the address that a request came from. What a proxy says about it is
// not believed: anybody can say so.
func (v *visit) from() string {
	host, _, err := net.SplitHostPort(v.r.RemoteAddr)
	if err != nil {
		return v.r.RemoteAddr
	}
	return host
}

// hostList holds the names by which the pages may be reached. Any other is
// refused before all else, since a page of another site could have its own
// name point to this server (DNS rebinding).
type hostList struct {
	port  string
	names []string
}

func newHostList(listen string, names []string) (hostList, error) {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return hostList{}, err
	}
	l := hostList{port: port}
	for _, n := range names {
		l.names = append(l.names, strings.ToLower(strings.TrimSuffix(n, ".")))
	}
	return l, nil
}

// allow tells whether a Host header names the pages: loopback with their very
// port, or a configured name. That may have another port, or none, where a
// proxy stands before the pages.
func (l hostList) allow(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), ""
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if slices.Contains(l.names, name) {
		return true
	}
	if port != l.port && (port != "" || l.port != "80" && l.port != "443") {
		return false
	}
	return loopback.IsHost(name)
}

// recognise loads the person of the session.
func (v *visit) recognise() error {
	if v.route.bare {
		return nil
	}
	q, err := v.sessions.Person(v.r.Context())
	if err != nil {
		return err
	}
	v.setPerson(q)
	if own := v.tongues[q.Language]; own != nil {
		v.words = own
	}
	return nil
}

// signIn begins a session of a person.
func (v *visit) signIn(q accounts.Person) error {
	if err := v.sessions.Begin(v.r.Context(), q, v.r.UserAgent()); err != nil {
		return err
	}
	v.setPerson(q)
	return nil
}

func (v *visit) setPerson(q accounts.Person) { v.person, v.caller.Key = q, q.Key }

// cookieName is the name of a cookie. Under TLS its prefix has browsers take
// it from this very host alone, and over TLS alone.
func (w *Web) cookieName(name string) string {
	if w.Secure {
		return "__Host-" + name
	}
	return name
}
