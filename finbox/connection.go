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

// maxConnectionID is what the contract gives, in characters.
const maxConnectionID = 200

// ParseConnectionID reads a connection id as a person copies it from Finbox's
// settings page; blanks around it do not count. The id is opaque: only what
// shows that something else was copied gives a ConnectionID problem, which
// says what. Whether the id is right, Finbox says.
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
		// The address of a page was copied instead.
		return wrong(fmt.Sprintf("the connection id has a %q inside, as an address has", id[strings.IndexAny(id, "/?#")]))
	case id == "." || id == "..":
		return wrong("the connection id is only points") // a place in a path, RFC 3986, section 3.3
	}
	return id, nil
}

// knownStatus is the last status that Finbox told, with the tag under which it
// can be asked whether that still holds.
type knownStatus struct {
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

// Status asks how the connection stands in Finbox. A deactivated one is no
// error, only not active. An id that Finbox does not know is a ConnectionID
// problem. What was told before is asked for conditionally (If-None-Match).
func (c *Connection) Status(ctx context.Context) (ledger.SourceStatus, error) {
	if c.err != nil {
		return ledger.SourceStatus{}, c.err
	}
	known, asked := c.client.known(c.id)
	header := http.Header{"Accept": {"application/json"}}
	if asked {
		header.Set("If-None-Match", known.tag)
	}
	resp, err := c.client.get(ctx, c.path(""), nil, header)
	if err != nil {
		return ledger.SourceStatus{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case asked && resp.StatusCode == http.StatusNotModified:
		return known.status, nil
	case resp.StatusCode != http.StatusOK:
		return ledger.SourceStatus{}, c.refusal(resp)
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
	c.client.learn(c.id, resp.Header.Get("ETag"), s)
	return s, nil
}

// language keeps one of the four languages that balansd speaks.
func language(s string) string {
	switch s = strings.ToLower(s); s {
	case "nl", "fr", "en", "de":
		return s
	default:
		return ""
	}
}

func (c *Client) known(id string) (knownStatus, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.status[id]
	return k, ok
}

func (c *Client) learn(id, tag string, s ledger.SourceStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if tag == "" {
		delete(c.status, id)
		return
	}
	c.status[id] = knownStatus{tag, s}
}

// refusal is as the function of that name; only here an unknown address means
// an unknown connection.
func (c *Connection) refusal(resp *http.Response) error {
	if resp.StatusCode == http.StatusNotFound {
		return problem.New(problem.ConnectionID, fmt.Sprintf("Finbox does not know %s", c),
			"Compare it with the connection id (Connectie-id) in Finbox's settings; a new activation may have made a new one.")
	}
	return refusal(resp, c.String())
}
