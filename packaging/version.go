package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// version is a semantic version, which each kind of package writes differently: deb and
// rpm put a tilde before pre, and a Windows installer has only the three numbers.
type version struct {
	major, minor, patch int
	pre, build          string // as in 1.2.3-pre+build
}

var versionForm = regexp.MustCompile(`^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.]+))?(?:\+([0-9A-Za-z.]+))?$`)

// parseVersion parses a version or a tag. It accepts less than semantic versioning, since
// deb and rpm give a second hyphen another meaning.
func parseVersion(s string) (version, error) {
	m := versionForm.FindStringSubmatch(s)
	if m == nil {
		return version{}, fmt.Errorf("%q is no version such as 1.2.3 or 1.2.3-rc1", s)
	}
	v := version{pre: m[4], build: m[5]}
	for i, n := range []*int{&v.major, &v.minor, &v.patch} {
		var err error
		// A Windows installer has one byte for each of the first two, and two for the
		// third.
		if *n, err = strconv.Atoi(m[i+1]); err != nil || *n > []int{255, 255, 65535}[i] {
			return version{}, fmt.Errorf("%q has a number that the installer of Windows cannot hold", s)
		}
	}
	return v, nil
}

func (v version) String() string {
	s := v.numbers()
	if v.pre != "" {
		s += "-" + v.pre
	}
	if v.build != "" {
		s += "+" + v.build
	}
	return s
}

// numbers returns the part of the version that a Windows installer compares.
func (v version) numbers() string { return fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch) }

// versionFromGit returns the version for the output of git describe: the tag for a tagged
// commit, else one that sorts before the next release and after all earlier commits.
func versionFromGit(tag string, after int, hash string, dirty bool, at time.Time) (version, error) {
	v := version{minor: 1}
	if tag != "" {
		var err error
		if v, err = parseVersion(tag); err != nil {
			return version{}, err
		}
		if after == 0 && !dirty {
			return v, nil
		}
		if v.pre == "" {
			v.patch++
		}
	}
	v.pre = "git" + at.UTC().Format("20060102150405")
	v.build = hash
	if dirty {
		v.build += ".dirty"
	}
	return v, nil
}

// findVersion returns the version of the source tree and its time, from VERSION and
// SOURCE_DATE_EPOCH if they are set, else from the last commit.
func findVersion(ctx context.Context, root string) (v version, at time.Time, err error) {
	var tag, hash string
	after := 0
	stamp, known := os.LookupEnv("SOURCE_DATE_EPOCH")
	given := os.Getenv("VERSION")
	if !known || given == "" {
		head, err := output(ctx, root, "git", "log", "-1", "--format=%ct %h", "--abbrev=12")
		if err != nil {
			return v, at, errors.Join(errors.New("git does not know this folder: set VERSION and SOURCE_DATE_EPOCH"), err)
		}
		var committed string
		committed, hash, _ = strings.Cut(head, " ")
		if !known {
			stamp = committed
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return v, at, fmt.Errorf("SOURCE_DATE_EPOCH: %q is no number of seconds", stamp)
	}
	at = time.Unix(seconds, 0).UTC()
	if given != "" {
		v, err = parseVersion(given)
		return v, at, err
	}
	// Without a tag git fails, which is no error here.
	if text, err := output(ctx, root, "git", "describe", "--tags", "--long", "--match", "v[0-9]*"); err == nil {
		parts := strings.Split(text, "-")
		tag = strings.Join(parts[:len(parts)-2], "-")
		after, _ = strconv.Atoi(parts[len(parts)-2])
	}
	changed, err := output(ctx, root, "git", "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return v, at, err
	}
	v, err = versionFromGit(tag, after, hash, changed != "", at)
	return v, at, err
}

// uuidOf returns a UUID that is derived from parts.
func uuidOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80 // version 8, custom, of RFC 9562
	id[8] = id[8]&0x3f | 0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]))
}

// output runs a program in a folder and returns its output, trimmed.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	out, err := c.Output()
	if err != nil {
		text := ""
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			text = ": " + strings.TrimSpace(string(exit.Stderr))
		}
		return "", fmt.Errorf("%s: %w%s", name, err, text)
	}
	return strings.TrimSpace(string(out)), nil
}
