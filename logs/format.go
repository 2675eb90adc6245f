package logs

import (
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/rs/zerolog"
	"golang.org/x/term"
)

// The formats. auto is settled by where the lines go.
const (
	auto     = "auto"
	journald = "journald"
	asJSON   = "json"
	console  = "console"
)

var formats = []string{auto, journald, asJSON, console}

// journalSocket is where journald takes entries with fields
// (systemd-journald.service).
const journalSocket = "/run/systemd/journal/socket"

// The names of the destinations in messages.
const (
	nameFile     = "the log file"
	nameJournal  = "the journal"
	nameStderr   = "standard error"
	nameEventLog = "the event log"
)

// format settles auto: JSON in a file, the journal where systemd has connected
// standard error with it, else what suits who reads standard error.
func (c Config) format() string {
	switch {
	case c.Format != auto && c.Format != "":
		return c.Format
	case c.File != "":
		return asJSON
	case onJournal(c.Stderr, c.getenv("JOURNAL_STREAM")):
		return journald
	case isTerminal(c.Stderr):
		return console
	}
	return asJSON
}

// destinations returns where every line goes. The journal, when the configuration
// names it, and a file may both be wanted.
func (c Config) destinations(sys system, s *writer) []*destination {
	var list []*destination
	format := c.format()
	if format == journald {
		j := newJournal(sys.journal)
		list = append(list, &destination{name: nameJournal, w: j, close: j.close})
	}
	switch {
	case c.File != "":
		f := &file{path: c.File, size: c.FileSize, keep: c.Files, onRotationFailed: s.rotationFailed}
		list = append(list, &destination{name: nameFile, w: formatted(format, f, true), ready: f.ready, close: f.close})
	case format != journald:
		list = append(list, &destination{name: nameStderr, w: formatted(format, c.Stderr, !Coloured(c.Stderr, c.Environ)), isStderr: true})
	}
	return list
}

func formatted(format string, w io.Writer, plain bool) io.Writer {
	if format != console {
		return w
	}
	// A terminal shows what happens now; a file is read days later.
	stamp := "15:04:05"
	if _, lasting := w.(*file); lasting {
		stamp = "2006-01-02 15:04:05"
	}
	return zerolog.ConsoleWriter{Out: w, TimeFormat: stamp, NoColor: plain}
}

// Coloured reports whether w is a terminal that shows ANSI colours. NO_COLOR in
// the environment turns them off (no-color.org).
func Coloured(w io.Writer, environ []string) bool {
	c := Config{Environ: environ}
	if !isTerminal(w) || c.getenv("NO_COLOR") != "" || c.getenv("TERM") == "dumb" {
		return false
	}
	// An old Windows console shows the codes themselves; the newer terminal
	// sets this variable.
	return runtime.GOOS != "windows" || c.getenv("WT_SESSION") != ""
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) // a descriptor is a small number
}

// getenv finds a variable of the environment.
func (c Config) getenv(name string) string {
	for _, pair := range c.Environ {
		if n, value, _ := strings.Cut(pair, "="); n == name {
			return value
		}
	}
	return ""
}
