package store

import (
	"context"
	"encoding/binary"
	"io"
	"iter"
)

// table names one set of ordered keys.
type table string

// The tables. schema.go describes their keys and values.
const (
	tMeta        table = "meta"
	tConnections table = "connections"
	tFirms       table = "firms"
	tLinks       table = "links"
	tSecrets     table = "secrets"
	tEntries     table = "entries"
	tHistories   table = "stories"
	tValues      table = "values"
	tDocuments   table = "documents"
	tWritten     table = "written"
	tRuns        table = "passes"
	tNights      table = "nights"
	tMissed      table = "missed"
	tKeyValue    table = "shelf"
	tByID        table = "by_id"
	tByDossier   table = "by_dossier"
	tByState     table = "by_state"
)

// tables lists them all.
var tables = []table{tMeta, tConnections, tFirms, tLinks, tSecrets, tEntries, tHistories, tValues,
	tDocuments, tWritten, tRuns, tNights, tMissed, tKeyValue, tByID, tByDossier, tByState}

// reader reads one consistent snapshot. The slices that it returns are valid until
// the function that was called with the reader returns, and must not be changed. A
// backend whose reads can fail ends that function itself and reports the error.
type reader interface {
	// get returns the value of a key, nil if there is none.
	get(t table, key []byte) []byte
	// walk iterates over the rows with from <= key < to, in ascending order; a nil
	// bound is open.
	walk(t table, from, to []byte) iter.Seq2[[]byte, []byte]
	// walkBack iterates over the same rows in descending order.
	walkBack(t table, from, to []byte) iter.Seq2[[]byte, []byte]
}

// writer reads, and changes what its step may change. What was put is seen by
// later reads of the same step. An invalid key is reported when the step ends.
type writer interface {
	reader
	put(t table, key, value []byte)
	remove(t table, key []byte)
}

// kv is a database of ordered keys. A step is a function that reads and writes in
// one serializable transaction. A backend may run a step more than once, so a step
// must not change anything outside of its writer that a second run would not set
// again. A step may wait for the views that began before it, so none is carried out
// within a view. Implementations are safe for concurrent use, and pass testKV.
type kv interface {
	// view runs fn on a snapshot.
	view(ctx context.Context, fn func(reader) error) error
	// update carries out a step by itself. It is durable when update returns.
	update(ctx context.Context, fn func(writer) error) error
	// share carries out a step too, perhaps in one transaction with steps
	// that others share at the same time: all of them wait for one disk
	// write. A step that is refused does not take the others with it.
	share(ctx context.Context, fn func(writer) error) error
	// copyTo writes a consistent copy of everything, after calling read with its
	// content.
	copyTo(ctx context.Context, w io.Writer, read func(reader) error) error
	// check reads the structure of everything and reports the first damage.
	check(ctx context.Context) error
	// size is the number of bytes on disk.
	size() int64
	close() error
}

// number writes a number as a key, so that keys sort as numbers do.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// numberAt reads the number at the end of a key.
func numberAt(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

// after returns the first key after all keys with prefix, nil if there is none.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
