package finbox

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"balansd/balance"
	"balansd/internal/clip"
	"balansd/ledger"
	"balansd/problem"
)

// maxConnectionID is the longest connection id of the contract, in characters.
const maxConnectionID = 200

// ParseConnectionID parses a connection id as a person copies it from Finbox's
// settings page; spaces around it are ignored. The id is opaque: a ConnectionID
// problem is returned only where something else was copied. Only Finbox knows
// whether the id exists.
func ParseConnectionID(s string) (string, error) {
	id := strings.TrimSpace(s)
	wrong := func(what string) (string, error) {
		return "", problem.New(problem.ConnectionID, what,
			"Copy the connection id (Connectie-id) again from “Connectie sociale balans” in Finbox's settings.")
	}
	switch n := utf8.RuneCountInString(id); {
	case id == "":
		return wrong("the connection id is empty")
	case strings.ContainsFunc(id, unicode.IsSpace):
		return wrong("the connection id has a blank inside")
	case strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }):
		return wrong("the connection id has a control character inside")
	case n > maxConnectionID:
		return wrong(fmt.Sprintf("the connection id has %d characters and may have at most %d", n, maxConnectionID))
	case strings.ContainsAny(id, "/?#"):
		// The address of a page was copied.
		return wrong(fmt.Sprintf("the connection id has a %q inside, as an address has", id[strings.IndexAny(id, "/?#")]))
	case id == "." || id == "..":
		return wrong("the connection id is only points") // a path segment with a meaning, RFC 3986, section 3.3
	}
	return id, nil
}

// statusEntry is a cached status with its entity tag, for a conditional request.
type statusEntry struct {
	tag    string
	status ledger.SourceStatus
}

type connectionJSON struct {
	Status      string       `json:"status"`
	StartDate   balance.Date `json:"start_date"`
	Environment struct {
		Name     string `json:"name"`
		Language string `json:"language"`
	} `json:"environment"`
}

// Status returns the status of the connection in Finbox. A deactivated connection
// is not active, and no error. An id that Finbox does not know is a ConnectionID
// problem. A status that was returned before is requested conditionally
// (If-None-Match).
func (c *Connection) Status(ctx context.Context) (ledger.SourceStatus, error) {
	if c.err != nil {
		return ledger.SourceStatus{}, c.err
	}
	cached, conditional := c.client.cachedStatus(c.id)
	header := http.Header{"Accept": {"application/json"}}
	if conditional {
		header.Set("If-None-Match", cached.tag)
	}
	resp, err := c.client.get(ctx, c.path(""), nil, header)
	if err != nil {
		return ledger.SourceStatus{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case conditional && resp.StatusCode == http.StatusNotModified:
		return cached.status, nil
	case resp.StatusCode != http.StatusOK:
		return ledger.SourceStatus{}, c.responseProblem(resp)
	}
	var a connectionJSON
	if err := readJSON(resp, "Finbox's answer about "+c.String(), &a); err != nil {
		return ledger.SourceStatus{}, err
	}
	if a.Status != "active" && a.Status != "inactive" {
		return ledger.SourceStatus{}, problem.New(problem.FinboxDown,
			fmt.Sprintf("Finbox gives %s a status that balansd does not know", c), ifItStays)
	}
	s := ledger.SourceStatus{
		Active:      a.Status == "active",
		Environment: clip.Line(a.Environment.Name),
		Language:    language(a.Environment.Language),
		StartDate:   a.StartDate,
	}
	c.client.cacheStatus(c.id, resp.Header.Get("ETag"), s)
	return s, nil
}

// language returns s if it is a language of balansd, else empty.
func language(s string) string {
	switch s = strings.ToLower(s); s {
	case "nl", "fr", "en", "de":
		return s
	default:
		return ""
	}
}

func (c *Client) cachedStatus(id string) (statusEntry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.status[id]
	return e, ok
}

func (c *Client) cacheStatus(id, tag string, s ledger.SourceStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if tag == "" {
		delete(c.status, id)
		return
	}
	c.status[id] = statusEntry{tag, s}
}

// responseProblem is as the function of that name, but a 404 means that the
// connection is unknown.
func (c *Connection) responseProblem(resp *http.Response) error {
	if resp.StatusCode == http.StatusNotFound {
		return problem.New(problem.ConnectionID, fmt.Sprintf("Finbox does not know %s", c),
			"Compare it with the connection id (Connectie-id) in Finbox's settings; a new activation may have made a new one.")
	}
	return responseProblem(resp, c.String())
}
