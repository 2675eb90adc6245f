package daemon

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"balansd/ledger"
)

// rowLists are rows of the dossier index in each order that was asked for. A change is
// merged into an order when it is asked for next: sorting all rows after each would take
// longer than a page may.
type rowLists struct {
	lists   map[DossierOrder]rowList
	changes []rowChange
}

// rowList is rows in an order, with the first changes of rowLists.
type rowList struct {
	rows    []*dossierRow
	changes int
}

// rowChange puts a row in the place of another one. old is nil for a row that is new, and
// new for one that is gone.
type rowChange struct{ old, new *dossierRow }

// mostChanges is the number of changes from which all rows are sorted anew.
const mostChanges = 1000

// replace records that a row took the place of another one. Either may be nil.
func (l *rowLists) replace(old, r *dossierRow) {
	if old == r || len(l.lists) == 0 {
		return
	}
	l.changes = append(l.changes, rowChange{old, r})
	if len(l.changes) > mostChanges {
		l.lists, l.changes = nil, nil
	}
}

// inOrder returns the rows in an order.
func (l *rowLists) inOrder(o DossierOrder, all iter.Seq[*dossierRow]) []*dossierRow {
	have, ok := l.lists[o]
	switch {
	case !ok:
		have.rows = slices.SortedFunc(all, o.compare())
	case have.changes < len(l.changes):
		have.rows = merge(have.rows, l.changes[have.changes:], o.compare())
	}
	have.changes = len(l.changes)
	if l.lists == nil {
		l.lists = map[DossierOrder]rowList{}
	}
	l.lists[o] = have
	return have.rows
}

// merge returns sorted rows with changes.
func merge(rows []*dossierRow, changes []rowChange, compare func(a, b *dossierRow) int) []*dossierRow {
	gone, fresh := map[*dossierRow]bool{}, map[*dossierRow]bool{}
	for _, c := range changes { // a row that was replaced may come back
		if fresh[c.old] {
			delete(fresh, c.old)
		} else if c.old != nil {
			gone[c.old] = true
		}
		if gone[c.new] {
			delete(gone, c.new)
		} else if c.new != nil {
			fresh[c.new] = true
		}
	}
	added := slices.Collect(maps.Keys(fresh))
	slices.SortFunc(added, compare)
	out := make([]*dossierRow, 0, len(rows)+len(added))
	for _, r := range rows {
		if gone[r] {
			continue
		}
		for len(added) > 0 && compare(added[0], r) < 0 {
			out, added = append(out, added[0]), added[1:]
		}
		out = append(out, r)
	}
	return append(out, added...)
}

// compare orders rows; of equal ones by name, and by number at last, so that a
// page never shows a dossier twice.
func (o DossierOrder) compare() func(a, b *dossierRow) int {
	byName := func(a, b *dossierRow) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.number, b.number))
	}
	switch o {
	case ByUpdated:
		return func(a, b *dossierRow) int { return cmp.Or(b.updated.Compare(a.updated), byName(a, b)) }
	case ByCreated:
		return func(a, b *dossierRow) int { return cmp.Or(b.created.Compare(a.created), byName(a, b)) }
	case ByState:
		// What needs somebody comes first.
		first := []ledger.State{ledger.Differs, ledger.Failed, ledger.Waiting, ledger.Sending, ledger.Found, ledger.Done}
		rank := func(r *dossierRow) int {
			if i := slices.Index(first, r.state); i >= 0 {
				return i
			}
			return len(first)
		}
		return func(a, b *dossierRow) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), byName(a, b)) }
	case ByYear:
		return func(a, b *dossierRow) int { return cmp.Or(b.end.Compare(a.end), byName(a, b)) }
	default:
		return byName
	}
}
