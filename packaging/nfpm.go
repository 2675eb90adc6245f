package main

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// nfpm makes a .deb or an .rpm from packaging/nfpm.yaml.
func (r *release) nfpm(ctx context.Context, t target, kind string, texts *texts, file string) error {
	tool, err := output(ctx, r.root, "go", "tool", "-modfile=tools/go.mod", "-n", "nfpm")
	if err != nil {
		return err
	}
	// nfpm uses the modification times on disk.
	if err := setTimes(r.work, r.at); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, tool, "package", "--config", filepath.Join("packaging", "nfpm.yaml"),
		"--packager", kind, "--target", file)
	c.Dir = r.root
	c.Env = append(os.Environ(), "ARCH="+t.arch, "VERSION="+r.version.String(), "PROGRAM="+t.program,
		"TEXTS="+texts.dir, "NOTICES="+t.members[len(t.members)-1].path, "GPG_KEY="+r.signing.gpg,
		"SOURCE_DATE_EPOCH="+strconv.FormatInt(r.at.Unix(), 10))
	if out, err := c.CombinedOutput(); err != nil {
		return &toolError{"nfpm", strings.TrimSpace(string(out)), err}
	}
	return nil
}

// setTimes sets the time of each file in a folder.
func setTimes(dir string, at time.Time) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, at, at)
	})
}

// toolError describes the failure of a tool by its output.
type toolError struct {
	tool, said string
	err        error
}

func (e *toolError) Error() string { return e.tool + ": " + e.err.Error() + ": " + e.said }
func (e *toolError) Unwrap() error { return e.err }
