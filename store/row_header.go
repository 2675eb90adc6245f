package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
)

// Each row of layout 2 and later begins with a header: a byte for the form of the
// value that follows, and a CRC32C of the table, the key, that byte and the value.
// It is verified whenever the row is read. bbolt has no checksum of its own, and
// JSON decodes in spite of most changed bytes.
//
// Rows of layout 1 have none. The row keyAbout has none in any layout: a version
// that knows layout 1 alone reads it to say that the file is of a newer one. Its
// checksum is inside its JSON.
const (
	headerSize = 5
	// formPlain is the only form so far: the value as it is. Another compression
	// gets another byte, so that both can be read.
	formPlain = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func rowSum(t table, key, formed []byte, form byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte(t))
	sum = crc32.Update(sum, castagnoli, key)
	sum = crc32.Update(sum, castagnoli, []byte{form})
	return crc32.Update(sum, castagnoli, formed)
}

// addHeader returns the row of a value.
func addHeader(t table, key, value []byte) []byte {
	row := make([]byte, headerSize, headerSize+len(value))
	row[0] = formPlain
	binary.BigEndian.PutUint32(row[1:], rowSum(t, key, value, formPlain))
	return append(row, value...)
}

// stripHeader verifies a row and returns its value. Its errors are rowErrors.
func stripHeader(t table, key, row []byte) ([]byte, error) {
	if len(row) < headerSize {
		return nil, &rowError{fmt.Errorf("a row of %s is cut short", t)}
	}
	value := row[headerSize:]
	if binary.BigEndian.Uint32(row[1:]) != rowSum(t, key, value, row[0]) {
		return nil, &rowError{fmt.Errorf("a row of %s does not have its checksum", t)}
	}
	if row[0] != formPlain {
		return nil, &rowError{fmt.Errorf("a row of %s has form %d, which this version does not know", t, row[0])}
	}
	return value, nil
}

// hasNoHeader reports whether a row has no header in any layout.
func hasNoHeader(t table, key []byte) bool { return t == tMeta && bytes.Equal(key, keyAbout) }

// sumMark begins the last field of the row keyAbout.
const sumMark = `,"sum":"`

// putAbout writes the description of the file, with its checksum.
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

// getAbout reads the description of the file, the zero about if there is none. Only
// layout 1 has no checksum.
func getAbout(r reader) (a about, err error) {
	text := r.get(tMeta, keyAbout)
	if text == nil {
		return a, nil
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, &rowError{fmt.Errorf("a row of %s: %w", tMeta, err)}
	}
	at := bytes.LastIndex(text, []byte(sumMark))
	if at < 0 && a.Schema == layoutWithoutHeaders {
		return a, nil
	}
	if at < 0 || !bytes.Equal(text, summed(text[:at])) {
		return a, &rowError{errors.New("its description does not have its checksum")}
	}
	return a, nil
}

// layoutWithoutHeaders is the layout whose rows have no headers.
const layoutWithoutHeaders = 1

// hasHeaders reports whether the rows of a file have headers. It is true if the
// description is unreadable: then reading any row reports damage.
func hasHeaders(t *boltTx) bool {
	a, err := getAbout(t)
	return err != nil || a.Schema != layoutWithoutHeaders
}

// addHeaders adds headers to the rows of a file that has none.
func addHeaders(w writer) error {
	t, ok := w.(*boltTx)
	if !ok || t.headers {
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
				if !hasNoHeader(name, k) {
					t.put(name, k, addHeader(name, k, values[i]))
				}
				from = append(bytes.Clone(k), 0)
			}
		}
	}
	t.headers = true
	return t.err
}
