package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// future returns the migrations that a later version might have.
func future(fails bool) []migration {
	now := migrations()
	layout := now[len(now)-1].to
	return append(now,
		migration{to: layout + 1, what: "names in capitals", run: func(w writer) error {
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
		migration{to: layout + 2, what: "and something after them", run: func(w writer) error {
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

	// Opening for reading does not migrate.
	if _, err := reopen("3.0.0", future(false), true); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("reading an older file gave %v", err)
	}
	// A migration that fails undoes the ones before it.
	if _, err := reopen("3.0.0", future(true), false); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("layout %d", Layout()+2)) {
		t.Fatalf("a failing migration gave %v", err)
	}
	if s, err = reopen("1.0.0", nil, false); err != nil {
		t.Fatal(err)
	}
	if got := name(s); got != "environment" {
		t.Errorf("half a migration was kept: %s", got)
	}
	// All of them succeed.
	if s, err = reopen("3.0.0", future(false), false); err != nil {
		t.Fatal(err)
	}
	if got := name(s); got != "ENVIRONMENT!" {
		t.Errorf("migrated to %s", got)
	}
	// They do not run twice.
	if s, err = reopen("3.0.1", future(false), false); err != nil {
		t.Fatal(err)
	}
	if got := name(s); got != "ENVIRONMENT!" {
		t.Errorf("migrated again to %s", got)
	}
	// An older version refuses the file and names the backup, which that version can use.
	_, err = reopen("1.0.0", nil, false)
	p := problem.Of(err)
	backups, listErr := ListBackups(filepath.Join(filepath.Dir(path), "backups"))
	// The update to 3.0.1 made one, which this version cannot use.
	backups = slices.DeleteFunc(backups, func(b ledger.Backup) bool { return b.Problem != "" })
	if listErr != nil || len(backups) != 2 || backups[0].Layout != Layout() { // the failed migration made one, too
		t.Fatalf("the backups are %+v, %v", backups, listErr)
	}
	if p.Code != problem.StateNewer || !strings.Contains(p.What, "balansd 3.0.1") || !strings.Contains(p.Next, backups[0].File) {
		t.Fatalf("an older version said %v / %s", err, p.Next)
	}
	if !strings.Contains(backups[0].File, "before-layout-5") {
		t.Errorf("the backup is called %s", backups[0].File)
	}
	o := Options{Path: path, Version: "1.0.0"}
	if _, _, err := Restore(t.Context(), o, backups[0].File, RestoreOptions{}); !problem.Is(err, problem.NotAllowed) {
		t.Fatalf("a restore over a newer state gave %v", err)
	}
	if _, _, err := Restore(t.Context(), o, backups[0].File, RestoreOptions{LoseNewer: true}); err != nil {
		t.Fatal(err)
	}
	if s, err = reopen("1.0.0", nil, false); err != nil {
		t.Fatal(err)
	}
	if got := name(s); got != "environment" {
		t.Errorf("the backup has %s", got)
	}
	// The migrated state is kept for the newer version.
	if backups, err = ListBackups(filepath.Dir(backups[0].File)); err != nil || len(backups) != 4 || backups[0].Problem == "" {
		t.Fatalf("the backups are %+v, %v", backups, err)
	}
	o = Options{Path: path, Version: "3.0.1", migrations: future(false)}.complete()
	if _, err := verifyBackup(t.Context(), backups[1].File, o); err != nil {
		t.Errorf("a newer version finds the older backup %v", err)
	}
	if _, _, err := Restore(t.Context(), o, backups[0].File, RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	if s, err = reopen("3.0.1", future(false), false); err != nil {
		t.Fatal(err)
	}
	if got := name(s); got != "ENVIRONMENT!" {
		t.Errorf("the newer state has %s", got)
	}
}

func TestTrialMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "balansd.db")
	s, err := Open(Options{Path: path, Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveConnection(t.Context(), ledger.Connection{ID: "C1"}); err != nil {
		t.Fatal(err)
	}
	o := Options{Path: path, Version: "3.0.0", Timeout: time.Millisecond, migrations: future(false)}
	if err := TryMigrate(t.Context(), o); !problem.Is(err, problem.StateLocked) {
		t.Errorf("while another has it open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o.Timeout = time.Minute
	if err := TryMigrate(t.Context(), o); err != nil {
		t.Error(err)
	}
	o.migrations = future(true)
	if err := TryMigrate(t.Context(), o); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("layout %d", Layout()+2)) {
		t.Errorf("a migration that fails gave %v", err)
	}
	if a, err := ReadAbout(t.Context(), o); err != nil || a.Layout != Layout() || a.Known != Layout()+2 || a.Version != "1.0.0" {
		t.Errorf("about is %+v, %v", a, err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was touched: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
	if err := TryMigrate(t.Context(), Options{Path: path + ".not"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("no file gave %v", err)
	}
}

// TestBackupAtAnUpdate: another version makes a copy before it begins, though nothing is
// migrated; the same version does not.
func TestBackupAtAnUpdate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.db")
	for _, c := range []struct {
		version string
		want    int
	}{{"1.0.0", 0}, {"1.0.0", 0}, {"1.0.1", 1}, {"1.0.1", 1}, {"1.1.0", 2}} {
		s, err := Open(Options{Path: path, Version: c.version})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		list, err := ListBackups(filepath.Join(filepath.Dir(path), "backups"))
		if err != nil || len(list) != c.want {
			t.Errorf("%s: %d backups, want %d, %v", c.version, len(list), c.want, err)
		}
	}
}
