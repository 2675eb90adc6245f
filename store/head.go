package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
)

// Each row of layout 2 and later begins with a head: a byte that says in which
// form its value follows, and a CRC32C of the table, the key, that byte and
// what follows. It is tested whenever the row is read. bbolt has no checksum of
// its own for what it keeps, and JSON reads past most changed bytes.
//
// Rows of layout 1 have none. The row keyAbout has none in any layout: a version
// that knows layout 1 alone reads it to say that the file is of a newer one. Its
// checksum is inside its JSON.
const (
	headSize = 5
	// asGiven is the only form that there is: the value follows as it is.
	// Another way of compressing rows gets another byte, so that both are read.
	asGiven = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func rowSum(t table, key, formed []byte, form byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte(t))
	sum = crc32.Update(sum, castagnoli, key)
	sum = crc32.Update(sum, castagnoli, []byte{form})
	return crc32.Update(sum, castagnoli, formed)
}

// withHead makes the row that is kept of a value.
func withHead(t table, key, value []byte) []byte {
	row := make([]byte, headSize, headSize+len(value))
	row[0] = asGiven
	binary.BigEndian.PutUint32(row[1:], rowSum(t, key, value, asGiven))
	return append(row, value...)
}

// withoutHead gives the value of a row; its errors are rowErrors.
func withoutHead(t table, key, row []byte) ([]byte, error) {
	if len(row) < headSize {
		return nil, &rowError{fmt.Errorf("a row of %s is cut short", t)}
	}
	value := row[headSize:]
	if binary.BigEndian.Uint32(row[1:]) != rowSum(t, key, value, row[0]) {
		return nil, &rowError{fmt.Errorf("a row of %s does not have its checksum", t)}
	}
	if row[0] != asGiven {
		return nil, &rowError{fmt.Errorf("a row of %s has form %d, which this version does not know", t, row[0])}
	}
	return value, nil
}

// bare tells whether a row has no head in any layout.
func bare(t table, key []byte) bool { return t == tMeta && bytes.Equal(key, keyAbout) }

// sumMark begins the last field of the row keyAbout.
const sumMark = `,"sum":"`

// putAbout writes what the file says of itself, with its checksum.
func putAbout(w writer, a about) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	w.put(tMeta, keyAbout, summed(text[:len(text)-1]))
	return nil
}

// summed ends a JSON object that lacks its last brace with the checksum of it.
func summed(text []byte) []byte {
	return fmt.Appendf(bytes.Clone(text), `%s%08x"}`, sumMark, crc32.Checksum(text, castagnoli))
}

// getAbout reads what the file says of itself; the zero about when it says
// nothing. Only layout 1 has no checksum.
func getAbout(r reader) (a about, err error) {
	text := r.get(tMeta, keyAbout)
	if text == nil {
		return a, nil
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, &rowError{fmt.Errorf("a row of %s: %w", tMeta, err)}
	}
	at := bytes.LastIndex(text, []byte(sumMark))
	if at < 0 && a.Schema == layoutBare {
		return a, nil
	}
	if at < 0 || !bytes.Equal(text, summed(text[:at])) {
		return a, &rowError{errors.New("what it says of itself does not have its checksum")}
	}
	return a, nil
}

// layoutBare is the layout whose rows have no heads.
const layoutBare = 1

// headed tells whether the rows of a file have heads. Where the file does not
// say what it is they have: then reading any of them tells damage.
func headed(t *boltTx) bool {
	a, err := getAbout(t)
	return err != nil || a.Schema != layoutBare
}

// addHeads gives each row its head, where rows have none yet.
func addHeads(w writer) error {
	t, ok := w.(*boltTx)
	if !ok || t.heads {
		return nil
	}
	const step = 256 // rows that are read before they are written
	for _, name := range tables {
		for from := []byte{}; from != nil; {
			var keys, values [][]byte
			for k, v := range t.walk(name, from, nil) {
				if len(keys) == step {
					break
				}
				keys, values = append(keys, bytes.Clone(k)), append(values, v)
			}
			from = nil
			for i, k := range keys {
				if !bare(name, k) {
					t.put(name, k, withHead(name, k, values[i]))
				}
				from = append(bytes.Clone(k), 0)
			}
		}
	}
	t.heads = true
	return t.err
}
