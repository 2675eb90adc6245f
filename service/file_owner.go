//go:build !windows

package service

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// RestoreOwner changes the owner of files in dir from root to the owner of dir. An
// administrator who uses the command line while the service is off creates files that
// the service could not read afterwards. It does nothing if dir belongs to root, the
// process is not root, or dir does not exist.
//
// The owner of dir may change it meanwhile: links are not followed, and a file with a
// second name, which may be elsewhere, is not changed.
func RestoreOwner(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return restoreOwner(dir, func(uid uint32) bool { return uid == 0 })
}

// restoreOwner changes the owner of files in dir from the users of from to the owner
// of dir, unless that is root.
func restoreOwner(dir string, from func(uid uint32) bool) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	top, err := root.Lstat(".")
	if err != nil {
		return err
	}
	owner, known := top.Sys().(*syscall.Stat_t)
	if !known || owner.Uid == 0 {
		return nil
	}
	return fs.WalkDir(root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was removed meanwhile
		}
		if err != nil {
			return err
		}
		info, err := root.Lstat(filepath.FromSlash(name))
		if err != nil {
			return nil
		}
		has, known := info.Sys().(*syscall.Stat_t)
		if !known || has.Uid == owner.Uid || !from(has.Uid) || !info.IsDir() && (!info.Mode().IsRegular() || has.Nlink > 1) {
			return nil
		}
		return root.Lchown(filepath.FromSlash(name), int(owner.Uid), int(owner.Gid))
	})
}
