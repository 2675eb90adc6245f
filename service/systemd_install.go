//go:build !windows

package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	kardianos "github.com/kardianos/service"

	"balansd/internal/sleep"
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
	if err := checkFolders(spec, isSharedFolderUnix, inside); err != nil {
		return nil, err
	}
	if err := s.program(spec); err != nil {
		return nil, err
	}
	if err := errors.Join(s.foreign(unitFile, header), s.foreign(dropInFile, header)); err != nil {
		return nil, err
	}
	steps := s.accountSteps()
	steps = append(steps, s.folderSteps(spec, true)...)
	units, err := s.unitSteps(u)
	if err != nil {
		return nil, err
	}
	socket, err := s.socketSteps(u)
	if err != nil {
		return nil, err
	}
	steps = append(append(steps, units...), socket...)
	steps = append(steps,
		Step{"have systemd read its units again", func(ctx context.Context) error { return s.systemctl(ctx, "daemon-reload") }},
		Step{"start the service with the machine", func(ctx context.Context) error { return s.systemctl(ctx, "enable", unitName) }},
		Step{"see whether systemd has it so", func(ctx context.Context) error { return s.verify(ctx, spec) }},
	)
	return s.asRoot(steps), nil
}

// accountSteps make the account of the service.
func (s *systemd) accountSteps() []Step {
	if s.packaged() != "" {
		return nil // the package made it
	}
	return []Step{
		{"write " + sysusersFile, func(context.Context) error { return s.write(sysusersFile, header+Sysusers(), 0o644) }},
		{"make the account " + Account + " unless it is there", func(ctx context.Context) error {
			return s.createAccount(ctx, [][]string{{"systemd-sysusers", sysusersFile}}) // a package of its own on some systems
		}},
	}
}

// verify asks systemd what it would start. A drop-in of the administrator's may
// have another program, or a mask hide the unit.
func (s *systemd) verify(ctx context.Context, spec Spec) error {
	st, err := s.Status(ctx)
	// systemd shows the words of a command without quotes, and separates commands
	// with a semicolon.
	same := st.Executable == spec.Executable && st.Config == spec.Config || strings.Contains(spec.Executable+spec.Config, ";")
	if err == nil && (st.State == NotInstalled || !st.Enabled || !same) {
		err = problem.New(problem.Conflict, fmt.Sprintf("systemd does not have the service as it was installed: it is %s, and would start %q with %q", st.State, st.Executable, st.Config),
			"See what changes it: systemctl cat balansd")
	}
	return err
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
			return s.write(dropInFile, header+more, 0o644)
		}}), nil
	}
	text, err := Unit(u)
	if err != nil {
		return nil, err
	}
	return []Step{{"write " + unitFile, func(context.Context) error { return s.writeUnit(u.Spec, header+text) }}}, nil
}

// writeUnit has the library write the unit where there is none. It refuses
// where there is one, and writes into the file itself: so one that is there is
// replaced as a whole, and the first one is on the disk before it counts.
func (s *systemd) writeUnit(spec Spec, text string) error {
	if _, err := os.Lstat(s.at(unitFile)); errors.Is(err, fs.ErrNotExist) {
		lib, err := s.library(script(spec, "SystemdScript", text))
		if err == nil {
			err = lib.Install()
		}
		if err != nil {
			return fileProblem("write", unitFile, err)
		}
	}
	return errors.Join(s.write(unitFile, text, 0o644), s.remove(dropInFile))
}

// dropIn returns what a unit that is not ours to write, a package's, needs
// besides: other paths than those of PackageSpec. It is empty when there is
// nothing to add.
func dropIn(u UnitSpec) (string, error) {
	if err := u.check(); err != nil {
		return "", err
	}
	var unit, service string
	p := PackageSpec()
	if u.Config != p.Config {
		service += "ExecStart=\n" + u.execStart() + "ExecReload=\n" + u.execReload()
	}
	if filepath.Dir(u.Config) != configFolder {
		service += u.credentials()
	}
	if service += u.extras(); service != "" {
		service = "[Service]\n" + service
	}
	if unit = u.mounts() + u.wantsSocket(); unit != "" {
		unit = "[Unit]\n" + unit + "\n"
	}
	return unit + service, nil
}

// packaged returns the unit that a package brought; empty when there is none.
func (s *systemd) packaged() string {
	for _, file := range packageUnits() {
		if _, err := os.Stat(s.at(file)); err == nil {
			return file
		}
	}
	return ""
}

// Uninstall plans the removal. A unit that a package brought is the package's
// to remove.
func (s *systemd) Uninstall(r Removal) ([]Step, error) {
	if from := s.packaged(); from != "" {
		if r.Shown {
			return s.packageRemoval(r), nil
		}
		return nil, problem.New(problem.NotAllowed, "a package has installed the service, with "+from,
			"Remove the package: sudo apt remove balansd, or sudo dnf remove balansd.")
	}
	if err := s.foreign(unitFile, header); err != nil {
		return nil, err
	}
	if err := s.purgeable(r.Purge); err != nil {
		return nil, err
	}
	return s.removal(r,
		Step{"remove " + unitFile + ", and start it no more with the machine", func(context.Context) error { return s.removeUnit() }},
		Step{"have systemd forget it, and wait until it is gone", s.awaitRemoval},
	), nil
}

// packageRemoval returns what removing the package does, as its scripts have it: purge of
// dpkg deletes the folders of PackageSpec and keeps the backups.
func (s *systemd) packageRemoval(r Removal) []Step {
	if len(r.Purge) == 0 {
		return []Step{{What: "have the package stop and remove the service: sudo apt remove balansd, or sudo dnf remove balansd"}}
	}
	steps := []Step{{What: "have the package stop and remove the service: sudo apt purge balansd, or sudo dnf remove balansd, which deletes nothing of what follows"}}
	for _, path := range r.Purge {
		if inside(path, stateFolder) || inside(path, logFolder) || inside(path, configFolder) {
			steps = append(steps, Step{What: "delete for good " + path})
		} else {
			steps = append(steps, Step{What: "leave " + path + ", which the package does not know: delete it by hand"})
		}
	}
	if entries, err := os.ReadDir(s.at(backupFolder)); err == nil && len(entries) > 0 {
		steps = append(steps, Step{What: "keep the backups in " + backupFolder})
	}
	return steps
}

// removeUnit has the library disable and remove the unit, if there is one.
func (s *systemd) removeUnit() error {
	if _, err := os.Lstat(s.at(unitFile)); err == nil {
		lib, err := s.lib(Spec{})
		if err == nil {
			err = lib.Uninstall()
		}
		if err != nil {
			return fileProblem("remove", unitFile, err)
		}
	}
	return errors.Join(s.remove(unitFile), s.remove(dropInFile), s.remove(sysusersFile), s.remove(socketFile))
}

// awaitRemoval has systemd forget the unit, and waits until the library finds none.
func (s *systemd) awaitRemoval(ctx context.Context) error {
	if err := s.systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	// A failed unit stays known until its failure is forgotten; there is
	// nothing to forget of one that is gone.
	_ = s.systemctl(ctx, "reset-failed", unitName)
	lib, err := s.lib(Spec{})
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	for {
		if _, err := lib.Status(); errors.Is(err, kardianos.ErrNotInstalled) {
			return nil
		}
		if sleep.For(limited, pollInterval) != nil {
			return problem.New(problem.DaemonDown, "systemd still knows the service "+endTime.String()+" after its removal", "See what it does: systemctl status balansd.")
		}
	}
}
