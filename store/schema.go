package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"balansd/balance"
	"balansd/ledger"
)

// What the tables hold. Numbers in keys are 8 bytes, big endian.
//
//	meta        about, number, pass and others      -> JSON, see the key* below
//	connections id                                  -> JSON
//	firms       firm id                             -> JSON
//	links       hash of connection and dossier      -> JSON
//	secrets     name                                -> sealed
//	entries     number                              -> packed entry, its head first
//	stories     number                              -> packed story
//	values      number                              -> packed figures
//	documents   number                              -> gzip
//	written     target key                          -> packed Written
//	passes      number                              -> JSON
//	nights      local date, YYYY-MM-DD              -> number of its run
//	missed      local date, YYYY-MM-DD              -> JSON
//	shelf       namespace, 0, key                   -> people, sessions, audit log (package accounts)
//	by_id       hash of connection and id, number   -> nothing
//	by_dossier  hash of connection and dossier, end of year, number -> hash of the content
//	by_state    a letter, number                    -> nothing
//
// Hashes are the first 8 bytes of a SHA-256: identifiers are opaque and may be of
// any length. A collision costs one read, since readers of an index check the entry
// itself.
var (
	keyNumber    = []byte("number")  // the newest entry's number
	keyRun       = []byte("pass")    // the newest run's number
	keyNight     = []byte("night")   // the date of the newest night
	keyGoodNight = []byte("good")    // the number of the newest night's run that succeeded
	keyCounts    = []byte("counts")  // entries by state
	keyChanges   = []byte("changes") // how often an entry was changed
	keyAlive     = []byte("alive")   // when balansd was last known to run
	keySince     = []byte("since")   // from when nights count, where that is not the file's own time
	keyCopied    = []byte("copied")  // the folder where the newest copy was put
	keySeal      = []byte("seal")    // a sealed text to check the data key with
)

// letters are the states' letters in by_state. A parked failure has its own, so that
// a run does not read it.
var letters = map[ledger.State]byte{
	ledger.Found: 'f', ledger.Waiting: 'w', ledger.Failed: 'x', ledger.Sending: 's',
	ledger.Done: 'd', ledger.Differs: 'v', ledger.Superseded: 'o', ledger.Ignored: 'i',
}

// parked is the letter of a failure that is tried again only when a person
// says so.
const parked = 'p'

// openLetters are those of the entries that a run processes, as ledger.Entry.Open
// has it.
const openLetters = "fwsx"

func letterOf(h ledger.Head) byte {
	if h.State == ledger.Failed && h.Parked {
		return parked
	}
	return letters[h.State]
}

// lettersOf returns the letters that entries of these states may have.
func lettersOf(states []ledger.State) string {
	var b strings.Builder
	for _, s := range states {
		if l, ok := letters[s]; ok && !strings.ContainsRune(b.String(), rune(l)) {
			b.WriteByte(l)
			if s == ledger.Failed {
				b.WriteByte(parked)
			}
		}
	}
	return b.String()
}

// shortHash hashes opaque texts to 8 bytes, with their lengths, so that different
// texts never run together.
func shortHash(texts ...string) []byte {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d:%s", len(t), t)
	}
	return h.Sum(nil)[:8:8]
}

func idPrefix(connection, id string) []byte { return shortHash("id", connection, id) }

func dossierPrefix(connection, dossier string) []byte {
	return shortHash("dossier", connection, dossier)
}

// yearPrefix returns the key prefix in by_dossier of a dossier and the end of a
// financial year.
func yearPrefix(connection, dossier string, end balance.Date) []byte {
	day := uint32(end.Year)<<9 | uint32(end.Month)<<5 | uint32(end.Day)
	return binary.BigEndian.AppendUint32(dossierPrefix(connection, dossier), day)
}

// contentHash returns the value in by_dossier for a content's SHA-256, nil for "".
func contentHash(sha string) []byte {
	if sha == "" {
		return nil
	}
	return shortHash("content", strings.ToLower(sha))
}

// row is a row of an index, but for its value.
type row struct {
	table table
	key   string
}

// indexRows are the rows by which an entry is found.
func indexRows(h ledger.Head) [3]row {
	n := number(h.Number)
	return [3]row{
		{tByID, string(append(idPrefix(h.Connection, h.ID), n...))},
		{tByDossier, string(append(yearPrefix(h.Connection, h.Dossier.ID, h.YearEnd), n...))},
		{tByState, string(append([]byte{letterOf(h)}, n...))},
	}
}

// indexValue is the value of an entry's row in an index.
func indexValue(t table, e ledger.Entry) []byte {
	if t == tByDossier {
		return contentHash(e.SHA256)
	}
	return nil
}

// putEntry replaces the entry with the head old, which is nil for a new entry, by e with
// its index rows and counts. blob is e, packed.
func putEntry(w writer, old *ledger.Head, e ledger.Entry, blob []byte) error {
	nextNumber(w, keyChanges)
	w.put(tEntries, number(e.Number), blob)
	now := indexRows(e.Head())
	var before [3]row
	if old != nil {
		before = indexRows(*old)
	}
	for i, r := range now {
		value := indexValue(r.table, e)
		if r == before[i] && bytes.Equal(w.get(r.table, []byte(r.key)), value) {
			continue
		}
		if old != nil && r != before[i] {
			w.remove(r.table, []byte(before[i].key))
		}
		w.put(r.table, []byte(r.key), value)
	}
	if old != nil && old.State == e.State {
		return nil
	}
	counts, err := readCounts(w)
	if err != nil {
		return err
	}
	counts[e.State]++
	if old != nil {
		if counts[old.State]--; counts[old.State] <= 0 {
			delete(counts, old.State)
		}
	}
	return putJSON(w, tMeta, keyCounts, counts)
}

func readCounts(r reader) (map[ledger.State]int, error) {
	counts := map[ledger.State]int{}
	_, err := getJSON(r, tMeta, keyCounts, &counts)
	return counts, err
}

func putJSON(w writer, t table, key []byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.put(t, key, text)
	return nil
}

// getJSON reads a row into v and reports whether there is one.
func getJSON(r reader, t table, key []byte, v any) (bool, error) {
	text := r.get(t, key)
	if text == nil {
		return false, nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, &rowError{fmt.Errorf("a row of %s: %w", t, err)}
	}
	return true, nil
}

// listJSON reads all rows of a table, by key.
func listJSON[T any](r reader, t table) ([]T, error) {
	var list []T
	for _, text := range r.walk(t, nil, nil) {
		var v T
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, &rowError{fmt.Errorf("a row of %s: %w", t, err)}
		}
		list = append(list, v)
	}
	return list, nil
}

// lastNumber returns the number under a key of tMeta, 0 if there is none yet.
func lastNumber(r reader, key []byte) uint64 {
	if v := r.get(tMeta, key); len(v) == 8 {
		return numberAt(v)
	}
	return 0
}

// nextNumber increments the number under a key of tMeta and returns it.
func nextNumber(w writer, key []byte) uint64 {
	n := lastNumber(w, key) + 1
	w.put(tMeta, key, number(n))
	return n
}
