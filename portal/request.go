package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"balansd/accounts"
	"balansd/httpserver"
	"balansd/problem"
)

// request is one request on its way: the pages, the person, their language, and
// the answer. A page's handler gets nothing else.
type request struct {
	*Handler

	w      http.ResponseWriter
	r      *http.Request
	route  route
	person accounts.Person // the zero Person where nobody is signed in
	locale *locale
	caller accounts.Caller
	status *httpserver.StatusRecorder
}

type requestKey struct{}

func requestOf(r *http.Request) *request { return r.Context().Value(requestKey{}).(*request) }

// errSignIn sends a person to sign in.
var errSignIn = errors.New("nobody is signed in")

// serve runs the route.
func (rq *request) serve(r *http.Request) {
	rq.r = r
	if err := rq.readForm(); err != nil {
		rq.fail(err)
		return
	}
	if err := rq.route.handle(rq); err != nil {
		rq.fail(err)
	}
}

// readForm reads the form of a POST: only what a page's form sends.
func (rq *request) readForm() error {
	if rq.r.Method != http.MethodPost {
		return nil
	}
	if err := rq.r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return accounts.Refusal{Status: http.StatusRequestEntityTooLarge}
		}
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	return nil
}

// fail answers with what is wrong, in the reader's language.
func (rq *request) fail(err error) {
	if errors.Is(err, errSignIn) {
		rq.redirectToSignIn()
		return
	}
	if no, ok := errors.AsType[accounts.Refusal](err); ok {
		if err.Error() != no.Error() { // it has a cause
			rq.logRefusal(err)
		}
		rq.writeErrorPage(no.Status, errorData{Status: no.Status, MessageID: no.Reason})
		return
	}
	p := problem.Of(err)
	status := p.Code.HTTPStatus()
	if status >= http.StatusInternalServerError {
		rq.Log.Error().Err(err).Str("code", string(p.Code)).Str("route", rq.route.path).Msg("a page could not be shown")
	}
	rq.writeErrorPage(status, errorData{Status: status, Code: string(p.Code), Text: p.What, Next: p.Next})
}

// logRefusal logs why a page refused. Who is not signed in is logged once a
// minute: anybody can be refused as often as they like.
func (rq *request) logRefusal(err error) {
	count, ok := 1, true
	if rq.person.Key == "" {
		count, ok = rq.refusals.Allow(rq.Now())
	}
	if ok {
		rq.Log.Warn().Err(err).Str("route", rq.route.path).Int("count", count).Msg("a page refused")
	}
}

// errorData is what the page about a problem shows.
type errorData struct {
	Status     int
	MessageID  string // a message
	Code       string // a problem's code
	Text, Next string // a problem's own words, in English
}

// writeErrorPage shows the page about a problem. A part of a page that was asked for
// by script gets a part.
func (rq *request) writeErrorPage(status int, d errorData) {
	if rq.isPartial() {
		rq.w.Header().Set("HX-Retarget", "#flash")
		rq.w.Header().Set("HX-Reswap", "innerHTML")
		if err := rq.render(status, "error", "error-note", d); err != nil {
			rq.writePlainError(http.StatusInternalServerError)
		}
		return
	}
	if err := rq.renderPageStatus(status, "error", d); err != nil {
		rq.Log.Error().Err(err).Msg("the page about a problem could not be shown")
		rq.writePlainError(http.StatusInternalServerError)
	}
}

// writePlainError answers in plain text, for whom a page would be too much: the wrong
// name, another site, a fault.
func (rq *request) writePlainError(status int) {
	http.Error(rq.w, http.StatusText(status), status)
}

// isPartial tells whether a script asked for a part of a page.
func (rq *request) isPartial() bool { return rq.r.Header.Get("HX-Request") == "true" }

// renderPage shows a page with its data.
func (rq *request) renderPage(name string, data any) error {
	return rq.renderPageStatus(http.StatusOK, name, data)
}

// renderPart shows one template of a page alone, for a script that asks for it.
func (rq *request) renderPart(name, template string, data any) error {
	return rq.render(http.StatusOK, name, template, data)
}

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

// flashMessage is a message to show on the next page.
type flashMessage struct {
	ID   string         `json:"id"` // a message
	With map[string]any `json:"with,omitempty"`
	Bad  bool           `json:"bad,omitempty"`
}

// maxFlashMessages bounds the messages that wait: a program that posts may never
// load a page.
const maxFlashMessages = 5

// flashKey is the key of the messages in the session.
const flashKey = "said"

// flash shows a message once, on the next page. pairs are the names and values of
// its placeholders.
func (rq *request) flash(id string, pairs ...any) {
	rq.addFlash(flashMessage{ID: id, With: pairsOf(pairs)})
}

// flashWarning is flash for something that failed.
func (rq *request) flashWarning(id string, pairs ...any) {
	rq.addFlash(flashMessage{ID: id, With: pairsOf(pairs), Bad: true})
}

func (rq *request) addFlash(n flashMessage) {
	list := append(rq.flashMessages(false), n)
	list = list[max(0, len(list)-maxFlashMessages):]
	text, err := json.Marshal(list)
	if err == nil {
		rq.sessions.Put(rq.r.Context(), flashKey, string(text))
	}
}

// flashMessages returns the messages that were not shown yet; remove deletes them.
func (rq *request) flashMessages(remove bool) (list []flashMessage) {
	if rq.route.noSession || rq.person.Key == "" {
		return nil
	}
	ctx := rq.r.Context()
	text := rq.sessions.GetString(ctx, flashKey)
	if text == "" {
		return nil
	}
	if remove {
		rq.sessions.Remove(ctx, flashKey)
	}
	_ = json.Unmarshal([]byte(text), &list)
	return list
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
