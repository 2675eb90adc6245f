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

// release lets go a file that bbolt panicked over. The lock is taken off
// first: bbolt's mapping of the file outlives the panic, and would keep it.
func release(f *os.File) {
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
	_ = f.Close()
}

// keyWrap says that the key stands in its file as it is: the file's mode
// protects it.
const keyWrap = "plain"

// syncFolder puts the names in a folder on disk. Some file systems, such as
// shares of another server, cannot do that and say so (fsync(2): EINVAL): they
// keep names in a way of their own.
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

// refusalOf tells what an error says of a disk or of this process.
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

// takeOwner gives a file or folder to the account that has the file like. Only
// an administrator can and need do so: what a command of theirs makes, balansd
// itself must be able to use.
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

// swap puts temp in the place of a state file that is open and locked, and
// lets the old one go. Whoever waits for the lock sees that it is no longer
// the file of that name.
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
// read, or that its group can change. Reading by the group is left to the
// administrator: files from systemd's LoadCredential= look so.
func checkKeyFile(info os.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return fmt.Errorf("its mode is %#o: other accounts can read or change it", mode)
	}
	return nil
}
