package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"balansd/problem"
)

// ReadKey returns the data key itself, for a copy under a passphrase. The problems are
// those of Secrets.Check.
func ReadKey(path string) ([]byte, error) { return readKey(path) }

// ImportKey makes key the data key of a state that no other process has open. It
// returns the path at which another key that was there is kept, empty for none.
//
// A key that does not open the secrets of the state is refused with KeyInvalid. Where the
// state has no secrets, or does not exist, any key is accepted, unless there is another
// one: that is a Conflict. The key that is there already is no error.
func ImportKey(ctx context.Context, o Options, key []byte) (kept string, err error) {
	o = o.complete()
	seal, err := readSeal(ctx, o)
	if err != nil {
		return "", err
	}
	if seal != nil && !opens(key, seal) {
		return "", problem.New(problem.KeyInvalid, fmt.Sprintf("the key in the file does not open the secrets in %s", o.Path),
			"Take the file that was made with the data key of this state; or remove the linked firms and link them again.")
	}
	now, err := readKey(o.KeyPath)
	switch {
	case err == nil && bytes.Equal(now, key):
		return "", nil
	case err == nil && seal == nil:
		return "", problem.New(problem.Conflict, fmt.Sprintf("there is another data key already: %s", o.KeyPath),
			"Move it away first, if it is not needed; no secret of this state is sealed with it.")
	}
	return installKey(o, key)
}

// readSeal returns what the key of a state must open, nil if it has no secrets.
func readSeal(ctx context.Context, o Options) (seal []byte, err error) {
	if _, err := os.Stat(o.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	db, err := openBolt(o.Path, o.Timeout, true, o.Log)
	if problem.Is(err, problem.StateLocked) {
		return nil, problem.Wrap(err, problem.StateLocked, "the data key cannot be replaced while balansd has its state open",
			"Stop it first: `balansd service stop`; start it again afterwards.")
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.close() }()
	return seal, db.view(ctx, func(r reader) error {
		seal = sealOf(r)
		return nil
	})
}

// sealOf returns what the key of a state must open, nil if it has no secrets.
func sealOf(r reader) []byte {
	if empty(r, tSecrets) {
		return nil
	}
	return append([]byte{}, r.get(tMeta, keySeal)...)
}

// opens reports whether a key is the one of a state.
func opens(key, seal []byte) bool {
	aead, err := newAEAD(key)
	if err == nil {
		_, err = open(aead, "", seal)
	}
	return err == nil
}

// installKey writes the key file. It keeps the file that is there under another name.
func installKey(o Options, key []byte) (kept string, err error) {
	if err := os.MkdirAll(filepath.Dir(o.KeyPath), 0o700); err != nil {
		return "", unwritable(o.KeyPath, err)
	}
	temp, err := writeKey(o.KeyPath, key)
	if err != nil {
		return "", unwritable(o.KeyPath, err)
	}
	if _, err := os.Lstat(o.KeyPath); err == nil {
		kept = fmt.Sprintf("%s.replaced-%s", o.KeyPath, o.Now().UTC().Format(backupTime))
		err := copyOwnerAndMode(temp, o.KeyPath)
		if err == nil {
			err = os.Rename(o.KeyPath, kept)
		}
		if err != nil {
			_ = os.Remove(temp)
			return "", unwritable(o.KeyPath, err)
		}
	} else if err := takeOwner(temp, filepath.Dir(o.KeyPath)); err != nil {
		_ = os.Remove(temp)
		return "", unwritable(o.KeyPath, err)
	}
	if err := publish(temp, o.KeyPath); err != nil {
		return kept, unwritable(o.KeyPath, err)
	}
	return kept, nil
}

// writeKey writes a key to a file beside path, and returns the path of that file.
func writeKey(path string, key []byte) (temp string, err error) {
	wrapped, err := wrapKey(key)
	if err != nil {
		return "", err
	}
	temp = path + ".new"
	_ = os.Remove(temp) // left by a crash
	err = replace(temp, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s %s %s\n", keyName, keyWrap, base64.StdEncoding.EncodeToString(wrapped))
		return err
	})
	if err == nil {
		err = protectKey(temp)
	}
	return temp, err
}
