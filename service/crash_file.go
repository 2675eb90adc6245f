package service

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// maxCrashFiles is the number of earlier crashes that stay on disk.
const maxCrashFiles = 5

// crashHead is how much of a crash file is read to describe it.
const crashHead = 64 << 10

// hungText begins the goroutine dump of a process that did not stop.
const hungText = "balansd: did not stop in time"

// catchCrashes has the runtime write a panic of any goroutine, or a fatal
// error, to path, besides standard error. What the last run left there is
// moved aside, beside path, and logged once.
//
// The traces hold the names of functions and machine words, no texts; but the
// text of a panic itself could quote anything, so that only its owner may read the
// file, and the log repeats it only where it is the runtime's.
func catchCrashes(path string, now time.Time, log zerolog.Logger) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := reportCrash(path, now, log); err != nil {
		return err
	}
	// Append: a second process that starts beside this one, and then finds the state
	// locked, must not truncate the file.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // the runtime has its own copy of the descriptor
	// The goroutine that panics is often not the cause.
	debug.SetTraceback("all")
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}

// reportCrash moves the crash at path aside and logs it.
func reportCrash(path string, now time.Time, log zerolog.Logger) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	kind, where := readCrash(path)
	ext := filepath.Ext(path)
	stem := strings.TrimSuffix(path, ext)
	aside := fmt.Sprintf("%s-%s%s", stem, now.UTC().Format("20060102T150405.000Z"), ext)
	if err := os.Rename(path, aside); err != nil {
		return err
	}
	log.Error().Uint32(problem.NoticeKey, uint32(problem.CrashFound)).Str("file", aside).
		Time("crashed", info.ModTime()).Str("kind", kind).Str("where", where).
		Msg("the last run of balansd ended in a crash")
	return deleteOldCrashes(stem, ext)
}

// deleteOldCrashes removes the oldest crash files; their names sort by time.
func deleteOldCrashes(stem, ext string) error {
	entries, err := os.ReadDir(filepath.Dir(stem))
	if err != nil {
		return err
	}
	var kept []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(stem)+"-") && filepath.Ext(e.Name()) == ext {
			kept = append(kept, filepath.Join(filepath.Dir(stem), e.Name()))
		}
	}
	slices.Sort(kept)
	for len(kept) > maxCrashFiles {
		err = errors.Join(err, os.Remove(kept[0]))
		kept = kept[1:]
	}
	return err
}

// readCrash returns the kind of crash in a crash file, in the words of the runtime and
// never those of a panic's value, and our first function in the traces, which may be
// empty.
func readCrash(path string) (kind, where string) {
	f, err := os.Open(path)
	if err != nil {
		return "", ""
	}
	kind = "fatal error" // for which the runtime writes only traces
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(io.LimitReader(f, crashHead))
	for lines.Scan() {
		line := lines.Text()
		if said := crashKind(line); said != "" && kind == "fatal error" {
			kind = said
		}
		// Functions of this package only supervise the work.
		if name, _, call := strings.Cut(line, "("); call && where == "" && !strings.HasPrefix(name, "balansd/service.") &&
			(strings.HasPrefix(name, "balansd/") || strings.HasPrefix(name, "main.")) {
			// The last bracket opens the arguments; an earlier one is of a receiver.
			where = line[:strings.LastIndexByte(line, '(')]
		}
	}
	return kind, where
}

// crashKind returns the kind of crash in a line, empty if there is none.
func crashKind(line string) string {
	for _, safe := range []string{hungText, "panic: runtime error: ", "fatal error: ", "SIGABRT: ", "SIGQUIT: ", "SIGSEGV: ", "SIGBUS: "} {
		if strings.HasPrefix(line, safe) {
			return line
		}
	}
	if strings.HasPrefix(line, "panic: ") {
		return "panic"
	}
	return ""
}

// dumpGoroutines appends the stack of each goroutine to the file at path.
func dumpGoroutines(path string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s (%s)\n\n", hungText, stopTime)
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	return errors.Join(err, f.Sync(), f.Close())
}
