package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the first part of our own import paths.
const module = "balansd"

// testenv is the package that decides which tests run that need more than Go.
// Every test may import it, and nothing else.
const testenv = "internal/testenv"

// base are the rooms that everybody shares: the words, and in internal what
// several rooms need and no library has.
var base = []string{"balance", "ledger", "problem", "internal"}

// services are the rooms that only the command line puts together. They know
// nothing of one another.
var services = []string{
	"accounts", "config", "daemon", "finbox", "folder", "httpserver", "keyvalue", "localapi", "logs", "portal", "sandbox", "service",
	"silverfin", "store", "transport",
}

// rooms says what the code of each room may import of ours: imports run one
// way, from main to the words that all share. .golangci.yml says the same to
// editors; this test decides.
var rooms = map[string][]string{
	"":           {"cli"},
	"accounts":   {"internal", "keyvalue", "problem"},
	"cli":        slices.Concat(base, services),
	"config":     base,
	"daemon":     base,
	"finbox":     append([]string{"transport"}, base...),
	"folder":     base,
	"httpserver": {},
	"internal":   {},
	"keyvalue":   {},
	"localapi":   append([]string{"daemon", "accounts", "httpserver"}, base...),
	"logs":       {"problem"},
	"packaging":  {"cli", "service"},
	"portal":     append([]string{"daemon", "accounts", "httpserver"}, base...),
	"service":    base,
	"silverfin":  append([]string{"transport"}, base...),
	"store":      append([]string{"keyvalue"}, base...),
	"transport":  {"problem"},
	"ledger":     {"balance"},
	"balance":    {},
	"problem":    {},

	// The simulators share no code with the clients that they test, and Finbox
	// and Silverfin know nothing of one another.
	"sandbox":           {"balance", "problem", "sandbox/control", "sandbox/faults", "sandbox/finbox", "sandbox/madeup", "sandbox/silverfin"},
	"sandbox/control":   {"balance", "sandbox/faults", "sandbox/finbox", "sandbox/madeup", "sandbox/silverfin"},
	"sandbox/faults":    {},
	"sandbox/finbox":    {"balance", "sandbox/faults", "sandbox/madeup"},
	"sandbox/madeup":    {"balance"},
	"sandbox/silverfin": {"balance", "sandbox/faults"},
}

// roomOf gives the room that a folder belongs to: the one named after it, else
// the one named after the first part of its path.
func roomOf(dir string) string {
	if _, ok := rooms[dir]; ok {
		return dir
	}
	return first(dir)
}

func first(dir string) string {
	part, _, _ := strings.Cut(dir, "/")
	return part
}

// foreign are imports that would give a room a task that is not its own, by
// room. Its tests may use them.
var foreign = map[string][]string{
	"balance":   {"os", "net", "net/http", "time/tzdata"},
	"ledger":    {"os", "net", "net/http"},
	"problem":   {"os"}, // it names the HTTP statuses
	"daemon":    {"net/http", "go.etcd.io/bbolt", "os/exec"},
	"config":    {"net/http"},
	"folder":    {"net/http", "go.etcd.io/bbolt"},
	"logs":      {"net/http", "go.etcd.io/bbolt", "os/exec"},
	"store":     {"net/http"},
	"finbox":    {"go.etcd.io/bbolt", "github.com/getkin/kin-openapi"},
	"silverfin": {"go.etcd.io/bbolt"},
	"accounts":  {"go.etcd.io/bbolt", "os/exec"},
	"keyvalue":  {"net/http", "go.etcd.io/bbolt"},
	"localapi":  {"go.etcd.io/bbolt"},
	"portal":    {"go.etcd.io/bbolt"},
	"sandbox":   {"go.etcd.io/bbolt"},
}

// Limits of a file, in lines, so that each can be read at one sitting.
const (
	maxLines     = 450
	maxTestLines = 600
)

// forbidden tells why a file of a room may not import a package; empty when it
// may.
func forbidden(room, file, imported string) string {
	test := strings.HasSuffix(file, "_test.go")
	for _, f := range foreign[first(room)] {
		if !test && (imported == f || strings.HasPrefix(imported, f+"/")) {
			return fmt.Sprintf("room %s leaves %s to others", room, f)
		}
	}
	inside, ours := strings.CutPrefix(imported, module+"/")
	if !ours {
		return ""
	}
	if inside == testenv {
		if !test {
			return "only tests import " + testenv
		}
		return ""
	}
	to := roomOf(inside)
	allowed := slices.Clone(rooms[room])
	if test {
		// A test may be held against the simulators and against the daemon's
		// interfaces; those of the daemon and the command line put rooms
		// together. The simulators' own tests know no client either.
		switch first(room) {
		case "daemon", "cli", "":
			allowed = slices.Concat(base, services, []string{"cli"})
		case "internal", "sandbox", "balance", "ledger", "problem":
		case "portal": // its changes are recorded by the audited API
			allowed = append(allowed, "sandbox", "keyvalue", "localapi")
		default:
			allowed = append(allowed, "sandbox", "daemon", "keyvalue")
		}
	}
	if to == room || slices.Contains(allowed, to) {
		return ""
	}
	// Who may import a room may import all parts of it. Between the parts of one
	// room only tests may.
	if within := first(to) == first(room); within && test || !within && slices.Contains(allowed, first(to)) {
		return ""
	}
	return fmt.Sprintf("room %s may import %v of ours", room, allowed)
}

func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		room, file, imported string
		well                 bool
	}{
		{"", "main.go", "balansd/cli", true},
		{"", "main.go", "balansd/daemon", false},
		{"cli", "wire.go", "balansd/store", true},
		{"daemon", "pass.go", "balansd/ledger", true},
		{"daemon", "pass.go", "balansd/store", false},
		{"daemon", "pass.go", "net/http", false},
		{"daemon", "pass.go", "go.etcd.io/bbolt", false},
		{"daemon", "world_test.go", "balansd/store", true},
		{"daemon", "world_test.go", "net/http/httptest", true},
		{"portal", "portal.go", "balansd/accounts", true},
		{"portal", "portal.go", "balansd/localapi", false},
		{"portal", "fixture_test.go", "balansd/localapi", true},
		{"localapi", "server.go", "balansd/daemon", true},
		{"localapi", "server.go", "balansd/portal", false},
		{"localapi", "server.go", "balansd/store", false},
		{"accounts", "people.go", "balansd/keyvalue", true},
		{"accounts", "people.go", "balansd/daemon", false},
		{"finbox", "client.go", "balansd/daemon", false},
		{"finbox", "client.go", "balansd/silverfin", false},
		{"finbox", "client_test.go", "balansd/sandbox", true},
		{"finbox", "client_test.go", "balansd/silverfin", false},
		{"sandbox", "finbox.go", "balansd/finbox", false},
		{"sandbox", "finbox_test.go", "balansd/finbox", false},
		{"sandbox", "sandbox.go", "balansd/sandbox/finbox", true},
		{"sandbox/finbox", "finbox.go", "balansd/sandbox/faults", true},
		{"sandbox/finbox", "finbox.go", "balansd/sandbox/silverfin", false},
		{"sandbox/finbox", "finbox.go", "balansd/sandbox", false},
		{"sandbox/finbox", "finbox.go", "balansd/finbox", false},
		{"sandbox/finbox", "finbox_test.go", "balansd/finbox", false},
		{"sandbox/finbox", "finbox.go", "balansd/internal/sleep", false},
		{"sandbox/finbox", "finbox.go", "go.etcd.io/bbolt", false},
		{"sandbox/control", "control_test.go", "balansd/sandbox", true},
		{"finbox", "client_test.go", "balansd/sandbox/finbox", true},
		{"finbox", "client.go", "balansd/sandbox/finbox", false},
		{"balance", "read.go", "balansd/ledger", false},
		{"balance", "read.go", "os", false},
		{"balance", "read.go", "io", true},
		{"problem", "problem.go", "balansd/balance", false},
		{"ledger", "move.go", "balansd/balance", true},
		{"balance", "read_memory_test.go", "balansd/internal/testenv", true},
		{"service", "run.go", "balansd/internal/testenv", false},
		{"service", "run.go", "balansd/internal/sleep", true},
		{"balance", "read.go", "balansd/internal/clip", false},
		{"internal", "testenv/need.go", "balansd/problem", false},
		{"ledger", "move.go", "balansd/problem", false},
	} {
		if why := forbidden(c.room, c.file, c.imported); (why == "") != c.well {
			t.Errorf("%s/%s imports %s: %q", c.room, c.file, c.imported, why)
		}
	}
}

// TestRooms holds every Go file, of every operating system, to the rooms.
func TestRooms(t *testing.T) {
	packages := map[string]bool{}
	files := token.NewFileSet()
	for name, text := range goFiles(t) {
		dir := path.Dir(name)
		room := roomOf(strings.TrimPrefix(dir, "."))
		packages[dir] = true
		if _, ok := rooms[room]; !ok {
			t.Errorf("%s: %s is no room of the house", name, room)
			continue
		}
		switch path.Base(dir) {
		case "util", "utils", "common", "helper", "helpers", "misc", "shared":
			t.Errorf("%s: a package is named after what it is for", name)
		}
		f, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, imp := range f.Imports {
			imported, _ := strconv.Unquote(imp.Path.Value)
			if why := forbidden(room, name, imported); why != "" {
				t.Errorf("%s imports %s: %s", name, imported, why)
			}
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function: what must happen first is called", files.Position(fn.Pos()))
			}
		}
		most := maxLines
		if strings.HasSuffix(name, "_test.go") {
			most = maxTestLines
		}
		if n := bytes.Count(text, []byte("\n")); n > most {
			t.Errorf("%s has %d lines, more than %d: split it by what its parts do", name, n, most)
		}
	}
	for dir := range packages {
		if _, err := os.Stat(filepath.Join(dir, "doc.go")); dir != "." && err != nil {
			t.Errorf("%s has no doc.go that says what it is for", dir)
		}
	}
	if len(packages) < 5 {
		t.Errorf("only %d packages were found: is the test run at the root?", len(packages))
	}
}

// goFiles reads our Go files, by their path with slashes.
func goFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := name != "." && strings.HasPrefix(d.Name(), ".")
		if d.IsDir() && (hidden || d.Name() == "testdata" || d.Name() == "dist" || d.Name() == "tools") {
			return filepath.SkipDir
		}
		if !d.IsDir() && filepath.Ext(name) == ".go" {
			files[filepath.ToSlash(name)], err = os.ReadFile(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
