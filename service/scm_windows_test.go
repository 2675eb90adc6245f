package service

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"

	"github.com/rs/zerolog"

	"balansd/problem"
)

func TestOnWindowsMachine(t *testing.T) {
	var m machine
	if there, err := m.running(uint32(os.Getpid())); !there || err != nil {
		t.Error("this process is not there", err)
	}
	if there, err := m.running(0x7ffffffc); there || err != nil {
		t.Error("a process is there that is not", err)
	}
	if at := startOf(uint32(os.Getpid())); time.Since(at) > time.Hour || time.Since(at) < 0 {
		t.Errorf("this process began at %s", at)
	}
	t.Setenv("BALANSD_TEST_EXPAND", "x")
	for text, want := range map[string]string{`C:\%BALANSD_TEST_EXPAND%\%`: `C:\x\%`, `C:\100% été 50%`: `C:\100% été 50%`} {
		if got := m.expand(text); got != want {
			t.Error(got)
		}
	}
	if ok, err := m.startable("no such service"); ok || err != nil {
		t.Error(ok, err)
	}
	if err := m.mayInstall(); err != nil {
		t.Error(err)
	}
}

// The installed source shows our events with their own text.
func TestOnWindowsEventSource(t *testing.T) {
	var m machine
	had := m.hasEventSource()
	for range 2 {
		if err := m.addEventSource(); err != nil || !m.hasEventSource() {
			t.Fatal(err)
		}
	}
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, eventSources+`\`+Name, registry.QUERY_VALUE)
	if err != nil {
		t.Fatal(err)
	}
	text, kind, err := key.GetStringValue("EventMessageFile")
	if err != nil || kind != registry.EXPAND_SZ || text != `%SystemRoot%\System32\EventCreate.exe` {
		t.Error(text, kind, err)
	}
	if err := key.Close(); err != nil || had {
		t.Log("the source stays, as it was there before", err)
		return
	}
	for range 2 {
		if err := m.removeEventSource(); err != nil || m.hasEventSource() {
			t.Fatal(err)
		}
	}
}

// What Windows makes of our access lists. Wine accepts them and returns others.
func TestOnWindowsAccess(t *testing.T) {
	var m machine
	path := filepath.Join(os.TempDir(), "balansd access test")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(path) })
	if err := m.own(path, ownedBy(false, rightsModify)); err != nil {
		t.Error(err)
	}
	if err := m.grant(path, rightsExecute); err != nil {
		t.Error(err)
	}
	a, err := readAccess(path)
	if err != nil || a.owner.sid == "" || len(a.entries) == 0 && !a.none {
		t.Errorf("%+v: %v", a, err)
	}
	if _, err := CheckAccess(path, path+" that is missing"); err != nil {
		t.Error(err)
	}
}

// The states of the running service as Windows sees them.
func TestOnWindowsHandler(t *testing.T) {
	wrong := problem.New(problem.StateUnwritable, "wrong", "Mend it.")
	mistake := problem.New(problem.ConfigInvalid, "wrong", "Mend it.")
	untilStopped := func(ctx context.Context, _ func(string)) error { <-ctx.Done(); return ctx.Err() }
	slow := func(ctx context.Context, _ func(string)) error {
		<-ctx.Done()
		time.Sleep(5 * time.Second)
		return errors.New("the end went wrong")
	}
	hangs := func(ctx context.Context, _ func(string)) error {
		<-ctx.Done()
		time.Sleep(time.Hour)
		return nil
	}
	for name, c := range map[string]struct {
		work     Work
		order    svc.Cmd // 0 for none
		specific bool
		code     uint32
		hung     bool
		words    int // at least this many pending states
	}{
		"ends with an error":      {work: func(context.Context, func(string)) error { return wrong }, specific: true, code: 1},
		"a person has to mend it": {work: func(context.Context, func(string)) error { return mistake }},
		"stops":                   {work: untilStopped, order: svc.Stop, words: 1},
		"the machine shuts down":  {work: untilStopped, order: svc.PreShutdown, words: 1},
		"stops slowly, and wrong": {work: slow, order: svc.Shutdown, words: 5},
		"hangs":                   {work: hangs, order: svc.Stop, hung: true, words: 20},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &handler{ctx: t.Context(), work: c.work, result: make(chan result, 1), options: RunOptions{Log: zerolog.Nop()}}
			orders, words := make(chan svc.ChangeRequest), make(chan svc.Status)
			type end struct {
				specific bool
				code     uint32
			}
			ended := make(chan end, 1)
			go func() {
				specific, code := h.Execute(nil, orders, words)
				ended <- end{specific, code}
			}()
			if w := <-words; w.State != svc.Running || w.Accepts&svc.AcceptPreShutdown == 0 {
				t.Errorf("%s: the first word is %+v", name, w)
			}
			if c.order != 0 {
				go func() {
					orders <- svc.ChangeRequest{Cmd: svc.Interrogate}
					orders <- svc.ChangeRequest{Cmd: c.order}
				}()
			}
			pending, last, begun := 0, uint32(0), time.Now()
			for {
				select {
				case w := <-words:
					if w.State == svc.StopPending {
						if pending++; w.CheckPoint <= last || w.WaitHint == 0 {
							t.Errorf("%s: %+v after %d", name, w, last)
						}
						last = w.CheckPoint
					}
					continue
				case e := <-ended:
					if r := <-h.result; e != (end{c.specific, c.code}) || r.hung != c.hung || pending < c.words {
						t.Errorf("%s: %+v %+v after %d words", name, e, r, pending)
					}
					if took := time.Since(begun); took > stopTime+hardExitTime {
						t.Errorf("%s: it took %s", name, took)
					}
				}
				break
			}
			time.Sleep(time.Hour) // lets the hanging goroutine end
		})
	}
}
