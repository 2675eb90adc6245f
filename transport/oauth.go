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

// ErrWebPage says that the response is an HTML page instead of data.
var ErrWebPage = errors.New("the answer is a web page")

// maxTokenResponse bounds the response of a token endpoint, in bytes.
const maxTokenResponse = 64 << 10

// TokenClient returns a copy of client for token requests by x/oauth2, which
// rejects responses that servers do send: a fraction or text in expires_in is an
// error to it, and JSON with the media type text/plain is parsed as a form. The
// copy reads responses of at most 64 KiB and rewrites them to the form that
// x/oauth2 accepts.
//
// saveRefresh, when not nil, is called with the refresh token of a response
// before the response is judged, also when it is truncated or has an error
// status: that token may be the only one that still works.
func TokenClient(client *http.Client, saveRefresh func(token string)) *http.Client {
	c := *client
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	c.Transport = &tokenRewriter{next: next, saveRefresh: saveRefresh}
	return &c
}

// tokenRewriter rewrites the responses of a token endpoint for x/oauth2.
type tokenRewriter struct {
	next        http.RoundTripper
	saveRefresh func(string)
}

func (t *tokenRewriter) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Accept", "application/json")
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenResponse+1))
	_ = resp.Body.Close()
	if err == nil && len(body) > maxTokenResponse {
		err = ErrTooLarge
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	isForm := mediaType(resp.Header) == "application/x-www-form-urlencoded"
	fields := tokenFields(body, isForm)
	var token string
	if json.Unmarshal(fields["refresh_token"], &token) == nil && token != "" && t.saveRefresh != nil {
		t.saveRefresh(token)
	}
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode < 300 && bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return nil, ErrWebPage
	case resp.StatusCode < 300 && (isForm || json.Valid(body)) && len(fields) > 0:
		body = plainTokenResponse(fields)
		resp.Header.Set("Content-Type", "application/json")
	case !isForm:
		// With this media type, x/oauth2 takes the error code of a refusal from
		// JSON, and its status from anything else.
		resp.Header.Set("Content-Type", "application/json")
	}
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Body = int64(len(body)), io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func mediaType(h http.Header) string {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind
}

// tokenFields returns the fields of a response. Of a truncated one it returns
// the fields that are complete.
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

// plainTokenResponse returns a token response as JSON with only the fields that
// x/oauth2 reads. Fields of an unexpected type are left out.
func plainTokenResponse(fields map[string]json.RawMessage) []byte {
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
	body, _ := json.Marshal(plain) // cannot fail: strings and a number
	return body
}

// seconds parses a lifetime, a JSON number or string, as whole seconds. It
// returns 0 if raw is absent, malformed or not above 0.
func seconds(raw json.RawMessage) int64 {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(n) || n <= 0 {
		return 0
	}
	return int64(max(1, min(n, math.MaxInt32))) // drops the fraction, but never to 0
}
