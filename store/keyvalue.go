package store

import (
	"context"
	"iter"

	"balansd/keyvalue"
)

// KeyValue is the keyvalue.Store of people, sessions and the audit log. It is
// safe for concurrent use.
type KeyValue struct{ store *Store }

// KeyValue returns the key-value store in s.
func (s *Store) KeyValue() *KeyValue { return &KeyValue{s} }

// View implements keyvalue.Store.
func (k *KeyValue) View(ctx context.Context, fn func(keyvalue.Reader) error) error {
	return k.store.damageProblem(k.store.db.view(ctx, func(r reader) error { return fn(kvReader{r}) }))
}

// Update implements keyvalue.Store. On a full disk it returns a StateUnwritable
// problem.
func (k *KeyValue) Update(ctx context.Context, fn func(keyvalue.Writer) error) error {
	return k.store.damageProblem(k.store.db.update(ctx, func(w writer) error { return fn(kvWriter{kvReader{w}, w}) }))
}

type kvReader struct{ r reader }

func (k kvReader) Get(namespace, key string) []byte { return k.r.get(tKeyValue, kvKey(namespace, key)) }

func (k kvReader) Walk(namespace, from string) iter.Seq2[string, []byte] {
	prefix := kvKey(namespace, "")
	return kvRows(len(prefix), k.r.walk(tKeyValue, kvKey(namespace, from), after(prefix)))
}

func (k kvReader) WalkBack(namespace, before string) iter.Seq2[string, []byte] {
	prefix := kvKey(namespace, "")
	to := after(prefix)
	if before != "" {
		to = kvKey(namespace, before)
	}
	return kvRows(len(prefix), k.r.walkBack(tKeyValue, prefix, to))
}

type kvWriter struct {
	kvReader
	w writer
}

func (k kvWriter) Put(namespace, key string, value []byte) {
	k.w.put(tKeyValue, kvKey(namespace, key), value)
}

func (k kvWriter) Delete(namespace, key string) { k.w.remove(tKeyValue, kvKey(namespace, key)) }

// kvKey separates namespace and key by a byte that no namespace contains.
func kvKey(namespace, key string) []byte { return []byte(namespace + "\x00" + key) }

func kvRows(prefix int, rows iter.Seq2[[]byte, []byte]) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for k, v := range rows {
			if !yield(string(k[prefix:]), v) {
				return
			}
		}
	}
}
