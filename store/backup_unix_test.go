//go:build unix

package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"balansd/problem"
	"balansd/store"
)

// fillUpBackups makes backups, restores one and compacts, under a file size limit that
// grows step by step. Each failure must have a clear message and change nothing.
func fillUpBackups(path string) error {
	ctx := context.Background()
	signal.Ignore(unix.SIGXFSZ)
	o := store.Options{Path: path, Backups: store.Backups{Folder: filepath.Join(filepath.Dir(path), "backups"), Keep: 1000}}
	good, err := backupAt(ctx, o)
	if err != nil {
		return err
	}
	info, err := os.Stat(good)
	if err != nil {
		return err
	}
	for size := int64(0); size < info.Size()+4096; size += 1500 {
		if err := limitFiles(uint64(size)); err != nil {
			return err
		}
		_, backupErr := backupAt(ctx, o)
		_, _, restoreErr := store.Restore(ctx, o, good, store.RestoreOptions{})
		if err := limitFiles(unix.RLIM_INFINITY); err != nil {
			return err
		}
		if err := errors.Join(refused(backupErr, size, info.Size()), refused(restoreErr, size, info.Size())); err != nil {
			return err
		}
		if left, err := filepath.Glob(filepath.Join(o.Backups.Folder, ".*")); err != nil || len(left) > 0 {
			return fmt.Errorf("left are %v, %w", left, err)
		}
	}
	list, err := store.ListBackups(o.Backups.Folder)
	if err != nil {
		return err
	}
	for _, b := range list {
		if _, err := store.VerifyBackup(ctx, b.File); err != nil {
			return err
		}
	}
	fmt.Println("well")
	return nil
}

func backupAt(ctx context.Context, o store.Options) (string, error) {
	s, err := store.Open(o)
	if err != nil {
		return "", err
	}
	b, err := s.Backup(ctx)
	return b.File, errors.Join(err, s.Close())
}

// refused checks that an error was caused by the limit.
func refused(err error, limit, size int64) error {
	switch {
	case problem.Is(err, problem.StateUnwritable):
		return nil
	case limit < size && err == nil:
		return fmt.Errorf("with a limit of %d it went through", limit)
	default:
		return err
	}
}

func TestFullDiskAtBackupAndRestore(t *testing.T) {
	s := newFixture(t)
	s.o.Backups.Folder = ""
	s.with(func(st *store.Store) { s.add(st, 20) })
	startChild(t, "full-backups", s.o.Path).waitFor(t, "well")
	s.with(func(st *store.Store) {
		if err := st.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if e, err := st.Entry(t.Context(), 20); err != nil || e.Target == nil {
			t.Error(e, err)
		}
	})
}
