package store

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"balansd/balance"
	"balansd/ledger"
)

// dictionary is the preset dictionary with which rows are deflated: text that
// resembles a row. It is part of the file's layout and must never change, or old rows
// cannot be read.
//
//go:embed dictionary.txt
var dictionary []byte

// packed is the first byte of a row that codec wrote. Another way of packing
// gets another byte, so that both can be read.
const packed = 1

// codec turns values into rows and back. It is safe for concurrent use. A
// deflater holds some 700 KB: a few are kept for the next call, and no more,
// whatever the number of callers.
type codec struct {
	writers     chan *flate.Writer
	readers     chan io.ReadCloser
	compressors chan *gzip.Writer
}

// kept is the maximum number of idle deflaters and inflaters in a codec.
const kept = 4

func newCodec() *codec {
	return &codec{make(chan *flate.Writer, kept), make(chan io.ReadCloser, kept), make(chan *gzip.Writer, kept)}
}

func (c *codec) writer() *flate.Writer {
	select {
	case w := <-c.writers:
		return w
	default:
		w, _ := flate.NewWriterDict(nil, flate.DefaultCompression, dictionary) // the level is a known one
		return w
	}
}

func (c *codec) reader() io.ReadCloser {
	select {
	case r := <-c.readers:
		return r
	default:
		return flate.NewReaderDict(bytes.NewReader(nil), dictionary)
	}
}

// putBack returns x to the idle ones, unless there are enough.
func putBack[T any](idle chan T, x T) {
	select {
	case idle <- x:
	default:
	}
}

// pack writes v as JSON, deflated.
func (c *codec) pack(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write a row: %w", err)
	}
	var b bytes.Buffer
	b.WriteByte(packed)
	w := c.writer()
	defer putBack(c.writers, w)
	w.Reset(&b) // keeps the dictionary
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// unpack reads what pack wrote into v. Its errors are rowErrors.
func (c *codec) unpack(row []byte, v any) error {
	text, err := c.inflate(row)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return &rowError{fmt.Errorf("a packed row: %w", err)}
	}
	return nil
}

func (c *codec) inflate(row []byte) ([]byte, error) {
	if len(row) == 0 || row[0] != packed {
		return nil, errors.New("it is not of a known form")
	}
	r := c.reader()
	defer putBack(c.readers, r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(row[1:]), dictionary); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(4 * len(row))
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// packValues writes figures in their canonical texts.
func (c *codec) packValues(v balance.Values) ([]byte, error) { return c.pack(ledger.FiguresOf(v)) }

func (c *codec) unpackValues(row []byte) (balance.Values, error) {
	var figures ledger.Figures
	if err := c.unpack(row, &figures); err != nil {
		return nil, err
	}
	values := make(balance.Values, len(figures))
	for cell, text := range figures {
		d, err := balance.ParseDecimal(text)
		if err != nil {
			return nil, &rowError{fmt.Errorf("cell %s: %w", cell, err)}
		}
		values[cell] = d
	}
	return values, nil
}

// compress compresses a document. gzip's checksum detects damage.
func (c *codec) compress(document []byte) ([]byte, error) {
	var b bytes.Buffer
	var w *gzip.Writer
	select {
	case w = <-c.compressors:
		w.Reset(&b)
	default:
		w = gzip.NewWriter(&b)
	}
	defer putBack(c.compressors, w)
	if _, err := w.Write(document); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decompress undoes squeeze. Its errors are rowErrors.
func decompress(row []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(row))
	if err != nil {
		return nil, &rowError{err}
	}
	document, err := io.ReadAll(r)
	if err != nil {
		return nil, &rowError{err}
	}
	return document, nil
}
