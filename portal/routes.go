package portal

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"balansd/accounts"
)

// access says who may use a route. The zero value is invalid, so that no route is open by
// mistake.
type access int

const (
	open    access = iota + 1 // anybody
	staff                     // signed-in people
	admin                     // admins
	metrics                   // requests with the metrics token
)

// route is a method and a path, who may use it, and its handler.
type route struct {
	method string
	path   string // a pattern of http.ServeMux, without the method
	access access
	handle func(*request) error
	// nav is the message id of the page in the navigation; empty for a page that is not in it.
	nav string
	// maxBody is the largest body in bytes, that of a usual form when it is 0. Such a
	// body is not parsed: the handler reads it as it arrives.
	maxBody int64
	// noSession is set for routes without a session: static files, health, metrics.
	noSession bool
}

// routeTable lists every route. Each page's file adds its own. The navigation has the
// order of this table.
func (h *Handler) routeTable() []route {
	return slices.Concat(
		h.homeRoutes(),
		h.dossierListRoutes(),
		h.dossierRoutes(),
		h.bulkRoutes(),
		h.dossierLinkRoutes(),
		h.linkRoutes(),
		h.administrationRoutes(),
		h.fromSilverfinRoutes(),
		h.doubtRoutes(),
		h.yearRoutes(),
		h.decisionRoutes(),
		h.uploadRoutes(),
		h.runRoutes(),
		h.connectionRoutes(),
		h.addConnectionRoutes(),
		h.syncRoutes(),
		h.mappingRoutes(),
		h.settingsRoutes(),
		h.peopleRoutes(),
		h.auditRoutes(),
		h.accountRoutes(),
		h.signInRoutes(),
		h.resumeRoutes(),
		h.healthRoutes(),
		[]route{{method: http.MethodGet, path: "/static/{file}", access: open, noSession: true, handle: h.static}},
	)
}

// buildMux checks the table and returns a mux for its paths.
func (h *Handler) buildMux(table []route) (*http.ServeMux, error) {
	mux := http.NewServeMux()
	h.routes = map[string]map[string]route{}
	for _, r := range table {
		switch {
		case r.access < open || r.access > metrics:
			return nil, fmt.Errorf("route %s %s does not say who may use it", r.method, r.path)
		case r.method != http.MethodGet && r.method != http.MethodPost:
			return nil, fmt.Errorf("route %s %s has a method that browsers' forms do not know", r.method, r.path)
		case r.handle == nil || !strings.HasPrefix(r.path, "/"):
			return nil, fmt.Errorf("route %s %s leads nowhere", r.method, r.path)
		}
		methods := h.routes[r.path]
		if methods == nil {
			methods = map[string]route{}
			h.routes[r.path] = methods
			mux.HandleFunc(r.path, func(_ http.ResponseWriter, r *http.Request) { requestOf(r).serve(r) })
		}
		if _, twice := methods[r.method]; twice {
			return nil, fmt.Errorf("route %s %s is there twice", r.method, r.path)
		}
		methods[r.method] = r
		if r.nav != "" {
			h.nav = append(h.nav, r)
		}
	}
	return mux, nil
}

// findRoute returns the route of a request. For an unknown path or method it returns one
// that answers so to signed-in people: others must not learn which paths exist.
func (h *Handler) findRoute(mux *http.ServeMux, r *http.Request) route {
	_, pattern := mux.Handler(r)
	methods, ok := h.routes[pattern]
	if !ok {
		return route{access: staff, handle: func(*request) error { return accounts.Refusal{Status: http.StatusNotFound} }}
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	found, ok := methods[method]
	if !ok {
		found = route{access: staff, handle: func(rq *request) error {
			rq.w.Header().Set("Allow", allowed(methods))
			return accounts.Refusal{Status: http.StatusMethodNotAllowed}
		}}
		for _, m := range methods { // with the access of the path
			found.access, found.noSession = max(found.access, m.access), found.noSession || m.noSession
			if m.access == open {
				found.access = open
			}
		}
	}
	return found
}

func allowed(methods map[string]route) string {
	var list []string
	for m := range methods {
		list = append(list, m)
		if m == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
