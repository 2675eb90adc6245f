package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"balansd/problem"
)

// Mistake is one thing that is wrong in the settings.
type Mistake struct {
	File   string `json:"file,omitempty"` // empty for an environment variable
	Line   int    `json:"line,omitempty"` // from 1; 0 when it is about the file as a whole
	Column int    `json:"column,omitempty"`
	Key    string `json:"key"`   // the setting, as night.at, or the variable
	What   string `json:"what"`  // what is wrong
	Right  string `json:"right"` // what would be right
}

// String writes the mistake on one line, its place first, in the form that
// editors make a link of.
func (m Mistake) String() string {
	var b strings.Builder
	switch {
	case m.File == "":
		b.WriteString("environment: ")
	case m.Line == 0:
		b.WriteString(m.File + ": ")
	default:
		fmt.Fprintf(&b, "%s:%d:%d: ", m.File, m.Line, m.Column)
	}
	if m.Key != "" {
		b.WriteString(m.Key + ": ")
	}
	b.WriteString(m.What)
	if m.Right != "" {
		b.WriteString("; " + m.Right)
	}
	return b.String()
}

// Mistakes are all the mistakes of a configuration, in the order of the file,
// those of the environment last. It is the cause inside a ConfigInvalid
// problem.
type Mistakes struct {
	List []Mistake
}

// Error prints one mistake a line.
func (m *Mistakes) Error() string {
	lines := make([]string, len(m.List))
	for i, one := range m.List {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// asProblem wraps the mistakes for a person, sorted; nil when there are none.
func asProblem(list []Mistake, file string) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b Mistake) int {
		return cmp.Or(-cmp.Compare(min(len(a.File), 1), min(len(b.File), 1)),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Key, b.Key))
	})
	what := fmt.Sprintf("the configuration has %d mistakes", len(list))
	if len(list) == 1 {
		what = "the configuration has 1 mistake"
	}
	next := "Correct it and run \"balansd config check\" again."
	if file != "" {
		next = fmt.Sprintf("Correct %s and run \"balansd config check\" again.", file)
	}
	return problem.Wrap(&Mistakes{List: list}, problem.ConfigInvalid, what, next)
}
