package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"balansd/ledger"
	"balansd/store"

	"github.com/google/go-cmp/cmp"
)

// filesIn lists the names in a folder.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(list))
	for i, f := range list {
		names[i] = f.Name()
	}
	return names
}

// TestScratchChangesNothing checks that changes are visible in a scratch copy and not in
// the state, also if that is open for reading only.
func TestScratchChangesNothing(t *testing.T) {
	for name, readOnly := range map[string]bool{"open for writing": false, "open for reading": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "balansd.db")
			s := openAt(t, path)
			first := record(t, s, found("A", "1", "D1", "x"))[0]
			if readOnly {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				var err error
				if s, err = store.Open(store.Options{Path: path, ReadOnly: true}); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.Close() }()
			}
			names := filesIn(t, dir)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}

			scratch, discard, err := s.Scratch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			fresh := record(t, scratch, found("B", "1", "D2", "y"))
			if len(fresh) != 1 || fresh[0].Number != ledger.FirstDryRunNumber {
				t.Errorf("recorded %+v, want number %d", fresh, ledger.FirstDryRunNumber)
			}
			next, err := first.Wait(ledger.NoCompany, "", "", noon)
			move(t, scratch, next, err)
			if got, err := scratch.Entry(t.Context(), first.Number); err != nil || got.State != ledger.Waiting {
				t.Errorf("the copy has %+v, %v", got, err)
			}
			discard()

			if got, err := s.Entry(t.Context(), first.Number); err != nil || got.State != ledger.Found {
				t.Errorf("the state has %+v, %v", got, err)
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != string(before) {
				t.Errorf("the state file was changed, %v", err)
			}
			if diff := cmp.Diff(names, filesIn(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAbandonedScratchIsRemoved checks that opening the state removes scratch copies that
// were never discarded.
func TestAbandonedScratchIsRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "balansd.db")
	s := openAt(t, path)
	names := filesIn(t, dir)
	scratch, _, err := s.Scratch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := scratch.Close(); err != nil {
		t.Fatal(err)
	}
	if len(filesIn(t, dir)) == len(names) {
		t.Fatal("the copy does not lie beside the state")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, path)
	if diff := cmp.Diff(names, filesIn(t, dir)); diff != "" {
		t.Error(diff)
	}
}
