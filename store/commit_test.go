package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"balansd/ledger"
	"balansd/problem"
)

// openTemp opens a new state and closes it at the end of the test.
func openTemp(t *testing.T) *Store {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(Options{Path: filepath.Join(dir, "balansd.db"), KeyPath: filepath.Join(dir, "data.key"), Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// commits returns the number of transactions written to the file.
func (s *Store) commits(t *testing.T) (n int) {
	t.Helper()
	err := s.db.(*boltKV).db.View(func(tx *bolt.Tx) error { n = tx.ID(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRecordIsOneTransaction checks that the cursor moves in the same transaction as the
// records that it covers, and not at all if one of them is refused.
func TestRecordIsOneTransaction(t *testing.T) {
	s := openTemp(t)
	c := ledger.Connection{ID: "C1", Status: ledger.Active, Cursor: "before"}
	entry := func(id string, state ledger.State) ledger.Entry {
		return ledger.Entry{Connection: "C1", Listing: ledger.Listing{ID: id, Revision: "1"}, State: state}
	}
	before := s.commits(t)
	if added, _, err := s.Record(t.Context(), c, []ledger.Entry{entry("A", ledger.Found), entry("B", ledger.Found)}); err != nil || len(added) != 2 {
		t.Fatal(added, err)
	}
	if n := s.commits(t) - before; n != 1 {
		t.Errorf("Record took %d transactions", n)
	}
	c.Cursor = "after"
	if _, _, err := s.Record(t.Context(), c, []ledger.Entry{entry("C", ledger.Found), entry("D", "no state")}); err == nil {
		t.Fatal("an entry without a state was recorded")
	}
	stored, err := s.Connections(t.Context())
	if err != nil || len(stored) != 1 || stored[0].Cursor != "before" {
		t.Errorf("the cursor moved without its records: %+v, %v", stored, err)
	}
	if counts, err := s.Counts(t.Context()); err != nil || counts[ledger.Found] != 2 {
		t.Errorf("half of the records were kept: %v, %v", counts, err)
	}
}

// TestCommitsAreSynced checks that commits are synced to disk, in new files and in
// existing ones.
func TestCommitsAreSynced(t *testing.T) {
	s := openTemp(t)
	path := filepath.Join(t.TempDir(), "new.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fresh, err := newBolt(path, s.options.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fresh.close() }()
	for name, b := range map[string]*boltKV{"opened": s.db.(*boltKV), "new": fresh} {
		if b.db.NoSync || b.db.NoGrowSync || b.db.NoFreelistSync {
			t.Errorf("a file that is %s is not synced: %+v", name, b.db)
		}
	}
}

// otherCopy returns a copy of a state other than the one that it is asked for.
type otherCopy struct {
	*boltKV
	other kv
}

func (o otherCopy) copyTo(ctx context.Context, w io.Writer, read func(reader) error) error {
	if err := o.view(ctx, read); err != nil {
		return err
	}
	return o.other.copyTo(ctx, w, func(reader) error { return nil })
}

// TestBackupIsComparedWithTheState checks that a valid copy with other content than the state is not
// accepted as a backup.
func TestBackupIsComparedWithTheState(t *testing.T) {
	s, other := openTemp(t), openTemp(t)
	if _, _, err := s.Record(t.Context(), ledger.Connection{ID: "C1"}, []ledger.Entry{{Connection: "C1", State: ledger.Found}}); err != nil {
		t.Fatal(err)
	}
	if _, err := makeBackup(t.Context(), s.db, s.options, ""); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadDir(s.options.Backups.Folder)
	if err != nil {
		t.Fatal(err)
	}
	_, err = makeBackup(t.Context(), otherCopy{s.db.(*boltKV), other.db}, s.options, "")
	if !problem.Is(err, problem.StateDamaged) || !errors.As(err, new(*problem.Problem)) || !bytes.Contains([]byte(err.Error()), []byte("does not hold what was copied")) {
		t.Errorf("a copy of another state gave %v", err)
	}
	after, err := os.ReadDir(s.options.Backups.Folder)
	if err != nil || len(after) != len(before) {
		t.Errorf("the folder holds %v, %v", after, err)
	}
}
