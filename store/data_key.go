package store

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"balansd/problem"
)

// A key file is one line: keyName, how the key is wrapped (keyWrap), and the key in
// base64.
const keyName = "balansd-data-key-1"

// keySize is that of AES-256, in bytes.
const keySize = 32

// readKey reads the data key. A file that other accounts can read is refused.
func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, keyUnusable(path, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, keyUnusable(path, err)
	}
	if err := checkKeyFile(info); err != nil {
		return nil, problem.Wrap(err, problem.KeyInvalid,
			fmt.Sprintf("the data key %s is not protected", path),
			fmt.Sprintf("Run `chmod 600 %s`. If others may have read it, link the firms again as well.", path))
	}
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return nil, keyUnusable(path, err)
	}
	fields := strings.Fields(string(text))
	if len(fields) != 3 || fields[0] != keyName {
		return nil, keyUnusable(path, errors.New("it is no data key of balansd"))
	}
	if fields[1] != keyWrap {
		return nil, keyUnusable(path, fmt.Errorf("it was made on another system (%.20s)", fields[1]))
	}
	wrapped, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return nil, keyUnusable(path, errors.New("it is cut short or changed"))
	}
	key, err := unwrapKey(wrapped)
	if err != nil {
		return nil, keyUnusable(path, err)
	}
	if len(key) != keySize {
		return nil, keyUnusable(path, errors.New("it is cut short or changed"))
	}
	return key, nil
}

// keyUnusable says what to do about a key that is missing or no key.
func keyUnusable(path string, cause error) error {
	what := fmt.Sprintf("the data key %s cannot be used", path)
	if errors.Is(cause, fs.ErrNotExist) {
		what = fmt.Sprintf("the data key %s is missing, and secrets are sealed with it", path)
	}
	return problem.Wrap(cause, problem.KeyInvalid, what,
		"Restore it from a file that `balansd key export` or `balansd backup create --with-key` made: balansd key import FILE; "+
			"or from your backup of the server. Without it remove the linked firms and link them again.")
}

// createKey makes a new data key where there is no key file. It never changes
// one that is there. The key is on disk when createKey returns.
func createKey(path string) error {
	if path == "" {
		return problem.New(problem.ConfigInvalid, "no file is configured for the data key",
			"Name one in the configuration.")
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // readKey says what is wrong with it, if anything
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return unwritable(path, err)
	}
	temp, err := writeKey(path, newKey())
	if err == nil {
		err = publish(temp, path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return unwritable(path, err)
	}
	return nil
}
