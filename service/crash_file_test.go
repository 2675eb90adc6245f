package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// crashEnv makes the test binary crash: how, and with which crash file.
const crashEnv = "BALANSD_SERVICE_TEST_CRASH"

// secret is a text that a panic may contain.
const secret = "hunter2 of dossier 0402.754.886"

// TestCrash runs a process that panics in some goroutine, and checks what the next run
// reports of it.
func TestCrash(t *testing.T) {
	if how, file, crash := strings.Cut(os.Getenv(crashEnv), "="); crash {
		die(how, file)
		return
	}
	for how, kind := range map[string]string{
		"text":  "panic",
		"error": "panic",
		"index": "panic: runtime error: index out of range [7] with length 2",
		"fatal": "fatal error",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "data", "crash.log")
			c := exec.Command(os.Args[0], "-test.run=^TestCrash$")
			c.Env = append(os.Environ(), crashEnv+"="+how+"="+file)
			if out, err := c.CombinedOutput(); err == nil {
				t.Fatalf("it lives on:\n%s", out)
			}
			text, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(text), "goroutine") {
				t.Fatalf("%v: %s", err, text)
			}

			var log bytes.Buffer
			now := time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)
			if err := reportCrash(file, now, zerolog.New(&log)); err != nil {
				t.Fatal(err)
			}
			var line struct {
				EventID           int `json:"event_id"`
				Kind, Where, File string
			}
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, log.String())
			}
			if line.EventID != 130 || line.Kind != kind || strings.Contains(log.String(), "hunter2") {
				t.Errorf("%s", log.String())
			}
			if filepath.Base(line.File) != "crash-20261122T023000.000Z.log" {
				t.Errorf("it is kept as %s", line.File)
			}
			if kept, err := os.ReadFile(line.File); err != nil || !bytes.Equal(kept, text) {
				t.Errorf("what is kept differs: %v", err)
			}
			// It is logged once only.
			log.Reset()
			if err := reportCrash(file, now, zerolog.New(&log)); err != nil || log.Len() > 0 {
				t.Errorf("%v %s", err, log.String())
			}
		})
	}
}

// die runs as balansd does, and panics.
func die(how, file string) {
	_ = Run(context.Background(), RunOptions{CrashFile: file, Log: zerolog.Nop()}, func(context.Context, func(string)) error {
		go func() {
			switch how {
			case "text":
				panic(secret)
			case "error":
				panic(fmt.Errorf("with the password %w", errors.New(secret)))
			case "index":
				few := []int{1, 2}
				at := len(file)
				few[min(at, 7)]++
			case "fatal":
				var mu sync.Mutex
				mu.Unlock()
			}
		}()
		<-make(chan struct{})
		return nil
	})
}

func TestOldCrashFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "crash.log")
	now := time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)
	for i := range maxCrashFiles + 3 {
		if err := os.WriteFile(file, []byte(fmt.Sprint("panic: ", i)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := reportCrash(file, now.Add(time.Duration(i)*time.Hour), zerolog.Nop()); err != nil {
			t.Fatal(err)
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "crash-*"))
	if err != nil || len(names) != maxCrashFiles {
		t.Fatalf("%v %v", names, err)
	}
	if text, _ := os.ReadFile(names[0]); string(text) != "panic: 3" {
		t.Errorf("the oldest that is kept is %q", text)
	}
}
