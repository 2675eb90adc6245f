package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// ErrWebPage says that a page for people came where data was expected.
var ErrWebPage = errors.New("the answer is a web page")

// maxTokenAnswer bounds the answer of a token endpoint, in bytes.
const maxTokenAnswer = 64 << 10

// TokenClient returns a copy of client for token requests by x/oauth2, which
// reads fewer answers than servers give: a fraction or a word in expires_in is
// an error to it, and JSON that calls itself text/plain is read as a form.
// Answers are read here, 64 KiB at most, and given to the library in the form
// that it knows.
//
// refresh, when not nil, gets the refresh token of an answer before anybody
// judges that answer, one that is cut short or of an error status as well: it
// may be the only one that still works.
func TokenClient(client *http.Client, refresh func(token string)) *http.Client {
	c := *client
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	c.Transport = &tokenAnswers{next: next, refresh: refresh}
	return &c
}

// tokenAnswers mends the answers of a token endpoint.
type tokenAnswers struct {
	next    http.RoundTripper
	refresh func(string)
}

func (t *tokenAnswers) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Accept", "application/json")
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenAnswer+1))
	_ = resp.Body.Close()
	if err == nil && len(body) > maxTokenAnswer {
		err = ErrTooLarge
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	isForm := mediaType(resp.Header) == "application/x-www-form-urlencoded"
	fields := tokenFields(body, isForm)
	var token string
	if json.Unmarshal(fields["refresh_token"], &token) == nil && token != "" && t.refresh != nil {
		t.refresh(token)
	}
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode < 300 && bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return nil, ErrWebPage
	case resp.StatusCode < 300 && (isForm || json.Valid(body)) && len(fields) > 0:
		body = plainTokenAnswer(fields)
		resp.Header.Set("Content-Type", "application/json")
	case !isForm:
		// Whatever it is, it is no form: of a refusal, the library takes the
		// error code where it is JSON, and the status where it is not.
		resp.Header.Set("Content-Type", "application/json")
	}
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Body = int64(len(body)), io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func (t *tokenAnswers) CloseIdleConnections() { closeIdle(t.next) }

func mediaType(h http.Header) string {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind
}

// tokenFields reads the fields of an answer, as far as it goes: what stands
// before a cut is whole.
func tokenFields(body []byte, isForm bool) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	if isForm {
		values, _ := url.ParseQuery(string(body))
		for name := range values {
			fields[name], _ = json.Marshal(values.Get(name))
		}
		return fields
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return fields
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			break
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			break
		}
		fields[name.(string)] = value // an object's keys are strings
	}
	return fields
}

// plainTokenAnswer writes what x/oauth2 reads of a good answer, each field of
// the type that it expects. A field of another type is left out.
func plainTokenAnswer(fields map[string]json.RawMessage) []byte {
	plain := map[string]any{}
	for _, name := range []string{"access_token", "token_type", "refresh_token", "scope", "error", "error_description"} {
		var text string
		if json.Unmarshal(fields[name], &text) == nil && text != "" {
			plain[name] = text
		}
	}
	if life := seconds(fields["expires_in"]); life > 0 {
		plain["expires_in"] = life
	}
	body, _ := json.Marshal(plain) // texts and a number
	return body
}

// seconds reads a lifetime, as a number or a text, as whole seconds; 0 when it
// is absent, odd, or not above 0.
func seconds(raw json.RawMessage) int64 {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(n) || n <= 0 {
		return 0
	}
	return int64(max(1, min(n, math.MaxInt32))) // a fraction is cut off
}
