//go:build !windows

package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"balansd/problem"
)

// asRoot has every step check first that the process is root.
func (h host) asRoot(steps []Step) []Step {
	for i, step := range steps {
		steps[i].Do = func(ctx context.Context) error {
			if err := h.Rights(); err != nil {
				return err
			}
			return step.Do(ctx)
		}
	}
	return steps
}

// createAccount makes the account of the service, unless it is there, in the
// first way that works: each is a list of commands.
func (h host) createAccount(ctx context.Context, ways ...[][]string) error {
	if _, _, err := h.account(); err == nil {
		return nil
	}
	// The one of most systems, and that of busybox.
	ways = append(ways, [][]string{{"useradd", "--system", "--user-group", "--no-create-home",
		"--home-dir", stateFolder, "--shell", "/usr/sbin/nologin", Account}},
		[][]string{{"addgroup", "-S", Account}, {"adduser", "-S", "-D", "-H", "-h", stateFolder, "-s", "/sbin/nologin", "-G", Account, Account}})
	var all error
	for _, way := range ways {
		var err error
		for _, command := range way {
			if _, err = h.run(ctx, command[0], command[1:]...); err != nil {
				break
			}
		}
		if err == nil {
			return nil
		}
		all = errors.Join(all, err)
	}
	return problem.Wrap(all, problem.Unexpected, "the account "+Account+" cannot be made", "Make a system account of that name, and install again.")
}

// program refuses a program that others than root can change.
func (h host) program(s Spec) error {
	found, err := whoCanChangePath(h.root, s.Executable, []int{0, h.admin}, maxLinks)
	return programProblem(s.Executable, found, err)
}

// folderSteps make the folders, and let the account read and write what it has
// to. The secrets are for root alone where the manager hands them to the
// service, and else for the account to read.
func (h host) folderSteps(spec Spec, handedOver bool) []Step {
	folder := filepath.Dir(spec.Config)
	secrets := filepath.Join(folder, SecretsFolder)
	var steps []Step
	if folder == configFolder {
		steps = append(steps, Step{"let the account " + Account + " read " + folder, func(context.Context) error {
			return h.own(folder, 0o750, false)
		}})
	}
	if handedOver {
		steps = append(steps, Step{"have " + secrets + " for root alone", func(context.Context) error { return h.makeSecrets(secrets) }})
	} else {
		steps = append(steps, Step{"let the account " + Account + " read " + secrets, func(context.Context) error { return h.own(secrets, 0o750, false) }})
	}
	for _, file := range append([]string{spec.Config}, spec.Readable...) {
		if info, err := os.Stat(h.at(file)); err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o004 != 0 ||
			handedOver && inside(file, secrets) {
			continue
		}
		steps = append(steps, Step{"let the account " + Account + " read " + file, func(context.Context) error { return h.letRead(file) }})
	}
	for _, dir := range append([]string{spec.DataDir}, spec.Writable...) {
		if dir != spec.DataDir && inside(dir, spec.DataDir) || handedOver && inside(dir, logFolder) {
			continue // it goes along, or systemd makes it
		}
		steps = append(steps, Step{"give " + dir + " to the account " + Account, func(context.Context) error {
			return h.own(dir, 0o700, true)
		}})
	}
	return steps
}

// foreign returns a problem if a file is not balansd's, which begins with head. A
// file that ends within head is from an interrupted installation.
func (h host) foreign(file, head string) error {
	if to, err := os.Readlink(h.at(file)); err == nil && to == "/dev/null" {
		return masked()
	}
	text, err := os.ReadFile(h.at(file))
	if errors.Is(err, fs.ErrNotExist) || err == nil && (strings.HasPrefix(string(text), head) || strings.HasPrefix(head, string(text))) {
		return nil
	}
	return problem.Wrap(err, problem.Conflict, file+" is not a file that balansd wrote", "Move it away, and install again.")
}

// purgeable refuses to delete what cannot be balansd's alone.
func (h host) purgeable(paths []string) error {
	uid, _, err := h.account()
	if err != nil {
		uid = 0
	}
	for _, p := range paths {
		clean := filepath.Clean(p)
		// What is in /etc, as the configuration is, is not shared as a whole.
		shared := isSharedFolderUnix(clean) && (clean == "/etc" || !inside(clean, "/etc"))
		if !filepath.IsAbs(p) || strings.Count(clean, "/") < 2 || shared {
			return problem.New(problem.Usage, fmt.Sprintf("%q is too much to delete", p), "Delete by hand what is balansd's in it.")
		}
		info, err := os.Lstat(h.at(p))
		if err != nil || !info.IsDir() || clean == configFolder || filepath.Base(clean) == SecretsFolder {
			continue // it goes as it is
		}
		if ours, err := ownFolder(h.at(p), uid); err != nil || !ours {
			return problem.Wrap(err, problem.Usage, fmt.Sprintf("%q holds other things than balansd's", p), "Delete by hand what is balansd's in it.")
		}
	}
	return nil
}

// isSharedFolderUnix reports whether a folder belongs to the system as a whole, see
// hier(7).
func isSharedFolderUnix(dir string) bool {
	dir = path.Clean(dir)
	return inside(dir, "/etc") || slices.Contains([]string{
		"/", "/bin", "/boot", "/dev", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys",
		"/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/local/etc", "/usr/local/lib", "/usr/local/sbin", "/usr/sbin",
		"/usr/share", "/var", "/var/backups", "/var/cache", "/var/lib", "/var/log", "/var/opt", "/var/run", "/var/spool", "/var/tmp",
	}, dir)
}
