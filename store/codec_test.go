package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balansd/ledger"
)

// TestDictionaryNeverChanges pins the compression dictionary: existing rows cannot be read
// with another one.
func TestDictionaryNeverChanges(t *testing.T) {
	const first = "1b628f6a0393bb6983c045855c0a8ee62ef8059e24421e7077c1c76b3a7629e5"
	sum := sha256.Sum256(dictionary)
	if got := hex.EncodeToString(sum[:]); got != first {
		t.Errorf("the dictionary has changed: its hash is %s", got)
	}
}

// TestOpenLetters compares the index of open entries with ledger's Open.
func TestOpenLetters(t *testing.T) {
	for _, s := range ledger.States() {
		for _, parked := range []bool{false, true} {
			e := ledger.Entry{State: s, Parked: parked && s == ledger.Failed}
			indexed := false
			for _, l := range []byte(openLetters) {
				indexed = indexed || l == letterOf(e.Head())
			}
			if indexed != e.Open() {
				t.Errorf("an entry that is %s, parked %v: indexed as open %v, open %v", s, e.Parked, indexed, e.Open())
			}
		}
	}
}

// TestEntryRoundTrip checks that fields are kept whether or not the dictionary has them.
func TestEntryRoundTrip(t *testing.T) {
	c := newCodec()
	for _, ambiguous := range []bool{false, true} {
		want := ledger.Entry{Number: 7, Version: 2, Connection: "C1", State: ledger.Waiting,
			Reason: ledger.SeveralCompanies, Ambiguous: ambiguous, ValuesHash: "h"}
		row, err := c.pack(want)
		if err != nil {
			t.Fatal(err)
		}
		var got ledger.Entry
		if err := c.unpack(row, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// FuzzUnpack reads arbitrary rows, which must not do more harm than an error.
func FuzzUnpack(f *testing.F) {
	c := newCodec()
	good, err := c.pack(ledger.Entry{Number: 1})
	if err != nil {
		f.Fatal(err)
	}
	entry, err := c.packEntry(ledger.Entry{Number: 1, Connection: "C1"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{nil, entry, entry[:20], deflated(f, ledger.Entry{Number: 1}), {packedFlate}, {packedS2}, {packedWithHead, headVersion}, {0, 1, 2}, good, good[:len(good)-1]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		var e ledger.Entry
		if err := c.unpack(row, &e); err == nil {
			if _, err := c.pack(e); err != nil {
				t.Errorf("what was read cannot be written: %v", err)
			}
		}
		if err := c.unpackEntry(row, &e); err == nil {
			if _, err := c.packEntry(e); err != nil {
				t.Errorf("what was read cannot be written: %v", err)
			}
		}
		_, _ = c.unpackHead(row)
		if _, err := c.unpackValues(row); err == nil && len(row) == 0 {
			t.Error("values were read from nothing")
		}
		_, _ = gunzip(row)
	})
}

// TestCompressorsAreReused checks that compressors are reused: each
// takes some 800 KB, and one night may bring ten thousand documents.
func TestCompressorsAreReused(t *testing.T) {
	c := newCodec()
	document := bytes.Repeat([]byte("a social balance "), 500)
	const documents = 50
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range documents {
		row, err := c.compress(document)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := gunzip(row); err != nil || !bytes.Equal(got, document) {
			t.Fatalf("it comes back with %d bytes, %v", len(got), err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / documents; each > 200_000 {
		t.Errorf("each document costs %d bytes", each)
	}
}
