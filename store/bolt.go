package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// boltKV implements kv in one bbolt file, with a bucket for each table.
type boltKV struct {
	db   *bolt.DB
	path string
	log  zerolog.Logger

	queueMu sync.Mutex
	queue   []*call    // shared steps that are not carried out yet
	sharing sync.Mutex // held by the caller that carries out shared steps

	views  atomic.Uint64 // reads so far
	mapped atomic.Int64  // bytes of the file that are mapped for certain

	headers atomic.Bool // whether rows have headers

	writing   sync.Mutex // held during a writing transaction
	allocated int64      // bytes that the file can have after the newest commit; guarded by writing
}

// call is a shared step and, once done, its outcome. It is guarded by
// boltKV.sharing.
type call struct {
	fn   func(writer) error
	done bool
	err  error
}

const (
	// groupMax bounds the steps of one transaction, so that nobody waits long.
	groupMax = 64
	// allocSize is how much the file grows at once. bbolt's own 16 MiB would
	// be a large part of a small firm's file.
	allocSize = 4 << 20
	// viewsPerRelease is the number of reads after which their pages are released.
	viewsPerRelease = 64
)

// fill is the fill percentage of pages that bbolt splits. Rows that are added in
// order and keep their length are packed; entries and histories grow later and get
// room for it. Other tables have bbolt's default of a half.
var fill = map[table]float64{
	tValues: 0.95, tDocuments: 0.95, tRuns: 0.9, tByState: 0.95,
	tEntries: 0.6, tHistories: 0.5,
}

// recoverDamage returns a function that recovers a panic as a StateDamaged problem.
// In a damaged file bbolt panics, reading a mapped page faults, and a row with a
// wrong checksum panics. If the disk cannot be read, the problem says so.
func recoverDamage(path string, log zerolog.Logger, err *error) func() {
	old := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(old)
		r := recover()
		if r == nil {
			return
		}
		if row, ok := r.(*rowError); ok {
			*err = damaged(path, row)
			return
		}
		log.Debug().Str("file", path).Interface("panic", r).Bytes("stack", debug.Stack()).Msg("the state file cannot be read")
		if _, fault := r.(interface{ Addr() uintptr }); fault {
			if refused := readError(path); refused != nil && refusalOf(refused) != noRefusal {
				*err = openProblem(path, refused)
				return
			}
			r = "a part of it cannot be read: it was cut short"
		}
		*err = damaged(path, fmt.Errorf("%v", r))
	}
}

// readError reads a file to its end and returns the error, which the fault of a
// mapped page does not include.
func readError(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(io.Discard, f)
	return err
}

func (b *boltKV) view(ctx context.Context, fn func(reader) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer recoverDamage(b.path, b.log, &err)()
	tx, err := b.db.Begin(false)
	if err != nil {
		return beginProblem(b.path, err)
	}
	defer func() { _ = tx.Rollback() }()
	if b.views.Add(1)%viewsPerRelease == 0 {
		b.releasePages(tx)
	}
	return fn(&boltTx{tx: tx, headers: b.headers.Load()})
}

// releasePages releases the mapped pages that were read so far. Rows are spread over
// the whole file, and the system maps 64 KiB around each that is read: without this
// a run over a large file would have all of it in the memory of the process. Within
// a transaction the mapping does not move.
func (b *boltKV) releasePages(tx *bolt.Tx) { releaseMemory(b.db.Info().Data, b.releasable(tx)) }

// releasable returns how many bytes of the mapping may be released. The size that
// the file states is not enough: another file may have been copied over it, and
// the memory behind the mapping would be lost.
func (b *boltKV) releasable(tx *bolt.Tx) int64 { return min(tx.Size(), b.mapped.Load()) }

func (b *boltKV) update(ctx context.Context, fn func(writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{fn: fn}
	b.commit([]*call{c})
	return c.err
}

// share queues the step. The caller that gets the lock carries out all steps that
// were queued while the one before wrote to disk: a single caller never waits, and
// many callers share one write. No timer is needed.
func (b *boltKV) share(ctx context.Context, fn func(writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{fn: fn}
	b.queueMu.Lock()
	b.queue = append(b.queue, c)
	b.queueMu.Unlock()

	b.sharing.Lock()
	defer b.sharing.Unlock()
	for !c.done {
		b.queueMu.Lock()
		n := min(len(b.queue), groupMax)
		group := slices.Clone(b.queue[:n])
		b.queue = slices.Delete(b.queue, 0, n)
		b.queueMu.Unlock()
		b.commit(group)
	}
	return c.err
}

// commit carries out calls in one transaction. A call that fails after it
// wrote something leaves the group, and the others are run again.
func (b *boltKV) commit(group []*call) {
	for len(group) > 0 {
		bad, err := b.attempt(group)
		if bad >= 0 {
			group[bad].done = true
			group = slices.Delete(slices.Clone(group), bad, bad+1)
			continue
		}
		for _, c := range group {
			c.done = true
			if err != nil {
				c.err = err
			}
		}
		return
	}
}

// attempt runs the group once. bad is the index of a call that must leave, or
// -1; err is what went wrong for all.
func (b *boltKV) attempt(group []*call) (bad int, err error) {
	bad = -1
	b.writing.Lock()
	defer b.writing.Unlock()
	defer recoverDamage(b.path, b.log, &err)()
	tx, err := b.db.Begin(true)
	if err != nil {
		return -1, beginProblem(b.path, err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	size := tx.Size()
	if size <= b.allocated {
		b.mapped.Store(size) // bbolt maps what it allocates
	}
	b.releasePages(tx)
	w := &boltTx{tx: tx, headers: b.headers.Load()}
	for i, c := range group {
		before := w.writes
		c.err = run(c.fn, w, b.path)
		if c.err == nil {
			c.err = w.err
		}
		if c.err != nil && w.writes != before {
			return i, nil
		}
	}
	if w.writes == 0 {
		return -1, nil
	}
	if err := tx.Commit(); err != nil {
		return -1, unwritable(b.path, err)
	}
	b.headers.Store(w.headers)
	if stats := tx.Stats(); size <= b.allocated {
		b.allocated = size + stats.GetPageAlloc()
	}
	return -1, nil
}

// run carries out a step. A row that it cannot read ends this step alone, not
// those that share its transaction.
func run(fn func(writer) error, w writer, path string) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *rowError:
			err = damaged(path, r)
		default:
			panic(r)
		}
	}()
	return fn(w)
}

func (b *boltKV) copyTo(ctx context.Context, w io.Writer, read func(reader) error) error {
	var failed error
	err := b.view(ctx, func(r reader) error {
		if err := read(r); err != nil {
			return err
		}
		_, failed = r.(*boltTx).tx.WriteTo(&cancelWriter{ctx, w})
		return nil
	})
	return errors.Join(err, failed)
}

// cancelWriter stops a long copy when ctx ends.
type cancelWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c *cancelWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}

func (b *boltKV) size() int64 {
	info, err := os.Stat(b.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

func (b *boltKV) close() error { return b.db.Close() }

// boltTx is a reader, and a writer where its transaction writes. A row that does
// not have its checksum panics with a *rowError, which ends the step.
type boltTx struct {
	tx      *bolt.Tx
	headers bool  // rows have headers
	writes  int   // changes so far
	err     error // the first change that bbolt refused
}

func (t *boltTx) get(name table, key []byte) []byte {
	b := t.tx.Bucket([]byte(name))
	if b == nil {
		return nil
	}
	return t.value(name, key, b.Get(key))
}

// value returns the value of a stored row, nil for none.
func (t *boltTx) value(name table, key, row []byte) []byte {
	if row == nil || !t.headers || hasNoHeader(name, key) {
		return row
	}
	value, err := stripHeader(name, key, row)
	if err != nil {
		panic(err)
	}
	return value
}

func (t *boltTx) put(name table, key, value []byte) {
	t.writes++
	b, err := t.tx.CreateBucketIfNotExists([]byte(name))
	if err == nil {
		if f, ok := fill[name]; ok {
			b.FillPercent = f
		}
		if t.headers && !hasNoHeader(name, key) {
			value = addHeader(name, key, value)
		}
		err = b.Put(key, value)
	}
	t.fail(err)
}

func (t *boltTx) remove(name table, key []byte) {
	t.writes++
	if b := t.tx.Bucket([]byte(name)); b != nil {
		t.fail(b.Delete(key))
	}
}

func (t *boltTx) fail(err error) {
	if t.err == nil && err != nil {
		t.err = fmt.Errorf("the step cannot be stored: %w", err)
	}
}

func (t *boltTx) walk(name table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		b := t.tx.Bucket([]byte(name))
		if b == nil {
			return
		}
		c := b.Cursor()
		for k, v := c.Seek(from); k != nil && (to == nil || bytes.Compare(k, to) < 0); k, v = c.Next() {
			if !yield(k, t.value(name, k, v)) {
				return
			}
		}
	}
}

func (t *boltTx) walkBack(name table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		b := t.tx.Bucket([]byte(name))
		if b == nil {
			return
		}
		c := b.Cursor()
		k, v := c.Last()
		if to != nil {
			if sought, _ := c.Seek(to); sought != nil {
				k, v = c.Prev()
			} else {
				k, v = c.Last()
			}
		}
		for ; k != nil && bytes.Compare(k, from) >= 0; k, v = c.Prev() {
			if !yield(k, t.value(name, k, v)) {
				return
			}
		}
	}
}

// beginProblem says why no transaction could be begun.
func beginProblem(path string, err error) error {
	switch {
	case errors.Is(err, berrors.ErrDatabaseReadOnly), errors.Is(err, berrors.ErrInvalidMapping):
		return unwritable(path, err)
	default:
		return fmt.Errorf("the state file %s: %w", path, err)
	}
}
