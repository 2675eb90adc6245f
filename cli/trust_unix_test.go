//go:build !windows

package cli

import (
	"os"
	"path/filepath"
	"testing"

	"balansd/sandbox/faults"
)

// TestConfigWritableByOthers makes the configuration, a secret that it names, and their
// folder writable for others, one after the other.
func TestConfigWritableByOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	called := false
	f.sandbox.Finbox.Faults().OnCall(func(faults.Call) { called = true })
	f.sandbox.Silverfin.Faults().OnCall(func(faults.Call) { called = true })
	secret := filepath.Join(f.dir, "silverfin.secret")
	for _, c := range []struct {
		path, want string
		mode       os.FileMode
	}{
		{f.config, "balansd.yaml: others can change the file " + f.config, 0o666},
		{secret, "silverfin.client_secret_file: the file " + secret, 0o602},
		{f.dir, f.dir + ": everybody may change it", 0o777},
	} {
		was, err := os.Stat(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.path, c.mode); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"config", "check"}, {"sync"}, {"connect", "silverfin", "--oob", "--firm", "1"}} {
			f.want(2, c.want, args...)
		}
		if called {
			t.Fatal("somebody was called")
		}
		if err := os.Chmod(c.path, was.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	f.want(0, "is well", "config", "check")
}
