//go:build unix

package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// TestDiskErrorIsNotDamage checks that errors of the disk or of process limits are reported
// as such, so that nobody restores a backup over a valid state.
func TestDiskErrorIsNotDamage(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EROFS: "read-only", syscall.EIO: "reports an error", syscall.EMFILE: "too many files", syscall.ENFILE: "too many files",
		syscall.ENOSPC: "disk is full", syscall.EDQUOT: "disk is full", syscall.ENOMEM: "memory", syscall.ENOLCK: "locks",
		syscall.ESTALE: "reports an error", syscall.EACCES: "cannot be written",
	} {
		p := problem.Of(openProblem("/var/lib/balansd/balansd.db", &fs.PathError{Op: "open", Path: "balansd.db", Err: errno}))
		if p.Code != problem.StateUnwritable || !strings.Contains(p.What, want) || strings.Contains(p.Next, "backup restore") {
			t.Errorf("%v is told as %s: %s / %s", errno, p.Code, p.What, p.Next)
		}
	}
	if p := problem.Of(openProblem("x", errors.New("invalid database"))); p.Code != problem.StateDamaged {
		t.Errorf("damage is told as %v", p)
	}
	if p := problem.Of(openProblem("x", errReplaced)); p.Code != problem.StateLocked {
		t.Errorf("a file that another process replaces is told as %v", p)
	}
}

// TestTooManyFiles opens a state when the process may open no more files.
func TestTooManyFiles(t *testing.T) {
	s := openTemp(t)
	path := s.Path()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 3 // files that are open stay open
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{Path: path, ReadOnly: true})
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if p := problem.Of(err); p.Code != problem.StateUnwritable || !strings.Contains(p.What, "too many files") {
		t.Errorf("it is told as %v", err)
	}
}

// TestTruncatedStateMessage truncates a state at each page. The log has no stack trace,
// and the problem says that the file is truncated.
func TestTruncatedStateMessage(t *testing.T) {
	s := openTemp(t)
	path := s.Path()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := int64(os.Getpagesize()); size < info.Size(); size += int64(os.Getpagesize()) {
		if err := os.Truncate(path, info.Size()-size); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s, err := Open(Options{Path: path, Log: zerolog.New(&log).Level(zerolog.InfoLevel)})
		if err == nil {
			err = errors.Join(s.Check(t.Context()), s.Close())
		}
		if err != nil && !problem.Is(err, problem.StateDamaged) {
			t.Errorf("cut by %d: %v", size, err)
		}
		if text := log.String(); strings.Contains(text, "goroutine") || strings.Contains(text, "stack") {
			t.Errorf("cut by %d, the log says:\n%s", size, text)
		}
	}
}
