package store

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"balansd/balance"
	"balansd/ledger"
)

// deflated is a row as versions up to layout 2 wrote it.
func deflated(tb testing.TB, v any) []byte {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	row := bytes.NewBuffer([]byte{packedFlate})
	w, err := flate.NewWriterDict(row, flate.DefaultCompression, dictionary)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return row.Bytes()
}

// anyEntry draws an entry with any head.
func anyEntry(t *rapid.T) ledger.Entry {
	text := func(name string) string { return rapid.String().Draw(t, name) }
	at := func(name string) time.Time {
		if rapid.Bool().Draw(t, name+" unknown") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name+" ns")).UTC()
	}
	e := ledger.Entry{Number: rapid.Uint64().Draw(t, "number"), Version: rapid.Uint64().Draw(t, "version"), Connection: text("connection"),
		UpdatedAt: at("updated"), Since: at("since"), State: rapid.SampledFrom(ledger.States()).Draw(t, "state"),
		Reason: ledger.Reason(text("reason")), FailClass: ledger.FailClass(text("class")), Parked: rapid.Bool().Draw(t, "parked")}
	e.Listing = ledger.Listing{ID: text("id"), CreatedAt: at("created"), SHA256: text("sha"),
		Dossier: ledger.Dossier{ID: text("dossier"), AffiliationNumber: text("affiliation"), EnterpriseNumber: balance.EnterpriseNumber(text("enterprise")), Name: text("name")}}
	if rapid.Bool().Draw(t, "year known") {
		e.FiscalYear.End = balance.Date{Year: rapid.IntRange(1, 9999).Draw(t, "year"), Month: 12, Day: 31}
	}
	if rapid.Bool().Draw(t, "target known") {
		e.Target = &ledger.Target{FirmID: rapid.Int64().Draw(t, "firm"), CompanyID: rapid.Int64().Draw(t, "company"), CompanyName: text("company name")}
	}
	return e
}

// TestHeadIsThatOfTheEntry reads the head of any entry: in a new row, in one that an older
// version wrote, and in one whose head is of another version.
func TestHeadIsThatOfTheEntry(t *testing.T) {
	c := newCodec()
	rapid.Check(t, func(rt *rapid.T) {
		e := anyEntry(rt)
		row, err := c.packEntry(e)
		if err != nil {
			rt.Fatal(err)
		}
		other := bytes.Clone(row)
		other[1] = headVersion + 1
		for name, row := range map[string][]byte{"new": row, "old": deflated(t, e), "of another version": other} {
			got, err := c.unpackHead(row)
			if diff := cmp.Diff(e.Head(), got); diff != "" || err != nil {
				rt.Errorf("a row that is %s has another head (-want +got), %v:\n%s", name, err, diff)
			}
			var whole ledger.Entry
			if err := c.unpackEntry(row, &whole); err != nil || cmp.Diff(e, whole) != "" {
				rt.Errorf("a row that is %s gives %+v, %v", name, whole, err)
			}
		}
	})
}

// TestOldRowsAreConvertedWhenWritten moves an entry whose row an older version wrote.
func TestOldRowsAreConvertedWhenWritten(t *testing.T) {
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "balansd.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	ctx := t.Context()
	added, _, err := s.Record(ctx, ledger.Connection{ID: "C1"}, []ledger.Entry{
		{Connection: "C1", State: ledger.Found, Listing: ledger.Listing{ID: "a", Dossier: ledger.Dossier{ID: "D1"}, SHA256: "1"}},
		{Connection: "C1", State: ledger.Found, Listing: ledger.Listing{ID: "b", Dossier: ledger.Dossier{ID: "D2"}, SHA256: "2"}}})
	if err != nil {
		t.Fatal(err)
	}
	rowOf := func(n uint64) (row []byte) {
		if err := s.db.view(ctx, func(r reader) error { row = bytes.Clone(r.get(tEntries, number(n))); return nil }); err != nil {
			t.Fatal(err)
		}
		return row
	}
	err = s.db.update(ctx, func(w writer) error {
		for _, e := range added {
			w.put(tEntries, number(e.Number), deflated(t, e))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	next := added[0]
	next.State, next.SHA256 = ledger.Done, "3"
	moved, err := s.Move(ctx, ledger.Move{Entry: next})
	if err != nil {
		t.Fatal(err)
	}
	if first, second := rowOf(1)[0], rowOf(2)[0]; first != packedWithHead || second != packedFlate {
		t.Errorf("the rows have forms %d and %d", first, second)
	}
	var heads []ledger.Head
	for h, err := range s.Heads(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, h)
	}
	if diff := cmp.Diff([]ledger.Head{moved[0].Head(), added[1].Head()}, heads); diff != "" {
		t.Errorf("the heads are others (-want +got):\n%s", diff)
	}
	if err := s.db.view(ctx, func(r reader) error { return checkEntries(r, s.codec) }); err != nil {
		t.Error(err)
	}
}
