package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	out := flag.String("out", "dist", "the `folder` for the packages")
	only := flag.String("only", strings.Join(kinds, ","), "which `kinds` to make")
	flag.Parse()
	if err := run(ctx, *out, strings.Split(*only, ","), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "packaging:", err)
		os.Exit(1)
	}
}

// kinds are the kinds of package, by suffix.
var kinds = []string{"tar.gz", "deb", "rpm", "zip", "msi"}

// release is one build of all packages.
type release struct {
	root    string // of the source tree
	out     string // the folder for the packages
	work    string // the folder for intermediate files
	version version
	at      time.Time // of the commit; the only time in a package
	signing signing
	kinds   []string
	log     io.Writer
}

// target is a system that packages are made for.
type target struct {
	os, arch string
	program  string // the path of the program
	members  []member
}

func run(ctx context.Context, out string, want []string, log io.Writer) (err error) {
	for _, k := range want {
		if !slices.Contains(kinds, k) {
			return fmt.Errorf("%q is no kind of package; there are %s", k, strings.Join(kinds, ", "))
		}
	}
	mod, err := output(ctx, ".", "go", "env", "GOMOD")
	if err != nil {
		return err
	}
	r := &release{root: filepath.Dir(mod), kinds: want, log: log, signing: signingFrom(os.LookupEnv)}
	if r.out, err = filepath.Abs(out); err != nil {
		return err
	}
	if r.version, r.at, err = findVersion(ctx, r.root); err != nil {
		return err
	}
	if r.work, err = os.MkdirTemp("", "balansd-packages-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	return r.make(ctx)
}

// make builds the programs, packs them, and writes the checksums.
func (r *release) make(ctx context.Context) error {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(r.log, "balansd %s of %s\n", r.version, r.at.Format(time.DateTime))
	bin := filepath.Join(r.work, "bin")
	build := exec.CommandContext(ctx, filepath.Join(r.root, "tools", "build"), bin)
	build.Env = append(os.Environ(), "VERSION="+r.version.String())
	build.Stdout, build.Stderr = io.Discard, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building the programs: %w", err)
	}
	texts, err := r.writeTexts()
	if err != nil {
		return err
	}
	var made []string
	for _, t := range []target{{os: "linux", arch: "amd64"}, {os: "linux", arch: "arm64"},
		{os: "windows", arch: "amd64"}, {os: "windows", arch: "arm64"}} {
		t.program = filepath.Join(bin, "balansd-"+t.os+"-"+t.arch)
		if t.os == "windows" {
			t.program += ".exe"
		}
		files, err := r.pack(ctx, t, texts)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", t.os, t.arch, err)
		}
		made = append(made, files...)
	}
	return r.writeChecksums(ctx, made)
}

// pack makes the packages of one target and returns their paths.
func (r *release) pack(ctx context.Context, t target, texts *texts) (made []string, err error) {
	if t.os == "windows" {
		if err := r.signing.windows(ctx, t.program, r.at); err != nil {
			return nil, err
		}
	}
	bill := r.name(t, "cdx.json")
	text, err := billOfMaterials(t.program, r.version, r.at)
	if err == nil {
		err = os.WriteFile(bill, text, 0o600)
	}
	if err != nil {
		return nil, err
	}
	notices, err := r.writeNotices(ctx, t)
	if err != nil {
		return nil, err
	}
	t.members = texts.members(t, notices)
	made = append(made, bill)
	for _, kind := range r.kinds {
		if !t.supports(kind) {
			continue
		}
		file := r.name(t, kind)
		switch kind {
		case "tar.gz", "zip":
			err = writeArchive(file, t.members, r.at)
		case "deb", "rpm":
			err = r.nfpm(ctx, t, kind, texts, file)
		case "msi":
			err = r.msi(ctx, t, file)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		made = append(made, file)
	}
	return made, nil
}

// supports reports whether a kind of package exists for the target. There is no installer
// for Windows on arm64, which wixl does not support: its zip has the same files, and
// "balansd service install" does the rest.
func (t target) supports(kind string) bool {
	switch kind {
	case "zip":
		return t.os == "windows"
	case "msi":
		return t.os == "windows" && t.arch == "amd64"
	}
	return t.os == "linux"
}

// name returns the path of a package. It has no version in it, so that the commands in the
// README and the manuals work for each version.
func (r *release) name(t target, suffix string) string {
	return filepath.Join(r.out, fmt.Sprintf("balansd-%s-%s.%s", t.os, t.arch, suffix))
}

// writeChecksums writes and signs the checksums, and prints what was made.
func (r *release) writeChecksums(ctx context.Context, made []string) error {
	slices.Sort(made)
	var sums strings.Builder
	for _, file := range made {
		// Everybody may read packages, independent of the builder's umask.
		if err := os.Chmod(file, 0o644); err != nil {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), filepath.Base(file))
		_, _ = fmt.Fprintf(r.log, "%8d KiB  %s\n", (len(content)+1023)/1024, filepath.Base(file))
	}
	file := filepath.Join(r.out, "SHA256SUMS")
	if err := os.WriteFile(file, []byte(sums.String()), 0o644); err != nil {
		return err
	}
	return r.signing.text(ctx, file)
}
