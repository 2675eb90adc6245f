package store

import (
	"context"
	"iter"
)

// ShelfReader reads one consistent snapshot of a shelf. What it hands out is
// valid until the function that got the reader returns, and must not be
// changed.
type ShelfReader = interface {
	// Get gives what lies under a key, nil when there is nothing.
	Get(namespace, key string) []byte
	// Walk gives the keys of a namespace from a key on, in order.
	Walk(namespace, from string) iter.Seq2[string, []byte]
	// WalkBack gives the keys of a namespace before a key, last first; an
	// empty key is the end.
	WalkBack(namespace, before string) iter.Seq2[string, []byte]
}

// ShelfWriter reads and changes a shelf in one step.
type ShelfWriter = interface {
	ShelfReader
	Put(namespace, key string, value []byte)
	Delete(namespace, key string)
}

// Shelf keeps what the web pages remember: ordered keys in namespaces, whose
// values are theirs alone. It is safe for concurrent use.
type Shelf struct{ store *Store }

// Shelf gives the shelf.
func (s *Store) Shelf() *Shelf { return &Shelf{s} }

// View runs fn on a snapshot.
func (s *Shelf) View(ctx context.Context, fn func(ShelfReader) error) error {
	return s.store.fault(s.store.db.view(ctx, func(r reader) error { return fn(shelfReader{r}) }))
}

// Update carries out a step as a whole: it is on disk when Update returns, and
// nothing of it is kept when fn gives an error. fn may be called more than
// once. A full disk gives a StateUnwritable problem.
func (s *Shelf) Update(ctx context.Context, fn func(ShelfWriter) error) error {
	return s.store.fault(s.store.db.update(ctx, func(w writer) error { return fn(shelfWriter{shelfReader{w}, w}) }))
}

type shelfReader struct{ r reader }

func (s shelfReader) Get(namespace, key string) []byte {
	return s.r.get(tShelf, shelfKey(namespace, key))
}

func (s shelfReader) Walk(namespace, from string) iter.Seq2[string, []byte] {
	all := shelfKey(namespace, "")
	return shelfRows(len(all), s.r.walk(tShelf, shelfKey(namespace, from), after(all)))
}

func (s shelfReader) WalkBack(namespace, before string) iter.Seq2[string, []byte] {
	all := shelfKey(namespace, "")
	to := after(all)
	if before != "" {
		to = shelfKey(namespace, before)
	}
	return shelfRows(len(all), s.r.walkBack(tShelf, all, to))
}

type shelfWriter struct {
	shelfReader
	w writer
}

func (s shelfWriter) Put(namespace, key string, value []byte) {
	s.w.put(tShelf, shelfKey(namespace, key), value)
}

func (s shelfWriter) Delete(namespace, key string) { s.w.remove(tShelf, shelfKey(namespace, key)) }

// shelfKey parts namespace and key by a byte that no namespace holds.
func shelfKey(namespace, key string) []byte { return []byte(namespace + "\x00" + key) }

func shelfRows(prefix int, rows iter.Seq2[[]byte, []byte]) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for k, v := range rows {
			if !yield(string(k[prefix:]), v) {
				return
			}
		}
	}
}
