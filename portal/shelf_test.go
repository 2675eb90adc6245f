package portal

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
)

// memoryShelf is a shelf that forgets all at the end: the state of a test. A
// step that fails leaves nothing behind, as on disk.
type memoryShelf struct {
	mu   sync.Mutex
	rows map[string][]byte
	full error // what every update fails with, when not nil

	looked func(key string) // hears of each key that a view reads, when not nil
}

func newMemoryShelf() *memoryShelf { return &memoryShelf{rows: map[string][]byte{}} }

func (m *memoryShelf) View(ctx context.Context, fn func(ShelfReader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return fn(lookedAt{memoryRows{maps.Clone(m.rows)}, m.looked})
}

// lookedAt tells what is read.
type lookedAt struct {
	memoryRows
	tell func(key string)
}

func (l lookedAt) Get(namespace, key string) []byte {
	if l.tell != nil {
		l.tell(key)
	}
	return l.memoryRows.Get(namespace, key)
}

func (m *memoryShelf) Update(ctx context.Context, fn func(ShelfWriter) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil {
		return m.full
	}
	rows := maps.Clone(m.rows)
	if err := fn(memoryRows{rows}); err != nil {
		return err
	}
	m.rows = rows
	return nil
}

// holds tells whether any row has the text, for secrets that must not be kept.
func (m *memoryShelf) holds(text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, value := range m.rows {
		if bytes.Contains([]byte(key), []byte(text)) || bytes.Contains(value, []byte(text)) {
			return true
		}
	}
	return false
}

type memoryRows struct{ rows map[string][]byte }

func (m memoryRows) Get(namespace, key string) []byte { return m.rows[namespace+"\x00"+key] }

func (m memoryRows) Put(namespace, key string, value []byte) {
	m.rows[namespace+"\x00"+key] = bytes.Clone(value)
}

func (m memoryRows) Delete(namespace, key string) { delete(m.rows, namespace+"\x00"+key) }

func (m memoryRows) keys(namespace string) []string {
	var keys []string
	for key := range m.rows {
		if len(key) > len(namespace) && key[:len(namespace)+1] == namespace+"\x00" {
			keys = append(keys, key[len(namespace)+1:])
		}
	}
	slices.Sort(keys)
	return keys
}

func (m memoryRows) Walk(namespace, from string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, key := range m.keys(namespace) {
			if key >= from && !yield(key, m.Get(namespace, key)) {
				return
			}
		}
	}
}

func (m memoryRows) WalkBack(namespace, before string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, key := range slices.Backward(m.keys(namespace)) {
			if (before == "" || key < before) && !yield(key, m.Get(namespace, key)) {
				return
			}
		}
	}
}

// TestMemoryShelfKeepsNothingOfAFailedStep keeps the fake honest.
func TestMemoryShelfKeepsNothingOfAFailedStep(t *testing.T) {
	m := newMemoryShelf()
	failed := errors.New("no")
	err := m.Update(t.Context(), func(w ShelfWriter) error {
		w.Put("a", "b", []byte("c"))
		return failed
	})
	if !errors.Is(err, failed) || m.holds("c") {
		t.Errorf("the step gave %v and left %v", err, m.rows)
	}
}
