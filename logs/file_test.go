package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

// folder reads the log files of a folder, the oldest first.
func folder(t testing.TB, dir string) (names []string, text string) {
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

func TestFileIsTurnedOverBySize(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	const size, writers, each = 4096, 8, 200
	l := opened(t, Config{File: filepath.Join(dir, "balansd.log"), FileSize: size, Files: 1000}, outside(t))
	lines(l.Logger(), writers, each)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names, text := folder(t, dir)
	if len(names) < 10 || names[len(names)-1] != "balansd.log" {
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
		if info.Size() > size {
			t.Errorf("%s has %d bytes", n, info.Size())
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", n, info.Mode())
		}
	}
}

func TestOnlyOldLogFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	others := []string{"balansd-20260101T000000.000Z.txt", "balansd-note.log", "other-20260101T000000.000Z.log", "balansd.log.1"}
	for _, n := range append([]string{"balansd-20250101T000000.000Z.log"}, others...) {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := opened(t, Config{File: filepath.Join(dir, "balansd.log"), FileSize: 300, Files: 2}, outside(t))
	lines(l.Logger(), 1, 50)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names, text := folder(t, dir)
	if len(names) != len(others)+3 || slices.Contains(names, "balansd-20250101T000000.000Z.log") {
		t.Errorf("files %v", names)
	}
	for _, n := range others {
		if !slices.Contains(names, n) {
			t.Errorf("%s is gone", n)
		}
	}
	if got := messages(t, text); !slices.Contains(got, "0/49") || slices.Contains(got, "0/0") {
		t.Errorf("messages %v", got)
	}
}

func TestLineLargerThanTheFileIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.log")
	log := opened(t, Config{File: path, FileSize: 200, Files: 5}, outside(t)).Logger()
	log.Info().Msg("small")
	log.Info().Str("stack", strings.Repeat("x", 1000)).Msg("large")
	log.Info().Msg("last")
	names, text := folder(t, filepath.Dir(path))
	if diff := cmp.Diff([]string{"small", "large", "last"}, messages(t, text)); diff != "" || len(names) != 3 {
		t.Errorf("%v: %s", names, diff)
	}
}

// sick is a disk that is full at some calls.
type sick struct {
	calls  int
	fails  func(call int) bool
	cannot func(call int) bool // take back what was written
}

func (s *sick) open(path string) (handle, error) {
	if s.calls++; s.fails(s.calls) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOSPC}
	}
	h, err := openFile(path)
	return sickFile{h, s}, err
}

type sickFile struct {
	handle
	s *sick
}

func (f sickFile) Write(p []byte) (int, error) {
	if f.s.calls++; f.s.fails(f.s.calls) {
		n, _ := f.handle.Write(p[:len(p)/2])
		return n, syscall.ENOSPC
	}
	return f.handle.Write(p)
}

func (f sickFile) Truncate(size int64) error {
	if f.s.cannot != nil && f.s.cannot(f.s.calls) {
		return syscall.EIO
	}
	return f.handle.Truncate(size)
}

// TestNoLineIsLostOnASickDisk fails every n-th call, for every n, and wants
// each line once, in the file or on standard error.
func TestNoLineIsLostOnASickDisk(t *testing.T) {
	for n := 1; n <= 40; n++ {
		for _, longer := range []int{1, 3} { // how many calls fail
			for _, torn := range []bool{false, true} {
				once(t, n, longer, torn)
			}
		}
	}
}

func once(t *testing.T, n, longer int, torn bool) {
	t.Helper()
	disk := &sick{fails: func(call int) bool { return call >= n && call < n+longer }, cannot: func(int) bool { return torn }}
	sys := outside(t)
	sys.file = disk.open
	var out bytes.Buffer
	dir := t.TempDir()
	l := opened(t, Config{File: filepath.Join(dir, "balansd.log"), FileSize: 500, Files: 50, Stderr: &out}, sys)
	lines(l.Logger(), 1, 25)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, text := folder(t, dir)
	seen := map[string]int{}
	for one := range strings.Lines(text + "\n" + out.String()) {
		if one == "\n" {
			continue
		}
		l, err := parse([]byte(one))
		if err != nil {
			if !torn {
				t.Errorf("fault %d, %d long: half a line stays: %q", n, longer, one)
			}
			continue // the other half is whole elsewhere
		}
		seen[l.get(zerolog.MessageFieldName)]++
	}
	for i := range 25 {
		if m := fmt.Sprintf("0/%d", i); seen[m] != 1 {
			t.Errorf("fault %d, %d long, torn %v: line %s is there %d times", n, longer, torn, m, seen[m])
		}
	}
	if failed := seen["a place of the log takes no lines"]; disk.calls >= n && failed == 0 {
		t.Errorf("fault %d, %d long: nobody was told", n, longer)
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	barred := filepath.Join(dir, "barred")
	if err := os.WriteFile(barred, nil, 0o600); err != nil { // a file where a folder should be
		t.Fatal(err)
	}
	events := newFakeEvents()
	sys := outside(t)
	sys.events = func(string) (eventLog, error) { return events, nil }
	var out bytes.Buffer
	l := opened(t, Config{File: filepath.Join(barred, "balansd.log"), Stderr: &out, EventSource: "balansd"}, sys)
	if diff := cmp.Diff([]string{"a place of the log takes no lines"}, messages(t, out.String())); diff != "" {
		t.Error("it is not told at once:", diff)
	}
	log := l.Logger()
	log.Info().Msg("one")
	log.Info().Msg("two")
	// An admin mends it; no restart is needed.
	if err := os.Remove(barred); err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("three")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a place of the log takes no lines", "one", "two"}, messages(t, out.String())); diff != "" {
		t.Error(diff)
	}
	_, text := folder(t, barred)
	if diff := cmp.Diff([]string{"three", "a place of the log takes lines again"}, messages(t, text)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(text, `"lines_aside":2,"lines_lost":0`) {
		t.Error(text)
	}
	if len(events.all()) != 1 {
		t.Errorf("events %+v", events.all())
	}
}

func TestHalfALineOfAPowerCutIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.log")
	if err := os.WriteFile(path, []byte(`{"level":"info","mess`), 0o600); err != nil {
		t.Fatal(err)
	}
	log := opened(t, Config{File: path}, outside(t)).Logger()
	log.Info().Msg("whole")
	_, text := folder(t, filepath.Dir(path))
	half, rest, _ := strings.Cut(text, "\n")
	if half != `{"level":"info","mess` || messages(t, rest)[0] != "whole" {
		t.Error(text)
	}
}

func TestFileThatCannotBeTurnedOverGrowsOn(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "balansd.log")
	var troubles []error
	f := &file{path: path, size: 100, keep: 3, open: openFile, trouble: func(err error) { troubles = append(troubles, err) }}
	put := func(text string) {
		t.Helper()
		if _, err := f.Write([]byte(text + strings.Repeat(".", 60) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	put("one")
	free := held(t, f)
	put("two")
	put("three")
	if len(troubles) != 1 {
		t.Errorf("troubles %v, want one", troubles)
	}
	free()
	put("four")
	put("five")
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	names, text := folder(t, dir)
	var got []string
	for one := range strings.Lines(text) {
		got = append(got, strings.TrimRight(one, ".\n"))
	}
	if diff := cmp.Diff([]string{"one", "two", "three", "four", "five"}, got); diff != "" || len(names) < 2 {
		t.Errorf("%v: %s", names, diff)
	}
}

// held keeps the file from being moved, until free is called: on Windows as
// another program does that reads it. Elsewhere nothing does, so the file goes
// on under another name meanwhile.
func held(t *testing.T, f *file) (free func()) {
	t.Helper()
	if runtime.GOOS == "windows" {
		reader, err := os.Open(f.path)
		if err != nil {
			t.Fatal(err)
		}
		return func() { _ = reader.Close() }
	}
	other := f.path + ".other"
	if err := os.Rename(f.path, other); err != nil {
		t.Fatal(err)
	}
	f.open = func(string) (handle, error) { return openFile(other) }
	return func() {
		f.open = openFile
		if err := errors.Join(f.close(), os.Rename(other, f.path)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFileThatSomebodyMovedIsBegunAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "balansd.log")
		if runtime.GOOS == "windows" {
			t.Skip("Windows moves no open file")
		}
		log := opened(t, Config{File: path}, outside(t)).Logger()
		log.Info().Msg("one")
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(glance) // of the bubble's own clock
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

func TestFileForPeople(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.log")
	log := opened(t, Config{Format: console, File: path}, outside(t)).Logger()
	log.Info().Str("dossier", "Bakkerij").Msg("hello")
	_, text := folder(t, filepath.Dir(path))
	if _, err := time.Parse("2006-01-02 15:04:05 INF hello dossier=Bakkerij\n", text); err != nil {
		t.Errorf("%q: %v", text, err)
	}
}
