package portal

import (
	"errors"
	"net/http"

	"balansd/accounts"
	"balansd/httpserver"
)

// request is a request with what its handler needs: the pages, the person, their
// language, and the response.
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

// errSignIn redirects to the sign-in page.
var errSignIn = errors.New("nobody is signed in")

// serve calls the handler of the route.
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

// readForm parses the form of a POST.
func (rq *request) readForm() error {
	if rq.r.Method != http.MethodPost || rq.route.maxBody != 0 {
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

// isPartial reports whether htmx asks for a part of a page.
func (rq *request) isPartial() bool { return rq.r.Header.Get("HX-Request") == "true" }

// renderPage answers with a page.
func (rq *request) renderPage(name string, data any) error {
	return rq.renderPageStatus(http.StatusOK, name, data)
}

// renderPart answers with one template of a page, for htmx.
func (rq *request) renderPart(name, template string, data any) error {
	return rq.render(http.StatusOK, name, template, data)
}
