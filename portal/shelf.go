package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
)

// Shelf keeps what the pages remember: people, invitations, sessions and the
// trail. It knows ordered keys in namespaces; what lies there is the pages'
// own. Implementations are safe for concurrent use.
type Shelf interface {
	// View runs fn on a snapshot. What the reader hands out is valid until fn
	// returns, and must not be changed.
	View(ctx context.Context, fn func(ShelfReader) error) error
	// Update carries out a step as a whole: it is on disk when Update
	// returns, and nothing of it is kept when fn gives an error. fn may be
	// called more than once.
	Update(ctx context.Context, fn func(ShelfWriter) error) error
}

// ShelfReader reads a shelf. It is an alias, so that the room that keeps the
// shelf need not know this one.
type ShelfReader = interface {
	// Get gives what lies under a key, nil when there is nothing.
	Get(namespace, key string) []byte
	// Walk gives the keys of a namespace from a key on, in order.
	Walk(namespace, from string) iter.Seq2[string, []byte]
	// WalkBack gives the keys of a namespace before a key, last first; an
	// empty key is the end.
	WalkBack(namespace, before string) iter.Seq2[string, []byte]
}

// ShelfWriter reads and changes a shelf.
type ShelfWriter = interface {
	ShelfReader
	Put(namespace, key string, value []byte)
	Delete(namespace, key string)
}

// The namespaces.
const (
	shelfPeople   = "people"
	shelfInvites  = "invites"
	shelfSessions = "sessions"
	shelfTrail    = "trail"
	shelfRefused  = "refused" // the part of the trail that strangers can fill
)

// take reads what lies under a key and tells whether there is anything.
func take[T any](r ShelfReader, namespace, key string) (v T, ok bool, err error) {
	text := r.Get(namespace, key)
	if text == nil {
		return v, false, nil
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return v, false, fmt.Errorf("what the shelf keeps in %s cannot be read: %w", namespace, err)
	}
	return v, true, nil
}

// lay puts v under a key.
func lay(w ShelfWriter, namespace, key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Put(namespace, key, text)
	return nil
}

// all reads everything in a namespace, by key.
func all[T any](r ShelfReader, namespace string) ([]T, error) {
	var list []T
	for key := range r.Walk(namespace, "") {
		v, _, err := take[T](r, namespace, key)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}
