package portal

import (
	"net/http"
	"net/url"
	"strings"

	"balansd/accounts"
)

// redirect sends the browser to a path of the pages with GET, never elsewhere.
func (rq *request) redirect(path string) error {
	path = rq.base + localPath(path)
	if rq.isPartial() {
		rq.w.Header().Set("HX-Location", path)
		rq.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(rq.w, rq.r, path, http.StatusSeeOther) //nolint:gosec // checked by localPath
	return nil
}

// redirectExternal shows a page that sends the browser to another site: the security
// policy forbids a redirect to it after a form (form-action).
func (rq *request) redirectExternal(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return accounts.Refusal{Status: http.StatusBadGateway}
	}
	return rq.renderPage("redirect", struct{ URL, Host string }{address, u.Host})
}

// relayCallback answers a callback to which another site sent the browser. The strict
// session cookie is not part of that request, so it changes nothing: the page has a form
// with the parameters, which the browser posts to a path of the pages with the cookie.
// Without scripts the person presses its button.
func (rq *request) relayCallback(to string, fields ...string) error {
	q := rq.r.URL.Query()
	type field struct{ Name, Value string }
	var list []field
	for _, f := range fields {
		if value := q.Get(f); value != "" {
			list = append(list, field{f, value})
		}
	}
	return rq.renderPage("callback", struct {
		To     string
		Fields []field
	}{to, list})
}

// localPath returns path if it is one of the pages, else "/": a link must not lead to
// another site.
func localPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") {
		return "/"
	}
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return "/"
	}
	return path
}

// redirectBack redirects to the path in the form's field back, else to other.
func (rq *request) redirectBack(other string) error {
	if to := rq.r.PostForm.Get("back"); to != "" {
		return rq.redirect(localPath(to))
	}
	return rq.redirect(other)
}
