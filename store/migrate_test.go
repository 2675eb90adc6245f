package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/ledger"
	"balansd/problem"
)

// future is a list of migrations as a later version might have it.
func future(fails bool) []migration {
	return append(migrations(),
		migration{2, "names in capitals", func(w writer) error {
			all, err := listJSON[ledger.Connection](w, tConnections)
			if err != nil {
				return err
			}
			for _, c := range all {
				c.Name = strings.ToUpper(c.Name)
				if err := putJSON(w, tConnections, []byte(c.ID), c); err != nil {
					return err
				}
			}
			return nil
		}},
		migration{3, "and something after them", func(w writer) error {
			all, err := listJSON[ledger.Connection](w, tConnections)
			if err != nil {
				return err
			}
			if fails {
				return errors.New("made up")
			}
			all[0].Name += "!"
			return putJSON(w, tConnections, []byte(all[0].ID), all[0])
		}})
}

func TestMigrationsAreOrdered(t *testing.T) {
	for i, m := range migrations() {
		if m.to != i+1 {
			t.Errorf("migration %d goes to layout %d", i, m.to)
		}
	}
}

func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.db")
	reopen := func(version string, steps []migration, readOnly bool) (*Store, error) {
		return Open(Options{Path: path, Version: version, migrations: steps, ReadOnly: readOnly})
	}
	name := func(s *Store) string {
		t.Helper()
		cs, err := s.Connections(t.Context())
		if err != nil || len(cs) != 1 {
			t.Fatal(cs, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return cs[0].Name
	}
	s, err := reopen("1.0.0", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveConnection(t.Context(), ledger.Connection{ID: "C1", Name: "environment"}); err != nil {
		t.Fatal(err)
	}
	if got := name(s); got != "environment" {
		t.Fatal(got)
	}

	// A reader does not migrate.
	if _, err := reopen("3.0.0", future(false), true); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("reading an older file gave %v", err)
	}
	// One that fails leaves nothing of the ones before it.
	if _, err := reopen("3.0.0", future(true), false); err == nil || !strings.Contains(err.Error(), "layout 3") {
		t.Fatalf("a failing migration gave %v", err)
	}
	if s, err = reopen("1.0.0", nil, false); err != nil {
		t.Fatal(err)
	}
	if got := name(s); got != "environment" {
		t.Errorf("half a migration was kept: %s", got)
	}
	// All of them.
	if s, err = reopen("3.0.0", future(false), false); err != nil {
		t.Fatal(err)
	}
	if got := name(s); got != "ENVIRONMENT!" {
		t.Errorf("migrated to %s", got)
	}
	// Not twice.
	if s, err = reopen("3.0.1", future(false), false); err != nil {
		t.Fatal(err)
	}
	if got := name(s); got != "ENVIRONMENT!" {
		t.Errorf("migrated again to %s", got)
	}
	// The older version refuses the file and names the backup, which works.
	_, err = reopen("1.0.0", nil, false)
	p := problem.Of(err)
	if p.Code != problem.StateNewer || !strings.Contains(p.What, "balansd 3.0.1") || !strings.Contains(p.Next, path+".pre-v3") {
		t.Fatalf("an older version said %v / %s", err, p.Next)
	}
	if err := os.Rename(path+".pre-v3", path); err != nil {
		t.Fatal(err)
	}
	if s, err = reopen("1.0.0", nil, false); err != nil {
		t.Fatal(err)
	}
	if got := name(s); got != "environment" {
		t.Errorf("the backup has %s", got)
	}
}
