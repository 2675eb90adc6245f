package documentreader

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"balansd/balance"
	"balansd/problem"
)

// Options are what a Reader needs.
type Options struct {
	// Documents are the options of the reader of documents.
	Documents balance.ReaderOptions
	// Command is the program and the arguments that start a process that calls
	// Serve, such as those of OwnProgram. Without it all documents are read in
	// this process.
	Command []string
	Timeout time.Duration // of one document; 30 s when 0
	Memory  int64         // bytes that the process may take; 200 MiB when 0
	AtOnce  int           // processes; 2 when 0
}

// Reader reads documents. It is safe for concurrent use.
type Reader struct {
	o         Options
	documents *balance.Reader
	slots     chan struct{}
}

// New returns a Reader.
func New(o Options) *Reader {
	o.Timeout, o.Memory, o.AtOnce = cmp.Or(o.Timeout, 30*time.Second), cmp.Or(o.Memory, 200<<20), cmp.Or(o.AtOnce, 2)
	return &Reader{o: o, documents: balance.NewReader(o.Documents), slots: make(chan struct{}, o.AtOnce)}
}

// OwnProgram is the command that starts this very program with arguments, also
// after its file was replaced by another version.
func OwnProgram(args ...string) ([]string, error) {
	program := "/proc/self/exe"
	if _, err := os.Stat(program); runtime.GOOS != "linux" || err != nil {
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	return append([]string{program}, args...), nil
}

// ReadDocument reads a social balance from a document of any layout, as
// balance.Reader does. An error that is a *balance.ReadError is about the
// document; any other, such as that of ctx, says that it could not be read now.
// When ctx ends, the process that reads the document is killed.
func (r *Reader) ReadDocument(ctx context.Context, data []byte) (*balance.Balance, error) {
	format := balance.FormatOf(data)
	if format == "" || len(r.o.Command) == 0 {
		return r.documents.ReadDocument(ctx, data)
	}
	return r.readApart(ctx, format, bytes.NewReader(data))
}

// ReadYear is as ReadDocument, for a document whose financial year is in doubt and of
// which a person chose the year.
func (r *Reader) ReadYear(ctx context.Context, data []byte, year balance.Period) (*balance.Balance, error) {
	of := *r
	of.o.Documents.Year = year
	of.documents = balance.NewReader(of.o.Documents)
	return of.ReadDocument(ctx, data)
}

// Stream is as ReadDocument, of a document that need not be in memory.
func (r *Reader) Stream(ctx context.Context, src io.Reader) (*balance.Balance, error) {
	buffered := bufio.NewReader(src)
	head, _ := buffered.Peek(buffered.Size()) // its error comes again
	format := balance.FormatOf(head)
	if format == "" || len(r.o.Command) == 0 {
		return r.documents.Stream(buffered)
	}
	return r.readApart(ctx, format, buffered)
}

// readApart reads a document in a process of its own, when it is its turn.
func (r *Reader) readApart(ctx context.Context, format balance.Format, document io.Reader) (*balance.Balance, error) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return r.run(ctx, format, document)
}

// question is what the process reads first, on a line of its own. The document
// follows.
type question struct {
	Documents balance.ReaderOptions `json:"documents"`
	Sheet     *string               `json:"sheet,omitempty"` // set for the rows of a workbook, in place of a balance
	Timeout   time.Duration         `json:"timeout"`
	Memory    int64                 `json:"memory"`
}

// answer is what the process writes.
type answer struct {
	Balance *wholeBalance      `json:"balance,omitempty"`
	Error   *balance.ReadError `json:"error,omitempty"`
}

// wholeBalance is a balance with all that it has, which is more than people get
// to see of it as JSON.
type wholeBalance balance.Balance

// The exit codes of the process, beside 0. The Go runtime ends with 2.
const (
	exitFailed  = 70 // it could not read the question or write the answer
	exitMemory  = 71
	exitTimeout = 72
	exitPanic   = 73
)

// maxAnswer bounds the answer, in bytes. A balance has some 20 KB.
const maxAnswer = 8 << 20

// run starts the process and waits for it.
func (r *Reader) run(ctx context.Context, format balance.Format, document io.Reader) (*balance.Balance, error) {
	limited, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	out := &limitedBuffer{left: maxAnswer}
	code, waited, err := r.start(limited, question{Documents: r.o.Documents}, document, out)
	if err != nil {
		return nil, err
	}
	return r.result(ctx, limited, format, code, waited, out)
}

// start starts the process, writes what it answers to out, and returns its exit code and
// what the wait for it ended in.
func (r *Reader) start(limited context.Context, q question, document io.Reader, out io.Writer) (code int, waited, err error) {
	q.Timeout, q.Memory = r.o.Timeout, r.o.Memory
	ask, err := json.Marshal(q)
	if err != nil {
		return 0, nil, err
	}
	cmd := exec.CommandContext(limited, r.o.Command[0], r.o.Command[1:]...) //nolint:gosec // the program is this one
	cmd.Env = []string{"GOTRACEBACK=none"}
	cmd.Stdin = io.MultiReader(bytes.NewReader(ask), bytes.NewReader([]byte{'\n'}), document)
	cmd.Stdout = out
	cmd.WaitDelay = time.Second // for the pipes, after the process has ended
	hide(cmd)
	if err := cmd.Start(); err != nil {
		return 0, nil, problem.Wrap(err, problem.Unexpected, "the process that reads documents could not be started",
			"See that the program file of balansd is where it was, and restart balansd.")
	}
	release := confine(cmd.Process, 2*r.o.Memory)
	waited = cmd.Wait()
	release()
	return cmd.ProcessState.ExitCode(), waited, nil
}

// result is what came of a document, after its process has ended with code, and
// the wait for that with waited.
func (r *Reader) result(ctx, limited context.Context, format balance.Format, code int, waited error, out *limitedBuffer) (*balance.Balance, error) {
	if out.left < 0 {
		return nil, unreadable(format, "it holds too much")
	}
	if code == 0 && (waited == nil || errors.Is(waited, exec.ErrWaitDelay)) {
		var a answer
		switch err := json.Unmarshal(out.text, &a); {
		case err == nil && a.Error != nil:
			return nil, a.Error
		case err == nil && a.Balance != nil:
			return (*balance.Balance)(a.Balance), nil
		}
	}
	return nil, r.failure(ctx, limited, format, code, waited)
}

// failure is why the process gave no answer.
func (r *Reader) failure(ctx, limited context.Context, format balance.Format, code int, waited error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil, code == exitTimeout:
		return unreadable(format, fmt.Sprintf("it takes longer than %v", r.o.Timeout))
	case code == exitMemory:
		return unreadable(format, fmt.Sprintf("it takes more than %d MiB of memory", r.o.Memory>>20))
	case code == exitFailed, code == 0: // or the document could not be handed over
		return problem.Wrap(waited, problem.Unexpected, "the process that reads documents gave no answer",
			"It is tried again; if it stays, restart balansd.")
	default: // a panic, or killed by the system
		return unreadable(format, "it is damaged, or not as programs write it")
	}
}

func unreadable(format balance.Format, why string) error {
	return &balance.ReadError{What: fmt.Sprintf("the %s could not be read: %s; save or print it anew from the program that made it", format, why)}
}

// limitedBuffer keeps what is written to it, up to a bound.
type limitedBuffer struct {
	text []byte
	left int // negative when there was more
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("the answer is too long")
	}
	b.text = append(b.text, p...)
	return len(p), nil
}
