package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"balansd/problem"
	"balansd/store"
)

const canary = "canary-refresh-token-8f3a"

func TestSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.db")
	s := openAt(t, path)
	v := s.Secrets()
	ctx := t.Context()
	if got, err := v.Get(ctx, "none"); got != nil || err != nil {
		t.Errorf("a secret that is not there is %q, %v", got, err)
	}
	long := bytes.Repeat([]byte(canary), 1000)
	for name, value := range map[string][]byte{"a": []byte(canary), "b": long, "empty": {}} {
		if err := v.Put(ctx, name, value); err != nil {
			t.Fatal(err)
		}
		got, err := v.Get(ctx, name)
		if err != nil || got == nil || !bytes.Equal(got, value) {
			t.Errorf("%s is %.40q, %v", name, got, err)
		}
	}
	if err := v.Put(ctx, "a", []byte("second")); err != nil {
		t.Fatal(err)
	}
	if err := v.Delete(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if err := v.Delete(ctx, "b"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	v = openAt(t, path).Secrets()
	for name, want := range map[string]string{"a": "second", "b": ""} {
		if got, err := v.Get(ctx, name); err != nil || string(got) != want {
			t.Errorf("%s is %q after reopening, %v", name, got, err)
		}
	}
}

// TestSecretsUpdate changes a secret concurrently. No change is lost, and a refused one
// changes nothing.
func TestSecretsUpdate(t *testing.T) {
	v := openAt(t, filepath.Join(t.TempDir(), "balansd.db")).Secrets()
	ctx := t.Context()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			err := v.Update(ctx, "a", func(old []byte) ([]byte, error) { return append(bytes.Clone(old), 'x'), nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	refused := errors.New("refused")
	if err := v.Update(ctx, "a", func([]byte) ([]byte, error) { return []byte("lost"), refused }); !errors.Is(err, refused) {
		t.Errorf("a refused change: %v", err)
	}
	if got, err := v.Get(ctx, "a"); err != nil || len(got) != 20 {
		t.Errorf("%d changes are there, %v; want 20", len(got), err)
	}
	if err := v.Update(ctx, "a", func([]byte) ([]byte, error) { return nil, nil }); err != nil {
		t.Error(err)
	}
	if got, err := v.Get(ctx, "a"); got != nil || err != nil {
		t.Errorf("a removed secret is %q, %v", got, err)
	}
}

// TestSecretsCheck tries the right key, no key, and another key.
func TestSecretsCheck(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "balansd.db")
	s := openAt(t, path)
	ctx := t.Context()
	if err := s.Secrets().Check(ctx); err != nil {
		t.Errorf("without secrets: %v", err)
	}
	if err := s.Secrets().Put(ctx, "a", []byte(canary)); err != nil {
		t.Fatal(err)
	}
	if err := s.Secrets().Check(ctx); err != nil {
		t.Errorf("with its own key: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check := func(what string) {
		t.Helper()
		s := openAt(t, path)
		defer s.Close()
		if err := s.Secrets().Check(ctx); !problem.Is(err, problem.KeyInvalid) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", what, err)
		}
	}
	key := func(s *store.Store) string { return filepath.Join(filepath.Dir(s.Path()), "keys", "data.key") }
	other := openAt(t, filepath.Join(t.TempDir(), "balansd.db"))
	if err := other.Secrets().Put(ctx, "a", nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(key(s)); err != nil {
		t.Fatal(err)
	}
	check("without the key")
	text, err := os.ReadFile(key(other))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key(s), text, 0o600); err != nil {
		t.Fatal(err)
	}
	check("with another key")
}

// TestNoPlaintext searches each file for a secret, also after it was deleted.
func TestNoPlaintext(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "balansd.db"))
	if err := s.Secrets().Put(t.Context(), "tokens", []byte(canary)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(canary)) {
			t.Errorf("%s holds the secret in the clear", path)
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("looked into %d files, %v", files, err)
	}
}

func keyOf(s *store.Store) string {
	return filepath.Join(filepath.Dir(s.Path()), "keys", "data.key")
}

func TestKeyFile(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "balansd.db")
	s := openAt(t, path)
	if _, err := os.Stat(keyOf(s)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a key before there is a secret: %v", err)
	}
	if err := s.Secrets().Put(ctx, "tokens", []byte(canary)); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(keyOf(s))
	if err != nil {
		t.Fatal(err)
	}
	reopen := func() *store.Secrets {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, path)
		return s.Secrets()
	}
	refused := func(what string, v *store.Secrets, parts ...string) {
		t.Helper()
		_, err := v.Get(ctx, "tokens")
		wantCode(t, err, problem.KeyInvalid, parts...)
		wantCode(t, v.Put(ctx, "tokens", []byte("new")), problem.KeyInvalid, parts...)
		for _, secret := range []string{canary, strings.Fields(string(key))[2]} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the problem tells a secret", what)
			}
		}
	}
	write := func(text string, mode os.FileMode) {
		t.Helper()
		_ = os.Remove(keyOf(s))
		if err := os.WriteFile(keyOf(s), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(keyOf(s), mode); err != nil {
			t.Fatal(err)
		}
	}

	if err := os.Remove(keyOf(s)); err != nil {
		t.Fatal(err)
	}
	refused("missing", reopen(), keyOf(s), "missing", "Restore", "link them again")
	if _, err := os.Stat(keyOf(s)); !errors.Is(err, os.ErrNotExist) {
		t.Error("a new key was made while secrets are sealed with the old one")
	}
	write("", 0o600)
	refused("empty", reopen(), keyOf(s))
	write(string(key[:len(key)/2]), 0o600)
	refused("cut", reopen(), keyOf(s))
	write("balansd-data-key-1 elsewhere AAAA\n", 0o600)
	refused("of another system", reopen(), "another system")
	other := openNew(t)
	if err := other.Secrets().Put(ctx, "x", []byte("y")); err != nil {
		t.Fatal(err)
	}
	wrong, err := os.ReadFile(keyOf(other))
	if err != nil {
		t.Fatal(err)
	}
	write(string(wrong), 0o600)
	refused("another key", reopen(), keyOf(s), path)
	if runtime.GOOS != "windows" {
		for _, mode := range []os.FileMode{0o644, 0o604, 0o620} {
			write(string(key), mode)
			refused(mode.String(), reopen(), keyOf(s), "chmod 600")
		}
		write(string(key), 0o440) // the mode of a systemd credential
		if got, err := reopen().Get(ctx, "tokens"); err != nil || string(got) != canary {
			t.Errorf("%q, %v", got, err)
		}
	}
	// Without secrets a new key does no harm.
	if err := os.Remove(keyOf(s)); err != nil {
		t.Fatal(err)
	}
	v := reopen()
	if err := v.Delete(ctx, "tokens"); err != nil {
		t.Fatal(err)
	}
	if err := v.Put(ctx, "tokens", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := reopen().Get(ctx, "tokens"); err != nil || string(got) != "new" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(keyOf(s)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the key file's mode is %v, %v", info.Mode(), err)
	}
}
