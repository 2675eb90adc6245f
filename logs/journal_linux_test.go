package logs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"balansd/problem"
)

// fakeJournal is a socket like that of journald.
func fakeJournal(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// receive returns one entry, from the datagram or from the memory file sent with it.
func receive(t *testing.T, conn *net.UnixConn) []byte {
	t.Helper()
	b, oob := make([]byte, 1<<20), make([]byte, 256)
	n, oobn, _, _, err := conn.ReadMsgUnix(b, oob)
	if err != nil {
		t.Fatal(err)
	}
	if oobn == 0 {
		return b[:n]
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil || n != 0 {
		t.Fatal(n, err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[0]), "entry")
	defer func() { _ = f.Close() }()
	// journald accepts only sealed memory files.
	const sealed = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0); err != nil || seals != sealed {
		t.Fatalf("seals %x, %v", seals, err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, info.Size())
	if _, err := f.ReadAt(text, 0); err != nil {
		t.Fatal(err)
	}
	return text
}

// fieldsOf parses an entry as journald does.
func fieldsOf(t *testing.T, entry []byte) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for len(entry) > 0 {
		head, rest, ok := bytes.Cut(entry, []byte("\n"))
		if !ok {
			t.Fatalf("an entry without an end: %q", entry)
		}
		name, value, short := bytes.Cut(head, []byte("="))
		if !short {
			n := binary.LittleEndian.Uint64(rest)
			value, rest = rest[8:8+n], rest[8+n:]
			if rest[0] != '\n' {
				t.Fatalf("field %s does not end with its length", name)
			}
			rest = rest[1:]
		}
		if _, twice := fields[string(name)]; twice {
			t.Errorf("field %s is there twice", name)
		}
		fields[string(name)], entry = string(value), rest
	}
	return fields
}

func journalLog(t *testing.T, stderr *bytes.Buffer) (*Log, *net.UnixConn, string) {
	t.Helper()
	sys := testSystem(t)
	conn := fakeJournal(t, sys.journal)
	return openLog(t, Config{Level: "trace", Format: journald, Stderr: stderr}, sys), conn, sys.journal
}

func TestJournalEntries(t *testing.T) {
	var stderr bytes.Buffer
	l, conn, _ := journalLog(t, &stderr)
	log := l.Logger()
	log.Warn().Int("event_id", int(problem.NightMissed)).Str("why", "it was off").Str("reason", "").Int64("firm", 1001).Bool("dry_run", false).
		Strs("problems", []string{"a b", "c"}).Msg("the night was missed")
	want := "MESSAGE=the night was missed why=\"it was off\" firm=1001 dry_run=false problems=\"a b; c\"\n" +
		"PRIORITY=4\nSYSLOG_IDENTIFIER=balansd\nMESSAGE_ID=08d68feb26a94f60a42ac9e0e2dc0112\nBALANSD_LEVEL=warn\nBALANSD_EVENT_ID=112\n" +
		"BALANSD_WHY=it was off\nBALANSD_REASON=\nBALANSD_FIRM=1001\nBALANSD_DRY_RUN=false\nBALANSD_PROBLEMS=[\"a b\",\"c\"]\n" +
		"BALANSD_MESSAGE=the night was missed\n"
	if diff := cmp.Diff(want, string(receive(t, conn))); diff != "" {
		t.Error(diff)
	}
	log.Error().Str("code", string(problem.StateUnwritable)).Str("stack", "goroutine 1\n\tmain.go\n").Msg("a fault")
	got := fieldsOf(t, receive(t, conn))
	delete(got, "SYSLOG_IDENTIFIER")
	wantFields := map[string]string{
		"MESSAGE": "a fault code=state_unwritable\nstack:\ngoroutine 1\n\tmain.go", "PRIORITY": "3",
		"MESSAGE_ID": messageID + "0023", "BALANSD_LEVEL": "error", "BALANSD_CODE": "state_unwritable",
		"BALANSD_STACK": "goroutine 1\n\tmain.go\n", "BALANSD_MESSAGE": "a fault",
	}
	if diff := cmp.Diff(wantFields, got); diff != "" {
		t.Error(diff)
	}
	for level, want := range map[zerolog.Level]string{zerolog.TraceLevel: "7", zerolog.DebugLevel: "7", zerolog.InfoLevel: "6"} {
		log.WithLevel(level).Msg("x")
		if got := fieldsOf(t, receive(t, conn)); got["PRIORITY"] != want || got["MESSAGE_ID"] != "" {
			t.Errorf("fields %v, want priority %s", got, want)
		}
	}
	if stderr.Len() > 0 {
		t.Error(stderr.String())
	}
}

func TestLargeJournalEntry(t *testing.T) {
	var stderr bytes.Buffer
	l, conn, _ := journalLog(t, &stderr)
	log := l.Logger()
	stack := strings.Repeat("a line of a stack\n", 40000)
	log.Error().Str("stack", stack).Msg("a fault")
	if got := fieldsOf(t, receive(t, conn)); got["BALANSD_STACK"] != stack {
		t.Errorf("%d bytes of %d arrived", len(got["BALANSD_STACK"]), len(stack))
	}
	if stderr.Len() > 0 {
		t.Error(stderr.String())
	}
}

func TestJournalRestarts(t *testing.T) {
	var stderr bytes.Buffer
	l, conn, path := journalLog(t, &stderr)
	log := l.Logger()
	log.Info().Msg("one")
	receive(t, conn)
	if err := errors.Join(conn.Close(), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("two")
	log.Info().Msg("three")
	conn = fakeJournal(t, path)
	log.Info().Msg("four")
	if diff := cmp.Diff([]string{"two", "a log destination accepts no lines", "three"}, messages(t, stderr.String())); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"four", "a log destination accepts lines again"} {
		if got := fieldsOf(t, receive(t, conn)); got["BALANSD_MESSAGE"] != want {
			t.Errorf("fields %v, want %q", got, want)
		}
	}
	// If it is back before the next line, no line is lost.
	if err := errors.Join(conn.Close(), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	conn = fakeJournal(t, path)
	log.Info().Msg("five")
	if got := fieldsOf(t, receive(t, conn)); got["BALANSD_MESSAGE"] != "five" {
		t.Errorf("fields %v", got)
	}
}

// TestJournalHangs fills the queue of a journal that reads nothing. Each line is there
// once, in the queue or on standard error.
func TestJournalHangs(t *testing.T) {
	var stderr bytes.Buffer
	l, conn, _ := journalLog(t, &stderr)
	log := l.Logger()
	n := 0
	for n = 0; !strings.Contains(stderr.String(), "accepts no lines"); n++ {
		log.Info().Int("n", n).Msg(fmt.Sprint(n))
	}
	for range 100 {
		log.Info().Msg(fmt.Sprint(n))
		n++
	}
	seen := map[string]int{}
	for _, m := range messages(t, stderr.String()) {
		seen[m]++
	}
	for i := 0; seen[fmt.Sprint(i)] == 0; i++ {
		seen[fieldsOf(t, receive(t, conn))["BALANSD_MESSAGE"]]++
	}
	for i := range n {
		if seen[fmt.Sprint(i)] != 1 {
			t.Errorf("line %d is there %d times", i, seen[fmt.Sprint(i)])
		}
	}
}

func TestFormatFromJournalStream(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	for stream, want := range map[string]string{
		fmt.Sprintf("%d:%d", st.Dev, st.Ino): journald, fmt.Sprintf("%d:%d", st.Dev, st.Ino+1): asJSON, "": asJSON,
	} {
		c := Config{Format: auto, Stderr: f, Environ: []string{"TERM=xterm", "JOURNAL_STREAM=" + stream}}
		if got := c.format(); got != want {
			t.Errorf("stream %q: %s, want %s", stream, got, want)
		}
		c.File = "x.log"
		if got := c.format(); got != asJSON {
			t.Errorf("with a file: %s", got)
		}
	}
}

func TestJournalAndFileTogether(t *testing.T) {
	var stderr bytes.Buffer
	sys := testSystem(t)
	conn := fakeJournal(t, sys.journal)
	path := filepath.Join(t.TempDir(), "balansd.log")
	log := openLog(t, Config{Format: journald, File: path, Stderr: &stderr}, sys).Logger()
	log.Info().Msg("twice")
	if got := fieldsOf(t, receive(t, conn)); got["BALANSD_MESSAGE"] != "twice" {
		t.Errorf("fields %v", got)
	}
	_, text := readFolder(t, filepath.Dir(path))
	if diff := cmp.Diff([]string{"twice"}, messages(t, text)); diff != "" || stderr.Len() > 0 {
		t.Error(diff, stderr.String())
	}
}

func TestFieldNames(t *testing.T) {
	for key, want := range map[string]string{
		"pass": "BALANSD_PASS", "took_ms": "BALANSD_TOOK_MS", "a.b-é": "BALANSD_A_B__",
		strings.Repeat("x", 100): "BALANSD_" + strings.Repeat("X", 56),
	} {
		if got := fieldName(key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}
