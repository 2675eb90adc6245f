package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// publish renames a finished file to path, durably. It never replaces an existing
// file: the error is then fs.ErrExist. temp is gone afterwards.
func publish(temp, path string) error {
	defer func() { _ = os.Remove(temp) }()
	return link(temp, path)
}

// link is publish, but leaves temp for another attempt where it can.
func link(temp, path string) error {
	err := os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		// A file system without hard links.
		if _, statErr := os.Lstat(path); statErr == nil {
			return fs.ErrExist
		}
		err = os.Rename(temp, path)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// makeFolder makes a folder that only one account can use, that of the file
// like. One that is there stays as it is.
func makeFolder(path, like string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return takeOwner(path, like)
}

// awayMark is in the name of a state file that is being replaced, where that
// takes two steps.
const awayMark = ".away"

// replace writes a file atomically: a temporary file beside it is written, synced
// and renamed. Only the account that runs balansd can read it.
func replace(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
