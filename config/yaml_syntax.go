package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// syntaxLine finds the line in an error of the YAML parser, which gives it as
// text only, and for the first line not at all.
var syntaxLine = regexp.MustCompile(`line (\d+): `)

// syntax records that a text is not YAML. For the three slips that people make
// it says what to do, since the parser names their line wrongly or not at all.
func (r *reader) syntax(err error, text []byte) {
	said := err.Error()
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(said, part) {
				return true
			}
		}
		return false
	}
	m := Mistake{File: r.file, Column: 1}
	switch {
	case has("cannot start any token"):
		m.Line, m.What, m.Right = tabbed(text), "line %d begins with a tab", "use spaces"
	case has("escape character", "hexdecimal number"):
		m.Line, m.What = escaped(text), "line %d has a backslash between double quotes, where it means a special character"
		m.Right = `write the path in single quotes, as 'C:\data', or with slashes`
	case has("did not find expected", "mapping values are not allowed"):
		m.Line, m.What = misindented(text), "line %d is indented differently from the lines around it"
		m.Right = "indent all settings of a section by the same number of spaces"
	}
	if m.Line > 0 {
		m.What = fmt.Sprintf(m.What, m.Line)
	} else {
		m.What = "this is no YAML: " + strings.TrimPrefix(said, "yaml: ")
		m.Right = "write settings as \"key: value\", indented with spaces"
		m.Line = 1
		if found := syntaxLine.FindStringSubmatch(said); found != nil {
			m.Line, _ = strconv.Atoi(found[1])
			m.What = strings.Replace(m.What, found[0], "", 1)
		}
	}
	r.mistakes = append(r.mistakes, m)
}

// tabbed finds the first line that is indented with a tab, which YAML does not
// take; 0 when there is none.
func tabbed(text []byte) int {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.IndexByte(indent, '\t') >= 0 {
			return number
		}
	}
	return 0
}

// escape is a backslash between double quotes with a letter behind it that no
// escape of YAML has, or that begins a number which is not there.
var escape = regexp.MustCompile(`"[^"]*\\([^0abt\tnvfre "/\\N_LPxuU]|x[0-9A-Fa-f]?([^0-9A-Fa-f]|$)|u[0-9A-Fa-f]{0,3}([^0-9A-Fa-f]|$)|U[0-9A-Fa-f]{0,7}([^0-9A-Fa-f]|$))`)

// escaped finds the first line with such an escape; 0 when there is none.
func escaped(text []byte) int {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if escape.Match(line) {
			return number
		}
	}
	return 0
}

// misindented finds the first line that is indented unlike every section that
// is open there, or deeper although the line before it opens none; 0 when there
// is none.
func misindented(text []byte) int {
	open := []int{0} // the indents of the sections around a line
	opens := true    // the line before begins a section
	number := 0
	for line := range bytes.Lines(text) {
		number++
		content := strings.TrimRight(string(line), " \r\n")
		indent := len(content) - len(strings.TrimLeft(content, " "))
		content = content[indent:]
		if content == "" || content[0] == '#' {
			continue
		}
		if opens && indent > open[len(open)-1] {
			open = append(open, indent)
		}
		for len(open) > 1 && open[len(open)-1] > indent {
			open = open[:len(open)-1]
		}
		if open[len(open)-1] != indent {
			return number
		}
		for strings.HasPrefix(content, "- ") { // an item's settings line up behind its dash
			rest := strings.TrimLeft(content[2:], " ")
			indent += len(content) - len(rest)
			content = rest
			open = append(open, indent)
		}
		content, _, _ = strings.Cut(content, " #")
		content = strings.TrimRight(content, " ")
		opens = content == "-" || strings.HasSuffix(content, ":") || strings.HasSuffix(content, "|") || strings.HasSuffix(content, ">")
	}
	return 0
}
