package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// codeKey is the key of the field that holds a problem's code.
const codeKey = "code"

// line is a line of the log, read back from JSON: its fields in the order in
// which they were written, each value as text.
type line []field

type field struct{ key, value string }

// parse reads a line as zerolog writes it. A text value loses its quotes; any
// other one stays JSON.
func parse(text []byte) (line, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errors.New("a line of the log is no JSON object"), err)
	}
	var l line
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, err
		}
		value := string(raw)
		if raw[0] == '"' {
			if err := json.Unmarshal(raw, &value); err != nil {
				return nil, err
			}
		}
		l = append(l, field{fmt.Sprint(key), value})
	}
	return l, nil
}

// get returns the last value of a key; empty when there is none.
func (l line) get(key string) string {
	value := ""
	for _, f := range l {
		if f.key == key {
			value = f.value
		}
	}
	return value
}

// eventID returns the event id of a line: that of its notice, or of the problem
// whose code it has; 0 when it has neither.
func (l line) eventID() uint32 {
	if id, err := strconv.ParseUint(l.get(problem.NoticeKey), 10, 32); err == nil {
		return uint32(id)
	}
	if code := l.get(codeKey); code != "" {
		return problem.Code(code).EventID()
	}
	return 0
}

// text returns a line for a person: the message, then each field. sep stands
// between them. Values of several lines, such as a stack, come last, each
// below its name. Level, time and event id are left out: the destinations of
// this text show them themselves.
func (l line) text(sep string) string {
	var b, long strings.Builder
	b.WriteString(l.get(zerolog.MessageFieldName))
	for _, f := range l {
		value := strings.TrimRight(listed(f.value), "\n")
		switch {
		case value == "" || f.key == zerolog.MessageFieldName || f.key == zerolog.LevelFieldName ||
			f.key == zerolog.TimestampFieldName || f.key == problem.NoticeKey:
		case strings.Contains(value, "\n"):
			fmt.Fprintf(&long, "\n%s:\n%s", f.key, value)
		case sep == "\n":
			b.WriteString(sep + f.key + "=" + value)
		default:
			b.WriteString(sep + f.key + "=" + quoted(value))
		}
	}
	return b.String() + long.String()
}

// listed returns the items of a JSON list of texts, separated by semicolons, and
// any other value unchanged.
func listed(value string) string {
	var list []string
	if !strings.HasPrefix(value, "[") || json.Unmarshal([]byte(value), &list) != nil {
		return value
	}
	return strings.Join(list, "; ")
}

// quoted puts a value in quotes where its end could not be seen without.
func quoted(value string) string {
	unclear := func(r rune) bool {
		return r == '"' || r == '=' || r == '\u00a0' || unicode.IsSpace(r) || !unicode.IsPrint(r)
	}
	if strings.IndexFunc(value, unclear) >= 0 {
		return strconv.Quote(value)
	}
	return value
}
