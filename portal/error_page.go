package portal

import (
	"errors"
	"net/http"

	"balansd/accounts"
	"balansd/problem"
)

// fail answers with the page about err, in the reader's language.
func (rq *request) fail(err error) {
	if errors.Is(err, errSignIn) {
		rq.redirectToSignIn()
		return
	}
	if errors.Is(err, errAskProvider) {
		if err = rq.askProvider(); err == nil {
			return
		}
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
		rq.Log.Error().Err(err).Str("code", string(p.Code)).Str("route", rq.route.path).Msg("a page failed")
	}
	rq.writeErrorPage(status, errorData{Status: status, Code: string(p.Code), Text: p.What, Next: p.Next})
}

// logRefusal logs why a request was refused. Without a session it is logged once a
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

// errorData is the data of the error page.
type errorData struct {
	Status     int
	MessageID  string // why; empty for the general message about the status
	Code       string // a problem's code
	Text, Next string // of the problem, in English
}

// writeErrorPage answers with the error page, or with a part of it for htmx.
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
		rq.Log.Error().Err(err).Msg("the error page failed")
		rq.writePlainError(http.StatusInternalServerError)
	}
}

// writePlainError answers in plain text, where no page can be written.
func (rq *request) writePlainError(status int) {
	http.Error(rq.w, http.StatusText(status), status)
}
