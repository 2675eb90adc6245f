package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"balansd/problem"
)

// Secrets stores secrets in the state file, encrypted with AES-256-GCM under a data
// key in a file of its own. It is safe for concurrent use.
type Secrets struct {
	store *Store
	mu    sync.Mutex
	aead  cipher.AEAD // once the key was read; nil before. Guarded by mu.
}

// Secrets returns the secrets in s.
func (s *Store) Secrets() *Secrets { return &s.vault }

// sealVersion is the first byte of a sealed secret: AES-256-GCM, a random
// nonce of 12 bytes in front, the version and the name as associated data.
const sealVersion = 1

// sealCheck is what keySeal holds, sealed: a key that opens it is the key of
// this state file.
const sealCheck = "balansd"

// Get returns a secret, nil if there is none by that name. It returns a KeyInvalid
// problem if the data key is missing, unprotected, or another one.
func (v *Secrets) Get(ctx context.Context, name string) ([]byte, error) {
	var sealed []byte
	err := v.store.db.view(ctx, func(r reader) error {
		if row := r.get(tSecrets, []byte(name)); row != nil {
			sealed = append([]byte{}, row...)
		}
		return nil
	})
	if err != nil || sealed == nil {
		return nil, err
	}
	aead, err := v.key()
	if err != nil {
		return nil, err
	}
	plain, err := open(aead, name, sealed)
	if err != nil {
		return nil, v.wrongKey(fmt.Errorf("secret %q: %w", name, err))
	}
	return plain, nil
}

// Put adds or replaces a secret. It is on disk, sealed, when Put returns. The
// first secret makes the data key, unless there is one.
func (v *Secrets) Put(ctx context.Context, name string, value []byte) error {
	return v.store.db.update(ctx, func(w writer) error {
		aead, err := v.keyToSeal(w)
		if err != nil {
			return err
		}
		w.put(tSecrets, []byte(name), seal(aead, name, value))
		return nil
	})
}

// Update replaces a secret by the result of change, in one transaction; nil is no
// secret. It is on disk, encrypted, when Update returns. If change returns an error,
// Update returns it and changes nothing. change may be called more than once.
func (v *Secrets) Update(ctx context.Context, name string, change func(old []byte) ([]byte, error)) error {
	return v.store.db.update(ctx, func(w writer) error {
		aead, err := v.keyToSeal(w)
		if err != nil {
			return err
		}
		var old []byte
		if sealed := w.get(tSecrets, []byte(name)); sealed != nil {
			if old, err = open(aead, name, sealed); err != nil {
				return v.wrongKey(fmt.Errorf("secret %q: %w", name, err))
			}
		}
		value, err := change(old)
		switch {
		case err != nil:
			return err
		case value == nil:
			w.remove(tSecrets, []byte(name))
		default:
			w.put(tSecrets, []byte(name), seal(aead, name, value))
		}
		return nil
	})
}

// Delete deletes a secret, without the data key. It is no error if there is none.
func (v *Secrets) Delete(ctx context.Context, name string) error {
	return v.store.db.update(ctx, func(w writer) error {
		w.remove(tSecrets, []byte(name))
		return nil
	})
}

// keyToSeal returns the key for a new secret. If there are secrets already, it must
// be theirs; otherwise any key is accepted, and a missing one is created.
func (v *Secrets) keyToSeal(w writer) (cipher.AEAD, error) {
	if !empty(w, tSecrets) {
		aead, err := v.key()
		if err != nil {
			return nil, err
		}
		if _, err := open(aead, "", w.get(tMeta, keySeal)); err != nil {
			return nil, v.wrongKey(err)
		}
		return aead, nil
	}
	v.forgetKey() // the file may have been replaced
	if err := createKey(v.store.options.KeyPath); err != nil {
		return nil, err
	}
	aead, err := v.key()
	if err != nil {
		return nil, err
	}
	w.put(tMeta, keySeal, seal(aead, "", []byte(sealCheck)))
	return aead, nil
}

func empty(r reader, t table) bool {
	for range r.walk(t, nil, nil) {
		return false
	}
	return true
}

func (v *Secrets) forgetKey() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.aead = nil
}

// key reads the data key once.
func (v *Secrets) key() (cipher.AEAD, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.aead != nil {
		return v.aead, nil
	}
	aead, err := readAEAD(v.store.options.KeyPath)
	if err == nil {
		v.aead = aead
	}
	return aead, err
}

// readAEAD reads the data key from its file.
func readAEAD(path string) (cipher.AEAD, error) {
	key, err := readKey(path)
	if err != nil {
		return nil, err
	}
	return newAEAD(key)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Check reads the key file, even if the key is in memory, and returns a KeyInvalid
// problem if it is missing, unprotected, or does not decrypt the secrets. Without
// secrets no key is needed.
func (v *Secrets) Check(ctx context.Context) error {
	var sealed []byte
	err := v.store.db.view(ctx, func(r reader) error {
		sealed = sealOf(r)
		return nil
	})
	if err != nil || sealed == nil {
		return err
	}
	aead, err := readAEAD(v.store.options.KeyPath)
	if err != nil {
		return err
	}
	if _, err := open(aead, "", sealed); err != nil {
		return v.wrongKey(err)
	}
	return nil
}

func (v *Secrets) wrongKey(cause error) error {
	return problem.Wrap(cause, problem.KeyInvalid,
		fmt.Sprintf("the data key %s does not open the secrets in %s", v.store.options.KeyPath, v.store.options.Path),
		"Put the key file back that belongs to this state file, or bring it back with `balansd key import FILE`; or remove the linked firms and link them again.")
}

func associated(name string) []byte { return append([]byte{sealVersion}, name...) }

// seal never fails: the nonce comes from a source that cannot run dry.
func seal(aead cipher.AEAD, name string, plain []byte) []byte {
	return aead.Seal([]byte{sealVersion}, nil, plain, associated(name))
}

func open(aead cipher.AEAD, name string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, errors.New("it is not sealed in a way that this version knows")
	}
	plain, err := aead.Open([]byte{}, nil, sealed[1:], associated(name))
	if err != nil {
		return nil, errors.New("it was sealed with another key, or changed since")
	}
	return plain, nil
}

// newKey makes 256 random bits.
func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // it never fails: the program ends instead
	return key
}
