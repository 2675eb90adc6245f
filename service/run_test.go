package service

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

func TestRun(t *testing.T) {
	want := errors.New("its error")
	ctx, cancel := context.WithCancel(t.Context())
	err := Run(ctx, RunOptions{Log: zerolog.Nop()}, func(ctx context.Context, say func(string)) error {
		say("at work")
		cancel()
		<-ctx.Done()
		return want
	})
	if !errors.Is(err, want) {
		t.Errorf("%v", err)
	}
}

// TestHardExit runs work that ignores the stop.
func TestHardExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crash := filepath.Join(t.TempDir(), "crash.log")
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		exited, release := make(chan int, 1), make(chan struct{})
		o := RunOptions{Log: zerolog.New(&log), CrashFile: crash, Exit: func(code int) { exited <- code }}
		go func() {
			_ = o.supervise(ctx, func(context.Context, func(string)) error { return hangs(release) }, func(string) {})
		}()
		synctest.Wait()
		cancel()
		time.Sleep(stopTime - time.Millisecond)
		synctest.Wait()
		select {
		case code := <-exited:
			t.Fatalf("it ended with %d before its time", code)
		default:
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if code := <-exited; code != 1 {
			t.Errorf("exit code %d", code)
		}
		close(release)
		synctest.Wait()
		if text, err := os.ReadFile(crash); err != nil || !strings.HasPrefix(string(text), hungText) || !strings.Contains(string(text), "hangs") {
			t.Errorf("%v: %.300s", err, text)
		}
		if !strings.Contains(log.String(), `"event_id":131`) {
			t.Errorf("it is not in the log: %s", log.String())
		}
		log.Reset()
		if err := reportCrash(crash, time.Now(), zerolog.New(&log)); err != nil || !strings.Contains(log.String(), hungText) {
			t.Errorf("%v %s", err, log.String())
		}
	})
}

// hangs is work that goes on after the stop.
func hangs(release chan struct{}) error {
	<-release
	return nil
}

// TestNoExitAfterAStopInTime runs work that ends just before the hard exit.
func TestNoExitAfterAStopInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		o := RunOptions{Log: zerolog.Nop(), Exit: func(int) { t.Error("it ended itself") }}
		cancel()
		err := o.supervise(ctx, func(context.Context, func(string)) error {
			time.Sleep(stopTime - time.Second)
			return nil
		}, func(string) {})
		time.Sleep(time.Minute)
		if err != nil {
			t.Error(err)
		}
	})
}
