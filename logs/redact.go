package logs

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// hidden replaces a secret.
const hidden = "[hidden]"

// hints are pieces of which a line has one where a rule below could match, in
// lower case. Few lines have one, so that the rules cost the others nothing.
var hints = [][]byte{
	[]byte("bearer"), []byte("basic"), []byte("token"), []byte("secret"), []byte("assertion"), []byte("password"),
	[]byte("eyj"), []byte("code="), []byte("state="), []byte("://"), []byte("private key"),
}

// names are the parameters of OAuth 2.0 (RFC 6749 and 7523) that are secret.
const names = `(?:(?:access|refresh|id)_token|client_secret|client_assertion|assertion|password)`

// secretName matches the names of fields that are secret as a whole.
var secretName = regexp.MustCompile(`(?i)^` + names + `$`)

// rules say what looks like a secret in the text of a field.
var rules = []struct {
	is *regexp.Regexp
	to string
}{
	// The Authorization header, RFC 6750 and RFC 7617.
	{regexp.MustCompile(`(?i)\b((?:bearer|basic)(?:\s|%20|\+)+)[A-Za-z0-9._~+/=-]{8,}`), "${1}" + hidden},
	// A secret parameter in JSON, in JSON within JSON, and in a form. Within
	// JSON a backslash and a quote are the end.
	{regexp.MustCompile(`(?i)(` + names + `"\s*:\s*")(?:[^"\\]|\\.)+`), "${1}" + hidden},
	{regexp.MustCompile(`(?i)(` + names + `\\+"\s*:\s*\\+")(?:[^"\\]|\\[^"])+`), "${1}" + hidden},
	{regexp.MustCompile(`(?i)(` + names + `\s*(?:[=:]|%3D)\s*)[^\s"\\&]+`), "${1}" + hidden},
	// The authorization code of an address that a browser came back to, and
	// what ties it to its beginning.
	{regexp.MustCompile(`((?:[?&]|\\u0026)(?:code|state)=)[^\s"\\&]+`), "${1}" + hidden},
	// A JSON web token, RFC 7519, anywhere in the text.
	{regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?`), hidden},
	// Name and password of a proxy, in its address (RFC 3986).
	{regexp.MustCompile(`(://)[^\s"\\/?#@]+@`), "${1}" + hidden + "@"},
	// A private key, RFC 7468.
	{regexp.MustCompile(`(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^"]*`), "${1}" + hidden},
}

// redact returns a line without what looks like a secret. Code that logs leaves
// secrets out; this is the last guard, for errors of libraries and servers. It does
// not modify text.
func redact(text []byte) []byte {
	lower := bytes.ToLower(text)
	for _, h := range hints {
		if bytes.Contains(lower, h) {
			return rewrite(text)
		}
	}
	return text
}

// rewrite applies the rules to each text in a line of JSON, and leaves the rest
// as it is.
func rewrite(text []byte) []byte {
	out := make([]byte, 0, len(text))
	key := ""
	for {
		begin := bytes.IndexByte(text, '"')
		if begin < 0 {
			return append(out, text...)
		}
		end := begin + literal(text[begin:])
		out = append(out, text[:begin]...)
		was, rest := text[begin:end], bytes.TrimLeft(text[end:], " ")
		text = text[end:]
		var s string
		switch err := json.Unmarshal(was, &s); {
		case err == nil && len(rest) > 0 && rest[0] == ':':
			key = s
			out = append(out, was...)
		case err == nil && secretName.MatchString(key):
			out = append(out, `"`+hidden+`"`...)
		default:
			out = append(out, apply(was, s)...)
		}
	}
}

// apply applies the rules to the text s, whose JSON is was.
func apply(was []byte, s string) []byte {
	now := s
	for _, r := range rules {
		now = r.is.ReplaceAllString(now, r.to)
	}
	if now == s {
		return was
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(now) // a text can always be written
	return bytes.TrimRight(out.Bytes(), "\n")
}

// literal returns the length of the text in quotes that b begins with; that of b
// where it has no end.
func literal(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}
