package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"balansd/internal/testenv"
)

// TestAnswersAreOnDisk traces the system calls of a process and checks that each write to
// the state file is synced before it reports.
func TestAnswersAreOnDisk(t *testing.T) {
	testenv.Need(t, testenv.Strace, "strace")
	dir := t.TempDir()
	state, calls := filepath.Join(dir, "balansd.db"), filepath.Join(dir, "calls")
	cmd := exec.Command("strace", "-f", "-y", "-o", calls, "-e", "trace=pwrite64,fdatasync,write", os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=answer "+state)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(calls)
	must(t, err)
	answers, written, unsynced := 0, 0, 0
	begins, says := regexp.MustCompile(`write\(1<.*"begin `), regexp.MustCompile(`write\(1<.*"answer `)
	for line := range strings.Lines(string(text)) {
		ofState := strings.Contains(line, "<"+state+">")
		switch {
		case begins.MatchString(line):
			written = 0
		case ofState && strings.Contains(line, " pwrite64("):
			written++
			unsynced++
		case ofState && strings.Contains(line, " fdatasync("):
			unsynced = 0
		case says.MatchString(line):
			answers++
			if written == 0 || unsynced > 0 {
				t.Errorf("answer %d: %d writes, of which %d were not synced", answers, written, unsynced)
			}
		}
	}
	if answers != 10 {
		t.Errorf("strace saw %d answers of 10:\n%s", answers, text)
	}
}
