package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"balansd/cli"
	"balansd/service"
)

// texts are the files that packages have beside the program, in one folder. They are the
// same for each target.
type texts struct {
	dir   string
	files []string // paths within dir
}

// write writes a file to the folder, with permissions that do not depend on the builder's
// umask.
func (t *texts) write(name string, text []byte) error {
	file := filepath.Join(t.dir, filepath.FromSlash(name))
	err := os.MkdirAll(filepath.Dir(file), 0o750)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	t.files = append(t.files, name)
	return err
}

// writeTexts writes the unit, man pages and completions, and copies the other files.
func (r *release) writeTexts() (*texts, error) {
	example, err := os.ReadFile(filepath.Join(r.root, "config.example.yaml"))
	if err != nil {
		return nil, err
	}
	unit, err := service.Unit(service.UnitSpec{Spec: service.PackageSpec()})
	if err != nil {
		return nil, err
	}
	t := &texts{dir: filepath.Join(r.work, "texts")}
	root := cli.Root(cli.Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard,
		Example: example, Version: r.version.String()})
	err = errors.Join(
		t.write("linux/balansd.service", []byte(unit)),
		t.write("linux/sysusers.conf", []byte(service.Sysusers())),
		r.writeManPages(t, root),
		writeCompletions(t, root),
		r.addDocs(t))
	return t, err
}

func (r *release) writeManPages(t *texts, c *cobra.Command) error {
	var page bytes.Buffer
	if err := packText(&page, []byte(manPage(c, r.version.String(), r.at))); err != nil {
		return err
	}
	if err := t.write("man/"+manName(c)+"."+manSection+".gz", page.Bytes()); err != nil {
		return err
	}
	for _, sub := range shown(c) {
		if err := r.writeManPages(t, sub); err != nil {
			return err
		}
	}
	return nil
}

func writeCompletions(t *texts, root *cobra.Command) error {
	for _, shell := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"bash", func(w io.Writer) error { return root.GenBashCompletionV2(w, true) }},
		{"zsh", root.GenZshCompletion},
		{"fish", func(w io.Writer) error { return root.GenFishCompletion(w, true) }},
		{"ps1", root.GenPowerShellCompletionWithDesc},
	} {
		var text bytes.Buffer
		if err := shell.write(&text); err != nil {
			return err
		}
		if err := t.write("completions/balansd."+shell.name, text.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// addDocs adds the documents for those who install, configure and use balansd. The others
// in docs/ are for developers.
func (r *release) addDocs(t *texts) error {
	names := []string{"LICENSE", "CHANGELOG.md", "config.example.yaml"}
	for _, manual := range []string{"it-admin*.md", "csm*.md", "accountant*.md", "log.md", "checks.md", "cbso-table.md", "webhook.md", "windows-checklist.md"} {
		found, err := filepath.Glob(filepath.Join(r.root, "docs", manual))
		if err != nil {
			return err
		}
		for _, f := range found {
			names = append(names, "docs/"+filepath.Base(f))
		}
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(r.root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if err := t.write("doc/"+filepath.Base(name), text); err != nil {
			return err
		}
	}
	return nil
}

// members returns the files of an archive for the target. The unit is not among them: its
// paths are those of a package, and "balansd service install" writes one with the right
// paths.
func (t *texts) members(to target, notices string) []member {
	program := "balansd"
	if to.os == "windows" {
		program += ".exe"
	}
	list := []member{{program, to.program, true}}
	for _, name := range slices.Sorted(slices.Values(t.files)) {
		powershell := strings.HasSuffix(name, ".ps1")
		switch {
		case strings.HasPrefix(name, "linux/"),
			to.os == "windows" && strings.HasPrefix(name, "man/"),
			strings.HasPrefix(name, "completions/") && (to.os == "windows") != powershell:
			continue
		}
		list = append(list, member{name, filepath.Join(t.dir, filepath.FromSlash(name)), false})
	}
	return append(list, member{"doc/THIRD-PARTY.txt", notices, false})
}

// writeNotices collects the licences of all modules linked into a program, which must be
// distributed with it.
func (r *release) writeNotices(ctx context.Context, t target) (string, error) {
	info, err := buildinfo.ReadFile(t.program)
	if err != nil {
		return "", err
	}
	args := []string{"list", "-m", "-json=Path,Dir"}
	for _, m := range linked(info) {
		args = append(args, m.Path)
	}
	list := exec.CommandContext(ctx, "go", args...)
	list.Dir = r.root
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	goroot, err := output(ctx, r.root, "go", "env", "GOROOT")
	if err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "balansd holds the work of others, under the licences below.\n")
	if err := addLicences(&text, "The Go standard library", goroot); err != nil {
		return "", err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var m struct{ Path, Dir string }
		if err := d.Decode(&m); err != nil {
			return "", err
		}
		if err := addLicences(&text, m.Path, m.Dir); err != nil {
			return "", err
		}
	}
	file := filepath.Join(r.work, "third-party-"+t.os+"-"+t.arch+".txt")
	return file, os.WriteFile(file, []byte(text.String()), 0o600)
}

func addLicences(text *strings.Builder, name, dir string) error {
	found := 0
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		upper := strings.ToUpper(f.Name())
		if f.IsDir() || !(strings.HasPrefix(upper, "LICEN") || strings.HasPrefix(upper, "COPYING") || strings.HasPrefix(upper, "NOTICE")) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "\n---- %s: %s\n\n%s\n", name, f.Name(), bytes.TrimSpace(content))
		found++
	}
	if found == 0 {
		return fmt.Errorf("%s names no licence in %s", name, dir)
	}
	return nil
}
