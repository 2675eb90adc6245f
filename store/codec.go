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
	"sync"

	"balansd/balance"
	"balansd/ledger"
)

// dictionary is text that rows look like. A row is deflated as if this text
// stood before it, so that it holds little more than what is its own. It is
// part of the file's layout: it never changes, or old rows cannot be read.
//
//go:embed dictionary.txt
var dictionary []byte

// packed is the first byte of a row that codec wrote. Another way of packing
// gets another byte, so that both can be read.
const packed = 1

// codec turns values into rows and back. It is safe for concurrent use.
type codec struct {
	writers sync.Pool // of *flate.Writer; each holds some 700 KB, so they are shared
	readers sync.Pool // of io.ReadCloser from flate
}

func newCodec() *codec {
	return &codec{
		writers: sync.Pool{New: func() any {
			w, _ := flate.NewWriterDict(nil, flate.DefaultCompression, dictionary) // the level is known
			return w
		}},
		readers: sync.Pool{New: func() any { return flate.NewReaderDict(bytes.NewReader(nil), dictionary) }},
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
	w := c.writers.Get().(*flate.Writer)
	defer c.writers.Put(w)
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
	r := c.readers.Get().(io.ReadCloser)
	defer c.readers.Put(r)
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

// squeeze compresses a document. gzip's checksum tells damage.
func squeeze(document []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(document); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// unsqueeze undoes squeeze. Its errors are rowErrors.
func unsqueeze(row []byte) ([]byte, error) {
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
