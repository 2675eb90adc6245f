package silverfin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"balansd/internal/keyedlock"
	"balansd/ledger"
	"balansd/problem"
)

// Bounds of one call.
const (
	maxBody      = 32 << 20 // of an answer
	maxErrorBody = 64 << 10 // of a refusal
)

// Firm is the client of one linked firm. It is safe for concurrent use: it
// makes one call at a time per company, a few at once for the firm, and obeys the
// firm's token bucket. An Update counts as one call. Its errors are problems, except
// that a lock or a missing period, workflow or template is a *ledger.WaitingError, and
// that the error of a context that ended is returned unchanged.
type Firm struct {
	client    *Client
	id        int64
	tokens    *tokens
	slots     chan struct{}
	bucket    *rate.Limiter
	companies keyedlock.Lock[int64]

	mu        sync.Mutex
	restUntil time.Time // no call before, because Silverfin said so
	throttle  ledger.Throttle
}

// call is one request below the firm's part of the API.
type call struct {
	method  string
	path    string     // such as /companies/1/periods
	query   url.Values // may be nil
	figures []string   // in the body, not to be shown
	company int64      // 0 for none
	confirm bool       // a list that is never believed after one reading
	doing   string     // for people: "reading the periods of dossier X"
	scope   string     // the OAuth scope that Silverfin asks for, empty for none
	// contentType is that of the body; empty for JSON.
	contentType string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) good() bool { return a.status >= 200 && a.status < 300 && !isHTML(a.body) }

// do waits until no other call for the company is under way, makes a read, and
// returns the body of a successful response.
func (f *Firm) do(ctx context.Context, c call) ([]byte, error) {
	leave, err := f.enter(ctx, c.company)
	if err != nil {
		return nil, err
	}
	defer leave()
	body, _, err := f.get(ctx, c)
	return body, err
}

// get makes a read for a caller that holds the lock of the company, and returns the
// body of a successful response with the token that was used.
//
// It is sent once, and once more after a 401, with a renewed token. A second 401 is a
// SilverfinSignIn problem, which is temporary. Other failed reads are repeated by the
// HTTP client of Config.
func (f *Firm) get(ctx context.Context, c call) (body []byte, token string, err error) {
	c.method = http.MethodGet
	if token, err = f.tokens.access(ctx, ""); err != nil {
		return nil, "", err
	}
	for renewed := false; ; renewed = true {
		if err := f.pace(ctx); err != nil {
			return nil, "", err
		}
		ans, err := f.send(ctx, c, nil, token)
		if err != nil {
			return nil, "", err
		}
		if ans.status != http.StatusUnauthorized {
			body, err = f.bodyOrError(c, ans, token)
			return body, token, err
		}
		if renewed {
			return nil, "", f.tokens.refuse(ctx, token)
		}
		if token, err = f.tokens.access(ctx, token); err != nil {
			return nil, "", err
		}
	}
}

// bodyOrError returns the body of a good answer, and the error that another one means.
// After a 429 the firm rests.
func (f *Firm) bodyOrError(c call, ans answer, token string) ([]byte, error) {
	if ans.good() {
		return ans.body, nil
	}
	if ans.status == http.StatusTooManyRequests {
		f.rest(min(retryAfter(ans.header, time.Now()), longestRest))
	}
	return nil, f.failure(c, ans, token)
}

// send makes one request. A connection that fails is a SilverfinDown problem.
func (f *Firm) send(ctx context.Context, c call, payload []byte, token string) (answer, error) {
	ans, err := f.request(ctx, c, payload, token)
	switch {
	case err != nil && ctx.Err() != nil:
		return ans, ctx.Err()
	case err != nil:
		return ans, f.down(c, networkReason(err))
	}
	return ans, nil
}

// request makes one request.
func (f *Firm) request(ctx context.Context, c call, payload []byte, token string) (answer, error) {
	address := fmt.Sprintf("%s/api/v4/f/%d%s", f.client.base, f.id, c.path)
	if len(c.query) > 0 {
		address += "?" + c.query.Encode()
	}
	var body io.Reader
	if payload != nil {
		body = bytes.NewReader(payload)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, address, body)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", "en") // to recognise "locked"
	req.Header.Set("User-Agent", "balansd")
	if payload != nil {
		req.Header.Set("Content-Type", cmp.Or(c.contentType, "application/json"))
		req.GetBody = nil // net/http would send it again by itself, a while later
	}
	sent := time.Now()
	resp, err := f.client.http.Do(req)
	f.count(0, time.Since(sent))
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	good := resp.StatusCode < 300
	limit := int64(maxErrorBody)
	if good {
		limit = maxBody
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil && (!good || c.method == http.MethodPost) {
		err = nil // the status says it all
	}
	return answer{resp.StatusCode, resp.Header, data}, err
}

// failure turns a refusal into what a person can act on.
func (f *Firm) failure(c call, ans answer, token string) error {
	secrets := append(f.tokens.secrets(), token, f.client.cfg.ClientSecret)
	text := errorText(ans.body, func(s string) string { return conceal(s, secrets, c.figures) })
	status, html := ans.status, isHTML(ans.body)
	switch {
	case f.meansLocked(c, status, text, html):
		return &ledger.WaitingError{Reason: ledger.PeriodLocked,
			Detail: fmt.Sprintf("Silverfin refuses %s because the period is locked (%d %s)", c.doing, status, text)}
	case status == http.StatusTooManyRequests:
		return f.unable(c, "it asked for a rest (429)")
	case html:
		return f.unable(c, fmt.Sprintf("it answered %d with a web page", status))
	case status == http.StatusConflict && text != "":
		// Such as "being changed by another request": it is temporary.
		return f.unable(c, fmt.Sprintf("it answered 409 (%s)", text))
	case status >= 500 || status == http.StatusRequestTimeout || status == http.StatusConflict:
		return f.unable(c, fmt.Sprintf("it answered %d", status))
	case status >= 300 && status < 400:
		return f.unable(c, fmt.Sprintf("it sent the request elsewhere (%d); the address in the configuration may be wrong", status))
	}
	return problem.New(problem.SilverfinRefused,
		fmt.Sprintf("Silverfin firm %d refuses %s (%d %s)", f.id, c.doing, status, text), c.nextAfter(status))
}

// meansLocked reports whether a write was refused because of a lock. Silverfin
// does not document that answer: a status that says so, one that the
// configuration names, or a text that speaks of a lock.
func (f *Firm) meansLocked(c call, status int, text string, html bool) bool {
	if c.method != http.MethodPost || status < 400 || status >= 500 {
		return false
	}
	speaks := status == http.StatusForbidden || status == http.StatusConflict || status == http.StatusUnprocessableEntity
	return f.client.lockStatus(status) || speaks && !html && lockWords.MatchString(text)
}

// nextAfter says what a person can do about a refusal.
func (c call) nextAfter(status int) string {
	switch {
	case status == http.StatusForbidden && c.scope == linksScope:
		return "Link the firm again with the scope links, by a person who may make app links in Silverfin."
	case status == http.StatusForbidden && c.scope != "":
		return fmt.Sprintf("Give the person who linked the firm access to the dossier in Silverfin; if that is so, link the firm again with the scope %s.", c.scope)
	case status == http.StatusForbidden:
		return "Give the person who linked the firm access to the dossier in Silverfin."
	case status == http.StatusNotFound:
		return "Check that the dossier, its period and its template still exist in Silverfin, and that the person who linked the firm may see them."
	default:
		return "Look up the message in Silverfin, or send it to support with the name of the dossier."
	}
}

// down is the problem for a call that got no answer.
func (f *Firm) down(c call, why string) error {
	return problem.New(problem.SilverfinDown, fmt.Sprintf("Silverfin did not answer when %s (firm %d): %s", c.doing, f.id, why), nextDown)
}

// unable is the problem for a call whose answer says that Silverfin is in
// trouble.
func (f *Firm) unable(c call, why string) error {
	return problem.New(problem.SilverfinDown, fmt.Sprintf("Silverfin could not do it when %s (firm %d): %s", c.doing, f.id, why), nextDown)
}

// decode reads a good answer's JSON. An answer that is no JSON is trouble on
// Silverfin's side, such as a page of a proxy.
func (f *Firm) decode(c call, body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return f.unable(c, "its answer cannot be read")
	}
	return nil
}
