package documentreader

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"balansd/balance"
)

// maxQuestion bounds the line before the document, in bytes.
const maxQuestion = 16 << 20

// maxStack bounds the stack of a function that calls itself without end.
const maxStack = 64 << 20

// Parse reads a document.
type Parse func(o balance.ReaderOptions, document io.Reader) (*balance.Balance, error)

// parse reads as balansd does.
func parse(o balance.ReaderOptions, document io.Reader) (*balance.Balance, error) {
	return balance.NewReader(o).Stream(document)
}

// Serve reads one document from in, as a Reader sends it, with read, or as
// balansd does when read is nil, and writes what came of it to out. It returns
// the exit code of the process. The process is ended from within when it takes
// more time or memory than it may, so that it must do nothing else.
func Serve(in io.Reader, out io.Writer, read Parse) (code int) {
	if read == nil {
		read = parse
	}
	src := bufio.NewReader(in)
	line, err := readLine(src)
	var q question
	if err != nil || json.Unmarshal(line, &q) != nil || q.Timeout <= 0 || q.Memory <= 0 {
		return exitFailed
	}
	defer time.AfterFunc(q.Timeout, func() { os.Exit(exitTimeout) }).Stop()
	debug.SetMaxStack(maxStack)
	// The collector works harder before the end is near.
	debug.SetMemoryLimit(q.Memory - q.Memory/8)
	go watchMemory(uint64(q.Memory))
	defer func() {
		if recover() != nil { // its text can hold some of the document
			code = exitPanic
		}
	}()
	if q.Sheet != nil {
		return serveRows(src, out, *q.Sheet)
	}
	b, err := read(q.Documents, src)
	a := answer{Balance: (*wholeBalance)(b)}
	if err != nil {
		a = answer{Error: readError(err)}
	}
	if json.NewEncoder(out).Encode(a) != nil {
		return exitFailed
	}
	return 0
}

// readError is the error of a document as it is handed over.
func readError(err error) *balance.ReadError {
	if known, ok := errors.AsType[*balance.ReadError](err); ok {
		return known
	}
	return &balance.ReadError{What: "the document cannot be read"}
}

// readLine reads the question.
func readLine(src *bufio.Reader) (line []byte, err error) {
	for {
		part, more, err := src.ReadLine()
		line = append(line, part...)
		switch {
		case err != nil:
			return nil, err
		case len(line) > maxQuestion:
			return nil, errors.New("the question is too long")
		case !more:
			return line, nil
		}
	}
}

// watchMemory ends the process when it takes more than most bytes.
func watchMemory(most uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for {
		metrics.Read(sample)
		if sample[0].Value.Uint64()-sample[1].Value.Uint64() > most {
			os.Exit(exitMemory)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
