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

	"github.com/klauspost/compress/s2"

	"balansd/balance"
	"balansd/ledger"
)

// dictionary is the preset dictionary with which rows are compressed: text that
// resembles a row. It is part of the file's layout and must never change, or old rows
// cannot be read.
//
//go:embed dictionary.txt
var dictionary []byte

// The first byte of a row that codec wrote says how it is packed.
const (
	packedFlate = 1 // JSON, deflated: how versions up to layout 2 wrote all rows
	packedS2    = 2 // JSON, compressed by S2: larger by a third, and ten times as fast
)

// maxUnpacked bounds what a row may say of its own size.
const maxUnpacked = 64 << 20

// codec turns values into rows and back. It is safe for concurrent use. An inflater or a
// gzip compressor takes much memory: a few are kept for the next call, and no more,
// whatever the number of callers.
type codec struct {
	dictionary  *s2.Dict
	inflaters   chan io.ReadCloser
	compressors chan *gzip.Writer
}

// kept is the maximum number of idle inflaters and compressors in a codec.
const kept = 4

func newCodec() *codec {
	return &codec{s2.MakeDictManual(dictionary, 0), make(chan io.ReadCloser, kept), make(chan *gzip.Writer, kept)}
}

func (c *codec) inflater() io.ReadCloser {
	select {
	case r := <-c.inflaters:
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

// pack writes v as JSON, compressed.
func (c *codec) pack(v any) ([]byte, error) { return c.appendPacked(nil, v) }

// appendPacked appends what pack writes to a row.
func (c *codec) appendPacked(row []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write a row: %w", err)
	}
	row = append(row, packedS2)
	return append(row, c.dictionary.Encode(nil, text)...), nil
}

// unpack reads what pack wrote into v. Its errors are rowErrors.
func (c *codec) unpack(row []byte, v any) error {
	text, err := c.decompress(row)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return &rowError{fmt.Errorf("a packed row: %w", err)}
	}
	return nil
}

func (c *codec) decompress(row []byte) ([]byte, error) {
	switch {
	case len(row) > 0 && row[0] == packedS2:
		if n, err := s2.DecodedLen(row[1:]); err != nil || n > maxUnpacked {
			return nil, s2.ErrCorrupt
		}
		return c.dictionary.Decode(nil, row[1:])
	case len(row) > 0 && row[0] == packedFlate:
		return c.inflate(row[1:])
	default:
		return nil, errors.New("it is not of a known form")
	}
}

func (c *codec) inflate(row []byte) ([]byte, error) {
	r := c.inflater()
	defer putBack(c.inflaters, r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(row), dictionary); err != nil {
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

// gunzip undoes compress. Its errors are rowErrors.
func gunzip(row []byte) ([]byte, error) {
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
