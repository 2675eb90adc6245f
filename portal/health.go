package portal

import "net/http"

func (w *Web) healthRoutes() []route {
	routes := []route{{method: http.MethodGet, path: "/healthz", may: open, bare: true, do: healthz}}
	if w.MetricsToken != "" {
		h := w.metricsHandler()
		routes = append(routes, route{method: http.MethodGet, path: "/metrics", may: metrics, bare: true,
			do: func(v *visit) error {
				h.ServeHTTP(v.w, v.r)
				return nil
			}})
	}
	return routes
}

// healthz says whether the pages work, and the state can be read; no more than
// that, since anybody may ask.
func healthz(v *visit) error {
	v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := v.People.Check(v.r.Context()); err != nil {
		v.w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = v.w.Write([]byte("not well\n"))
		return nil
	}
	_, _ = v.w.Write([]byte("ok\n"))
	return nil
}
