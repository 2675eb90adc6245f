package logs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// manual explains the keys and the events.
const manual = "../docs/log.md"

// computed are keys that are not literals where they are logged, by file.
var computed = map[string][]string{
	// The number of entries that ended in each state.
	"daemon/run.go":      {"found", "waiting", "failed", "sending", "done", "differs", "superseded", "ignored"},
	"daemon/progress.go": {"found", "waiting", "failed", "sending", "done", "differs", "superseded", "ignored"},
}

// starts are the methods with which an event or the fields of a logger begin.
var starts = []string{"Trace", "Debug", "Info", "Warn", "Error", "WithLevel", "With"}

// keyed are the methods of zerolog that take a key, without their number of bits.
var keyed = regexp.MustCompile(`^(Str|Strs|Stringer|Stringers|Bytes|Hex|RawJSON|RawCBOR|AnErr|Errs|Bools?|U?ints?\d*|U?Ints?\d*|Floats?\d*|Times?|TimeDiff|Durs?|Any|Interface|Object|Array|Dict|Type|IPAddr|MACAddr|Func)$`)

// source collects what the source code logs.
type source struct {
	t        *testing.T
	files    *token.FileSet
	keys     map[string][]string // where each is logged
	messages map[string]string   // where each is logged
}

// inChain reports whether an expression is an event or the fields of a logger:
// calls that begin with one of starts, or with a variable that holds one.
func inChain(x ast.Expr, held map[string]bool) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return held[x.Name]
	case *ast.CallExpr:
		if len(x.Args) > 0 && inChain(x.Args[0], held) { // notice(event, …)
			return true
		}
		sel, ok := x.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		if slices.Contains(starts, sel.Sel.Name) && len(x.Args) <= 1 && (sel.Sel.Name == "WithLevel") == (len(x.Args) == 1) {
			return true
		}
		return inChain(sel.X, held)
	}
	return false
}

// read collects from one function.
func (s *source) read(name string, fn *ast.FuncDecl) {
	held := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field: // an event as a parameter
			if star, ok := n.Type.(*ast.StarExpr); ok {
				if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.Sel.Name == "Event" && fmt.Sprint(sel.X) == "zerolog" {
					for _, id := range n.Names {
						held[id.Name] = true
					}
				}
			}
		case *ast.AssignStmt:
			for i, right := range n.Rhs {
				if id, ok := n.Lhs[i].(*ast.Ident); ok && inChain(right, held) {
					held[id.Name] = true
				}
			}
		}
		return true
	})
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !inChain(sel.X, held) {
			return true
		}
		at := s.files.Position(call.Pos()).String()
		switch method := sel.Sel.Name; {
		case method == "Err":
			s.keys[zerolog.ErrorFieldName] = append(s.keys[zerolog.ErrorFieldName], at)
		case method == "Msgf" || method == "Msg" && literalOf(call.Args[0]) == "":
			s.t.Errorf("%s: a message is a constant, what changes goes into fields", at)
		case method == "Msg":
			s.messages[literalOf(call.Args[0])] = at
		case keyed.MatchString(method) && len(call.Args) > 0:
			s.record(name, at, call.Args[0])
		}
		return true
	})
}

// record adds a key.
func (s *source) record(name, at string, arg ast.Expr) {
	key := literalOf(arg)
	if key != "" {
		s.keys[key] = append(s.keys[key], at)
		return
	}
	for _, k := range computed[name] {
		s.keys[k] = append(s.keys[k], at)
	}
	if len(computed[name]) == 0 {
		s.t.Errorf("%s: a key is a constant", at)
	}
}

// literalOf returns the text of an expression if it is a literal.
func literalOf(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(x.Value)
		return text
	case *ast.SelectorExpr:
		if x.Sel.Name == "NoticeKey" {
			return problem.NoticeKey
		}
	}
	return ""
}

// readSources reads everything that the program logs. The simulators are not part of it.
func readSources(t *testing.T) *source {
	t.Helper()
	s := &source{t: t, files: token.NewFileSet(), keys: map[string][]string{}, messages: map[string]string{}}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (slices.Contains([]string{"sandbox", "tools", "testdata", "dist", "lab"}, d.Name()) || len(name) > 1 && strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(s.files, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				s.read(name, fn)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rows reads the rows of a table of the manual, by the heading above it.
func rows(t *testing.T, heading string) [][]string {
	t.Helper()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no chapter %q", manual, heading)
	}
	part, _, _ = strings.Cut(part, "\n## ")
	var all [][]string
	for line := range strings.Lines(part) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|-") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		all = append(all, cells)
	}
	if len(all) < 2 {
		t.Fatalf("%q has no table", heading)
	}
	return all[1:] // without the head
}

// TestManualExplainsEveryKey compares the table of keys with the source code, both ways.
func TestManualExplainsEveryKey(t *testing.T) {
	s := readSources(t)
	for _, own := range []string{zerolog.LevelFieldName, zerolog.TimestampFieldName, zerolog.MessageFieldName} {
		s.keys[own] = append(s.keys[own], "zerolog")
	}
	if len(s.keys) < 40 || len(s.messages) < 40 {
		t.Errorf("only %d keys and %d messages were found", len(s.keys), len(s.messages))
	}
	snake := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	explained := map[string]bool{}
	last := ""
	for _, r := range rows(t, "Fields") {
		if len(r) != 2 || r[1] == "" || r[0] <= last {
			t.Errorf("row %q explains nothing, or is out of order", r)
		}
		explained[r[0]], last = true, r[0]
		if s.keys[r[0]] == nil {
			t.Errorf("field %s of the manual is logged nowhere", r[0])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.keys)) {
		if !explained[k] {
			t.Errorf("field %s (%s) is not in the manual", k, s.keys[k][0])
		}
		if !snake.MatchString(k) {
			t.Errorf("field %s (%s) is not in snake_case", k, s.keys[k][0])
		}
	}
}

// TestManualExplainsEveryEvent compares the table of events with the codes and the
// notices, both ways.
func TestManualExplainsEveryEvent(t *testing.T) {
	want := map[string]string{}
	for _, c := range problem.Codes() {
		want[fmt.Sprint(c.EventID())] = string(c)
	}
	for _, n := range problem.Notices() {
		want[fmt.Sprint(uint32(n))] = n.String()
	}
	last := 0
	for _, r := range rows(t, "Events") {
		id, err := strconv.Atoi(r[0])
		if len(r) != 4 || err != nil || id <= last || r[2] == "" || r[3] == "" {
			t.Errorf("row %q lacks something, or is out of order", r)
			continue
		}
		last = id
		if want[r[0]] != r[1] {
			t.Errorf("event %s is %q, the manual says %q", r[0], want[r[0]], r[1])
		}
		delete(want, r[0])
	}
	for id, what := range want {
		t.Errorf("event %s (%s) is not in the manual", id, what)
	}
}
