package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	kardianos "github.com/kardianos/service"
	"github.com/rs/zerolog"

	"balansd/internal/sleep"
	"balansd/problem"
)

// How long the Manager waits. A service may take StopTime to stop, and a busy
// machine some time more; Windows itself gives a start 30 seconds.
const (
	scmStopWait   = stopTime + 15*time.Second
	scmStartWait  = 45 * time.Second
	scmRemoveWait = 15 * time.Second
	scmPoll       = 100 * time.Millisecond
)

// scmManager is the Manager for Windows.
type scmManager struct {
	scm     scm
	library library
	log     zerolog.Logger
}

// Install returns the steps that create the service, its rights and its event source.
// Every step sets its part again, so that all of them together repair an incomplete
// or changed installation.
func (m *scmManager) Install(s Spec) ([]Step, error) {
	if err := m.checkSpec(s); err != nil {
		return nil, err
	}
	return m.installSteps(s), nil
}

// installSteps is the plan for paths that were checked.
func (m *scmManager) installSteps(s Spec) []Step {
	create := "create the service " + Name
	if _, err := m.scm.config(); err == nil {
		create = "bring the service " + Name + " up to date"
	}
	steps := []Step{
		{create + ": " + commandText(append([]string{s.Executable}, arguments(s)...)) + ", as " + account + ", after the services of Windows itself (delayed automatic start), with an identity of its own in access lists", func(context.Context) error {
			return explain("create the service", m.configure(s))
		}},
	}
	for _, o := range scmOptions() {
		steps = append(steps, Step{o.what(), func(context.Context) error { return m.setOption(o) }})
	}
	steps = append(steps,
		Step{"register the source " + Name + " with the event log", func(context.Context) error {
			return explain("register with the event log", m.scm.addEventSource())
		}},
		Step{"give " + s.DataDir + " to the system, the Administrators and the service alone", func(context.Context) error {
			return m.ownTree(s)
		}})
	for _, path := range append([]string{s.Executable, s.Config}, s.Readable...) {
		steps = append(steps, m.grant(s.DataDir, path, rightsExecute, "read"))
	}
	for _, path := range s.Writable {
		steps = append(steps, m.grant(s.DataDir, path, rightsModify, "write"))
	}
	return dropEmpty(steps)
}

// dropEmpty leaves out what there is nothing to do for.
func dropEmpty(steps []Step) []Step {
	kept := steps[:0]
	for _, s := range steps {
		if s.Do != nil {
			kept = append(kept, s)
		}
	}
	return kept
}

// checkSpec refuses what Windows would not start as it is written.
func (m *scmManager) checkSpec(s Spec) error {
	for _, path := range append([]string{s.Executable, s.Config, s.DataDir}, s.Writable...) {
		if !absoluteWindows(path) {
			return problem.New(problem.Usage, fmt.Sprintf("the path %q is not a full one", path),
				`Name it with its drive, such as C:\ProgramData\balansd.`)
		}
	}
	if err := checkFolders(s, isSharedFolderWindows, func(path, dir string) bool { return insideFolder(dir, path) }); err != nil {
		return err
	}
	line := commandText(append([]string{s.Executable}, arguments(s)...))
	if m.scm.expand(line) != line {
		return problem.New(problem.NotAllowed, "Windows would read a part of the command "+line+" as the name of a variable",
			"Take the percent signs out of the names of the folders.")
	}
	found, err := m.scm.whoHasAccess(s.Executable)
	return programProblem(s.Executable, found, err)
}

// Rights returns which rights the caller lacks.
func (m *scmManager) Rights() error { return explain("change the service", m.scm.mayInstall()) }

// configure has the library create the service, which it refuses where there
// is one, and then sets what it is about: the library does not set all of it.
func (m *scmManager) configure(s Spec) error {
	want := scmConfig{
		command: append([]string{s.Executable}, arguments(s)...), account: account, displayName: Name, description: about,
		auto: true, delayed: true, sid: sidUnrestricted,
	}
	for _, d := range scmDependencies() {
		switch ok, err := m.scm.startable(d); {
		case err != nil:
			return err
		case ok:
			want.dependencies = append(want.dependencies, d)
		default:
			m.log.Warn().Str("dependency", d).Msg("a service of Windows is missing or disabled, balansd does not wait for it")
		}
	}
	_, err := m.scm.config()
	if errors.Is(err, errServiceDoesNotExist) {
		err = m.create(s, want)
	}
	if err != nil {
		return err
	}
	return m.known("start it delayed, with an identity of its own in access lists", m.scm.change(want))
}

// create has the library create the service.
func (m *scmManager) create(s Spec, want scmConfig) error {
	c := libraryConfig(s)
	c.UserName, c.Dependencies = want.account, want.dependencies
	lib, err := m.library(c)
	if err != nil {
		return err
	}
	return lib.Install()
}

// setOption sets an option.
func (m *scmManager) setOption(o scmOption) error {
	return explain("set up the service", m.known(o.what(), m.scm.set(o)))
}

// known leaves out what this Windows does not know: a service without it is
// better than none.
func (m *scmManager) known(what string, err error) error {
	if errors.Is(err, errInvalidLevel) {
		m.log.Warn().Str("step", what).Msg("this version of Windows does not support a setting of the service")
		return nil
	}
	return err
}

// ownTree makes the data folder and sets the access lists of all that is in
// it. From the top downwards: once a folder is ours, nobody else can put
// something there any more. A link would carry the rights elsewhere.
func (m *scmManager) ownTree(s Spec) error {
	if err := os.MkdirAll(s.DataDir, 0o700); err != nil {
		return problem.Wrap(err, problem.NotAllowed, "the folder "+s.DataDir+" cannot be made", "See who may write above it.")
	}
	return filepath.WalkDir(s.DataDir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !d.Type().IsRegular() {
			return problem.New(problem.NotAllowed, path+" is a link, and leads out of the data folder",
				"Delete the link, or name the folder it leads to as data_dir, then install again.")
		}
		rights := uint32(rightsModify)
		if insideFolder(s.Config, path) {
			rights = rightsExecute // the service never changes its own configuration
		}
		if err == nil {
			err = m.scm.own(path, ownedBy(d.IsDir(), rights))
		}
		if err != nil {
			return problem.Wrap(err, problem.NotAllowed, "the access list of "+path+" cannot be set",
				"Run the command as an Administrator, and keep the data folder on a local NTFS disk.")
		}
		return nil
	})
}

// grant lets the service use a path outside the data folder; the step is empty for one
// inside. A network share may refuse, which is reported and no error: that server
// knows the service as this machine.
func (m *scmManager) grant(dataDir, path string, mask uint32, verb string) Step {
	if path == "" || insideFolder(dataDir, path) {
		return Step{}
	}
	return Step{"let the service " + verb + " " + path, func(context.Context) error {
		var err error
		if mask == rightsModify {
			err = os.MkdirAll(path, 0o700)
		}
		if err == nil {
			err = m.scm.grant(path, mask)
		}
		if err != nil {
			m.log.Warn().Err(err).Str("path", path).Str("account", account).
				Msg("the service could not be given access, give it by hand")
		}
		return nil
	}}
}

// Uninstall plans the removal. What is gone already is no error, so that a
// removal that was cut off can be done again.
func (m *scmManager) Uninstall(r Removal) ([]Step, error) {
	_, err := m.scm.config()
	if errors.Is(err, errServiceDoesNotExist) && len(r.Purge) == 0 && !m.scm.hasEventSource() {
		return nil, explain("remove the service", err)
	}
	for _, path := range r.Purge {
		if isSharedFolderWindows(path) {
			return nil, problem.New(problem.Usage, fmt.Sprintf("%q is too much to delete", path), "Delete by hand what is balansd's in it.")
		}
	}
	steps := []Step{
		{"stop the service " + Name, func(ctx context.Context) error {
			if err := m.Stop(ctx); err != nil && !problem.Is(err, problem.NotFound) {
				return err
			}
			return nil
		}},
		{"remove the service " + Name + ", and wait until Windows has let go of it", m.remove},
		{"take the source " + Name + " out of the event log", func(context.Context) error {
			return explain("take the source out of the event log", m.scm.removeEventSource())
		}},
	}
	for _, path := range r.Purge {
		steps = append(steps, Step{"delete " + path, func(context.Context) error { return purge(path) }})
	}
	return steps, nil
}

// remove has the library delete the service, and waits until it finds none.
// Until the last handle is closed, such as that of the window of services, a
// service that was deleted is there still, and could not be installed again.
// The library takes the event source away too; that there was none is no error.
func (m *scmManager) remove(ctx context.Context) error {
	if err := m.Rights(); err != nil { // the library says that there is no service to who lacks them
		return err
	}
	lib, err := m.library(libraryConfig(Spec{}))
	if err != nil {
		return err
	}
	if _, err := m.scm.config(); errors.Is(err, errServiceDoesNotExist) {
		return nil
	}
	err = lib.Uninstall()
	if _, refused := errors.AsType[syscall.Errno](err); refused && !errors.Is(err, errMarkedForDelete) {
		return explain("remove the service", err)
	}
	ctx, cancel := context.WithTimeout(ctx, scmRemoveWait)
	defer cancel()
	for {
		if _, err := lib.Status(); errors.Is(err, kardianos.ErrNotInstalled) {
			return nil
		}
		if sleep.For(ctx, scmPoll) != nil {
			return explain("remove the service", errMarkedForDelete)
		}
	}
}

// purge deletes a file or folder for good, one by one from the bottom up: a link is
// removed, not followed. Wine cannot do what os.RemoveAll asks of Windows.
func purge(path string) error {
	var all []string
	err := filepath.WalkDir(path, func(p string, _ fs.DirEntry, err error) error {
		if err == nil {
			all = append(all, p)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) && len(all) == 0 {
		return nil
	}
	for i := len(all) - 1; i >= 0 && err == nil; i-- {
		err = os.Remove(all[i])
	}
	if err != nil {
		return problem.Wrap(err, problem.NotAllowed, path+" cannot be deleted",
			"Close what has a file of it open, and delete it by hand.")
	}
	return nil
}
