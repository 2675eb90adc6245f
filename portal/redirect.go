package portal

import (
	"net/http"
	"net/url"
	"strings"

	"balansd/accounts"
)

// redirect sends the browser on to a path of ours with GET, never elsewhere.
func (rq *request) redirect(path string) error {
	path = localPath(path)
	if rq.isPartial() {
		rq.w.Header().Set("HX-Location", path)
		rq.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(rq.w, rq.r, path, http.StatusSeeOther) //nolint:gosec // local has seen to it
	return nil
}

// redirectExternal shows a page that sends the browser to another site. A redirect after
// a form would be stopped by our own policy (form-action), and should be.
func (rq *request) redirectExternal(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return accounts.Refusal{Status: http.StatusBadGateway}
	}
	return rq.renderPage("redirect", struct{ URL, Host string }{address, u.Host})
}

// relayCallback answers a callback that another site sent the browser to. The
// strict session cookie did not come with it, so it changes nothing: it shows
// a form with what came, which the browser then sends to a path of ours, with
// the cookie. Without scripts the person presses its button.
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

// localPath gives a path of ours, or the first page for anything else: what a
// link says must not lead to another site.
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

// redirectBack goes to the page of ours that the form names, else to another.
func (rq *request) redirectBack(other string) error {
	if to := rq.r.PostForm.Get("back"); to != "" {
		return rq.redirect(localPath(to))
	}
	return rq.redirect(other)
}
