package service

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"balansd/problem"
)

// How systemd reads a line of a unit, see systemd.syntax(7) and "COMMAND LINES"
// in systemd.service(5): first it splits the line into words, in which quotes
// and backslashes have a meaning, then it replaces what begins with a percent
// sign, and at the start, in a command, what begins with a dollar sign.

// plain reports whether a rune means only itself everywhere in a unit.
func plain(r rune) bool {
	return r > unicode.MaxASCII || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-+,=@", r)
}

// unitArg writes an argument of a command.
func unitArg(s string) string {
	return quoted(strings.ReplaceAll(s, "$", "$$"))
}

// unitPath writes a path in a list of paths. A colon in it, which may part a
// path from another one there, is quoted.
func unitPath(s string) string { return quoted(s) }

// quoted quotes a word of a line.
func quoted(s string) string {
	s = strings.ReplaceAll(s, "%", "%%")
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) && r != '%' && r != '$' }) < 0 {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// writable reports whether a path can be in a unit or a script at all: they are
// text, line by line.
func writable(p string) error {
	if utf8.ValidString(p) && strings.IndexFunc(p, unicode.IsControl) < 0 {
		return nil
	}
	return problem.New(problem.Usage, fmt.Sprintf("the path %q cannot be written in a unit or script of the service manager", p),
		"Put it into a folder whose name has no control characters and is valid UTF-8.")
}
