package store

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"balansd/ledger"
	"balansd/problem"
)

// raw changes a stored row directly.
func raw(t *testing.T, s *Store, name table, change func(b *bolt.Bucket) error) {
	t.Helper()
	err := s.db.(*boltKV).db.Update(func(tx *bolt.Tx) error { return change(tx.Bucket([]byte(name))) })
	if err != nil {
		t.Fatal(err)
	}
}

// TestRowChecksum flips each bit of a row's key, header and value. Reading it, alone
// or in an iteration, reports damage.
func TestRowChecksum(t *testing.T) {
	s := openTemp(t)
	s.db.(*boltKV).db.NoSync = true // only this test reads it
	firm := ledger.Firm{ID: 7, Name: "Peeters"}
	if err := s.SaveFirm(t.Context(), firm); err != nil {
		t.Fatal(err)
	}
	key := number(7)
	var good []byte
	raw(t, s, tFirms, func(b *bolt.Bucket) error { good = bytes.Clone(b.Get(key)); return nil })
	try := func(what string, key, row []byte) {
		t.Helper()
		raw(t, s, tFirms, func(b *bolt.Bucket) error { return b.Put(key, row) })
		if firms, err := s.Firms(t.Context()); !problem.Is(err, problem.StateDamaged) {
			t.Errorf("%s: a walk gave %+v, %v", what, firms, err)
		}
		if bytes.Equal(key, number(7)) {
			if err := s.UpdateFirm(t.Context(), 7, func(*ledger.Firm) {}); !problem.Is(err, problem.StateDamaged) {
				t.Errorf("%s: a change gave %v", what, err)
			}
		}
		raw(t, s, tFirms, func(b *bolt.Bucket) error { return b.Delete(key) })
	}
	for i := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		try("a bit of the row", key, bad)
	}
	for i := range 8 * len(key) {
		other := bytes.Clone(key)
		other[i/8] ^= 1 << (i % 8)
		try("a bit of the key", other, good)
	}
	for n := range len(good) {
		try("cut short", key, good[:n])
	}
	raw(t, s, tFirms, func(b *bolt.Bucket) error { return b.Put(key, good) })
	if firms, err := s.Firms(t.Context()); err != nil || len(firms) != 1 || !cmp.Equal(firms[0], firm) {
		t.Errorf("the row itself gives %+v, %v", firms, err)
	}
}

// TestSharedTransactionFailsOnlyTheDamagedStep checks that a row that cannot be read fails only the
// operation that reads it, not others in the same transaction.
func TestSharedTransactionFailsOnlyTheDamagedStep(t *testing.T) {
	s := openTemp(t)
	for id := range int64(2) {
		if err := s.SaveFirm(t.Context(), ledger.Firm{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	raw(t, s, tFirms, func(b *bolt.Bucket) error { return b.Put(number(0), []byte("no row at all")) })
	change := func(id int64) *call {
		return &call{fn: func(w writer) error {
			w.put(tMeta, []byte{'x', byte(id)}, nil) // it has written before it reads
			var f ledger.Firm
			if _, err := getJSON(w, tFirms, number(uint64(id)), &f); err != nil {
				return err
			}
			f.Name = "changed"
			return putJSON(w, tFirms, number(uint64(id)), f)
		}}
	}
	bad, good := change(0), change(1)
	s.db.(*boltKV).commit([]*call{bad, good})
	if !problem.Is(bad.err, problem.StateDamaged) || good.err != nil {
		t.Errorf("the steps gave %v and %v", bad.err, good.err)
	}
	err := s.db.view(t.Context(), func(r reader) error {
		var f ledger.Firm
		if _, err := getJSON(r, tFirms, number(1), &f); err != nil || f.Name != "changed" {
			t.Errorf("the firm is %+v, %v", f, err)
		}
		if r.get(tMeta, []byte{'x', 0}) != nil {
			t.Error("half of the step that failed was kept")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRowFormatOfALaterVersion checks that a row in an unknown format is not taken for an
// uncompressed one.
func TestRowFormatOfALaterVersion(t *testing.T) {
	row := addHeader(tFirms, []byte("k"), []byte("value"))
	row[0]++
	sum := rowSum(tFirms, []byte("k"), row[headerSize:], row[0])
	copy(row[1:], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	if v, err := stripHeader(tFirms, []byte("k"), row); err == nil || !strings.Contains(err.Error(), "form 2") {
		t.Errorf("it gave %q, %v", v, err)
	}
}

// oneRow is a reader of one row.
type oneRow struct {
	reader
	text []byte
}

func (o oneRow) get(table, []byte) []byte { return o.text }

// TestFileDescription checks that versions without checksums can read the
// description of a state file, and that each changed bit of it is noticed.
func TestFileDescription(t *testing.T) {
	s := openTemp(t)
	var text []byte
	raw(t, s, tMeta, func(b *bolt.Bucket) error { text = bytes.Clone(b.Get(keyAbout)); return nil })
	var old struct {
		Schema  int
		Version string
		Created time.Time
	}
	if err := json.Unmarshal(text, &old); err != nil || old.Schema != Layout() || old.Version != "1.0.0" || old.Created.IsZero() {
		t.Errorf("an older version reads %s as %+v, %v", text, old, err)
	}
	if a, err := getAbout(oneRow{text: text}); err != nil || a.Schema != Layout() {
		t.Errorf("it is read as %+v, %v", a, err)
	}
	for i := range 8 * len(text) {
		bad := bytes.Clone(text)
		bad[i/8] ^= 1 << (i % 8)
		if a, err := getAbout(oneRow{text: bad}); err == nil {
			t.Errorf("%s is read as %+v", bad, a)
		}
	}
	// A later version may add fields.
	more := append(bytes.Clone(text[:len(text)-len(sumMark)-len(`00000000"}`)]), `,"more":1`...)
	w := &oneRowWriter{}
	w.put(tMeta, keyAbout, summed(more))
	if a, err := getAbout(w); err != nil || a.Schema != Layout() {
		t.Errorf("%s is read as %+v, %v", w.text, a, err)
	}
}

type oneRowWriter struct{ oneRow }

func (o *oneRowWriter) put(_ table, _, v []byte) { o.text = v }
func (o *oneRowWriter) remove(table, []byte)     {}

// TestSecretIsBoundToItsName swaps two sealed secrets, each in a valid row. A secret cannot be
// opened under another name.
func TestSecretIsBoundToItsName(t *testing.T) {
	s, ctx := openTemp(t), t.Context()
	for _, name := range []string{"firm/1", "firm/2"} {
		if err := s.Secrets().Put(ctx, name, []byte("of "+name)); err != nil {
			t.Fatal(err)
		}
	}
	err := s.db.update(ctx, func(w writer) error {
		w.put(tSecrets, []byte("firm/1"), bytes.Clone(w.get(tSecrets, []byte("firm/2"))))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Secrets().Get(ctx, "firm/1"); got != nil || !problem.Is(err, problem.KeyInvalid) {
		t.Errorf("it gave %q, %v", got, err)
	}
}
