//go:build !windows

package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"balansd/problem"
)

// header begins each file that balansd writes, so that it never replaces or removes one of
// a person.
const header = "# " + mark + " What you want otherwise\n# goes into a file of your own: systemctl edit balansd\n\n"

// write writes a file of the system that everybody may read, atomically.
func (h host) write(file, text string, mode fs.FileMode) error {
	path := h.at(file)
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return errors.Join(os.Chmod(path, mode), h.sync(file))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // as the folders of systemd are
		return fileProblem("write", file, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".balansd-*")
	if err != nil {
		return fileProblem("write", file, err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fileProblem("write", file, err)
	}
	return nil
}

// sync flushes a file to the disk, also if an earlier call wrote it.
func (h host) sync(file string) error {
	f, err := os.Open(h.at(file))
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return fileProblem("write", file, err)
	}
	return nil
}

// remove removes a file that balansd wrote, and the folder of a drop-in if it is empty
// then.
func (h host) remove(file string) error {
	if err := os.Remove(h.at(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fileProblem("remove", file, err)
	}
	if file == dropInFile {
		_ = os.Remove(h.at(dropInFolder)) // a person's own drop-ins stay
	}
	return nil
}

// makeSecrets creates the folder of secrets, which only root can open.
func (h host) makeSecrets(dir string) error {
	if err := os.Mkdir(h.at(dir), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fileProblem("make", dir, err)
	}
	err := errors.Join(os.Chmod(h.at(dir), 0o700), h.chown(h.at(dir), 0, 0)) //nolint:gosec // a folder
	if err != nil {
		return fileProblem("close", dir, err)
	}
	return nil
}

// letRead lets the group of the account read a file. It refuses if another group can read
// the file now, as that group would lose access.
func (h host) letRead(file string) error {
	_, gid, err := h.account()
	if err != nil {
		return fileProblem("give", file, err)
	}
	info, err := os.Stat(h.at(file))
	if err == nil {
		has, known := info.Sys().(*syscall.Stat_t)
		if known && info.Mode().Perm()&0o040 != 0 && has.Gid != 0 && int(has.Gid) != gid {
			return problem.New(problem.NotAllowed, fmt.Sprintf("the file %s is there for another group, which would lose it to the account %s", file, Account),
				"Put a copy of it into the folder "+SecretsFolder+" beside the configuration, name that one there, and install again; or let everybody read it where it is no secret.")
		}
		err = errors.Join(h.chown(h.at(file), -1, gid), os.Chmod(h.at(file), info.Mode().Perm()|0o040))
	}
	if err != nil {
		return fileProblem("open", file, err)
	}
	return nil
}

// own creates a folder with that mode for the account: owned by it with its content, or
// else readable by its group. A folder with files of others keeps its owner and mode.
func (h host) own(dir string, mode fs.FileMode, asOwner bool) error {
	uid, gid, err := h.account()
	if err != nil {
		return fileProblem("give", dir, err)
	}
	if !asOwner {
		uid = 0
	}
	path := h.at(dir)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // as the folders around it are
		return fileProblem("make", dir, err)
	}
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fileProblem("make", dir, err)
	}
	ours := true
	if asOwner {
		ours, err = ownFolder(path, uid)
	}
	if err == nil && ours {
		if err = errors.Join(h.chown(path, uid, gid), os.Chmod(path, mode)); err == nil && asOwner {
			err = restoreOwner(path, func(uint32) bool { return true })
		}
	}
	if err != nil {
		return fileProblem("give", dir, err)
	}
	return nil
}

// ownFolder reports whether a folder is balansd's alone: owned by the account already, or
// with only files of balansd in it, or empty and owned by root.
func ownFolder(path string, uid int) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	st, known := info.Sys().(*syscall.Stat_t)
	if known && uid != 0 && int(st.Uid) == uid {
		return true, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) == 0 {
		return err == nil && (!known || st.Uid == 0 || int(st.Uid) == os.Geteuid()), err
	}
	return !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !ourName(e.Name()) }), nil
}

// ourName reports whether balansd makes files of that name in a folder for data, backups
// or logs.
func ourName(name string) bool {
	switch name {
	case "backups", "log", SecretsFolder, "lost+found": // the last is of the disk itself
		return true
	}
	return strings.HasPrefix(name, Name) || strings.HasPrefix(name, "."+Name) || strings.HasPrefix(name, "crash")
}

// fileProblem returns the problem for a file operation that failed.
func fileProblem(verb, file string, err error) error {
	return problem.Wrap(err, problem.Unexpected, fmt.Sprintf("cannot %s %s", verb, file),
		"See what the system says about it, mend that, and do the same again: what is done already stays.")
}
