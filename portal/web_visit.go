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

// visit is one request on its way: the pages, the person, their language, and
// the answer. A page's handler gets nothing else.
type visit struct {
	*Web

	w      http.ResponseWriter
	r      *http.Request
	route  route
	person accounts.Person // the zero Person where nobody is signed in
	words  *words
	caller accounts.Caller
	status *httpserver.StatusRecorder
}

type visitKey struct{}

func visitOf(r *http.Request) *visit { return r.Context().Value(visitKey{}).(*visit) }

// errSignIn sends a person to sign in.
var errSignIn = errors.New("nobody is signed in")

// answer runs the route.
func (v *visit) answer(r *http.Request) {
	v.r = r
	if err := v.readForm(); err != nil {
		v.fail(err)
		return
	}
	if err := v.route.do(v); err != nil {
		v.fail(err)
	}
}

// readForm reads the form of a POST: only what a page's form sends.
func (v *visit) readForm() error {
	if v.r.Method != http.MethodPost {
		return nil
	}
	if err := v.r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return accounts.Refusal{Status: http.StatusRequestEntityTooLarge}
		}
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	return nil
}

// fail answers with what is wrong, in the reader's language.
func (v *visit) fail(err error) {
	if errors.Is(err, errSignIn) {
		v.askToSignIn()
		return
	}
	if no, ok := errors.AsType[accounts.Refusal](err); ok {
		if err.Error() != no.Error() { // it has a cause
			v.logRefusal(err)
		}
		v.trouble(no.Status, troubleData{Status: no.Status, Why: no.Reason})
		return
	}
	p := problem.Of(err)
	status := p.Code.HTTPStatus()
	if status >= http.StatusInternalServerError {
		v.Log.Error().Err(err).Str("code", string(p.Code)).Str("route", v.route.path).Msg("a page could not be shown")
	}
	v.trouble(status, troubleData{Status: status, Code: string(p.Code), What: p.What, Next: p.Next})
}

// logRefusal logs why a page refused. Who is not signed in is logged once a
// minute: anybody can be refused as often as they like.
func (v *visit) logRefusal(err error) {
	count, ok := 1, true
	if v.person.Key == "" {
		count, ok = v.refusals.Allow(v.Now())
	}
	if ok {
		v.Log.Warn().Err(err).Str("route", v.route.path).Int("count", count).Msg("a page refused")
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
func (v *visit) trouble(status int, d troubleData) {
	name := "trouble"
	if v.partial() {
		v.w.Header().Set("HX-Retarget", "#said")
		v.w.Header().Set("HX-Reswap", "innerHTML")
		if err := v.block(status, name, "trouble-note", d); err != nil {
			v.bare(http.StatusInternalServerError)
		}
		return
	}
	if err := v.sheet(status, name, d); err != nil {
		v.Log.Error().Err(err).Msg("the page about a problem could not be shown")
		v.bare(http.StatusInternalServerError)
	}
}

// bare answers in plain text, for whom a page would be too much: the wrong
// name, another site, a fault.
func (v *visit) bare(status int) {
	http.Error(v.w, http.StatusText(status), status)
}

// partial tells whether a script asked for a part of a page.
func (v *visit) partial() bool { return v.r.Header.Get("HX-Request") == "true" }

// page shows a page with its data.
func (v *visit) page(name string, data any) error { return v.sheet(http.StatusOK, name, data) }

// part shows one template of a page alone, for a script that asks for it.
func (v *visit) part(name, template string, data any) error {
	return v.block(http.StatusOK, name, template, data)
}

// redirect sends the browser on to a path of ours with GET, never elsewhere.
func (v *visit) redirect(path string) error {
	path = local(path)
	if v.partial() {
		v.w.Header().Set("HX-Location", path)
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(v.w, v.r, path, http.StatusSeeOther) //nolint:gosec // local has seen to it
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
func (v *visit) say(id string, pairs ...any) { v.note(notice{ID: id, With: pairsOf(pairs)}) }

// warn is say for what did not go well.
func (v *visit) warn(id string, pairs ...any) {
	v.note(notice{ID: id, With: pairsOf(pairs), Bad: true})
}

func (v *visit) note(n notice) {
	list := append(v.notices(false), n)
	list = list[max(0, len(list)-mostNotices):]
	text, err := json.Marshal(list)
	if err == nil {
		v.sessions.Put(v.r.Context(), "said", string(text))
	}
}

// notices gives what is to be told, and forgets it when it is taken.
func (v *visit) notices(taken bool) (list []notice) {
	if v.route.bare || v.person.Key == "" {
		return nil
	}
	ctx := v.r.Context()
	text := v.sessions.GetString(ctx, "said")
	if text == "" {
		return nil
	}
	if taken {
		v.sessions.Remove(ctx, "said")
	}
	_ = json.Unmarshal([]byte(text), &list)
	return list
}

// leave shows a page that sends the browser to another site. A redirect after
// a form would be stopped by our own policy (form-action), and should be.
func (v *visit) leave(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return accounts.Refusal{Status: http.StatusBadGateway}
	}
	return v.page("leave", struct{ URL, Host string }{address, u.Host})
}

// handBack answers a callback that another site sent the browser to. The
// strict session cookie did not come with it, so it changes nothing: it shows
// a form with what came, which the browser then sends to a path of ours, with
// the cookie. Without scripts the person presses its button.
func (v *visit) handBack(to string, fields ...string) error {
	q := v.r.URL.Query()
	type field struct{ Name, Value string }
	var list []field
	for _, f := range fields {
		if value := q.Get(f); value != "" {
			list = append(list, field{f, value})
		}
	}
	return v.page("handback", struct {
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
