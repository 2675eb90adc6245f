package store

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"balansd/keyvalue"
)

func TestKeyValue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := Open(Options{Path: path, KeyPath: path + ".key"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	put := func(pairs ...string) {
		t.Helper()
		err := s.KeyValue().Update(ctx, func(w keyvalue.Writer) error {
			for i := 0; i < len(pairs); i += 3 {
				w.Put(pairs[i], pairs[i+1], []byte(pairs[i+2]))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	keys := func(back bool, namespace, key string) (out []string) {
		t.Helper()
		err := s.KeyValue().View(ctx, func(r keyvalue.Reader) error {
			rows := r.Walk(namespace, key)
			if back {
				rows = r.WalkBack(namespace, key)
			}
			for k, v := range rows {
				out = append(out, k+"="+string(v))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	put("a", "1", "x", "a", "2", "y", "a", "10", "z", "ab", "1", "other", "b", "", "nameless")
	check := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
	}
	check(keys(false, "a", ""), "1=x", "10=z", "2=y")
	check(keys(false, "a", "10"), "10=z", "2=y")
	check(keys(true, "a", ""), "2=y", "10=z", "1=x")
	check(keys(true, "a", "2"), "10=z", "1=x")
	check(keys(false, "b", ""), "=nameless")
	check(keys(false, "c", ""))

	// A transaction that fails leaves nothing behind, and sees its own writes.
	failed := errors.New("no")
	err = s.KeyValue().Update(ctx, func(w keyvalue.Writer) error {
		w.Delete("a", "1")
		w.Put("a", "3", []byte("new"))
		if w.Get("a", "1") != nil || string(w.Get("a", "3")) != "new" {
			t.Error("a step does not see its own changes")
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Error(err)
	}
	check(keys(false, "a", ""), "1=x", "10=z", "2=y")

	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.KeyValue().Update(stopped, func(keyvalue.Writer) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up gets %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(Options{Path: path, KeyPath: path + ".key"}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	check(keys(false, "a", "2"), "2=y")
}
