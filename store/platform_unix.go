//go:build !windows

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// release closes a file in which bbolt panicked. It unlocks the file first, because
// bbolt's mapping of it outlives the panic and would keep the lock.
func release(f *os.File) {
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
	_ = f.Close()
}

// keyWrap says that the key is not encrypted in its file: the file's mode protects
// it.
const keyWrap = "plain"

// syncFolder syncs the names in a folder to disk. Some file systems, such as network
// shares, do not support that (fsync(2): EINVAL), which is no error.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

// refusalOf classifies an error of the operating system.
func refusalOf(err error) refusal {
	for kind, list := range map[refusal][]error{
		readOnlyDisk: {unix.EROFS}, failingDisk: {unix.EIO, unix.ESTALE, unix.ENODEV, unix.ENXIO}, fullDisk: {unix.ENOSPC, unix.EDQUOT},
		noMoreFiles: {unix.EMFILE, unix.ENFILE}, noMoreMemory: {unix.ENOMEM}, noLocks: {unix.ENOLCK},
	} {
		for _, errno := range list {
			if errors.Is(err, errno) {
				return kind
			}
		}
	}
	return noRefusal
}

// takeOwner sets the owner of a file or folder to that of the file like. Only an
// administrator can and needs to: balansd itself must be able to use the files that
// their commands create.
func takeOwner(path, like string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return os.Chown(path, int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// swap replaces a state file that is open and locked by temp, and closes the old
// one. A process that waits for the lock sees that it is no longer the file of that
// name.
func swap(temp, path string, closeOld func() error) error {
	err := os.Rename(temp, path)
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	return errors.Join(err, closeOld())
}

// wrapKey and unwrapKey leave the key as it is.
func wrapKey(key []byte) ([]byte, error) { return key, nil }

func unwrapKey(text []byte) ([]byte, error) { return text, nil }

// protectKey has nothing to do: the key file was made with mode 0600.
func protectKey(string) error { return nil }

// checkKeyFile refuses a key file that others than its owner and its group can
// read, or that its group can change. The group may read it, as it may the files of
// systemd's LoadCredential=.
func checkKeyFile(info os.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return fmt.Errorf("its mode is %#o: other accounts can read or change it", mode)
	}
	return nil
}
