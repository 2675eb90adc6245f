package documentreader

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"

	"balansd/balance"
)

// maxRowsAnswer bounds the rows of one workbook, in bytes.
const maxRowsAnswer = 128 << 20

// rowAnswer is a line that the process writes: a row, an error, or that there are no
// more rows.
type rowAnswer struct {
	Row   *balance.SheetRow  `json:"row,omitempty"`
	Error *balance.ReadError `json:"error,omitempty"`
	End   bool               `json:"end,omitempty"`
}

// ReadSheets is as balance.ReadSheets, in a process of its own where there is one. each
// is called while the process still runs: only after ReadSheets returned without an error
// are the rows all that there are.
func (r *Reader) ReadSheets(ctx context.Context, document io.Reader, sheet string, each func(balance.SheetRow) error) error {
	if len(r.o.Command) == 0 {
		return balance.ReadSheets(document, sheet, each)
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	lines, out := io.Pipe()
	type decoded struct {
		answer rowAnswer // the last one
		err    error
	}
	read := make(chan decoded, 1)
	go func() {
		var d decoded
		d.answer, d.err = decodeRows(lines, each)
		_ = lines.CloseWithError(errors.New("no more rows are wanted")) // the process ends when it writes on
		read <- d
	}()
	code, waited, err := r.start(limited, question{Sheet: &sheet}, document, out)
	_ = out.Close()
	d := <-read
	switch {
	case err != nil:
		return err
	case d.answer.Error != nil:
		return d.answer.Error
	case d.err != nil && !errors.Is(d.err, io.EOF):
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return d.err
	case d.answer.End && code == 0 && (waited == nil || errors.Is(waited, exec.ErrWaitDelay)):
		return nil
	}
	return r.failure(ctx, limited, balance.FormatWorkbook, code, waited)
}

// decodeRows calls each for the rows that the process writes, and returns its last
// answer.
func decodeRows(lines io.Reader, each func(balance.SheetRow) error) (last rowAnswer, err error) {
	d := json.NewDecoder(io.LimitReader(lines, maxRowsAnswer))
	for {
		last = rowAnswer{}
		if err := d.Decode(&last); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			return last, err
		}
		switch {
		case last.Error != nil || last.End:
			return last, nil
		case last.Row != nil:
			if err := each(*last.Row); err != nil {
				return last, err
			}
		}
	}
}

// serveRows writes the rows of a workbook, and returns the exit code of the process.
func serveRows(document io.Reader, out io.Writer, sheet string) int {
	buffered := bufio.NewWriter(out)
	e := json.NewEncoder(buffered)
	var broken error
	err := balance.ReadSheets(document, sheet, func(r balance.SheetRow) error {
		broken = e.Encode(rowAnswer{Row: &r})
		return broken
	})
	last := rowAnswer{End: true}
	if err != nil {
		last = rowAnswer{Error: readError(err)}
	}
	if broken != nil || e.Encode(last) != nil || buffered.Flush() != nil {
		return exitFailed
	}
	return 0
}
