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

// ifItStays is what a person can do about trouble of Finbox's own. That it is
// tried again is for the caller to say, who knows when.
const ifItStays = "If it stays, tell SD Worx."

// readJSON reads a successful answer into v. what names the answer for a
// person. Fields that v does not know are ignored.
func readJSON(resp *http.Response, what string, v any) error {
	if kind := mediaType(resp); kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return notFinbox(what)
	}
	b, err := transport.ReadAll(resp.Body, maxJSON)
	switch {
	case errors.Is(err, transport.ErrTooLarge):
		return problem.Wrap(err, problem.FinboxDown, what+" is too long to be right", ifItStays)
	case err != nil:
		return problem.Wrap(err, problem.FinboxDown, what+" arrived incomplete",
			"If it stays, check the network and the proxy.")
	}
	// The cause is left out: it can repeat parts of the answer.
	if json.Unmarshal(b, v) != nil {
		return problem.New(problem.FinboxDown, what+" is not in the form that was agreed", ifItStays)
	}
	return nil
}

func notFinbox(what string) error {
	return problem.New(problem.FinboxDown, what+" is not data but a page for people",
		"A proxy, a sign-in page or maintenance stands before Finbox; check the address of Finbox and the proxy.")
}

// mediaType gives the answer's media type in lower case, without parameters.
func mediaType(resp *http.Response) string {
	t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return t
}

// refusal turns an answer that is no success into a problem. whom names the
// connection or the social balance. The body's text, where it is
// problem+json, is shown shortened; anything else is not shown.
func refusal(resp *http.Response, whom string) error {
	said := ""
	if t := problemText(resp); t != "" {
		said = ": " + t
	}
	status := resp.StatusCode
	switch {
	case status == http.StatusUnauthorized:
		return problem.New(problem.FinboxSignIn, fmt.Sprintf("Finbox does not accept our sign-in for %s%s", whom, said),
			"Check Finbox's client id and its key or secret, and that SD Worx has linked them.")
	case status == http.StatusForbidden:
		return problem.New(problem.FinboxRefused, fmt.Sprintf("Finbox refuses us %s%s", whom, said),
			"Ask SD Worx whether this client id may read it, and check the scope in the configuration.")
	case status == http.StatusNotFound:
		return problem.New(problem.NotFound, fmt.Sprintf("Finbox does not know %s%s", whom, said),
			"Look in Finbox whether it was removed.")
	case status == http.StatusGone:
		return problem.Wrap(ledger.ErrClosed, problem.ConnectionClosed, fmt.Sprintf("Finbox has closed %s%s", whom, said),
			"If that is not wanted, activate the external connection again in Finbox's settings and connect with its id.")
	case status == http.StatusNotAcceptable:
		return problem.New(problem.FinboxRefused, fmt.Sprintf("Finbox does not offer %s in a form that balansd reads%s", whom, said),
			"Ask SD Worx in which forms it is offered.")
	case status == http.StatusTooManyRequests:
		return problem.New(problem.FinboxDown, fmt.Sprintf("Finbox has no time for us now, asked for %s%s", whom, said), ifItStays)
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout:
		return problem.New(problem.FinboxRefused, fmt.Sprintf("Finbox refuses the request for %s with status %d%s", whom, status, said),
			"Tell SD Worx.")
	default:
		return problem.New(problem.FinboxDown, fmt.Sprintf("Finbox is in trouble, asked for %s it answered %d%s", whom, status, said), ifItStays)
	}
}

// problemText gives title and detail of a problem+json body (RFC 9457), empty
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
