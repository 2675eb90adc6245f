package daemon

import (
	"context"
	"sync"

	"balansd/ledger"
	"balansd/problem"
)

// needingEntries are the entries that the last status listed. Many pages show the status,
// and most of its time would go into reading the same entries. It is safe for concurrent
// use.
type needingEntries struct {
	mu       sync.Mutex
	byNumber map[uint64]ledger.Entry
}

// needing lists the newest entries that wait, failed or differ: at most so many, 0 for
// all. Of those that did not change since the last call it reads only the heads. The
// entries must not be changed.
func (d *Daemon) needing(ctx context.Context, limit int) (list []ledger.Entry, err error) {
	store := d.config().Store
	q := ledger.Query{States: []ledger.State{ledger.Differs, ledger.Failed, ledger.Waiting}, Limit: limit}
	d.needingEntries.mu.Lock()
	known := d.needingEntries.byNumber
	d.needingEntries.mu.Unlock()
	listed := map[uint64]ledger.Entry{}
	for h, err := range store.HeadsOf(ctx, q) {
		if err != nil {
			return nil, err
		}
		e, ok := known[h.Number]
		if !ok || e.Version != h.Version {
			e, err = store.Entry(ctx, h.Number)
			if problem.Is(err, problem.NotFound) || err == nil && !q.Matches(e.Head()) {
				continue // it changed meanwhile
			}
			if err != nil {
				return nil, err
			}
		}
		list = append(list, e)
		if len(listed) < statusList {
			listed[e.Number] = e
		}
	}
	d.needingEntries.mu.Lock()
	defer d.needingEntries.mu.Unlock()
	d.needingEntries.byNumber = listed
	return list, nil
}
