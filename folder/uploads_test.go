package folder_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/folder"
	"balansd/problem"
)

func TestUploads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uploads")
	u, ctx := folder.NewUploads(dir), t.Context()
	if names, err := u.List(); err != nil || len(names) > 0 {
		t.Fatalf("before there is a folder: %v, %v", names, err)
	}
	if size, err := u.Size(); err != nil || size != 0 {
		t.Fatalf("before there is a folder: %d, %v", size, err)
	}
	size, sum, err := u.Save(ctx, "A", "b", strings.NewReader("hello"), 5)
	if err != nil || size != 5 || sum != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
		t.Fatalf("%d, %s, %v", size, sum, err)
	}
	if _, _, err := u.Save(ctx, "A", "b.json", strings.NewReader("{}"), 9); err != nil {
		t.Fatal(err)
	}
	if data, err := u.Load("A", "b"); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
	if names, err := u.Files("A"); err != nil || len(names) != 2 {
		t.Errorf("%v, %v", names, err)
	}
	if size, err := u.Size(); err != nil || size != 7 {
		t.Errorf("%d bytes, %v", size, err)
	}
	// A failed save keeps the earlier file.
	if _, _, err := u.Save(ctx, "A", "b", strings.NewReader("longer"), 5); !problem.Is(err, problem.TooLarge) {
		t.Errorf("more than the limit: %v", err)
	}
	cut := errors.New("cut off")
	if _, _, err := u.Save(ctx, "A", "b", io.MultiReader(strings.NewReader("x"), failing{cut}), 5); !errors.Is(err, cut) {
		t.Errorf("a source that breaks off: %v", err)
	}
	if data, err := u.Load("A", "b"); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
	if size, _ := u.Size(); size != 7 {
		t.Errorf("%d bytes are left of what was refused", size-7)
	}
	for range 2 {
		if err := u.Delete("A", "b"); err != nil {
			t.Error(err)
		}
		if err := u.Remove("A"); err != nil {
			t.Error(err)
		}
	}
	if _, err := u.Load("A", "b"); !problem.Is(err, problem.NotFound) {
		t.Errorf("after it was removed: %v", err)
	}
}

// Names that balansd does not make are refused.
func TestUploadsOfOtherNames(t *testing.T) {
	dir := t.TempDir()
	u := folder.NewUploads(filepath.Join(dir, "uploads"))
	if err := os.WriteFile(filepath.Join(dir, "state"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "../state", "..\\state", "a/b", "/state", "a.b", "é", "state\x00", strings.Repeat("a", 65)} {
		if _, err := u.Load(name, "state"); !problem.Is(err, problem.NotFound) {
			t.Errorf("upload %q: %v", name, err)
		}
		if _, err := u.Load("..", name); !problem.Is(err, problem.NotFound) {
			t.Errorf("file %q: %v", name, err)
		}
		if _, _, err := u.Save(t.Context(), "A", name, bytes.NewReader(nil), 1); err == nil {
			t.Errorf("file %q was saved", name)
		}
		if err := u.Remove(name); err == nil {
			t.Errorf("upload %q was removed", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); err != nil {
		t.Error(err)
	}
}

// failing gives an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
