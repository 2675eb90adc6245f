//go:build linux

package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balansd/internal/testenv"
)

// TestPackages builds the first version twice and a second one once, and tests each kind
// of package.
func TestPackages(t *testing.T) {
	older, again, newer := t.TempDir(), t.TempDir(), t.TempDir()
	makePackages(t, older, "0.1.0", kinds)
	t.Run("reproducible", func(t *testing.T) {
		makePackages(t, again, "0.1.0", kinds)
		if diff := cmp.Diff(sums(t, older), sums(t, again)); diff != "" {
			t.Errorf("the same source gives other packages: %s", diff)
		}
	})
	makePackages(t, newer, "0.2.0", []string{"deb", "rpm", "msi"})
	t.Run("checksums", func(t *testing.T) { testChecksums(t, older) })
	t.Run("bill of materials", func(t *testing.T) { testBill(t, older) })
	t.Run("archives", func(t *testing.T) { testArchives(t, older) })
	t.Run("deb", func(t *testing.T) { testDeb(t, older, newer) })
	t.Run("rpm", func(t *testing.T) { testRPM(t, older, newer) })
	t.Run("msi", func(t *testing.T) { testMSI(t, older, newer) })
}

// makePackages makes packages of a version in a folder, signed if the environment says so.
// It runs another process, because packing takes minutes under the race detector.
func makePackages(t *testing.T, dir, version string, want []string) {
	t.Helper()
	testenv.Need(t, testenv.Packages, "bash", "git", "wixl")
	t.Setenv("VERSION", version)
	t.Setenv("SOURCE_DATE_EPOCH", "1764547200")
	tool(t, "go", "run", "balansd/packaging", "-out", dir, "-only", strings.Join(want, ","))
}

// sums reads the checksums of a folder, by file name.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		list[name] = sum
	}
	return list
}

func testChecksums(t *testing.T, dir string) {
	list := sums(t, dir)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == "SHA256SUMS" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != list[f.Name()] {
			t.Errorf("%s has the sum %s, and %q is written", f.Name(), got, list[f.Name()])
		}
	}
	// Two systems on two processors, five kinds, a bill of materials for each. There is no
	// installer for Windows on arm64.
	if len(list) != 4+4+2+2+1 {
		t.Errorf("%d files, which is not all: %v", len(list), list)
	}
}

// testBill compares the bill of materials with the program in the archive.
func testBill(t *testing.T, dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "balansd-linux-amd64.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc bom
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(unpack(t, filepath.Join(dir, "balansd-linux-amd64.tar.gz")), "balansd")
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if got := doc.Metadata.Component; got.Version != "0.1.0" || got.Hashes[0].Content != hex.EncodeToString(sum[:]) {
		t.Errorf("the list is of %+v", got)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, c := range doc.Components {
		named[c.Name] = c.Version
	}
	for _, m := range info.Deps {
		if named[m.Path] != m.Version {
			t.Errorf("%s %s is in the program, and %q in the list", m.Path, m.Version, named[m.Path])
		}
	}
	if len(named) != len(info.Deps)+1 || named["std"] == "" {
		t.Errorf("%d parts are listed, %d are in the program", len(named), len(info.Deps)+1)
	}
}

// unpack unpacks an archive and returns the only folder in it.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	tool := []string{"tar", "-xzf", archive, "-C", dir}
	if strings.HasSuffix(archive, ".zip") {
		testenv.Need(t, testenv.Packages, "unzip")
		tool = []string{"unzip", "-q", archive, "-d", dir}
	}
	if out, err := exec.Command(tool[0], tool[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s holds %v: %v", archive, files, err)
	}
	return filepath.Join(dir, files[0].Name())
}

// testArchives uses the content of the archives as a person does.
func testArchives(t *testing.T, dir string) {
	linux := unpack(t, filepath.Join(dir, "balansd-linux-amd64.tar.gz"))
	out, err := exec.Command(filepath.Join(linux, "balansd"), "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "balansd 0.1.0 ") {
		t.Errorf("it says %q: %v", out, err)
	}
	windows := unpack(t, filepath.Join(dir, "balansd-windows-arm64.zip"))
	for _, file := range []string{
		linux + "/man/balansd-config-check.8.gz", linux + "/completions/balansd.bash", linux + "/completions/balansd.zsh",
		linux + "/completions/balansd.fish", linux + "/doc/THIRD-PARTY.txt", linux + "/doc/LICENSE",
		windows + "/balansd.exe", windows + "/completions/balansd.ps1", windows + "/doc/config.example.yaml",
		windows + "/doc/CHANGELOG.md", windows + "/doc/THIRD-PARTY.txt",
	} {
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("it lacks %s: %v", file, err)
		}
	}
	testNotices(t, filepath.Join(linux, "balansd"), filepath.Join(linux, "doc/THIRD-PARTY.txt"))
	testNotices(t, filepath.Join(windows, "balansd.exe"), filepath.Join(windows, "doc/THIRD-PARTY.txt"))
	testCompletion(t, linux)
	pages, err := filepath.Glob(linux + "/man/*.gz")
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d man pages: %v", len(pages), err)
	}
	testenv.Need(t, testenv.Packages, "groff", "zcat")
	for _, page := range pages {
		out, err := exec.Command("bash", "-o", "pipefail", "-c", `zcat "$1" | groff -man -Tutf8 -ww -z`, "bash", page).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v %s", filepath.Base(page), err, out)
		}
	}
}

// testCompletion completes a command in bash with Debian's bash-completion.
func testCompletion(t *testing.T, dir string) {
	const given = "/usr/share/bash-completion/bash_completion"
	script := `source "$1"; source "$2"/completions/balansd.bash; PATH="$2:$PATH"
COMP_WORDS=(balansd config ch); COMP_CWORD=2; COMP_LINE="balansd config ch"; COMP_POINT=17
__start_balansd balansd ch config && printf '%s\n' "${COMPREPLY[@]}"`
	// bash warns on standard error that the shell is not interactive.
	out, err := exec.Command("bash", "--norc", "-c", script, "bash", given, dir).Output()
	if err != nil || strings.TrimSpace(string(out)) != "check" {
		t.Errorf("bash completes %q: %v", out, err)
	}
}

// testNotices compares the notices of an archive with the program in it.
func testNotices(t *testing.T, program, notices string) {
	t.Helper()
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(notices)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range linked(info) {
		if !strings.Contains(string(text), "\n---- "+m.Path+": ") {
			t.Errorf("%s is in %s, and its licence is not in the notices", m.Path, program)
		}
	}
	if len(info.Deps) < 20 {
		t.Errorf("%s has only %d modules", program, len(info.Deps))
	}
}
