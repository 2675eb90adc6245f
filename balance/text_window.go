package balance

import (
	"bytes"
	"errors"
	"io"
)

// windowSize is how much of a document is in memory at a time.
const windowSize = 32 << 10

// window reads a text through a buffer of one size, whatever the size of the
// text. It knows the line and column of its next byte. All readers of text
// use one, so that a document of 50 MB costs no more memory than a
// small one.
type window struct {
	src       io.Reader
	buf       []byte
	r, w      int   // buf[r:w] is read and not yet taken
	base      int64 // the offset of buf[0] in the text
	line      int   // of buf[r], from 1
	lineStart int64 // offset of that line's first byte
	err       error // why nothing more comes: io.EOF at the end
}

func newWindow(src io.Reader) *window {
	return &window{src: src, buf: make([]byte, windowSize), line: 1}
}

// position is where in a document something stands, both from 1, the column in
// bytes.
type position struct{ line, column int }

// position reports where the next byte is.
func (w *window) position() position {
	return position{w.line, int(w.base+int64(w.r)-w.lineStart) + 1}
}

// fill sees to it that there is a next byte, and reports whether there is.
func (w *window) fill() bool { return w.r < w.w || len(w.peek(1)) > 0 }

// peek returns the next bytes without taking them: n of them, or fewer at the
// end of the text. n is at most windowSize. They are good until the next call.
func (w *window) peek(n int) []byte {
	for idle := 0; w.w-w.r < n && w.err == nil; {
		if w.r > 0 {
			w.base += int64(w.r)
			w.w = copy(w.buf, w.buf[w.r:w.w])
			w.r = 0
		}
		got, err := w.src.Read(w.buf[w.w:])
		w.w += got
		w.err = err
		if idle++; got > 0 {
			idle = 0
		}
		if idle > 100 {
			w.err = io.ErrNoProgress
		}
	}
	return w.buf[w.r:min(w.w, w.r+n)]
}

// next reads one byte; ok is false at the end of the text.
func (w *window) next() (b byte, ok bool) {
	if !w.fill() {
		return 0, false
	}
	b = w.buf[w.r]
	w.r++
	if b == '\n' {
		w.line++
		w.lineStart = w.base + int64(w.r)
	}
	return b, true
}

// head returns the next byte without taking it, 0 at the end of the text.
func (w *window) head() byte {
	if !w.fill() {
		return 0
	}
	return w.buf[w.r]
}

// advance skips n bytes that are in the buffer.
func (w *window) advance(n int) {
	run := w.buf[w.r : w.r+n]
	if lines := bytes.Count(run, []byte("\n")); lines > 0 {
		w.line += lines
		w.lineStart = w.base + int64(w.r+bytes.LastIndexByte(run, '\n')) + 1
	}
	w.r += n
}

// skipSpace skips white space.
func (w *window) skipSpace() {
	for w.fill() {
		run := w.buf[w.r:w.w]
		n := len(run) - len(bytes.TrimLeft(run, " \t\r\n"))
		w.advance(n)
		if n < len(run) {
			return
		}
	}
}

// readThrough reads everything up to and with stop, passes what is before it to
// each, piece by piece, and reports whether stop was there. each may be nil.
func (w *window) readThrough(stop string, each func(run []byte)) bool {
	for len(w.peek(len(stop))) == len(stop) {
		run := w.buf[w.r:w.w]
		i := bytes.Index(run, []byte(stop))
		n := i
		if i < 0 {
			n = len(run) - len(stop) + 1 // the rest may be the start of stop
		}
		if each != nil {
			each(run[:n])
		}
		w.advance(n)
		if i >= 0 {
			w.advance(len(stop))
			return true
		}
	}
	return false
}

// complete reports whether the text has come to its own end.
func (w *window) complete() bool { return errors.Is(w.err, io.EOF) }

// endError makes the error for a text that is over too early.
func (w *window) endError() error {
	var known *ReadError
	switch {
	case errors.As(w.err, &known):
		return known
	case w.err == nil || w.complete() || errors.Is(w.err, io.ErrUnexpectedEOF):
		return w.position().fault("the document breaks off")
	default:
		p := w.position()
		return &ReadError{Line: p.line, Column: p.column, What: "the document cannot be read to its end", cause: w.err}
	}
}

// fault makes an error about what stands at a place.
func (p position) fault(what string) error { return p.faultOf("", what) }

func (p position) faultOf(kind Cause, what string) error {
	return &ReadError{Line: p.line, Column: p.column, Kind: kind, What: what}
}
