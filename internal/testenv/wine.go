//go:build linux

package testenv

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Windows is a machine of its own with as much of Windows as Wine has: registry,
// drive C and a service control manager, all in a folder that is removed with
// the test. The programs in it use the network of this machine. Run may be
// called from several goroutines, all else from one.
//
// What Wine 8 does not do: access lists are taken and come back as others;
// recovery actions are taken and never acted on; delayed start and the identity
// of a service are refused as unknown; the account is taken, and everything
// runs as the one user who is always an Administrator; events are taken and
// cannot be read back; a process that was killed counts as running.
type Windows struct {
	t   testing.TB
	dir string
}

// NewWindows makes a Windows, which takes some ten seconds, so that a test makes
// one for all that it checks. The test needs Wine.
func NewWindows(t testing.TB) *Windows {
	t.Helper()
	Need(t, Wine, "wine", "wineserver", "as", "ld")
	w := &Windows{t: t, dir: t.TempDir()}
	t.Cleanup(w.shutDown)
	w.must("wineboot", "--init")
	w.shutDown() // the first start leaves helper processes running
	w.addPrimitives()
	w.boot()
	return w
}

// environ is all that a program in this Windows gets of our environment.
func (w *Windows) environ() []string {
	return []string{
		"WINEPREFIX=" + filepath.Join(w.dir, "wine"), "WINEARCH=win64", "WINEDEBUG=-all",
		"WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe=", // no .NET, no browser, no menus
		"DISPLAY=", "HOME=" + w.dir, "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8",
	}
}

// command prepares a program of Linux that works on this Windows.
func (w *Windows) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...) //nolint:gosec // the test says what to run
	c.Env, c.Dir = w.environ(), w.dir
	return c
}

// must runs a program of Linux that has to succeed. Its output goes nowhere:
// what it starts along, such as services, would hold on to it.
func (w *Windows) must(name string, args ...string) {
	w.t.Helper()
	ctx, cancel := withTestDeadline(w.t)
	defer cancel()
	if err := w.command(ctx, name, args...).Run(); err != nil {
		w.t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
}

// boot starts this Windows, which starts its services.
func (w *Windows) boot() {
	w.t.Helper()
	// Stays when the last program ends, as a machine does.
	w.must("wineserver", "--persistent")
	w.must("wine", "cmd", "/c", "ver")
}

// shutDown ends this Windows and all that runs in it, without notifying it, as
// a power cut does.
func (w *Windows) shutDown() {
	ctx, cancel := withTestDeadline(w.t)
	defer cancel()
	// Both fail when nothing runs, which is what they are for.
	_ = w.command(context.Background(), "wineserver", "--kill").Run()
	_ = w.command(ctx, "wineserver", "--wait").Run()
}

// Reboot ends this Windows as a power cut does, and starts it again.
func (w *Windows) Reboot() {
	w.t.Helper()
	w.shutDown()
	w.boot()
}

// addPrimitives adds a library that Windows has and Wine 8 does not, and
// without which no program of Go starts: its one function is that of another
// library under a new name.
func (w *Windows) addPrimitives() {
	w.t.Helper()
	for name, text := range map[string]string{
		"empty.s":       ".globl DllMainCRTStartup\nDllMainCRTStartup:\n mov $1, %eax\n ret\n",
		"primitive.def": "LIBRARY bcryptprimitives.dll\nEXPORTS\n ProcessPrng = advapi32.SystemFunction036\n",
	} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	w.must("as", "--64", "-o", "empty.o", "empty.s")
	w.must("ld", "-m", "i386pep", "--dll", "-e", "DllMainCRTStartup",
		"-o", w.Path(`C:\windows\system32\bcryptprimitives.dll`), "empty.o", "primitive.def")
}

// Path returns where a file of drive C is on this machine.
func (w *Windows) Path(file string) string {
	w.t.Helper()
	inside, ok := strings.CutPrefix(file, `C:\`)
	if !ok {
		w.t.Fatalf("%s is not on drive C", file)
	}
	return filepath.Join(w.dir, "wine", "drive_c", filepath.FromSlash(strings.ReplaceAll(inside, `\`, "/")))
}

// Write writes a file of drive C, and its folders.
func (w *Windows) Write(file string, data []byte) {
	w.t.Helper()
	path := w.Path(file)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o700); err != nil { //nolint:gosec // it may be a program
		w.t.Fatal(err)
	}
}

// Run runs a program of this Windows to its end. It may be called from several
// goroutines.
func (w *Windows) Run(stdin, program string, args ...string) Result {
	w.t.Helper()
	ctx, cancel := withTestDeadline(w.t)
	defer cancel()
	c := w.command(ctx, "wine", append([]string{program}, args...)...)
	c.Stdin = strings.NewReader(stdin)
	r, err := run(c)
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited || ctx.Err() != nil {
		w.t.Errorf("%s %s: %v", program, strings.Join(args, " "), err)
	}
	return r
}

// Processes returns the numbers, on this machine, of the processes that run a
// program of this Windows with an argument.
func (w *Windows) Processes(program, argument string) (pids []int) {
	w.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, path := range all {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		words := strings.Split(string(line), "\x00")
		if words[0] != program || !slices.Contains(words, argument) {
			continue
		}
		environ, err := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		if err != nil || !bytes.Contains(environ, []byte(w.environ()[0]+"\x00")) {
			continue // of another Windows on this machine
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Kill ends processes at once and without notifying them, and waits until they
// are gone.
func (w *Windows) Kill(pids ...int) {
	w.t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			w.t.Fatal(err)
		}
	}
	w.Until("the processes are gone", func() bool {
		return !slices.ContainsFunc(pids, func(pid int) bool { return syscall.Kill(pid, 0) == nil })
	})
}

// Until waits until a condition is met. It sets no limit of its own.
func (w *Windows) Until(what string, met func() bool) {
	w.t.Helper()
	waitUntil(w.t, what, met)
}
