package portal

import "net/http"

func (h *Handler) healthRoutes() []route {
	routes := []route{{method: http.MethodGet, path: "/healthz", access: open, noSession: true, handle: healthz}}
	if h.MetricsToken != "" {
		h := h.metricsHandler()
		routes = append(routes, route{method: http.MethodGet, path: "/metrics", access: metrics, noSession: true,
			handle: func(rq *request) error {
				h.ServeHTTP(rq.w, rq.r)
				return nil
			}})
	}
	return routes
}

// healthz reports whether the pages work and the state can be read, and nothing more,
// since anybody may ask.
func healthz(rq *request) error {
	rq.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := rq.People.Check(rq.r.Context()); err != nil {
		rq.w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = rq.w.Write([]byte("not well\n"))
		return nil
	}
	_, _ = rq.w.Write([]byte("ok\n"))
	return nil
}
