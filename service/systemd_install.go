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

// minSystemd is the oldest systemd that takes the unit: it hands over a folder
// of credentials (LoadCredential= in the NEWS of version 250).
const minSystemd = 250

// Install plans what installing takes: the account, the folders and who may
// read them, and the unit. Where a package brought a unit, that one is
// used, and gets a drop-in for what the configuration has elsewhere: a unit of
// our own would hide the package's and its later versions.
func (s *systemd) Install(spec Spec) ([]Step, error) {
	u := UnitSpec{Spec: spec, Systemd: s.version}
	if s.version < minSystemd {
		return nil, problem.New(problem.NotAllowed, fmt.Sprintf("systemd %d is too old for balansd's unit, which needs %d", s.version, minSystemd),
			"Update the system, or have balansd run started in another way.")
	}
	if err := ownPlaces(spec, sharedUnix, inside); err != nil {
		return nil, err
	}
	if err := errors.Join(s.foreign(unitFile), s.foreign(dropInFile)); err != nil {
		return nil, err
	}
	steps := s.accountSteps()
	steps = append(steps, s.folderSteps(spec)...)
	units, err := s.unitSteps(u)
	if err != nil {
		return nil, err
	}
	steps = append(steps, units...)
	steps = append(steps,
		Step{"have systemd read its units again", func(ctx context.Context) error { return s.systemctl(ctx, "daemon-reload") }},
		Step{"start the service with the machine", func(ctx context.Context) error { return s.systemctl(ctx, "enable", unitName) }},
	)
	return s.asRoot(steps), nil
}

// asRoot has every step tell first which rights it lacks.
func (s *systemd) asRoot(steps []Step) []Step {
	for i, step := range steps {
		steps[i].Do = func(ctx context.Context) error {
			if err := s.Rights(); err != nil {
				return err
			}
			return step.Do(ctx)
		}
	}
	return steps
}

// accountSteps make the account of the service.
func (s *systemd) accountSteps() []Step {
	if s.packaged() != "" {
		return nil // the package made it
	}
	return []Step{
		{"write " + sysusersFile, func(context.Context) error { return s.write(sysusersFile, header+Sysusers()) }},
		{"make the account " + Account + " unless it is there", func(ctx context.Context) error {
			if _, _, err := s.account(); err == nil {
				return nil
			}
			_, err := s.run(ctx, "systemd-sysusers", sysusersFile)
			if err != nil {
				// It is a package of its own on some systems.
				_, err2 := s.run(ctx, "useradd", "--system", "--user-group", "--no-create-home",
					"--home-dir", stateFolder, "--shell", "/usr/sbin/nologin", Account)
				if err = errors.Join(err, err2); err2 == nil {
					err = nil
				}
			}
			if err != nil {
				return problem.Wrap(err, problem.Unexpected, "the account "+Account+" cannot be made",
					"Make a system account of that name, and install again.")
			}
			return nil
		}},
	}
}

// folderSteps make the folders, and let the account read and write what it has
// to.
func (s *systemd) folderSteps(spec Spec) []Step {
	folder := filepath.Dir(spec.Config)
	secrets := filepath.Join(folder, SecretsFolder)
	var steps []Step
	if folder == configFolder {
		steps = append(steps, Step{"let the account " + Account + " read " + folder, func(context.Context) error {
			return s.own(folder, 0o750, false)
		}})
	}
	steps = append(steps,
		Step{"have " + secrets + " for root alone", func(context.Context) error { return s.makeSecrets(secrets) }})
	for _, file := range append([]string{spec.Config}, spec.Readable...) {
		if info, err := os.Stat(s.at(file)); err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o004 != 0 ||
			inside(file, secrets) {
			continue
		}
		steps = append(steps, Step{"let the account " + Account + " read " + file, func(context.Context) error { return s.letRead(file) }})
	}
	for _, dir := range append([]string{spec.DataDir}, spec.Writable...) {
		if dir != spec.DataDir && inside(dir, spec.DataDir) || inside(dir, logFolder) {
			continue // it goes along, or systemd makes it
		}
		steps = append(steps, Step{"give " + dir + " to the account " + Account, func(context.Context) error {
			return s.own(dir, 0o700, true)
		}})
	}
	return steps
}

// unitSteps write the unit, or a drop-in for the package's.
func (s *systemd) unitSteps(u UnitSpec) ([]Step, error) {
	if from := s.packaged(); from != "" {
		more, err := dropIn(u)
		if err != nil {
			return nil, err
		}
		if u.Executable != PackageSpec().Executable {
			return nil, problem.New(problem.NotAllowed, fmt.Sprintf("a package has installed balansd with the unit %s, and this is another balansd: %s", from, u.Executable),
				"Use the package's: sudo /usr/bin/balansd service install; or remove the package first.")
		}
		var steps []Step
		if _, err := os.Lstat(s.at(unitFile)); err == nil {
			steps = append(steps, Step{"remove " + unitFile + ", which hides the package's " + from, func(context.Context) error {
				return s.remove(unitFile)
			}})
		}
		if more == "" {
			return append(steps, Step{"use the unit of the package, " + from, func(context.Context) error { return s.remove(dropInFile) }}), nil
		}
		return append(steps, Step{"add to the unit of the package, " + from + ", in " + dropInFile, func(context.Context) error {
			return s.write(dropInFile, header+more)
		}}), nil
	}
	text, err := Unit(u)
	if err != nil {
		return nil, err
	}
	return []Step{{"write " + unitFile, func(context.Context) error {
		return errors.Join(s.write(unitFile, header+text), s.remove(dropInFile))
	}}}, nil
}

// dropIn gives what a unit that is not ours to write, a package's, needs
// besides: other paths than those of PackageSpec. It is empty when there is
// nothing to add.
func dropIn(u UnitSpec) (string, error) {
	if err := u.check(); err != nil {
		return "", err
	}
	var unit, service string
	p := PackageSpec()
	if u.Config != p.Config {
		service += "ExecStart=\n" + u.execStart()
	}
	if filepath.Dir(u.Config) != configFolder {
		service += u.credentials()
	}
	if service += u.extras(); service != "" {
		service = "[Service]\n" + service
	}
	if unit = u.mounts(); unit != "" {
		unit = "[Unit]\n" + unit + "\n"
	}
	return unit + service, nil
}

// packaged gives the unit that a package brought; empty when there is none.
func (s *systemd) packaged() string {
	for _, file := range packageUnits() {
		if _, err := os.Stat(s.at(file)); err == nil {
			return file
		}
	}
	return ""
}

// foreign is a problem where a person put something in the place of our file.
func (s *systemd) foreign(file string) error {
	if to, err := os.Readlink(s.at(file)); err == nil && to == "/dev/null" {
		return masked()
	}
	text, err := os.ReadFile(s.at(file))
	if errors.Is(err, fs.ErrNotExist) || err == nil && strings.HasPrefix(string(text), header) {
		return nil
	}
	// An empty one is what an installation leaves that was cut off: nobody
	// wrote that by hand.
	if err == nil && len(text) == 0 {
		return nil
	}
	return problem.Wrap(err, problem.Conflict, file+" is not a file that balansd wrote", "Move it away, and install again.")
}

// Uninstall plans the removal. A unit that a package brought is the package's
// to remove.
func (s *systemd) Uninstall(r Removal) ([]Step, error) {
	if from := s.packaged(); from != "" {
		return nil, problem.New(problem.NotAllowed, "a package has installed the service, with "+from,
			"Remove the package: sudo apt remove balansd, or sudo dnf remove balansd.")
	}
	if err := s.foreign(unitFile); err != nil {
		return nil, err
	}
	if err := s.purgeable(r.Purge); err != nil {
		return nil, err
	}
	steps := []Step{
		{"stop the service", func(ctx context.Context) error {
			if err := s.Stop(ctx); !problem.Is(err, problem.NotFound) {
				return err
			}
			return nil
		}},
		{"start it no more with the machine", func(ctx context.Context) error {
			if st, err := s.Status(ctx); err != nil || st.State == NotInstalled {
				return err
			}
			return s.systemctl(ctx, "disable", unitName)
		}},
		{"remove " + unitFile, func(context.Context) error {
			return errors.Join(s.remove(unitFile), s.remove(dropInFile), s.remove(sysusersFile))
		}},
		{"have systemd forget it, and wait until it is gone", s.forget},
	}
	for _, path := range r.Purge {
		steps = append(steps, Step{"delete for good " + path, func(context.Context) error { return os.RemoveAll(s.at(path)) }})
	}
	return s.asRoot(steps), nil
}

// purgeable refuses to delete what cannot be balansd's alone.
func (s *systemd) purgeable(paths []string) error {
	uid, _, err := s.account()
	if err != nil {
		uid = 0
	}
	for _, p := range paths {
		clean := filepath.Clean(p)
		// What is in /etc, as the configuration is, is not shared as a whole.
		shared := sharedUnix(clean) && (clean == "/etc" || !inside(clean, "/etc"))
		if !filepath.IsAbs(p) || strings.Count(clean, "/") < 2 || shared {
			return problem.New(problem.Usage, fmt.Sprintf("%q is too much to delete", p), "Delete by hand what is balansd's in it.")
		}
		info, err := os.Lstat(s.at(p))
		if err != nil || !info.IsDir() || clean == configFolder || filepath.Base(clean) == SecretsFolder {
			continue // it goes as it is
		}
		if ours, err := ownFolder(s.at(p), uid); err != nil || !ours {
			return problem.Wrap(err, problem.Usage, fmt.Sprintf("%q holds other things than balansd's", p), "Delete by hand what is balansd's in it.")
		}
	}
	return nil
}

// forget has systemd forget the unit.
func (s *systemd) forget(ctx context.Context) error {
	if err := s.systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	// A failed unit stays known until its failure is forgotten; there is
	// nothing to forget of one that is gone.
	_ = s.systemctl(ctx, "reset-failed", unitName)
	return s.await(ctx, endTime, func(st Status, _ int) (bool, error) { return st.State == NotInstalled, nil }, "go")
}

// sharedUnix tells whether a folder belongs to the system as a whole, see
// hier(7).
func sharedUnix(dir string) bool {
	dir = path.Clean(dir)
	return inside(dir, "/etc") || slices.Contains([]string{
		"/", "/bin", "/boot", "/dev", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys",
		"/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/local/etc", "/usr/local/lib", "/usr/local/sbin", "/usr/sbin",
		"/usr/share", "/var", "/var/backups", "/var/cache", "/var/lib", "/var/log", "/var/opt", "/var/run", "/var/spool", "/var/tmp",
	}, dir)
}
