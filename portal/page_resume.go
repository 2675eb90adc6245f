package portal

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func (h *Handler) resumeRoutes() []route {
	return []route{{method: http.MethodGet, path: "/resume/{form}", access: staff, handle: resumeForm}}
}

// resumeForm shows a form that was sent after the session had ended, on its page and filled
// in as it was. It does nothing of what the form asks for: the person presses its button.
func resumeForm(rq *request) error {
	f, ok := rq.forms.find(rq.r.PathValue("form"), rq.person.Key, rq.Now())
	if !ok {
		rq.flashWarning("resume.gone")
		return rq.redirect("/")
	}
	rq.flash(map[bool]string{false: "resume.filled", true: "resume.files"}[f.Files])
	if path, _, _ := strings.Cut(f.Path, "?"); strings.HasPrefix(path, "/bulk") { // the page of the effect is an answer to the form
		rq.r.PostForm = f.Values
		return previewBulk(rq)
	}
	for _, page := range []string{f.Page, f.Path} {
		if page == "" {
			continue
		}
		got, err := rq.renderOther(page)
		if err != nil || got.status != http.StatusOK {
			continue
		}
		filled, err := fillForm(got.body.Bytes(), rq.base+f.Path, f.Values)
		if err != nil {
			return err
		}
		for name, values := range got.header {
			rq.w.Header()[name] = values
		}
		rq.w.WriteHeader(http.StatusOK)
		_, err = rq.w.Write(filled)
		return err
	}
	return rq.redirect("/")
}

// pageRecorder is a page that is not sent as it is.
type pageRecorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (p *pageRecorder) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *pageRecorder) WriteHeader(status int) {
	if p.status == 0 {
		p.status = status
	}
}

// Write implements http.ResponseWriter.
func (p *pageRecorder) Write(text []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.body.Write(text)
}

// renderOther returns another page, as the person would get it.
func (rq *request) renderOther(page string) (*pageRecorder, error) {
	u, err := url.Parse(page)
	if err != nil {
		return nil, err
	}
	got := &pageRecorder{header: http.Header{}}
	sub := *rq
	sub.w = got
	r := rq.r.Clone(context.WithValue(rq.r.Context(), requestKey{}, &sub))
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.RequestURI, r.Pattern = u.Path, "", u.RawQuery, page, ""
	r.Header.Del("HX-Request")
	sub.r, sub.route = r, rq.findRoute(rq.mux, r)
	if err := sub.authorize(); err != nil {
		return nil, err
	}
	if sub.route.method != http.MethodGet || sub.route.access == open { // a page with a form, and no file
		got.status = http.StatusNotFound
		return got, nil
	}
	rq.mux.ServeHTTP(got, r)
	if !slices.Contains(got.header["Content-Type"], "text/html; charset=utf-8") {
		got.status = http.StatusNotFound
	}
	return got, nil
}
