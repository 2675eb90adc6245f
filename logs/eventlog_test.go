package logs

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"balansd/problem"
)

// fakeEvents is an event log in memory.
type fakeEvents struct {
	mu    sync.Mutex
	got   []event
	block chan struct{} // report waits until it is closed; nil for not
	err   error
}

func newFakeEvents() *fakeEvents { return &fakeEvents{} }

func (f *fakeEvents) report(level zerolog.Level, id uint32, text string) error {
	if f.block != nil {
		<-f.block
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.got = append(f.got, event{level, id, text})
	return nil
}

func (f *fakeEvents) close() error { return nil }

func (f *fakeEvents) all() []event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got
}

func TestEventLogGetsNoticesAndErrors(t *testing.T) {
	events := newFakeEvents()
	sys := testSystem(t)
	sys.events = func(source string) (eventLog, error) {
		if source != "balansd" {
			t.Errorf("source %s", source)
		}
		return events, nil
	}
	l := openLog(t, Config{Level: "debug", EventSource: "balansd"}, sys)
	log := l.Logger()
	log.Info().Msg("an ordinary line")
	log.Warn().Str("code", string(problem.FinboxDown)).Msg("a warning")
	log.Info().Str("detail", `says "event_id"`).Msg("the key in a value")
	log.Info().Uint32(problem.NoticeKey, uint32(problem.NightDone)).Int("delivered", 3).Str("reason", "").Msg("the night is done")
	log.Warn().Uint32(problem.NoticeKey, uint32(problem.NightNeedsPerson)).
		Strs("problems", []string{"Finbox: down", "firm 1001: link it again"}).Msg("the night needs you")
	log.Error().Str("code", string(problem.StateUnwritable)).Err(errors.New("disk 100%2 full")).Msg("no state")
	log.Error().Str("stack", "one\n\ttwo\n").Msg("a fault")
	log.Debug().Uint32(problem.NoticeKey, 100).Msg("noisy")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	want := []event{
		{zerolog.InfoLevel, 110, "the night is done\r\ndelivered=3"},
		{zerolog.WarnLevel, 111, "the night needs you\r\nproblems=Finbox: down; firm 1001: link it again"},
		{zerolog.ErrorLevel, 23, "no state\r\ncode=state_unwritable\r\nerror=disk 100% 2 full"},
		{zerolog.ErrorLevel, 1, "a fault\r\nstack:\r\none\r\n\ttwo"},
		{zerolog.DebugLevel, 100, "noisy"},
	}
	if diff := cmp.Diff(want, events.all(), cmp.AllowUnexported(event{})); diff != "" {
		t.Error(diff)
	}
}

func TestEventTextLimits(t *testing.T) {
	text := eventText(line{{"message", "a\x00b"}, {"stack", strings.Repeat("é%1\n", 20000)}})
	if n := len(utf16.Encode([]rune(text))); n > 31839 || n < 10000 || strings.Contains(text, "\x00") || strings.Contains(text, "%1") {
		t.Errorf("%d characters: %.60q", n, text)
	}
}

// TestEventLogHangs checks that a hanging event log delays neither log lines nor Close.
func TestEventLogHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := newFakeEvents()
		events.block = make(chan struct{})
		sys := testSystem(t)
		sys.events = func(string) (eventLog, error) { return events, nil }
		var out bytes.Buffer
		l := openLog(t, Config{Stderr: &out, EventSource: "balansd"}, sys)
		log := l.Logger()
		const n = eventQueue + 50
		for range n {
			log.Error().Msg("trouble")
		}
		if got := messages(t, out.String()); len(got) != n {
			t.Errorf("%d lines, want %d", len(got), n)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		close(events.block)
		synctest.Wait()
		if got := len(events.all()); got < eventQueue || got > eventQueue+1 {
			t.Errorf("%d events", got)
		}
		// Events that did not fit are counted and reported.
		if !strings.Contains(out.String(), `"message":"events did not reach the event log"`) {
			t.Error("the lost events are not reported")
		}
	})
}

func TestEventLogFails(t *testing.T) {
	events := newFakeEvents()
	events.err = errors.New("the log is full")
	sys := testSystem(t)
	sys.events = func(string) (eventLog, error) { return events, errors.New("the source is not registered") }
	var out bytes.Buffer
	l := openLog(t, Config{Stderr: &out, EventSource: "balansd"}, sys)
	log := l.Logger()
	for range 3 {
		log.Error().Msg("trouble")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, m := range messages(t, out.String()) {
		count[m]++
	}
	want := map[string]int{"trouble": 3, "events did not reach the event log": 1, "the event log cannot be used as it should": 1}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
}

// TestEventIDs checks that each id has a text in the message file of Windows'
// EventCreate.exe, and four digits in a MESSAGE_ID.
func TestEventIDs(t *testing.T) {
	seen := map[uint32]string{}
	note := func(id uint32, what string) {
		if id < 1 || id > 1000 || seen[id] != "" {
			t.Errorf("%s has id %d, which is out of 1 to 1000, or that of %q", what, id, seen[id])
		}
		seen[id] = what
	}
	for _, c := range problem.Codes() {
		note(c.EventID(), string(c))
	}
	for _, n := range problem.Notices() {
		note(uint32(n), n.String())
	}
}

// TestOpen opens the event log of the machine; under Wine too this must not fail.
func TestOpen(t *testing.T) {
	var out bytes.Buffer
	l, err := Open(Config{Level: "info", Stderr: &out, EventSource: "balansd-test"})
	if err != nil {
		t.Fatal(err)
	}
	log := l.Logger()
	for _, level := range []zerolog.Level{zerolog.InfoLevel, zerolog.WarnLevel, zerolog.ErrorLevel} {
		log.WithLevel(level).Uint32(problem.NoticeKey, uint32(problem.Started)).Msg("test " + level.String())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "events did not reach") || !strings.Contains(out.String(), "test error") {
		t.Error(out.String())
	}
}
