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

// base are the packages that everybody shares: the domain types, and in internal
// what several packages need and no library has.
var base = []string{"administration", "balance", "ledger", "mapping", "problem", "internal"}

// services are the packages that only the command line puts together. They do
// not import one another.
var services = []string{
	"accounts", "administration/source", "config", "daemon", "documentreader", "finbox", "folder", "httpserver", "keyvalue", "localapi", "logs", "notify", "portal", "recovery", "sandbox", "service",
	"silverfin", "store", "support", "transport",
}

// allowedImports lists, by package, what its code may import of the module:
// imports run one way, from main to the types that all share. .golangci.yml says the same to
// editors; this test decides.
var allowedImports = map[string][]string{
	"":               {"cli"},
	"accounts":       {"internal", "keyvalue", "problem"},
	"administration": {"balance", "internal"},
	"cli":            slices.Concat(base, services),
	"config":         base,
	"daemon":         append([]string{"keyvalue"}, base...),
	"documentreader": {"balance", "problem"},
	"finbox":         append([]string{"transport"}, base...),
	"folder":         append([]string{"keyvalue"}, base...),
	"httpserver":     {},
	"internal":       {},
	"keyvalue":       {},
	"localapi":       append([]string{"daemon", "accounts", "httpserver"}, base...),
	"logs":           {"problem"},
	"notify":         {"internal", "keyvalue", "ledger"},
	"packaging":      {"cli", "service"},
	"portal":         append([]string{"daemon", "accounts", "httpserver"}, base...),
	"recovery":       {"problem"},
	"service":        base,
	"silverfin":      append([]string{"transport"}, base...),
	"store":          append([]string{"keyvalue"}, base...),
	"support":        base,
	"transport":      {"problem"},
	"ledger":         {"administration", "balance", "mapping"},
	"mapping":        {"balance", "problem", "internal"},
	"balance":        {},
	"problem":        {},

	// Where administration data comes from: those who know the records need not know it.
	"administration/source": {"administration", "balance", "internal", "problem", "transport"},

	// The simulators share no code with the clients that they test, and Finbox
	// and Silverfin know nothing of one another.
	"sandbox":                {"balance", "problem", "sandbox/administration", "sandbox/control", "sandbox/faults", "sandbox/finbox", "sandbox/madeup", "sandbox/silverfin"},
	"sandbox/administration": {"balance", "sandbox/faults"},
	"sandbox/control":        {"balance", "sandbox/faults", "sandbox/finbox", "sandbox/madeup", "sandbox/silverfin"},
	"sandbox/faults":         {},
	"sandbox/finbox":         {"balance", "sandbox/faults", "sandbox/madeup"},
	"sandbox/madeup":         {"balance"},
	"sandbox/silverfin":      {"balance", "sandbox/faults"},
}

// packageOf returns the package that a folder belongs to: the one named after it, else
// the one named after the first part of its path.
func packageOf(dir string) string {
	if _, ok := allowedImports[dir]; ok {
		return dir
	}
	return first(dir)
}

func first(dir string) string {
	part, _, _ := strings.Cut(dir, "/")
	return part
}

// forbiddenImports are imports, by package, for tasks that belong to another
// package. Its tests may use them.
var forbiddenImports = map[string][]string{
	"balance":   {"os", "net", "net/http", "time/tzdata"},
	"ledger":    {"os", "net", "net/http"},
	"mapping":   {"os", "net", "net/http"},
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

// Limits of a file, in lines.
const (
	maxLines     = 450
	maxTestLines = 600
)

// forbidden returns why a file of a package may not import another one; empty
// when it may.
func forbidden(pkg, file, imported string) string {
	test := strings.HasSuffix(file, "_test.go")
	for _, f := range forbiddenImports[first(pkg)] {
		if !test && (imported == f || strings.HasPrefix(imported, f+"/")) {
			return fmt.Sprintf("package %s leaves %s to others", pkg, f)
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
	to := packageOf(inside)
	allowed := slices.Clone(allowedImports[pkg])
	if test {
		// Tests may use the simulators and the interfaces of the daemon; those of the
		// daemon and the command line combine packages. The tests of the simulators use no
		// client either.
		switch first(pkg) {
		case "daemon", "cli", "":
			allowed = slices.Concat(base, services, []string{"cli"})
		case "internal", "sandbox", "balance", "ledger", "problem":
		case "mapping": // it learns from balances that the sandbox makes up
			allowed = append(allowed, "sandbox")
		case "portal": // its changes are recorded by the audited API
			allowed = append(allowed, "sandbox", "keyvalue", "localapi")
		default:
			allowed = append(allowed, "sandbox", "daemon", "keyvalue")
		}
	}
	if to == pkg || slices.Contains(allowed, to) {
		return ""
	}
	// Who may import a package may import all parts of it, but for those that only the
	// command line puts together. Between the parts of one package only tests may.
	if within := first(to) == first(pkg); within && test || !within && slices.Contains(allowed, first(to)) && !slices.Contains(services, to) {
		return ""
	}
	return fmt.Sprintf("package %s may import %v of ours", pkg, allowed)
}

func TestForbiddenImports(t *testing.T) {
	for _, c := range []struct {
		pkg, file, imported string
		allowed             bool
	}{
		{"", "main.go", "balansd/cli", true},
		{"", "main.go", "balansd/daemon", false},
		{"cli", "wire.go", "balansd/store", true},
		{"daemon", "run.go", "balansd/ledger", true},
		{"daemon", "run.go", "balansd/store", false},
		{"daemon", "run.go", "net/http", false},
		{"daemon", "run.go", "go.etcd.io/bbolt", false},
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
		{"daemon", "run.go", "balansd/administration", true},
		{"daemon", "run.go", "balansd/administration/source", false},
		{"store", "store.go", "balansd/administration/source", false},
		{"cli", "wire.go", "balansd/administration/source", true},
		{"administration", "compare.go", "balansd/transport", false},
		{"administration", "compare.go", "balansd/administration/source", false},
		{"administration/source", "kbo.go", "balansd/administration", true},
		{"administration/source", "kbo.go", "balansd/documentreader", false},
		{"administration/source", "adsolut_test.go", "balansd/sandbox", true},
	} {
		if why := forbidden(c.pkg, c.file, c.imported); (why == "") != c.allowed {
			t.Errorf("%s/%s imports %s: %q", c.pkg, c.file, c.imported, why)
		}
	}
}

// TestArchitecture checks the rules for imports, sizes and names in each Go file, of each
// operating system.
func TestArchitecture(t *testing.T) {
	packages := map[string]bool{}
	files := token.NewFileSet()
	for name, text := range goFiles(t) {
		dir := path.Dir(name)
		pkg := packageOf(strings.TrimPrefix(dir, "."))
		packages[dir] = true
		if _, ok := allowedImports[pkg]; !ok {
			t.Errorf("%s: %s is a package that allowedImports does not list", name, pkg)
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
			if why := forbidden(pkg, name, imported); why != "" {
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
