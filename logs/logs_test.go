package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"balansd/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testSystem returns a system without a journal.
func testSystem(t testing.TB) system {
	return system{journal: filepath.Join(t.TempDir(), "nobody-listens"), events: openEventLog}
}

// openLog opens a log and closes it with the test.
func openLog(t testing.TB, c Config, sys system) *Log {
	t.Helper()
	if c.Level == "" {
		c.Level = "info"
	}
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	l, err := open(c, sys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// messages returns the messages of lines of JSON.
func messages(t testing.TB, text string) []string {
	t.Helper()
	var all []string
	for one := range strings.Lines(text) {
		l, err := parse([]byte(one))
		if err != nil {
			t.Fatalf("%q: %v", one, err)
		}
		all = append(all, l.get(zerolog.MessageFieldName))
	}
	return all
}

func TestSetLevelAppliesToDerivedLoggers(t *testing.T) {
	var out bytes.Buffer
	l := openLog(t, Config{Stderr: &out}, testSystem(t))
	top := l.Logger()
	derived := top.With().Uint64("pass", 7).Logger()
	quiet := derived.Level(zerolog.ErrorLevel)
	say := func(text string) {
		derived.Debug().Msg(text)
		top.WithLevel(zerolog.DebugLevel).Msg(text + ", by the top")
		quiet.Info().Msg(text + ", by the quiet")
	}
	say("before")
	if e := derived.Debug(); e != nil {
		e.Send()
		t.Error("a line below the level is built")
	}
	if err := l.SetLevel("debug"); err != nil || l.threshold.Load() != int32(zerolog.DebugLevel) {
		t.Fatal(err, l.threshold.Load())
	}
	say("meanwhile")
	if err := l.SetLevel("error"); err != nil {
		t.Fatal(err)
	}
	say("after")
	derived.Error().Msg("an error")
	want := []string{"meanwhile", "meanwhile, by the top", "an error"}
	if diff := cmp.Diff(want, messages(t, out.String())); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownLevelsAndFormats(t *testing.T) {
	for _, c := range []Config{{Level: "loud"}, {Level: ""}, {Level: "disabled"}, {Level: "fatal"}, {Level: "info", Format: "xml"}} {
		c.Stderr = io.Discard
		if _, err := open(c, testSystem(t)); !problem.Is(err, problem.ConfigInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	l := openLog(t, Config{Level: "warn"}, testSystem(t))
	if err := l.SetLevel("loud"); !problem.Is(err, problem.ConfigInvalid) || l.threshold.Load() != int32(zerolog.WarnLevel) {
		t.Error(err, l.threshold.Load())
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		name string
		Config
		want string
	}{
		{"a pipe", Config{Format: auto, Stderr: io.Discard}, asJSON},
		{"nothing said", Config{Stderr: io.Discard}, asJSON},
		{"a file", Config{Format: auto, File: "x.log", Stderr: io.Discard}, asJSON},
		{"a file for people", Config{Format: console, File: "x.log", Stderr: io.Discard}, console},
		{"the journal by name", Config{Format: journald, File: "x.log", Stderr: io.Discard}, journald},
		{"a stream that is not ours", Config{Format: auto, Stderr: io.Discard, Environ: []string{"JOURNAL_STREAM=8:1"}}, asJSON},
	} {
		if got := c.format(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestConsoleFormat(t *testing.T) {
	var out bytes.Buffer
	l := openLog(t, Config{Format: console, Stderr: &out, Environ: []string{"TERM=xterm"}}, testSystem(t))
	log := l.Logger()
	log.Warn().Str("dossier", "Bakkerij \x1b[31m").Msg("hello")
	if !strings.HasSuffix(out.String(), `WRN hello dossier="Bakkerij \x1b[31m"`+"\n") {
		t.Errorf("%q", out.String())
	}
}

// failing is a writer that fails while fails is set.
type failing struct {
	bytes.Buffer
	fails bool
}

func (f *failing) Write(p []byte) (int, error) {
	if f.fails {
		return 0, errors.New("no space left on device")
	}
	return f.Buffer.Write(p)
}

func TestStderrFails(t *testing.T) {
	var out failing
	events := newFakeEvents()
	sys := testSystem(t)
	sys.events = func(string) (eventLog, error) { return events, nil }
	l := openLog(t, Config{Stderr: &out, EventSource: "balansd"}, sys)
	log := l.Logger()
	log.Info().Msg("one")
	out.fails = true
	log.Info().Msg("two")
	log.Info().Msg("three")
	out.fails = false
	log.Info().Msg("four")
	want := []string{"one", "four", "a log destination accepts lines again"}
	if diff := cmp.Diff(want, messages(t, out.String())); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(out.String(), `"lines_aside":0,"lines_lost":2`) {
		t.Error(out.String())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := events.all(); len(got) != 1 || got[0].id != problem.StateUnwritable.EventID() {
		t.Errorf("events %+v", got)
	}
}

func TestWriteAfterClose(t *testing.T) {
	var out bytes.Buffer
	path := filepath.Join(t.TempDir(), "balansd.log")
	sys := testSystem(t)
	sys.events = func(string) (eventLog, error) { return newFakeEvents(), nil }
	l := openLog(t, Config{Stderr: &out, File: path, EventSource: "balansd"}, sys)
	log := l.Logger()
	log.Info().Msg("in the file")
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	log.Error().Msg("too late")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"in the file"}, messages(t, string(text))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"too late"}, messages(t, out.String())); diff != "" {
		t.Error(diff)
	}
}

// blockedWriter is a terminal whose Write blocks until release is closed.
type blockedWriter struct{ called, release chan struct{} }

func (s blockedWriter) Write(p []byte) (int, error) {
	close(s.called)
	<-s.release
	return len(p), nil
}

func TestCloseTimeout(t *testing.T) {
	terminal := blockedWriter{make(chan struct{}), make(chan struct{})}
	l, err := open(Config{Level: "info", Stderr: terminal}, testSystem(t))
	if err != nil {
		t.Fatal(err)
	}
	l.closeTimeout = time.Millisecond
	log := l.Logger()
	go func() { log.Info().Msg("a line") }()
	<-terminal.called
	if err := l.Close(); err == nil {
		t.Error("no error says that lines may be missing")
	}
	close(terminal.release)
}

// logConcurrently logs from several goroutines at a time.
func logConcurrently(log zerolog.Logger, writers, each int) {
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				log.Info().Int("n", i).Msg(fmt.Sprintf("%d/%d", w, i))
			}
		})
	}
	wg.Wait()
}
