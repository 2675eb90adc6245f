//go:build !windows

package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"balansd/problem"
)

// runtimeFolder is where systemd keeps what belongs to the service while it runs
// (RuntimeDirectory= of the unit). It is in memory, and gone after a stop.
const runtimeFolder = "/run/" + Name

// HandOver gives the running service the secrets beside its configuration file anew, as they
// are now: systemd hands over its copies only at a start. They are in SecretsFolder of the
// runtime folder then, for the account of the service alone, until the service stops.
// Without a service of systemd, or the rights of root, there is nothing to do.
func HandOver(configFile string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return handOver(filepath.Join(filepath.Dir(configFile), SecretsFolder), runtimeFolder)
}

func handOver(from, runtime string) error {
	info, err := os.Lstat(runtime)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no such service runs
	}
	files, err := os.ReadDir(from)
	if err == nil {
		err = copySecrets(from, files, runtime, info)
	}
	if err != nil {
		return problem.Wrap(err, problem.NotAllowed, fmt.Sprintf("the secrets in %s cannot be handed to the running service", from),
			"Look at the folder, or restart the service: sudo balansd service restart.")
	}
	return nil
}

// copySecrets replaces the folder of secrets in the runtime folder. That belongs to the
// account of the service, and root writes into it: it is opened once, and nothing in it can
// lead elsewhere.
func copySecrets(from string, files []fs.DirEntry, runtime string, info fs.FileInfo) error {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return fmt.Errorf("%s is no folder", runtime)
	}
	root, err := os.OpenRoot(runtime)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	fresh := SecretsFolder + ".new"
	if err := root.RemoveAll(fresh); err != nil {
		return err
	}
	if err := root.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue // as systemd does
		}
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		if err := writeOwned(root, filepath.Join(fresh, f.Name()), text, owner); err != nil {
			return err
		}
	}
	if err := root.Lchown(fresh, int(owner.Uid), int(owner.Gid)); err != nil {
		return err
	}
	// Between the two the service finds the copies of systemd.
	return errors.Join(root.RemoveAll(SecretsFolder), root.Rename(fresh, SecretsFolder))
}

// writeOwned writes a file that is new, and gives it to the account of the service.
func writeOwned(root *os.Root, name string, text []byte, owner *syscall.Stat_t) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Chown(int(owner.Uid), int(owner.Gid)), f.Close())
}
