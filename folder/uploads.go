package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"balansd/problem"
)

// Uploads keeps the files that people handed in until they confirm them: a
// sub-folder an upload, in a folder of the service's own. Its names are made by
// balansd and never come from outside. It keeps nothing for good: what is
// confirmed goes into the state. It is safe for concurrent use, except that no
// two calls may write one file at a time.
type Uploads struct{ path string }

// NewUploads returns the uploads in a folder, which is made when it is needed.
func NewUploads(path string) *Uploads { return &Uploads{path} }

// Path returns the folder.
func (u *Uploads) Path() string { return u.path }

// Save writes a file of an upload from r, whole or not at all, and replaces one
// of that name. It returns the file's size and its SHA-256 in hex. More than limit
// bytes are a TooLarge problem. An error of r is returned as it is.
func (u *Uploads) Save(ctx context.Context, upload, name string, r io.Reader, limit int64) (size int64, sum string, err error) {
	dir, err := u.dir(upload, name)
	if err != nil {
		return 0, "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, "", u.unwritable(err)
	}
	f, err := os.CreateTemp(dir, tempPrefix+"*")
	if err != nil {
		return 0, "", u.unwritable(err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	hash := sha256.New()
	from := &sourceReader{ctx: ctx, r: io.LimitReader(r, limit+1)}
	size, err = io.Copy(io.MultiWriter(f, hash), from)
	switch {
	case from.err != nil:
		return 0, "", from.err
	case err != nil:
		return 0, "", u.unwritable(err)
	case size > limit:
		return 0, "", problem.New(problem.TooLarge, "the file is larger than what may be handed in", "")
	}
	if err = f.Close(); err != nil {
		return 0, "", u.unwritable(err)
	}
	if err = os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return 0, "", u.unwritable(err)
	}
	return size, hex.EncodeToString(hash.Sum(nil)), nil
}

// tempPrefix begins the name of a file that is being written.
const tempPrefix = "new-"

// sourceReader remembers an error of what is read, to tell it from one of the
// disk, and ends with ctx.
type sourceReader struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	if s.err = s.ctx.Err(); s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// Open opens a file of an upload; a NotFound problem when it is not there. The
// caller closes it.
func (u *Uploads) Open(upload, name string) (*os.File, error) {
	dir, err := u.dir(upload, name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, u.unreadable(err)
	}
	return f, nil
}

// Load reads a file of an upload; a NotFound problem when it is not there.
func (u *Uploads) Load(upload, name string) ([]byte, error) {
	f, err := u.Open(upload, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, u.unreadable(err)
	}
	return data, nil
}

// Delete removes a file of an upload; one that is not there stays so, without
// an error.
func (u *Uploads) Delete(upload, name string) error {
	dir, err := u.dir(upload, name)
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return u.unwritable(err)
	}
	return nil
}

// List returns the names of the uploads.
func (u *Uploads) List() ([]string, error) {
	return u.names(u.path, func(e fs.DirEntry) bool { return e.IsDir() && plain(e.Name()) })
}

// Files returns the names of the files of an upload, none when it is not there.
func (u *Uploads) Files(upload string) ([]string, error) {
	dir, err := u.dir(upload, "x")
	if err != nil {
		return nil, err
	}
	return u.names(dir, func(e fs.DirEntry) bool { return e.Type().IsRegular() && !strings.HasPrefix(e.Name(), tempPrefix) })
}

func (u *Uploads) names(dir string, wanted func(fs.DirEntry) bool) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, u.unreadable(err)
	}
	for _, e := range entries {
		if wanted(e) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Size returns how many bytes all uploads hold together, files that are being
// written and what was left behind included.
func (u *Uploads) Size() (total int64, err error) {
	err = filepath.WalkDir(u.path, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				total += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile
			return nil
		}
		return err
	})
	if err != nil {
		return total, u.unreadable(err)
	}
	return total, nil
}

// Remove removes an upload with all its files; one that is not there stays so,
// without an error.
func (u *Uploads) Remove(upload string) error {
	dir, err := u.dir(upload, "x")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return u.unwritable(err)
	}
	return nil
}

// dir returns the folder of an upload. Names of any other form than balansd
// makes them are of nothing that there is.
func (u *Uploads) dir(upload, name string) (string, error) {
	if !plain(upload) || !plain(strings.TrimSuffix(name, ".json")) {
		return "", u.unreadable(fs.ErrNotExist)
	}
	return filepath.Join(u.path, upload), nil
}

// plain reports whether a name has the form that balansd makes: letters and
// digits, none that a system reads in another way.
func plain(name string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return name != "" && len(name) <= 64 && strings.Trim(name, letters) == ""
}

func (u *Uploads) unreadable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return problem.Wrap(err, problem.NotFound, "the uploaded file is no longer kept",
			"What nobody confirms is kept for a day. Upload it again.")
	}
	return problem.Wrap(err, problem.StateUnwritable, fmt.Sprintf("uploaded files in %s cannot be read: %s", u.path, reason(err)),
		"Let the account that runs balansd read and write that folder.")
}

func (u *Uploads) unwritable(err error) error {
	return problem.Wrap(err, problem.StateUnwritable, fmt.Sprintf("uploaded files cannot be written to %s: %s", u.path, reason(err)),
		"Make room on the disk, and let the account that runs balansd write to that folder.")
}
