package portal

import (
	"cmp"
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

// maxBody is the maximum size of a request, in bytes.
const maxBody = 64 << 10

// middleware handles every request before its route, in this order: logging and
// recovery, the security headers, the allowed host names, the check for requests from
// other sites, the size limit, the route, the session, and the access that the route
// needs.
func (h *Handler) middleware(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r = h.stripBase(r)
		seen := &httpserver.StatusRecorder{ResponseWriter: rw}
		rq := &request{Handler: h, w: seen, r: r, locale: h.localeOf(r), status: seen}
		rq.caller.Address = h.clientAddress(r)
		defer rq.logAndRecover(h.Now())
		h.setSecurityHeaders(seen.Header())
		switch {
		case !h.hosts.allow(r.Host):
			rq.writePlainError(http.StatusMisdirectedRequest)
			return
		case h.cross.Check(r) != nil:
			rq.writePlainError(http.StatusForbidden)
			return
		}
		rq.route = h.findRoute(mux, r)
		if rq.route.access == staff || rq.route.access == admin {
			// For a form that is sent after the session has ended: see keepForm.
			seen.Header().Set("Referrer-Policy", "same-origin")
		}
		limit := cmp.Or(rq.route.maxBody, maxBody)
		if r.ContentLength > limit {
			rq.writePlainError(http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = http.MaxBytesReader(seen, r.Body, limit)
		r = r.WithContext(context.WithValue(accounts.WithCaller(r.Context(), &rq.caller), requestKey{}, rq))
		rq.r = r
		if rq.route.noSession {
			rq.dispatch(mux)
			return
		}
		h.sessions.LoadAndSave(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rq.w, rq.r = rw, r
			rq.dispatch(mux)
		})).ServeHTTP(seen, r)
	})
}

// pagePolicy is the policy of all pages.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// setSecurityHeaders sets the headers that forbid a browser what the pages never need:
// nothing from another origin is loaded, run or framed.
func (h *Handler) setSecurityHeaders(header http.Header) {
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	header.Set("Cache-Control", "no-store")
	if h.secure {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// dispatch authorizes a request and calls its route.
func (rq *request) dispatch(mux *http.ServeMux) {
	err := rq.loadPerson()
	if err == nil && (rq.route.access == staff || rq.route.access == admin) {
		err = rq.checkMembership()
	}
	if err == nil {
		err = rq.authorize()
	}
	if err != nil {
		rq.fail(err)
		return
	}
	if _, pattern := mux.Handler(rq.r); rq.routes[pattern] == nil {
		rq.serve(rq.r) // not found, or not allowed
		return
	}
	mux.ServeHTTP(rq.w, rq.r)
}

// authorize checks that the person may use the route.
func (rq *request) authorize() error {
	switch rq.route.access {
	case open:
		return nil
	case metrics:
		given, ok := strings.CutPrefix(rq.r.Header.Get("Authorization"), "Bearer ")
		if !ok || rq.MetricsToken == "" || !accounts.SameSecret(given, rq.MetricsToken) {
			rq.w.Header().Set("WWW-Authenticate", "Bearer")
			return accounts.Refusal{Status: http.StatusUnauthorized}
		}
		return nil
	case staff:
		if rq.person.Key == "" {
			return errSignIn
		}
		return nil
	case admin:
		switch {
		case rq.person.Key == "":
			return errSignIn
		case rq.person.Role != accounts.Admin:
			return accounts.Refusal{Status: http.StatusForbidden}
		}
		return nil
	}
	return accounts.Refusal{Status: http.StatusForbidden}
}

// logAndRecover logs a request, and answers 500 when its handler panicked. The log has
// the route and not the path, which may contain a one-time link.
func (rq *request) logAndRecover(begun time.Time) {
	fault := recover()
	log := rq.Log.With().Str("method", rq.r.Method).Str("route", rq.route.path).Str("client", rq.caller.Address).Logger()
	if fault == nil {
		log.Debug().Int("status", rq.status.Status).Dur("took_ms", rq.Now().Sub(begun)).Msg("page")
		return
	}
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(fault)
	}
	log.Error().Interface("fault", fault).Bytes("stack", debug.Stack()).Msg("a page panicked")
	if rq.status.Status == 0 {
		rq.writePlainError(http.StatusInternalServerError)
	}
}

// hostAllowlist has the host names by which the pages may be reached. Any other is
// refused first of all, since another site could let its own name resolve to this server
// (DNS rebinding).
type hostAllowlist struct {
	port  string
	names []string
}

func newHostAllowlist(listen string, names []string) (hostAllowlist, error) {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return hostAllowlist{}, err
	}
	l := hostAllowlist{port: port}
	for _, n := range names {
		l.names = append(l.names, strings.ToLower(strings.TrimSuffix(n, ".")))
	}
	return l, nil
}

// allow reports whether a Host header is allowed: loopback with the port of the pages,
// or a configured name. The latter may have any port, since a proxy may be in front.
func (l hostAllowlist) allow(host string) bool {
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

// loadPerson loads the person of the session.
func (rq *request) loadPerson() error {
	if rq.route.noSession {
		return nil
	}
	q, err := rq.sessions.Person(rq.r.Context())
	if err != nil {
		return err
	}
	rq.setPerson(q)
	if own := rq.locales[q.Language]; own != nil {
		rq.locale = own
	}
	return nil
}

// signIn starts the session of a person.
func (rq *request) signIn(q accounts.Person) error {
	if err := rq.sessions.Begin(rq.r.Context(), q, rq.r.UserAgent()); err != nil {
		return err
	}
	rq.setPerson(q)
	rq.setCookie(ownerCookie, rq.forms.ownerToken(q.Key), ownerTime)
	return nil
}

func (rq *request) setPerson(q accounts.Person) { rq.person, rq.caller.Key = q, q.Key }
