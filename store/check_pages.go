package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// The structure of the file is checked here and not with bbolt's Check: that one
// must not run beside a writer, ends the process at a page that points outside of
// the file, and follows pages that lead back to themselves for ever. This check
// needs nothing but one snapshot, so writers go on meanwhile.

// The form of bbolt's pages: a header of 16 bytes, then one element of 16 bytes for
// each row or child. Its two meta pages have the header, too, and the list of free
// pages is one 8-byte number for each.
const (
	pageHead     = 16
	pageElement  = 16
	branchFlag   = 0x01
	leafFlag     = 0x02
	freelistFlag = 0x10
	bucketFlag   = 0x01 // of a leaf's element: its value is a bucket
	metaFreelist = pageHead + 32
	metaTxID     = pageHead + 48
	metaSize     = pageHead + 64
	noFreelist   = ^uint64(0) // it is not stored
	manyFree     = 0xFFFF     // the number of free pages is in the first element
	// maxDepth is more than the levels of any tree that fits on a disk.
	maxDepth = 64
)

// pageWalk reads the pages of one transaction from the file, so that a read that
// the disk refuses is an error and not a fault of a mapped page.
type pageWalk struct {
	ctx  context.Context
	file io.ReaderAt
	size uint64 // of a page
	seen []bool // by page; its length is the number of pages
}

// keyRange are the keys that a page may hold: from <= key < to. nil is open.
type keyRange struct{ from, to []byte }

// checkPages checks the pages of a transaction: each is used once, in the tree, as
// the list of free pages, or by being free; all in it lies within it and within
// the file; and keys are in order. freelist is what freelistPage returned for the
// transaction.
func checkPages(ctx context.Context, tx *bolt.Tx, file io.ReaderAt, freelist uint64) error {
	size := uint64(tx.DB().Info().PageSize)
	w := &pageWalk{ctx, file, size, make([]bool, uint64(tx.Size())/size)}
	if err := w.tree(uint64(tx.Cursor().Bucket().Root()), 0, keyRange{}); err != nil {
		return err
	}
	if freelist == noFreelist {
		return nil
	}
	page, err := w.read(freelist)
	if err != nil {
		return err
	}
	if err := w.free(page); err != nil {
		return fmt.Errorf("page %d: %w", freelist, err)
	}
	for id := 2; id < len(w.seen); id++ {
		if !w.seen[id] {
			return fmt.Errorf("page %d: it is neither used nor free", id)
		}
	}
	return nil
}

// freelistPage returns the number of the page that lists the free pages of a
// transaction. Nobody may commit meanwhile: the second commit after it overwrites
// that number.
func freelistPage(tx *bolt.Tx, file io.ReaderAt) (uint64, error) {
	for i := range int64(2) {
		meta := make([]byte, metaSize)
		if _, err := file.ReadAt(meta, i*int64(tx.DB().Info().PageSize)); err != nil {
			return 0, err
		}
		if binary.NativeEndian.Uint64(meta[metaTxID:]) == uint64(tx.ID()) {
			return binary.NativeEndian.Uint64(meta[metaFreelist:]), nil
		}
	}
	return 0, errors.New("its newest transaction is not where it should be")
}

// free marks the pages that a list of free pages names.
func (w *pageWalk) free(page []byte) error {
	flags, count := binary.NativeEndian.Uint16(page[8:]), uint64(binary.NativeEndian.Uint16(page[10:]))
	if flags != freelistFlag {
		return fmt.Errorf("it is not the list of free pages (%#x)", flags)
	}
	ids := page[pageHead:]
	if count == manyFree {
		count, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return errOutside
	}
	for i := range count {
		id := binary.NativeEndian.Uint64(ids[8*i:])
		if id < 2 || id >= uint64(len(w.seen)) {
			return fmt.Errorf("page %d is free, and there are only %d", id, len(w.seen))
		}
		if w.seen[id] {
			return fmt.Errorf("page %d is free and used", id)
		}
		w.seen[id] = true
	}
	return nil
}

// tree checks a page, whose keys are in keys, and all beneath it.
func (w *pageWalk) tree(id uint64, depth int, keys keyRange) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	page, err := w.read(id)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("page %d: it lies too deep", id)
	}
	if err := w.elements(page, depth, keys, true); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// read reads a page with what it overflows into.
func (w *pageWalk) read(id uint64) ([]byte, error) {
	pages := uint64(len(w.seen))
	if id < 2 || id >= pages {
		return nil, fmt.Errorf("page %d: there are only %d", id, pages)
	}
	head := make([]byte, pageHead)
	if _, err := w.file.ReadAt(head, int64(id*w.size)); err != nil {
		return nil, err
	}
	number, more := binary.NativeEndian.Uint64(head), uint64(binary.NativeEndian.Uint32(head[12:]))
	switch {
	case number != id:
		return nil, fmt.Errorf("page %d: it calls itself %d", id, number)
	case more >= pages-id:
		return nil, fmt.Errorf("page %d: it goes on behind the end of the file", id)
	}
	for i := id; i <= id+more; i++ {
		if w.seen[i] {
			return nil, fmt.Errorf("page %d: it stands in two places", i)
		}
		w.seen[i] = true
	}
	page := make([]byte, (more+1)*w.size)
	_, err := w.file.ReadAt(page, int64(id*w.size))
	return page, err
}

var errOutside = errors.New("a part of it lies outside")

// elements checks the rows or children of a page. A page inside a bucket's own
// row has no children.
func (w *pageWalk) elements(page []byte, depth int, keys keyRange, children bool) error {
	if len(page) < pageHead {
		return errOutside
	}
	flags, count := binary.NativeEndian.Uint16(page[8:]), int(binary.NativeEndian.Uint16(page[10:]))
	if flags != leafFlag && (flags != branchFlag || !children) {
		return fmt.Errorf("it is of no known kind (%#x)", flags)
	}
	if pageHead+count*pageElement > len(page) {
		return errOutside
	}
	all, err := pageKeys(page, flags, count)
	if err != nil {
		return err
	}
	if err := keys.check(all); err != nil {
		return err
	}
	for i, key := range all {
		at := pageHead + i*pageElement
		element := page[at : at+pageElement]
		if flags == branchFlag {
			child := keyRange{key, keys.to}
			if i+1 < len(all) {
				child.to = all[i+1]
			}
			if err := w.tree(binary.NativeEndian.Uint64(element[8:]), depth+1, child); err != nil {
				return err
			}
			continue
		}
		_, from, to := leafRow(page, at)
		if to > uint64(len(page)) {
			return errOutside
		}
		if binary.NativeEndian.Uint32(element)&bucketFlag != 0 {
			if err := w.bucket(page[from:to], depth, children); err != nil {
				return err
			}
		}
	}
	return nil
}

// leafRow returns where the key of a leaf's element begins, and its value begins
// and ends.
func leafRow(page []byte, at int) (key, from, to uint64) {
	word := func(n int) uint64 { return uint64(binary.NativeEndian.Uint32(page[at+4*n:])) }
	key = uint64(at) + word(1)
	return key, key + word(2), key + word(2) + word(3)
}

// pageKeys returns the keys of a page.
func pageKeys(page []byte, flags uint16, count int) ([][]byte, error) {
	keys := make([][]byte, count)
	for i := range keys {
		at := pageHead + i*pageElement
		var from, to uint64
		if flags == branchFlag {
			from = uint64(at) + uint64(binary.NativeEndian.Uint32(page[at:]))
			to = from + uint64(binary.NativeEndian.Uint32(page[at+4:]))
		} else {
			from, to, _ = leafRow(page, at)
		}
		if to > uint64(len(page)) {
			return nil, errOutside
		}
		keys[i] = page[from:to]
	}
	return keys, nil
}

// check returns an error unless the keys ascend and lie in the range.
func (r keyRange) check(keys [][]byte) error {
	for i, key := range keys {
		if i > 0 && bytes.Compare(keys[i-1], key) >= 0 || bytes.Compare(key, r.from) < 0 || r.to != nil && bytes.Compare(key, r.to) >= 0 {
			return fmt.Errorf("key %x is out of order", key)
		}
	}
	return nil
}

// bucket checks the bucket that is the value of a row.
func (w *pageWalk) bucket(value []byte, depth int, children bool) error {
	if len(value) < pageHead || !children {
		return errOutside
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return w.tree(root, depth+1, keyRange{})
	}
	return w.elements(value[pageHead:], depth, keyRange{}, false)
}

// check checks the structure of the newest commit.
func (b *boltKV) check(ctx context.Context) error {
	file, err := os.Open(b.path)
	if err != nil {
		return openProblem(b.path, err)
	}
	defer func() { _ = file.Close() }()
	b.writing.Lock()
	unlock := sync.OnceFunc(b.writing.Unlock)
	defer unlock()
	err = b.view(ctx, func(r reader) error {
		tx := r.(*boltTx).tx
		freelist, err := freelistPage(tx, file)
		unlock()
		if err != nil {
			return err
		}
		return checkPages(ctx, tx, file, freelist)
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return openProblem(b.path, err)
}
