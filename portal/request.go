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
	*Web

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

// answer runs the route.
func (rq *request) answer(r *http.Request) {
	rq.r = r
	if err := rq.readForm(); err != nil {
		rq.fail(err)
		return
	}
	if err := rq.route.do(rq); err != nil {
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
		rq.askToSignIn()
		return
	}
	if no, ok := errors.AsType[accounts.Refusal](err); ok {
		if err.Error() != no.Error() { // it has a cause
			rq.logRefusal(err)
		}
		rq.trouble(no.Status, troubleData{Status: no.Status, Why: no.Reason})
		return
	}
	p := problem.Of(err)
	status := p.Code.HTTPStatus()
	if status >= http.StatusInternalServerError {
		rq.Log.Error().Err(err).Str("code", string(p.Code)).Str("route", rq.route.path).Msg("a page could not be shown")
	}
	rq.trouble(status, troubleData{Status: status, Code: string(p.Code), What: p.What, Next: p.Next})
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

// troubleData is what the page about a problem shows.
type troubleData struct {
	Status     int
	Why        string // a message
	Code       string // a problem's code
	What, Next string // a problem's own words, in English
}

// trouble shows the page about a problem. A part of a page that was asked for
// by script gets a part.
func (rq *request) trouble(status int, d troubleData) {
	name := "trouble"
	if rq.partial() {
		rq.w.Header().Set("HX-Retarget", "#said")
		rq.w.Header().Set("HX-Reswap", "innerHTML")
		if err := rq.writePart(status, name, "trouble-note", d); err != nil {
			rq.writePlainError(http.StatusInternalServerError)
		}
		return
	}
	if err := rq.writePage(status, name, d); err != nil {
		rq.Log.Error().Err(err).Msg("the page about a problem could not be shown")
		rq.writePlainError(http.StatusInternalServerError)
	}
}

// writePlainError answers in plain text, for whom a page would be too much: the wrong
// name, another site, a fault.
func (rq *request) writePlainError(status int) {
	http.Error(rq.w, http.StatusText(status), status)
}

// partial tells whether a script asked for a part of a page.
func (rq *request) partial() bool { return rq.r.Header.Get("HX-Request") == "true" }

// page shows a page with its data.
func (rq *request) page(name string, data any) error { return rq.writePage(http.StatusOK, name, data) }

// part shows one template of a page alone, for a script that asks for it.
func (rq *request) part(name, template string, data any) error {
	return rq.writePart(http.StatusOK, name, template, data)
}

// redirect sends the browser on to a path of ours with GET, never elsewhere.
func (rq *request) redirect(path string) error {
	path = local(path)
	if rq.partial() {
		rq.w.Header().Set("HX-Location", path)
		rq.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(rq.w, rq.r, path, http.StatusSeeOther) //nolint:gosec // local has seen to it
	return nil
}

// notice is something to say on the next page.
type notice struct {
	ID   string         `json:"id"` // a message
	With map[string]any `json:"with,omitempty"`
	Bad  bool           `json:"bad,omitempty"`
}

// mostNotices bounds what waits to be told: a program that posts may never look.
const mostNotices = 5

// say has the next page tell something, once. The pairs fill in the message.
func (rq *request) say(id string, pairs ...any) { rq.note(notice{ID: id, With: pairsOf(pairs)}) }

// warn is say for what did not go well.
func (rq *request) warn(id string, pairs ...any) {
	rq.note(notice{ID: id, With: pairsOf(pairs), Bad: true})
}

func (rq *request) note(n notice) {
	list := append(rq.notices(false), n)
	list = list[max(0, len(list)-mostNotices):]
	text, err := json.Marshal(list)
	if err == nil {
		rq.sessions.Put(rq.r.Context(), "said", string(text))
	}
}

// notices gives what is to be told, and forgets it when it is taken.
func (rq *request) notices(taken bool) (list []notice) {
	if rq.route.bare || rq.person.Key == "" {
		return nil
	}
	ctx := rq.r.Context()
	text := rq.sessions.GetString(ctx, "said")
	if text == "" {
		return nil
	}
	if taken {
		rq.sessions.Remove(ctx, "said")
	}
	_ = json.Unmarshal([]byte(text), &list)
	return list
}

// leave shows a page that sends the browser to another site. A redirect after
// a form would be stopped by our own policy (form-action), and should be.
func (rq *request) leave(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return accounts.Refusal{Status: http.StatusBadGateway}
	}
	return rq.page("leave", struct{ URL, Host string }{address, u.Host})
}

// handBack answers a callback that another site sent the browser to. The
// strict session cookie did not come with it, so it changes nothing: it shows
// a form with what came, which the browser then sends to a path of ours, with
// the cookie. Without scripts the person presses its button.
func (rq *request) handBack(to string, fields ...string) error {
	q := rq.r.URL.Query()
	type field struct{ Name, Value string }
	var list []field
	for _, f := range fields {
		if value := q.Get(f); value != "" {
			list = append(list, field{f, value})
		}
	}
	return rq.page("handback", struct {
		To     string
		Fields []field
	}{to, list})
}

// local gives a path of ours, or the first page for anything else: what a
// link says must not lead to another site.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") {
		return "/"
	}
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return "/"
	}
	return path
}
