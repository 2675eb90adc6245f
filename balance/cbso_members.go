package balance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Members say how CBSO XBRL states the rubrics of the social balance: by a
// metric and a set of dimension members. They are not changed once made.
type Members struct {
	facts map[string]cbsoTerm // by metric, a space, and the sorted members
	about map[string]struct{} // member sets of facts about the document itself
	text  []byte              // the table that they were read from
}

// MarshalText returns the table that ParseMembers read, for another process.
func (m *Members) MarshalText() ([]byte, error) { return m.text, nil }

// UnmarshalText reads a table as ParseMembers does. Its error is the first
// mistake.
func (m *Members) UnmarshalText(text []byte) error {
	parsed, wrong := ParseMembers("the table of members", text)
	if len(wrong) > 0 {
		return wrong[0]
	}
	*m = *parsed
	return nil
}

// cbsoTerm is what a CBSO fact states: a rubric, or something about the
// document.
type cbsoTerm struct {
	rubric   int    // place in rubrics, where about is empty
	about    string // one of aboutTerms
	inferred bool   // the row is worked out, not seen
}

// aboutTerms are what a row may name instead of a rubric.
var aboutTerms = []string{"name", "enterprise_number", "start", "end", "correction", "joint_committee", "personnel_costs"}

// A LineError is a mistake in a table of members.
type LineError struct {
	File string
	Line int // from 1; 0 when it is about the whole table
	What string
}

// Error says all of it on one line.
func (e LineError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.What
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What)
}

// maxMembersTable bounds a table of members, in bytes. Ours has some 12 KB.
const maxMembersTable = 4 << 20

// ParseMembers reads a table of members that extends what balansd knows by
// itself, or replaces it where the table has a line that says only replace.
// file is the name that the mistakes get. It returns all mistakes; with one,
// there are no Members.
//
// In a table that extends, a row is one more way to state a rubric. It takes
// the place of our row with the same metric and members, and of our inferred
// rows for the same rubric.
func ParseMembers(file string, text []byte) (*Members, []LineError) {
	t := &memberTable{file: file}
	switch {
	case len(text) > maxMembersTable:
		t.wrong(0, "the table is larger than %d MiB", maxMembersTable>>20)
	case !utf8.Valid(text):
		t.wrong(0, "the table is not UTF-8")
	default:
		t = newMemberTable(file, string(text), loaded().byCode)
	}
	if len(t.errors) > 0 {
		return nil, t.errors
	}
	m := &Members{facts: map[string]cbsoTerm{}, about: map[string]struct{}{}, text: slices.Clone(text)}
	if !t.replace {
		named := map[cbsoTerm]bool{}
		for _, row := range t.rows {
			named[cbsoTerm{rubric: row.term.rubric, about: row.term.about}] = true
		}
		for key, term := range builtIn().facts {
			if !term.inferred || !named[cbsoTerm{rubric: term.rubric, about: term.about}] {
				m.add(key, term)
			}
		}
	}
	for _, row := range t.rows {
		m.add(row.metric+" "+strings.Join(row.members, " "), row.term)
	}
	return m, nil
}

// builtIn are the members that balansd knows by itself.
var builtIn = sync.OnceValue(func() *Members {
	m := &Members{facts: map[string]cbsoTerm{}, about: map[string]struct{}{}}
	for _, row := range loaded().members {
		m.add(row.metric+" "+strings.Join(row.members, " "), row.term)
	}
	return m
})

func (m *Members) add(key string, term cbsoTerm) {
	m.facts[key] = term
	if term.about != "" {
		_, members, _ := strings.Cut(key, " ")
		m.about[members] = struct{}{}
	}
}

// memberRow is one row of a table.
type memberRow struct {
	term    cbsoTerm
	metric  string
	dated   bool
	members []string
}

// memberTable is a table in the reading.
type memberTable struct {
	file    string
	codes   map[string]int // the rubrics
	replace bool
	rows    []memberRow
	lines   map[string]int // where each metric with its members is
	errors  []LineError
}

func (t *memberTable) wrong(line int, format string, words ...any) {
	const most = 100
	if len(t.errors) < most {
		t.errors = append(t.errors, LineError{t.file, line, fmt.Sprintf(format, words...)})
	}
}

// memberColumns is the heading of a table.
const memberColumns = "code\tmetric\tprd\tmembers\tsource"

// newMemberTable reads a table. codes are the rubrics that it may name.
func newMemberTable(file, text string, codes map[string]int) *memberTable {
	t := &memberTable{file: file, codes: codes, lines: map[string]int{}}
	t.parse(text)
	return t
}

func (t *memberTable) parse(text string) {
	number, headed := 0, false
	for line := range strings.Lines(strings.TrimPrefix(text, byteOrderMark)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case !headed && strings.TrimSpace(line) == "replace":
			t.replace = true
		case !headed && line == memberColumns:
			headed = true
		case !headed:
			t.wrong(number, "the columns must first be named, separated by tabs: code, metric, prd, members, source")
			return
		default:
			t.row(number, strings.Split(line, "\t"))
		}
	}
	switch {
	case !headed:
		t.wrong(0, "the table names no columns")
	case len(t.rows) == 0 && len(t.errors) == 0:
		t.wrong(0, "the table has no rows")
	}
}

// row parses one row and records every mistake in it.
func (t *memberTable) row(line int, f []string) {
	if len(f) != 5 {
		t.wrong(line, "a row has 5 columns, separated by tabs, not %d", len(f))
		return
	}
	row := memberRow{metric: f[1], dated: f[2] == "dated", members: strings.FieldsFunc(f[3], func(r rune) bool { return r == ' ' || r == ',' })}
	before := len(t.errors)
	if i, ok := t.codes[f[0]]; ok {
		row.term.rubric = i
	} else if row.term.about = f[0]; !slices.Contains(aboutTerms, f[0]) {
		t.wrong(line, "%q is no rubric of the social balance, nor one of %s", clip(f[0]), strings.Join(aboutTerms, ", "))
	}
	if !isMetric(f[1]) {
		t.wrong(line, "%q is no metric, such as int3 or jcc-enum:list1", clip(f[1]))
	}
	if f[2] != "dated" && f[2] != "-" {
		t.wrong(line, "prd is dated or -, not %q", clip(f[2]))
	}
	if f[4] != "known" && f[4] != "inferred" {
		t.wrong(line, "source is known or inferred, not %q", clip(f[4]))
	}
	row.term.inferred = f[4] == "inferred"
	t.members(line, &row)
	if len(t.errors) > before {
		return
	}
	key := row.metric + " " + strings.Join(row.members, " ")
	if first, double := t.lines[key]; double {
		t.wrong(line, "the metric and the members are those of line %d", first)
		return
	}
	t.lines[key] = line
	t.rows = append(t.rows, row)
}

// members checks the members of a row and sorts them.
func (t *memberTable) members(line int, row *memberRow) {
	seen := map[string]bool{}
	for _, m := range row.members {
		dimension, member, ok := strings.Cut(m, ":")
		switch {
		case !ok || !isName(dimension) || member != "*" && !isName(member):
			t.wrong(line, "%q is no member, such as bas:m73, or open:* for any typed one", clip(m))
		case dimension == "prd":
			t.wrong(line, "prd is not among the members: it tells the years apart")
		case seen[dimension]:
			t.wrong(line, "the dimension %s is there twice", clip(dimension))
		}
		seen[dimension] = true
	}
	if row.term.about == "" && !slices.Contains(row.members, socialMember) {
		t.wrong(line, "the members of a rubric have %s, the social balance", socialMember)
	}
	slices.Sort(row.members)
}

// isMetric reports whether a text can be a metric: a name, or for an enumeration
// its list, a colon, and a name.
func isMetric(s string) bool {
	list, name, ok := strings.Cut(s, ":")
	return isName(list) && (!ok || isName(name))
}

// isName reports whether a text can be a local name in the taxonomy.
func isName(s string) bool {
	return s != "" && len(s) <= 60 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}
