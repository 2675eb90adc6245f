package keyvalue

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
)

// Store reads and changes rows in transactions. Implementations are safe for
// concurrent use.
type Store interface {
	// View runs fn on a snapshot.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn in a transaction, which is on disk when Update returns.
	// Nothing is saved when fn returns an error. fn may be called more than
	// once.
	Update(ctx context.Context, fn func(Writer) error) error
}

// Reader reads one consistent snapshot. What it returns is valid until the
// function that got the reader returns, and must not be changed.
type Reader interface {
	// Get returns the value of key, nil when there is none.
	Get(namespace, key string) []byte
	// Walk iterates over the keys of namespace in ascending order, starting at
	// from.
	Walk(namespace, from string) iter.Seq2[string, []byte]
	// WalkBack iterates over the keys of namespace before a key in descending
	// order; with an empty key it starts at the last.
	WalkBack(namespace, before string) iter.Seq2[string, []byte]
}

// Writer reads and changes rows. Later reads of the same transaction see the
// changes.
type Writer interface {
	Reader
	Put(namespace, key string, value []byte)
	Delete(namespace, key string)
}

// Get decodes the JSON value of key. ok is false when there is none.
func Get[T any](r Reader, namespace, key string) (v T, ok bool, err error) {
	text := r.Get(namespace, key)
	if text == nil {
		return v, false, nil
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return v, false, fmt.Errorf("a row of %s cannot be read: %w", namespace, err)
	}
	return v, true, nil
}

// Put saves v under key as JSON.
func Put(w Writer, namespace, key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Put(namespace, key, text)
	return nil
}

// All decodes the JSON values of a namespace, in the order of their keys.
func All[T any](r Reader, namespace string) ([]T, error) {
	var list []T
	for key := range r.Walk(namespace, "") {
		v, _, err := Get[T](r, namespace, key)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}
