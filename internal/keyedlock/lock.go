package keyedlock

import (
	"context"
	"sync"
)

// Lock is one lock a key. Its zero value is ready to use, and it is safe for
// concurrent use. A key that nobody holds or waits for takes no memory.
type Lock[K comparable] struct {
	mu   sync.Mutex
	keys map[K]*state
}

// state is the lock of one key.
type state struct {
	held  chan struct{} // full while somebody holds the key
	users int           // the holder and those who wait
}

// Lock waits for the key and returns the function that releases it.
func (l *Lock[K]) Lock(key K) (release func()) {
	release, _ = l.Acquire(context.Background(), key) // which has no end
	return release
}

// Acquire waits for the key and returns the function that releases it. It
// fails only when ctx ends first, with the error of ctx.
func (l *Lock[K]) Acquire(ctx context.Context, key K) (release func(), err error) {
	l.mu.Lock()
	if l.keys == nil {
		l.keys = map[K]*state{}
	}
	s, ok := l.keys[key]
	if !ok {
		s = &state{held: make(chan struct{}, 1)}
		l.keys[key] = s
	}
	s.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if s.users--; s.users == 0 {
			delete(l.keys, key)
		}
	}
	select {
	case s.held <- struct{}{}:
		return func() { <-s.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
