package finbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"balansd/internal/clip"
	"balansd/ledger"
	"balansd/problem"
	"balansd/transport"
)

const (
	maxJSON    = 16 << 20 // a page of 1000 items is about half a megabyte
	maxProblem = 8 << 10
)

// ifItStays is the advice for errors on Finbox's side. The caller, who knows when,
// says that it is tried again.
const ifItStays = "If it stays, tell SD Worx."

// readJSON decodes a successful response into v. what names the response in
// errors. Unknown fields are ignored.
func readJSON(resp *http.Response, what string, v any) error {
	if kind := mediaType(resp); kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return notJSON(what)
	}
	b, err := transport.ReadAll(resp.Body, maxJSON)
	switch {
	case errors.Is(err, transport.ErrTooLarge):
		return problem.Wrap(err, problem.FinboxDown, what+" is too long to be right", ifItStays)
	case err != nil:
		return problem.Wrap(err, problem.FinboxDown, what+" arrived incomplete",
			"If it stays, check the network and the proxy.")
	}
	// The cause is left out: it can repeat parts of the response.
	if json.Unmarshal(b, v) != nil {
		return problem.New(problem.FinboxDown, what+" is not in the form that was agreed", ifItStays)
	}
	return nil
}

// notJSON is the problem of a response that is an HTML page.
func notJSON(what string) error {
	return problem.New(problem.FinboxDown, what+" is a web page instead of data",
		"A proxy, a sign-in page or maintenance stands before Finbox; check the address of Finbox and the proxy.")
}

// mediaType returns the media type of a response in lower case, without
// parameters.
func mediaType(resp *http.Response) string {
	t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return t
}

// responseProblem returns the problem of an unsuccessful response. subject names the
// connection or the social balance. The text of a problem+json body is shown,
// shortened; any other body is not shown.
func responseProblem(resp *http.Response, subject string) error {
	detail := ""
	if t := problemText(resp); t != "" {
		detail = ": " + t
	}
	status := resp.StatusCode
	switch {
	case status == http.StatusUnauthorized:
		return problem.New(problem.FinboxSignIn, fmt.Sprintf("Finbox does not accept our sign-in for %s%s", subject, detail),
			"Check Finbox's client id and its key or secret, and that SD Worx has linked them.")
	case status == http.StatusForbidden:
		return problem.New(problem.FinboxRefused, fmt.Sprintf("Finbox refuses us %s%s", subject, detail),
			"Ask SD Worx whether this client id may read it, and check the scope in the configuration.")
	case status == http.StatusNotFound:
		return problem.New(problem.NotFound, fmt.Sprintf("Finbox does not know %s%s", subject, detail),
			"Look in Finbox whether it was removed.")
	case status == http.StatusGone:
		return problem.Wrap(ledger.ErrDeactivated, problem.ConnectionClosed, fmt.Sprintf("Finbox has closed %s%s", subject, detail),
			"If that is not wanted, activate the external connection again in Finbox's settings and connect with its id.")
	case status == http.StatusNotAcceptable:
		return problem.New(problem.FinboxRefused, fmt.Sprintf("Finbox does not offer %s in a form that balansd reads%s", subject, detail),
			"Ask SD Worx in which forms it is offered.")
	case status == http.StatusTooManyRequests:
		return problem.New(problem.FinboxDown, fmt.Sprintf("Finbox has no time for us now, asked for %s%s", subject, detail), ifItStays)
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout:
		return problem.New(problem.FinboxRefused, fmt.Sprintf("Finbox refuses the request for %s with status %d%s", subject, status, detail),
			"Tell SD Worx.")
	default:
		return problem.New(problem.FinboxDown, fmt.Sprintf("Finbox is in trouble, asked for %s it answered %d%s", subject, status, detail), ifItStays)
	}
}

// problemText returns title and detail of a problem+json body (RFC 9457), empty
// for any other body.
func problemText(resp *http.Response) string {
	if mediaType(resp) != "application/problem+json" {
		return ""
	}
	b, err := transport.ReadAll(resp.Body, maxProblem)
	if err != nil {
		return ""
	}
	var p struct{ Title, Detail string }
	if json.Unmarshal(b, &p) != nil {
		return ""
	}
	switch {
	case p.Detail == "":
		return clip.Line(p.Title)
	case p.Title == "":
		return clip.Line(p.Detail)
	default:
		return clip.Line(p.Title + ": " + p.Detail)
	}
}
