package logs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// readFolder reads the log files of a folder, the oldest first.
func readFolder(t testing.TB, dir string) (names []string, text string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	slices.Sort(names) // "-" is before "."
	for _, n := range names {
		part, err := os.ReadFile(filepath.Join(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		text += string(part)
	}
	return names, text
}

func TestFileIsRotatedBySize(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	const writers, each = 8, 100
	l := openLog(t, Config{File: filepath.Join(dir, "balansd.log"), FileSize: mebibyte, Files: 1000}, testSystem(t))
	log := l.Logger().With().Str("long", strings.Repeat("x", 8<<10)).Logger()
	logConcurrently(log, writers, each)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names, text := readFolder(t, dir)
	if len(names) < 7 || names[len(names)-1] != "balansd.log" {
		t.Errorf("files %v", names)
	}
	next := map[string]int{}
	for _, m := range messages(t, text) {
		var n int
		writer, number, _ := strings.Cut(m, "/")
		if _, err := fmt.Sscan(number, &n); err != nil || n != next[writer] {
			t.Fatalf("%q comes after %d of that writer", m, next[writer])
		}
		next[writer]++
	}
	for w, n := range next {
		if n != each || len(next) != writers {
			t.Errorf("writer %s: %d lines of %d", w, n, each)
		}
	}
	for _, n := range names {
		info, err := os.Stat(filepath.Join(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > mebibyte {
			t.Errorf("%s has %d bytes", n, info.Size())
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", n, info.Mode())
		}
	}
}

func TestRotationRemovesOnlyLogFiles(t *testing.T) {
	dir := t.TempDir()
	others := []string{"balansd-20260101T000000.000Z-size.txt", "balansd-note.log", "other-20260101T000000.000Z-size.log", "balansd.log.1"}
	for _, n := range append([]string{"balansd-20250101T000000.000Z-size.log"}, others...) {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := openLog(t, Config{File: filepath.Join(dir, "balansd.log"), FileSize: 1, Files: 2}, testSystem(t))
	log := l.Logger()
	for i := range 5 {
		log.Info().Str("long", strings.Repeat("x", 700<<10)).Msg(fmt.Sprint(i))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names, text := readFolder(t, dir)
	if len(names) != len(others)+3 || slices.Contains(names, "balansd-20250101T000000.000Z-size.log") {
		t.Errorf("files %v", names)
	}
	for _, n := range others {
		if !slices.Contains(names, n) {
			t.Errorf("%s is gone", n)
		}
	}
	if diff := cmp.Diff([]string{"2", "3", "4"}, messages(t, text)); diff != "" {
		t.Error(diff)
	}
}

func TestLineLargerThanFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.log")
	log := openLog(t, Config{File: path, FileSize: mebibyte, Files: 5}, testSystem(t)).Logger()
	log.Info().Msg("small")
	log.Info().Str("stack", strings.Repeat("x", 2*mebibyte)).Msg("large")
	log.Info().Msg("last")
	_, text := readFolder(t, filepath.Dir(path))
	for _, want := range []string{"small", "large", "last"} {
		if !slices.Contains(messages(t, text), want) {
			t.Errorf("the line %s is not there", want)
		}
	}
}

func TestDiskFull(t *testing.T) {
	const full = "/dev/full" // always full, see full(4)
	if _, err := os.Stat(full); err != nil {
		t.Skip("runs where there is a /dev/full, on Linux")
	}
	path := filepath.Join(t.TempDir(), "balansd.log")
	if err := os.Symlink(full, path); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := openLog(t, Config{File: path, FileSize: mebibyte, Files: 5, Stderr: &out}, testSystem(t)).Logger()
	log.Info().Msg("one")
	if err := os.Remove(path); err != nil { // there is space again
		t.Fatal(err)
	}
	log.Info().Msg("two")
	if diff := cmp.Diff([]string{"one", "a log destination accepts no lines"}, messages(t, out.String())); diff != "" {
		t.Error(diff)
	}
	_, text := readFolder(t, filepath.Dir(path))
	if diff := cmp.Diff([]string{"two", "a log destination accepts lines again"}, messages(t, text)); diff != "" {
		t.Error(diff)
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	barred := filepath.Join(dir, "barred")
	if err := os.WriteFile(barred, nil, 0o600); err != nil { // a file where a folder should be
		t.Fatal(err)
	}
	events := newFakeEvents()
	sys := testSystem(t)
	sys.events = func(string) (eventLog, error) { return events, nil }
	var out bytes.Buffer
	l := openLog(t, Config{File: filepath.Join(barred, "balansd.log"), Stderr: &out, EventSource: "balansd"}, sys)
	if diff := cmp.Diff([]string{"a log destination accepts no lines"}, messages(t, out.String())); diff != "" {
		t.Error("it is not reported at once:", diff)
	}
	log := l.Logger()
	log.Info().Msg("one")
	log.Info().Msg("two")
	// After an admin has repaired it, no restart is needed.
	if err := os.Remove(barred); err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("three")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a log destination accepts no lines", "one", "two"}, messages(t, out.String())); diff != "" {
		t.Error(diff)
	}
	_, text := readFolder(t, barred)
	if diff := cmp.Diff([]string{"three", "a log destination accepts lines again"}, messages(t, text)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(text, `"lines_aside":2,"lines_lost":0`) {
		t.Error(text)
	}
	if len(events.all()) != 1 {
		t.Errorf("events %+v", events.all())
	}
}

func TestFileEndsWithinALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.log")
	if err := os.WriteFile(path, []byte(`{"level":"info","mess`), 0o600); err != nil {
		t.Fatal(err)
	}
	log := openLog(t, Config{File: path}, testSystem(t)).Logger()
	log.Info().Msg("whole")
	_, text := readFolder(t, filepath.Dir(path))
	half, rest, _ := strings.Cut(text, "\n")
	if half != `{"level":"info","mess` || messages(t, rest)[0] != "whole" {
		t.Error(text)
	}
}

func TestFileRotationFails(t *testing.T) {
	dir := t.TempDir()
	// No file system accepts a name of more than 255 characters, as that of the rotated
	// file would be.
	path := filepath.Join(dir, strings.Repeat("x", 240)+".log")
	var troubles []error
	f := &file{path: path, size: mebibyte, keep: 3, onRotationFailed: func(err error) { troubles = append(troubles, err) }}
	put := func(text string) {
		t.Helper()
		if _, err := f.Write([]byte(text + strings.Repeat(".", 600<<10) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	put("one")
	put("two")
	put("three")
	if len(troubles) != 1 {
		t.Errorf("troubles %v, want one", troubles)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	_, text := readFolder(t, dir)
	var got []string
	for one := range strings.Lines(text) {
		got = append(got, strings.TrimRight(one, ".\n"))
	}
	if diff := cmp.Diff([]string{"one", "two", "three"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFileMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "balansd.log")
		if runtime.GOOS == "windows" {
			t.Skip("Windows moves no open file")
		}
		log := openLog(t, Config{File: path}, testSystem(t)).Logger()
		log.Info().Msg("one")
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(checkInterval) // of the bubble's own clock
		log.Info().Msg("two")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"two"}, messages(t, string(text))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFileInConsoleFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.log")
	log := openLog(t, Config{Format: console, File: path}, testSystem(t)).Logger()
	log.Info().Str("dossier", "Bakkerij").Msg("hello")
	_, text := readFolder(t, filepath.Dir(path))
	if _, err := time.Parse("2006-01-02 15:04:05 INF hello dossier=Bakkerij\n", text); err != nil {
		t.Errorf("%q: %v", text, err)
	}
}
