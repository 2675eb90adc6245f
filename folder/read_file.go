package folder

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// What can be wrong with a file that is there.
var (
	errNoFile   = errors.New("it is not a file")
	errTooLarge = errors.New("it is larger than a document may be")
	errChanging = errors.New("it is being changed")
)

// headSize is how many bytes of a file tell its kind.
const headSize = 512

// file is one file, read whole.
type file struct {
	content []byte
	sum     string // SHA-256, hex
	changed time.Time
}

// openFile opens a regular file of the source. A link is none: what it points to
// is not ours.
func openFile(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, nil, errNoFile
	}
	local := filepath.FromSlash(name)
	if info, err := root.Lstat(local); err != nil {
		return nil, nil, err
	} else if !info.Mode().IsRegular() {
		return nil, nil, errNoFile
	}
	f, err := root.Open(local)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// readFile reads a file of at most limit bytes, and refuses one that changes
// while it is read.
func readFile(root *os.Root, name string, limit int64) (file, error) {
	f, before, err := openFile(root, name)
	if err != nil {
		return file{}, err
	}
	defer func() { _ = f.Close() }()
	return readOpen(f, before, limit)
}

// readOpen reads an open file from its start.
func readOpen(f *os.File, before fs.FileInfo, limit int64) (file, error) {
	if before.Size() > limit {
		return file{}, errTooLarge
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return file{}, err
	}
	after, err := f.Stat()
	if err != nil {
		return file{}, err
	}
	if after.Size() != int64(len(content)) || before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
		return file{}, errChanging
	}
	return newFile(content, after), nil
}

func newFile(content []byte, info fs.FileInfo) file {
	sum := sha256.Sum256(content)
	return file{content: content, sum: hex.EncodeToString(sum[:]), changed: info.ModTime().UTC()}
}

// readHead reads the first bytes of an open file, and goes back to its start.
func readHead(f *os.File) ([]byte, error) {
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	_, err = f.Seek(0, io.SeekStart)
	return head[:n], err
}

// pathOf returns the whole path of a file or folder of the source, for people.
func pathOf(cfg Config, name string) string {
	return filepath.Join(cfg.Path, filepath.FromSlash(printable(name)))
}

// printable escapes the control characters of a name, for a sentence.
func printable(name string) string {
	q := fmt.Sprintf("%q", name)
	if q == `"`+name+`"` {
		return name
	}
	return strings.Trim(q, `"`)
}

// reason returns the cause without the path, which the sentence names already.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return err.Error()
}

// inUse reports whether another program holds the file, which only Windows
// knows: ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION.
func inUse(err error) bool {
	code, ok := errors.AsType[syscall.Errno](err)
	return ok && runtime.GOOS == "windows" && (code == 32 || code == 33)
}
