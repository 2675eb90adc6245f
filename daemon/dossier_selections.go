package daemon

import "fmt"

// selection is what a query selects of the dossier index. It is never changed.
type selection struct {
	page    DossierPage // its counts and suggestions
	numbers []uint64    // of the entries, in order
}

// selections are those of the last queries, as they were at a generation of the dossier
// index: people turn pages, and several look at the same list.
type selections struct {
	byQuery    map[string]selection
	generation uint64
}

// mostSelections bounds what is kept: each may have the number of every entry.
const mostSelections = 8

// selected returns what a query selects; where that is not known any more, what find says.
func (b *dossierIndex) selected(q DossierQuery, find func() (selection, error)) (selection, error) {
	q.Offset, q.Limit = 0, 0
	key := fmt.Sprintf("%+v", q)
	b.mu.Lock()
	s, ok := b.selections.byQuery[key]
	if stale := b.selections.generation != b.generation; stale || !ok && len(b.selections.byQuery) >= mostSelections {
		b.selections, ok = selections{map[string]selection{}, b.generation}, false
	}
	generation := b.generation
	b.mu.Unlock()
	if ok {
		return s, nil
	}
	s, err := find()
	if err != nil {
		return s, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.selections.generation == generation && b.generation == generation { // else it may be of a later one
		b.selections.byQuery[key] = s
	}
	return s, nil
}
