package clip

import (
	"strings"
	"unicode"
)

// The longest texts, in characters, without the ellipsis of a shortened one.
const (
	MaxText = 80
	MaxLine = 200
)

// Text returns s, or its first MaxText characters and an ellipsis.
func Text(s string) string { return shorten(s, MaxText) }

// Line returns s as one printable line, or the first MaxLine characters of that
// and an ellipsis. White space of any length becomes one space, and characters
// that cannot be printed are dropped.
func Line(s string) string {
	s = s[:min(len(s), 16*MaxLine)]
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return -1
		default:
			return r
		}
	}, s)
	return shorten(strings.Join(strings.Fields(s), " "), MaxLine)
}

func shorten(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
