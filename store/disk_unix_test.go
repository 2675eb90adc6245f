//go:build unix

package store_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"balansd/ledger"
	"balansd/problem"
	"balansd/store"
)

func platformJobs() map[string]func(string) error {
	return map[string]func(string) error{"full": fillUp, "full-backups": fillUpBackups}
}

// fillUp limits the size of the state file, at first to its current size and then page by
// page more, so that a write fails at each place where it can. Each failed write must
// leave no trace and have a clear message, and the store must work again once there is
// space.
func fillUp(path string) error {
	ctx := context.Background()
	signal.Ignore(unix.SIGXFSZ) // so that a write beyond the limit returns EFBIG
	s, err := store.Open(store.Options{Path: path, KeyPath: path + ".key"})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	refusals, c := 0, ledger.Connection{ID: listed(0).Connection}
	for n := 0; refusals < 150 && n < 4000; n++ {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		// The limit moves through the whole file, and a little beyond it.
		page := int64(os.Getpagesize())
		limit := page * (int64(n*7) % (info.Size()/page + 8))
		before, err := s.Counts(ctx)
		if err != nil {
			return err
		}
		if err := limitFiles(uint64(limit)); err != nil {
			return err
		}
		c.Cursor = fmt.Sprint(n)
		fresh, _, recordErr := s.Record(ctx, c, []ledger.Entry{listed(n)})
		var deliverErr error
		if recordErr == nil {
			deliverErr = deliver(ctx, s, fresh[0])
		}
		secretErr := s.Secrets().Put(ctx, "token", fmt.Append(nil, n))
		if err := limitFiles(unix.RLIM_INFINITY); err != nil {
			return err
		}
		for _, err := range []error{recordErr, deliverErr, secretErr} {
			if err == nil {
				continue
			}
			refusals++
			if !problem.Is(err, problem.StateUnwritable) {
				return fmt.Errorf("with a limit of %d: %w", limit, err)
			}
		}
		if recordErr != nil {
			after, err := s.Counts(ctx)
			if err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
				return fmt.Errorf("a refused entry was counted: %v, %w", after, err)
			}
			if fresh, _, err = s.Record(ctx, c, []ledger.Entry{listed(n)}); err != nil || len(fresh) != 1 {
				return fmt.Errorf("entry %d with space again: %v, %w", n, fresh, err)
			}
		}
		if recordErr != nil || deliverErr != nil {
			e, err := s.Entry(ctx, fresh[0].Number)
			if err != nil {
				return err
			}
			if e.State != ledger.Done {
				if err := deliver(ctx, s, e); err != nil {
					return fmt.Errorf("deliver %d with space again: %w", n, err)
				}
			}
		}
	}
	if refusals < 100 {
		return fmt.Errorf("only %d writes were refused", refusals)
	}
	if err := s.Check(ctx); err != nil {
		return err
	}
	fmt.Println("well")
	return nil
}

func limitFiles(size uint64) error {
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY})
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.db")
	startChild(t, "full", path).waitFor(t, "well")
	if err := openAt(t, path).Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFolderRefused(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write anywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(store.Options{Path: filepath.Join(dir, "balansd.db")})
	wantCode(t, err, problem.StateUnwritable, dir)
}
