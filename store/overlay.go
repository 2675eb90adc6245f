package store

import (
	"bytes"
	"iter"
	"slices"
)

// overlay is a writer whose changes stay in memory, over a snapshot: a step
// that is carried out on it changes nothing else. It lives as long as its
// snapshot, and is not safe for concurrent use.
type overlay struct {
	reader
	tables map[table]*layer
}

// layer is what changed in one table.
type layer struct {
	keys [][]byte          // of rows, in order
	rows map[string][]byte // nil for a row that was removed
}

func newOverlay(r reader) *overlay { return &overlay{r, map[table]*layer{}} }

func (o *overlay) put(t table, key, value []byte) {
	o.set(t, key, append([]byte{}, value...)) // never nil
}

func (o *overlay) remove(t table, key []byte) { o.set(t, key, nil) }

func (o *overlay) set(t table, key, value []byte) {
	l := o.tables[t]
	if l == nil {
		l = &layer{rows: map[string][]byte{}}
		o.tables[t] = l
	}
	if _, ok := l.rows[string(key)]; !ok {
		at, _ := slices.BinarySearchFunc(l.keys, key, bytes.Compare)
		l.keys = slices.Insert(l.keys, at, bytes.Clone(key))
	}
	l.rows[string(key)] = value
}

func (o *overlay) get(t table, key []byte) []byte {
	if l := o.tables[t]; l != nil {
		if value, ok := l.rows[string(key)]; ok {
			return value
		}
	}
	return o.reader.get(t, key)
}

// walk merges the rows of the snapshot with those that changed. Changes during
// the walk are not seen.
func (o *overlay) walk(t table, from, to []byte) iter.Seq2[[]byte, []byte] {
	l := o.tables[t]
	if l == nil {
		return o.reader.walk(t, from, to)
	}
	return func(yield func(k, v []byte) bool) {
		first, _ := slices.BinarySearchFunc(l.keys, from, bytes.Compare)
		last := len(l.keys)
		if to != nil {
			last, _ = slices.BinarySearchFunc(l.keys, to, bytes.Compare)
		}
		changed := slices.Clone(l.keys[first:max(first, last)])
		give := func() bool { // the first of those that changed
			k := changed[0]
			changed = changed[1:]
			v := l.rows[string(k)]
			return v == nil || yield(k, v)
		}
		for k, v := range o.reader.walk(t, from, to) {
			for len(changed) > 0 && bytes.Compare(changed[0], k) < 0 {
				if !give() {
					return
				}
			}
			if len(changed) > 0 && bytes.Equal(changed[0], k) {
				if !give() {
					return
				}
			} else if !yield(k, v) {
				return
			}
		}
		for len(changed) > 0 {
			if !give() {
				return
			}
		}
	}
}

func (o *overlay) walkBack(t table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		var rows [][2][]byte
		for k, v := range o.walk(t, from, to) {
			rows = append(rows, [2][]byte{k, v})
		}
		for _, row := range slices.Backward(rows) {
			if !yield(row[0], row[1]) {
				return
			}
		}
	}
}
