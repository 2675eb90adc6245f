package portal

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"balansd/accounts"
)

// access says who may use a route. The zero access is none at all: a route
// that does not name one is refused when the pages are made.
type access int

const (
	open    access = iota + 1 // anybody: signing in, and what a page needs before
	staff                     // who is signed in
	admin                     // admins
	metrics                   // who shows the metrics token
)

// route is one path and method, who may use it, and what answers.
type route struct {
	method string
	path   string // as http.ServeMux has it, without the method
	access access
	handle func(*request) error
	// nav is the message that names the page in the navigation; empty for a
	// page that is not there.
	nav string
	// noSession routes know no session: static files, health, metrics.
	noSession bool
}

// routeTable lists every route: the one place that says what there is and who may
// use it. Each page's file has its own part of it. Those with a name for the
// navigation stand there in this order.
func (h *Handler) routeTable() []route {
	return slices.Concat(
		h.homeRoutes(),
		h.dossierListRoutes(),
		h.dossierRoutes(),
		h.decisionRoutes(),
		h.runRoutes(),
		h.connectionRoutes(),
		h.syncRoutes(),
		h.settingsRoutes(),
		h.peopleRoutes(),
		h.auditRoutes(),
		h.accountRoutes(),
		h.signInRoutes(),
		h.healthRoutes(),
		[]route{{method: http.MethodGet, path: "/static/{file}", access: open, noSession: true, handle: h.static}},
	)
}

// buildMux checks the table and makes the mux that finds a route's path.
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

// findRoute gives the route of a request. A path that there is not gives a route
// for signed-in people that answers so: who is not signed in learns nothing.
// A method that a path has not is the same.
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
		for _, m := range methods { // as open as the path is
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
