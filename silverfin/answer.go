package silverfin

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"balansd/internal/clip"
)

// nextDown is the next step for a temporary problem. The caller adds when it is tried
// again.
const nextDown = "If it stays so, look at Silverfin's status page."

// lockWords find a lock in the text of a refusal. What Silverfin answers to a
// write in a locked period is not documented.
var lockWords = regexp.MustCompile(`(?i)\b(un)?lock(ed|s|ing)?\b|verrouill|vergrendel|gesperrt`)

// errorText returns the error message in the body of a refusal. Silverfin uses
// several forms: error as a text or an object, errors as a list or an object,
// error_description, message. Of any other body it returns the first bytes. The text
// is printable, on one line, and bounded. scrub removes secrets before the text is
// cut.
func errorText(body []byte, scrub func(string) string) string {
	var v any
	if json.Unmarshal(body, &v) == nil {
		if m, ok := v.(map[string]any); ok {
			for _, key := range []string{"error", "errors", "error_description", "message"} {
				if s := jsonText(m[key]); s != "" {
					if d := jsonText(m["error_description"]); key == "error" && d != "" {
						s += ": " + d
					}
					return clip.Line(scrub(s))
				}
			}
		} else if s := jsonText(v); s != "" {
			return clip.Line(scrub(s))
		}
	}
	return clip.Line(scrub(string(body)))
}

// jsonText returns a JSON value as text: texts as they are, lists and objects
// joined.
func jsonText(v any) string {
	var parts []string
	switch v := v.(type) {
	case string:
		return v
	case float64, bool:
		return fmt.Sprint(v)
	case []any:
		for _, e := range v {
			if s := jsonText(e); s != "" {
				parts = append(parts, s)
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if s := jsonText(v[k]); s != "" {
				parts = append(parts, k+" "+s)
			}
		}
	}
	return strings.Join(parts, "; ")
}

// conceal takes secrets and figures out of a foreign text: a server may echo
// what it was sent.
func conceal(s string, secrets, figures []string) string {
	for _, secret := range secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "…")
		}
	}
	if len(figures) == 0 {
		return s
	}
	return numberWord.ReplaceAllStringFunc(s, func(n string) string {
		if slices.Contains(figures, n) {
			return "…"
		}
		return n
	})
}

// numberWord is a number that stands by itself, not one inside a key such as
// code_1003.
var numberWord = regexp.MustCompile(`-?\b\d+(?:\.\d+)?\b`)

// isHTML reports whether a body is a web page: what a proxy or a maintenance
// page sends instead of Silverfin's answer.
func isHTML(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

// networkReason says in plain words why a request failed. The error itself is
// left out: it can quote bytes that the other side sent.
func networkReason(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return "there was no answer in time"
	case errors.As(err, &dns):
		return "its host name is not found"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.As(err, &cert), errors.As(err, &authority), errors.As(err, &record):
		return "its certificate is not trusted"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the connection was cut"
	default:
		return "the connection failed"
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
