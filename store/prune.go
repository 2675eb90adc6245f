package store

import (
	"context"
	"time"

	"balansd/ledger"
)

// pruneStep is the maximum number of rows that one transaction reads and deletes, so
// that others do not wait long for it.
const pruneStep = 256

// Prune deletes documents, figures and histories of entries that were settled (done,
// superseded or ignored) longer before now than the retention allows. The entry
// itself stays, with its identity, its hashes and its outcome, and so does the
// Written of its target: a later correction is compared with that.
//
// It works in small transactions; if it is stopped half way, the next call
// continues. The result counts what was deleted, also with an error.
func (s *Store) Prune(ctx context.Context, keep ledger.Retention, now time.Time) (gone ledger.Pruned, err error) {
	for _, part := range []struct {
		table table
		keep  time.Duration
		gone  *int
	}{{tDocuments, keep.Documents, &gone.Documents}, {tValues, keep.Figures, &gone.Figures}, {tHistories, keep.Histories, &gone.Histories}} {
		if part.keep <= 0 {
			continue
		}
		p := pruning{s, part.table, now.Add(-part.keep), now}
		n, err := p.run(ctx)
		*part.gone = n
		if err != nil {
			return gone, s.damageProblem(err)
		}
	}
	return gone, nil
}

// pruning deletes rows of one table.
//
// Entries are numbered in the order in which they are found, and settled after
// that. So the iteration starts at the oldest entry that still has such a row, and
// ends at the first that was found too late to be due.
type pruning struct {
	*Store
	table  table
	before time.Time // entries settled by then are due
	now    time.Time
}

func (p pruning) run(ctx context.Context) (gone int, err error) {
	var from []byte
	for {
		var due []uint64
		var next []byte
		err := p.db.view(ctx, func(r reader) (err error) {
			due, next, err = p.findDue(r, from)
			return err
		})
		if err == nil && len(due) > 0 {
			var n int
			err = p.db.update(ctx, func(w writer) (err error) {
				n, err = p.remove(w, due)
				return err
			})
			if err == nil {
				gone += n
			}
		}
		if err != nil || next == nil {
			return gone, err
		}
		from = next
	}
}

// findDue finds what is due among the next rows, and where to go on; nil when
// there is no more.
func (p pruning) findDue(r reader, from []byte) (due []uint64, next []byte, err error) {
	seen := 0
	for k := range r.walk(p.table, from, nil) {
		if seen++; seen > pruneStep {
			return due, append([]byte(nil), k...), nil
		}
		e, err := p.entry(r, numberAt(k))
		if err != nil {
			return due, nil, err
		}
		// A time ahead of now comes from a clock that was wrong, and says
		// nothing of the entries behind it.
		if e.FoundAt.After(p.before) && !e.FoundAt.After(p.now) {
			return due, nil, nil
		}
		if p.isDue(e) {
			due = append(due, e.Number)
		}
	}
	return due, nil, nil
}

func (p pruning) isDue(e ledger.Entry) bool { return !e.Unsettled() && !e.UpdatedAt.After(p.before) }

// remove deletes the rows of those entries that are still due.
func (p pruning) remove(w writer, due []uint64) (gone int, err error) {
	for _, n := range due {
		e, err := p.entry(w, n)
		if err != nil {
			return gone, err
		}
		if p.isDue(e) && w.get(p.table, number(n)) != nil {
			w.remove(p.table, number(n))
			gone++
		}
	}
	return gone, nil
}
