package store_test

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"balansd/daemon"
	"balansd/store"
)

// The store implements the interface of the daemon, though it does not import it.
var _ daemon.Store = (*store.Store)(nil)

func openAt(tb testing.TB, path string) *store.Store {
	tb.Helper()
	s, err := store.Open(store.Options{Path: path, KeyPath: filepath.Join(filepath.Dir(path), "keys", "data.key"), Version: "1.0.0"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func openNew(tb testing.TB) *store.Store {
	tb.Helper()
	return openAt(tb, filepath.Join(tb.TempDir(), "balansd.db"))
}

// parallel calls do n times from several workers, and fails at the first error.
func parallel(tb testing.TB, workers, n int, do func(i int) error) {
	tb.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if tb.Failed() {
		tb.FailNow()
	}
}
