package logs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// stamp is what the name of an older file has: when it was turned over, in
// UTC. It has no colon, which Windows does not take.
const stamp = "20060102T150405.000Z"

// glance is how often the file is looked for under its name.
const glance = time.Second

// handle is what a file needs of an *os.File.
type handle interface {
	io.WriteCloser
	io.ReaderAt
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
}

// openFile opens a file for adding to its end. The log tells names of clients:
// nobody but the service's own user reads it.
func openFile(path string) (handle, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err // a nil *os.File would be a handle that is not nil
	}
	return f, nil
}

// file is a log file that is turned over by size: it gets the instant into its
// name, and a new one takes its place. Older ones stay as they are, since ten
// of them are few and every tool reads them so. It is for one goroutine at a
// time.
type file struct {
	path    string
	size    int64 // turned over before it would grow beyond; 0: never
	keep    int   // older files
	open    func(path string) (handle, error)
	trouble func(error) // hears once when it cannot be turned over

	f     handle
	info  fs.FileInfo // of f
	at    int64       // how large it is
	torn  bool        // the last line in it has no end
	retry int64       // after a turn-over that failed: the size at which to try again
	told  bool        // trouble has heard of it
	seen  time.Time   // when it was last looked for under its name
}

// ready opens the file unless it is open.
func (f *file) ready() error {
	if f.f != nil && time.Since(f.seen) >= glance {
		// Somebody who moved or deleted the file wants the next lines in a new
		// one.
		if now, err := os.Stat(f.path); err != nil || !os.SameFile(now, f.info) {
			_ = f.close()
		}
		f.seen = time.Now()
	}
	if f.f != nil {
		return nil
	}
	h, err := f.open(f.path)
	if err != nil {
		return err
	}
	if f.info, err = h.Stat(); err != nil {
		return errors.Join(err, h.Close())
	}
	f.f, f.at, f.torn, f.seen = h, f.info.Size(), false, time.Now()
	if f.at == 0 {
		f.retry = 0
	} else {
		// A power cut may have left half a line.
		var end [1]byte
		_, err := h.ReadAt(end[:], f.at-1)
		f.torn = err != nil || end[0] != '\n'
	}
	return nil
}

// Write adds a line. Where it gives an error, the line is not in the file.
func (f *file) Write(text []byte) (int, error) {
	if err := f.ready(); err != nil {
		return 0, err
	}
	if f.size > 0 && f.at > 0 && f.at+int64(len(text)) > max(f.size, f.retry) {
		f.turn()
		if err := f.ready(); err != nil {
			return 0, err
		}
	}
	line := text
	if f.torn {
		line = append([]byte{'\n'}, text...)
	}
	n, err := f.f.Write(line)
	if err != nil {
		// A full disk takes half a line. Where that cannot be taken back, the
		// next line begins on a new one. It opens the file anew, too: a share of
		// the network may have come back under another handle.
		return 0, errors.Join(err, f.f.Truncate(f.at), f.close())
	}
	f.at, f.torn = f.at+int64(n), false
	return len(text), nil
}

// turn moves the file out of the way, so that the next line begins a new one.
// Where it cannot be moved, which on Windows is so while another program has it
// open, the file grows on, and the next try is a little later.
func (f *file) turn() {
	grown := f.at
	err := f.close() // Windows moves no open file
	moved := f.moveAway()
	if moved == nil {
		f.retry = 0
	} else {
		f.retry = grown + max(f.size/16, 1)
	}
	err = errors.Join(err, moved, f.prune())
	first := err != nil && !f.told
	f.told = err != nil
	if first {
		f.trouble(err) // writes a line, maybe in this file
	}
}

// moveAway gives the file the name of an older one.
func (f *file) moveAway() error {
	for at := time.Now().UTC(); ; at = at.Add(time.Millisecond) {
		older := f.older(at.Format(stamp))
		if _, err := os.Lstat(older); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(f.path, older)
		} else if err != nil {
			return err
		}
	}
}

// older names an older file: balansd.log becomes balansd-20260301T021500.000Z.log.
func (f *file) older(when string) string {
	ext := filepath.Ext(f.path)
	return strings.TrimSuffix(f.path, ext) + "-" + when + ext
}

// prune removes the oldest files beyond those that are kept. It touches only
// names that turning over gives.
func (f *file) prune() error {
	list, err := os.ReadDir(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	before, after, _ := strings.Cut(filepath.Base(f.older("*")), "*")
	var stamps []string
	for _, e := range list {
		rest, ok := strings.CutPrefix(e.Name(), before)
		when, ok2 := strings.CutSuffix(rest, after)
		if _, err := time.Parse(stamp, when); ok && ok2 && err == nil && e.Type().IsRegular() {
			stamps = append(stamps, when)
		}
	}
	slices.SortFunc(stamps, func(a, b string) int { return cmp.Compare(b, a) })
	for _, when := range stamps[min(f.keep, len(stamps)):] {
		if gone := os.Remove(f.older(when)); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("an older file stays: %w", gone))
		}
	}
	return err
}

// close closes the file, once its content is on disk.
func (f *file) close() error {
	if f.f == nil {
		return nil
	}
	err := errors.Join(f.f.Sync(), f.f.Close())
	f.f = nil
	return err
}
