package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"balansd/ledger"
	"balansd/store"
)

// childEnv makes the test binary act as a child process: it has the job and the state
// file.
const childEnv = "BALANSD_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if job, path, ok := strings.Cut(os.Getenv(childEnv), " "); ok {
		if err := childJobs()[job](path); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// childJobs are the jobs of a child process. A child reports to its parent in lines on
// standard output.
func childJobs() map[string]func(path string) error {
	jobs := map[string]func(string) error{"hold": hold, "write": writeUntilKilled,
		"restore": restoreUntilKilled, "compact": compactUntilKilled, "answer": answer}
	for name, job := range platformJobs() {
		jobs[name] = job
	}
	return jobs
}

// hold keeps the state file open until the parent exits.
func hold(path string) error {
	s, err := store.Open(store.Options{Path: path, Process: "balansd run"})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// child is this test binary, run as another process.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func startChild(t *testing.T, job, path string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+job+" "+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return &child{cmd, in, bufio.NewScanner(out)}
}

func (c *child) waitFor(t *testing.T, line string) {
	t.Helper()
	if !c.lines.Scan() || c.lines.Text() != line {
		t.Fatalf("the child says %q, want %q", c.lines.Text(), line)
	}
}

func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
}

// answer writes to the state a few times, and reports each write once it returned.
func answer(path string) error {
	s, err := store.Open(store.Options{Path: path, KeyPath: path + ".key"})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	ctx := context.Background()
	for n := range 5 {
		fmt.Println("begin", n)
		added, _, err := s.Record(ctx, ledger.Connection{ID: "C1", Cursor: fmt.Sprint(n)}, []ledger.Entry{listed(n)})
		if err != nil {
			return err
		}
		fmt.Println("answer", n)
		fmt.Println("begin", n)
		if _, err := s.Move(ctx, ledger.Move{Entry: added[0]}); err != nil {
			return err
		}
		fmt.Println("answer", n)
	}
	return nil
}
