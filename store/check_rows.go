package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"balansd/balance"
	"balansd/ledger"
)

// checkRows checks every row of a state of the newest layout, and that each index
// has as many rows as there are entries. In a layout without checksums each row is
// also decoded and compared with the entries. Its errors are rowErrors.
func checkRows(ctx context.Context, db kv) error {
	c := newCodec()
	return db.view(ctx, func(r reader) error {
		t, ok := r.(*boltTx)
		decode := !ok || !t.headers
		rows := map[table]int{}
		for _, t := range tables {
			for k, v := range r.walk(t, nil, nil) {
				if err := ctx.Err(); err != nil {
					return err
				}
				rows[t]++
				if !decode {
					continue
				}
				if err := c.checkRow(r, t, k, v); err != nil {
					return &rowError{fmt.Errorf("a row of %s: %w", t, err)}
				}
			}
		}
		if decode {
			if err := checkEntries(r, c); err != nil {
				return &rowError{err}
			}
		}
		return checkCounts(r, rows)
	})
}

// checkCounts compares the numbers of rows with the counts of entries.
func checkCounts(r reader, rows map[table]int) error {
	counts, err := readCounts(r)
	if err != nil {
		return err
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	for _, t := range []table{tEntries, tByID, tByDossier, tByState} {
		if rows[t] != total {
			return &rowError{fmt.Errorf("%s has %d rows for %d entries", t, rows[t], total)}
		}
	}
	return nil
}

// checkTables returns an error for a table of an unknown name: a changed bit in a
// name hides the whole table, and no checksum of a row notices that.
func checkTables(r reader) error {
	t, ok := r.(*boltTx)
	if !ok {
		return nil
	}
	return t.tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
		if !slices.Contains(tables, table(name)) {
			return &rowError{fmt.Errorf("it has a table %q, which there is none of", name)}
		}
		return nil
	})
}

// readChunk is how many rows readRows reads in one transaction.
const readChunk = 4096

// readRows reads every row, which compares it with its checksum. It does so in
// many short transactions: a writer that has to map a larger file waits for each.
func readRows(ctx context.Context, db kv) error {
	for _, t := range tables {
		for from := []byte{}; from != nil; {
			err := db.view(ctx, func(r reader) error {
				rows, next := 0, []byte(nil)
				for k := range r.walk(t, from, nil) {
					if rows++; rows > readChunk {
						next = bytes.Clone(k)
						break
					}
				}
				from = next
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// checkEntries decodes the entries, and compares the indexes and counts with them.
func checkEntries(r reader, c *codec) error {
	counts := map[ledger.State]int{}
	for k, v := range r.walk(tEntries, nil, nil) {
		var e ledger.Entry
		if err := c.unpackEntry(v, &e); err != nil {
			return err
		}
		if len(k) != 8 || numberAt(k) != e.Number || e.Number > lastNumber(r, keyNumber) {
			return fmt.Errorf("entry %d is stored under another number", e.Number)
		}
		for _, row := range indexRows(e.Head()) {
			if v := r.get(row.table, []byte(row.key)); v == nil || !bytes.Equal(v, indexValue(row.table, e)) {
				return fmt.Errorf("entry %d is missing in %s", e.Number, row.table)
			}
		}
		counts[e.State]++
	}
	have, err := readCounts(r)
	if err == nil && !maps.Equal(have, counts) {
		err = errors.New("the counts are not those of the entries")
	}
	return err
}

// checkRow decodes the value of a row, and requires the entry that it belongs to.
func (c *codec) checkRow(r reader, t table, k, v []byte) (err error) {
	switch t {
	case tHistories, tValues, tDocuments:
		if len(k) != 8 || r.get(tEntries, k) == nil {
			return errors.New("its entry is not there")
		}
	}
	switch t {
	case tHistories:
		err = c.unpack(v, new(history))
	case tValues:
		_, err = c.unpackValues(v)
	case tDocuments:
		_, err = gunzip(v)
	case tWritten:
		err = c.unpack(v, new(ledger.Written))
	case tConnections:
		err = json.Unmarshal(v, new(ledger.Connection))
	case tFirms:
		err = json.Unmarshal(v, new(ledger.Firm))
	case tLinks:
		err = json.Unmarshal(v, new(ledger.DossierLink))
	case tRuns:
		err = json.Unmarshal(v, new(ledger.Run))
	case tMissed:
		err = json.Unmarshal(v, new(ledger.MissedNight))
	case tNights:
		if _, dateErr := balance.ParseDate(string(k)); dateErr != nil || len(v) != 8 {
			err = errors.New("it is no night")
		}
	}
	return err
}
