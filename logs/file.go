package logs

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/DeRuina/timberjack"
)

const (
	// backupTime is the form of the time in the name of a rotated file, in UTC.
	// It has no colon, which Windows does not take.
	backupTime = "20060102T150405.000Z"
	// checkInterval is how often the file is looked for under its name.
	checkInterval = time.Second
	mebibyte      = 1 << 20
)

// file is a log file that timberjack rotates by size. What timberjack leaves
// open is added here: a file that somebody moved or deleted is begun anew, half
// a line that a power cut or a full disk left is ended, and a line is appended
// all the same where the file cannot be rotated, which on Windows is so while
// another program has it open. It is for one goroutine at a time.
type file struct {
	path             string
	size             int64       // rotated before it grows beyond, in whole MiB; 0: never
	keep             int         // rotated files
	onRotationFailed func(error) // called once when the file cannot be rotated

	rotated  *timberjack.Logger // nil while the file is closed
	info     fs.FileInfo        // of the file under its name when it was last looked for
	checked  time.Time          // when that was
	tornLine bool               // its last line has no end
	reported bool               // onRotationFailed has been called
}

// maxMiB is the size that the file may have, in the whole MiB that timberjack
// counts in.
func (f *file) maxMiB() int {
	if f.size <= 0 {
		return math.MaxInt32
	}
	return int((f.size + mebibyte - 1) / mebibyte)
}

// ready opens the file unless it is open and still the one under its name.
func (f *file) ready() error {
	if f.rotated != nil && time.Since(f.checked) < checkInterval {
		return nil
	}
	if f.rotated != nil {
		if now, err := os.Stat(f.path); err == nil && os.SameFile(now, f.info) {
			f.checked = time.Now()
			return nil
		}
		_ = f.close() // somebody moved it, or it was rotated
	}
	if err := f.inspect(); err != nil {
		return err
	}
	f.checked = time.Now()
	f.rotated = &timberjack.Logger{
		Filename: f.path, MaxSize: f.maxMiB(), MaxBackups: f.keep, FileMode: logMode, BackupTimeFormat: backupTime,
	}
	return nil
}

// logMode is for the service's own user only: the log contains names of clients.
const logMode = 0o600

// inspect makes sure that the file is there and can be written, and finds out
// whether its last line has an end.
func (f *file) inspect() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	h, err := os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, logMode)
	if err != nil {
		return err
	}
	defer func() { _ = h.Close() }()
	if f.info, err = h.Stat(); err != nil {
		return err
	}
	f.tornLine = false
	if size := f.info.Size(); size > 0 {
		var end [1]byte
		_, err := h.ReadAt(end[:], size-1)
		f.tornLine = err != nil || end[0] != '\n'
	}
	return nil
}

// Write adds a line. Where it returns an error, the line is not in the file, or
// only its beginning is.
func (f *file) Write(text []byte) (int, error) {
	if err := f.ready(); err != nil {
		return 0, err
	}
	line := text
	if f.tornLine {
		line = append([]byte{'\n'}, text...)
	}
	n, err := f.rotated.Write(line)
	switch {
	case err == nil:
		f.reported = false
	case n == 0 && f.append(line) == nil:
		f.report(err)
	default:
		// A full disk takes half a line; opening the file again finds it. A
		// network share may have come back under another handle, too.
		return 0, errors.Join(err, f.close())
	}
	f.tornLine = false
	return len(text), nil
}

// append adds a line without rotating: timberjack writes none while the file
// cannot be renamed, nor one that is larger than a whole file.
func (f *file) append(line []byte) error {
	h, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, logMode)
	if err != nil {
		return err
	}
	_, err = h.Write(line)
	return errors.Join(err, h.Close())
}

// report calls onRotationFailed once until a line is written the usual way again.
// onRotationFailed writes a line itself, maybe into this file.
func (f *file) report(err error) {
	if f.reported {
		return
	}
	f.reported = true
	f.onRotationFailed(err)
}

// close closes the file, once its content is on disk.
func (f *file) close() error {
	if f.rotated == nil {
		return nil
	}
	err := errors.Join(f.rotated.Sync(), f.rotated.Close())
	f.rotated = nil
	return err
}
