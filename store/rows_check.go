package store

import (
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

// checkRows reads every row of a state of the newest layout and holds the
// indexes and counts to the entries. Its errors are rowErrors.
func checkRows(ctx context.Context, db kv) error {
	c := newCodec()
	return db.view(ctx, func(r reader) error {
		if err := checkEntries(r, c); err != nil {
			return &rowError{err}
		}
		for _, t := range tables {
			for k, v := range r.walk(t, nil, nil) {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := checkRow(r, c, t, k, v); err != nil {
					return &rowError{fmt.Errorf("a row of %s: %w", t, err)}
				}
			}
		}
		return nil
	})
}

// checkTables refuses a file with a table of an unknown name: a changed bit in a
// name takes all of a table away, and no row tells it.
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

// readRows reads every row, which tests its checksum.
func readRows(ctx context.Context, db kv) error {
	return db.view(ctx, func(r reader) error {
		for _, t := range tables {
			for range r.walk(t, nil, nil) {
				if err := ctx.Err(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// checkEntries holds the indexes and the counts to the entries.
func checkEntries(r reader, c *codec) error {
	counts, total := map[ledger.State]int{}, 0
	for k, v := range r.walk(tEntries, nil, nil) {
		var e ledger.Entry
		if err := c.unpack(v, &e); err != nil {
			return err
		}
		if len(k) != 8 || numberAt(k) != e.Number || e.Number > lastNumber(r, keyNumber) {
			return fmt.Errorf("entry %d stands under another number", e.Number)
		}
		for _, row := range indexRows(e) {
			if v := r.get(row.table, []byte(row.key)); v == nil || string(v) != row.value {
				return fmt.Errorf("entry %d is missing in %s", e.Number, row.table)
			}
		}
		counts[e.State]++
		total++
	}
	have, err := readCounts(r)
	if err != nil {
		return err
	}
	if !maps.Equal(have, counts) {
		return errors.New("the counts are not those of the entries")
	}
	for _, t := range []table{tByID, tByDossier, tByState} {
		n := 0
		for range r.walk(t, nil, nil) {
			n++
		}
		if n != total {
			return fmt.Errorf("%s has %d rows for %d entries", t, n, total)
		}
	}
	return nil
}

// checkRow reads one row. What has its checksum is what was written, and is not
// taken apart once more.
func checkRow(r reader, c *codec, t table, k, v []byte) error {
	switch t {
	case tStories, tValues, tDocuments:
		if len(k) != 8 || r.get(tEntries, k) == nil {
			return errors.New("its entry is not there")
		}
	}
	if b, ok := r.(*boltTx); ok && b.heads {
		return nil
	}
	var err error
	switch t {
	case tStories:
		err = c.unpack(v, new(story))
	case tValues:
		_, err = c.unpackValues(v)
	case tDocuments:
		_, err = unsqueeze(v)
	case tWritten:
		err = c.unpack(v, new(ledger.Written))
	case tConnections:
		err = json.Unmarshal(v, new(ledger.Connection))
	case tFirms:
		err = json.Unmarshal(v, new(ledger.Firm))
	case tLinks:
		err = json.Unmarshal(v, new(ledger.DossierLink))
	case tPasses:
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
