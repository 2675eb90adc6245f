package kvtest

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"balansd/keyvalue"
)

// Memory is a keyvalue.Store in memory. A transaction that fails changes
// nothing, as on disk. It is safe for concurrent use.
type Memory struct {
	mu     sync.Mutex
	rows   map[string][]byte
	full   error
	onRead func(key string)
}

// New returns an empty Memory.
func New() *Memory { return &Memory{rows: map[string][]byte{}} }

// FailWith makes every update fail with err.
func (m *Memory) FailWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.full = err
}

// OnRead calls fn with each key that a view reads.
func (m *Memory) OnRead(fn func(key string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onRead = fn
}

// View is keyvalue.Store's.
func (m *Memory) View(ctx context.Context, fn func(keyvalue.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return fn(observedReader{rows{maps.Clone(m.rows)}, m.onRead})
}

// observedReader reports what is read.
type observedReader struct {
	rows
	onRead func(key string)
}

func (o observedReader) Get(namespace, key string) []byte {
	if o.onRead != nil {
		o.onRead(key)
	}
	return o.rows.Get(namespace, key)
}

// Update is keyvalue.Store's.
func (m *Memory) Update(ctx context.Context, fn func(keyvalue.Writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil {
		return m.full
	}
	changed := rows{maps.Clone(m.rows)}
	if err := fn(changed); err != nil {
		return err
	}
	m.rows = changed.byKey
	return nil
}

// Contains reports whether any row has the text, for secrets that must not be
// saved.
func (m *Memory) Contains(text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, value := range m.rows {
		if bytes.Contains([]byte(key), []byte(text)) || bytes.Contains(value, []byte(text)) {
			return true
		}
	}
	return false
}

// Rows returns a copy of a namespace, by key.
func (m *Memory) Rows(namespace string) map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Collect(rows{maps.Clone(m.rows)}.Walk(namespace, ""))
}

type rows struct{ byKey map[string][]byte }

func (r rows) Get(namespace, key string) []byte { return r.byKey[namespace+"\x00"+key] }

func (r rows) Put(namespace, key string, value []byte) {
	r.byKey[namespace+"\x00"+key] = bytes.Clone(value)
}

func (r rows) Delete(namespace, key string) { delete(r.byKey, namespace+"\x00"+key) }

func (r rows) keys(namespace string) []string {
	var keys []string
	for key := range r.byKey {
		if len(key) > len(namespace) && key[:len(namespace)+1] == namespace+"\x00" {
			keys = append(keys, key[len(namespace)+1:])
		}
	}
	slices.Sort(keys)
	return keys
}

func (r rows) Walk(namespace, from string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, key := range r.keys(namespace) {
			if key >= from && !yield(key, r.Get(namespace, key)) {
				return
			}
		}
	}
}

func (r rows) WalkBack(namespace, before string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, key := range slices.Backward(r.keys(namespace)) {
			if (before == "" || key < before) && !yield(key, r.Get(namespace, key)) {
				return
			}
		}
	}
}
