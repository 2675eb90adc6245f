package recovery

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"balansd/problem"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// format is the version of the archive's content. The encryption has its own version.
const format = 1

// The names in the archive, in this order.
const (
	manifestName = "recovery.json"
	keyName      = "data-key.base64"
	filesFolder  = "files/"
	stateName    = "state.db"
)

// Limits of what is read, so that a file that is no recovery file fills no memory.
const (
	maxManifest = 1 << 20
	maxFile     = 4 << 20
	maxFiles    = 200
	maxWork     = 20 // scrypt with 1 GiB
)

// usualWork is scrypt's work factor: N is 2 to the power of it, which takes 128 MiB.
const usualWork = 17

// Contents is what a recovery file holds besides the state.
type Contents struct {
	Key    []byte // the data key
	Config string // the path of the configuration file; empty for none
	Files  []File // the configuration file and those that it names
	State  string // the name of the backup; empty for none

	MadeAt  time.Time
	Version string // of balansd
	System  string // the operating system, as runtime.GOOS
}

// File is a file of the server.
type File struct {
	Path    string
	Content []byte
}

// manifest is the first file of the archive.
type manifest struct {
	Format  int       `json:"format"`
	MadeAt  time.Time `json:"made_at"`
	Version string    `json:"version"`
	System  string    `json:"system"`
	Config  string    `json:"config,omitempty"`
	Files   []string  `json:"files,omitempty"` // their paths, in the order of the archive
	State   string    `json:"state,omitempty"`
}

// Passphrase is what a file is encrypted under.
type Passphrase struct {
	Text string
	Work int // scrypt's work factor; usualWork if 0
}

// Write writes a recovery file. state is read to its end, size bytes; it is not used if
// c.State is empty. Such a file is written as text, which can be printed.
func Write(w io.Writer, p Passphrase, c Contents, state io.Reader, size int64) (err error) {
	recipient, err := age.NewScryptRecipient(p.Text)
	if err != nil {
		return err
	}
	if p.Work == 0 {
		p.Work = usualWork
	}
	recipient.SetWorkFactor(p.Work)
	closers := []io.Closer{}
	if c.State == "" {
		text := armor.NewWriter(w)
		w, closers = text, append(closers, text)
	}
	sealed, err := age.Encrypt(w, recipient)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(sealed)
	if err := writeArchive(archive, c, state, size); err != nil {
		return err
	}
	for _, one := range append([]io.Closer{archive, sealed}, closers...) {
		if err := one.Close(); err != nil {
			return err
		}
	}
	return nil
}

func writeArchive(archive *tar.Writer, c Contents, state io.Reader, size int64) error {
	m := manifest{Format: format, MadeAt: c.MadeAt, Version: c.Version, System: c.System, Config: c.Config, State: c.State}
	for _, f := range c.Files {
		m.Files = append(m.Files, f.Path)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	add := func(name string, size int64, content io.Reader) error {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: c.MadeAt}); err != nil {
			return err
		}
		_, err := io.CopyN(archive, content, size)
		return err
	}
	small := append([]File{{manifestName, text}, {keyName, encodeKey(c.Key)}}, named(c.Files)...)
	for _, f := range small {
		if err := add(f.Path, int64(len(f.Content)), bytes.NewReader(f.Content)); err != nil {
			return err
		}
	}
	if c.State == "" {
		return nil
	}
	return add(stateName, size, state)
}

// named returns the files with their names in the archive.
func named(files []File) []File {
	out := make([]File, len(files))
	for i, f := range files {
		slashed := strings.ReplaceAll(f.Path, `\`, "/")
		out[i] = File{fmt.Sprintf("%s%03d-%s", filesFolder, i, slashed[strings.LastIndexByte(slashed, '/')+1:]), f.Content}
	}
	return out
}

// Reader reads a recovery file.
type Reader struct {
	Contents
	archive *tar.Reader
	plain   io.Reader
}

// Is reports whether a file begins as a recovery file does.
func Is(begin []byte) bool {
	return bytes.HasPrefix(begin, []byte("age-encryption.org/v1")) || bytes.HasPrefix(bytes.TrimLeft(begin, " \t\r\n"), []byte(armor.Header))
}

// Open decrypts a recovery file up to the state. A wrong passphrase and a file that was
// changed are KeyInvalid problems.
func Open(r io.Reader, passphrase string) (*Reader, error) {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, wrongPassphrase(err)
	}
	identity.SetMaxWorkFactor(maxWork)
	in := bufio.NewReader(r)
	begin, _ := in.Peek(len(armor.Header) + 64)
	if !Is(begin) {
		return nil, damaged(errors.New("it does not begin as one"))
	}
	r = in
	if begin[0] != 'a' {
		r = armor.NewReader(in)
	}
	plain, err := age.Decrypt(r, identity)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return nil, wrongPassphrase(err)
	}
	if err != nil {
		return nil, damaged(err)
	}
	out := &Reader{archive: tar.NewReader(plain), plain: plain}
	if err := out.readContents(); err != nil {
		return nil, damaged(err)
	}
	return out, nil
}

func (r *Reader) readContents() error {
	text, err := r.next(manifestName, maxManifest)
	if err != nil {
		return err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	if m.Format != format {
		return fmt.Errorf("it has format %d, made by balansd %s; this version reads format %d", m.Format, m.Version, format)
	}
	if len(m.Files) > maxFiles {
		return fmt.Errorf("it has %d files", len(m.Files))
	}
	r.Contents = Contents{Config: m.Config, State: m.State, MadeAt: m.MadeAt, Version: m.Version, System: m.System}
	if text, err = r.next(keyName, maxManifest); err != nil {
		return err
	}
	if r.Key, err = decodeKey(text); err != nil {
		return err
	}
	for i, path := range m.Files {
		content, err := r.next(fmt.Sprintf("%s%03d-", filesFolder, i), maxFile)
		if err != nil {
			return err
		}
		r.Files = append(r.Files, File{path, content})
	}
	return nil
}

// next reads the next file of the archive, whose name begins with prefix.
func (r *Reader) next(prefix string, limit int64) ([]byte, error) {
	h, err := r.archive.Next()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(h.Name, prefix) || h.Size > limit {
		return nil, fmt.Errorf("%q, of %d bytes, is not expected there", h.Name, h.Size)
	}
	return io.ReadAll(r.archive)
}

// CopyState writes the state to w, and reads the file to its end, which alone proves that
// nothing of it is missing. Without a state it only does the latter.
func (r *Reader) CopyState(w io.Writer) error {
	if r.State != "" {
		h, err := r.archive.Next()
		if err == nil && h.Name != stateName {
			err = fmt.Errorf("%q is not expected there", h.Name)
		}
		if err != nil {
			return damaged(err)
		}
		if err := copyTo(w, r.archive); err != nil {
			return err
		}
	}
	if _, err := r.archive.Next(); !errors.Is(err, io.EOF) {
		return damaged(errors.New("it does not end where it should"))
	}
	return copyTo(io.Discard, r.plain)
}

// copyTo copies a part of the file. Only errors of reading are about the file.
func copyTo(w io.Writer, r io.Reader) error {
	in := &failing{r: r}
	_, err := io.Copy(w, in)
	if in.err != nil {
		return damaged(in.err)
	}
	return err
}

// failing keeps the error of a reader.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

func wrongPassphrase(err error) error {
	return problem.Wrap(err, problem.KeyInvalid, "the passphrase does not open the file",
		"Type it as it was when the file was made: capitals, blanks and the layout of the keyboard count.")
}

func damaged(err error) error {
	return problem.Wrap(err, problem.KeyInvalid, "the file cannot be read as one that holds the data key",
		"Take another copy of it: this one is incomplete, was changed, or was made by a newer version of balansd or another program.")
}
