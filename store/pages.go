package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"
)

// bbolt's own Check runs in a goroutine of its own, where a page that points
// outside of the file ends the process, and it follows pages that lead back to
// themselves for ever. So the pages are looked at first: each stands once, and all
// in it lies within it and within the file.

// The form of bbolt's pages: a header of 16 bytes, then one element of 16 bytes a
// row or child.
const (
	pageHead    = 16
	pageElement = 16
	branchFlag  = 0x01
	leafFlag    = 0x02
	bucketFlag  = 0x01 // of a leaf's element: its value is a bucket
	// maxDepth is more than the levels of any tree that fits on a disk.
	maxDepth = 64
)

// pageWalk reads the pages of one transaction from the file, since a read that
// the disk refuses is then an error.
type pageWalk struct {
	ctx  context.Context
	file io.ReaderAt
	size uint64 // of a page
	seen []bool // by page; its length is the number of pages
}

// checkPages looks at every page that a transaction reaches.
func checkPages(ctx context.Context, tx *bolt.Tx, file io.ReaderAt) error {
	size := uint64(tx.DB().Info().PageSize)
	w := &pageWalk{ctx, file, size, make([]bool, uint64(tx.Size())/size)}
	if err := w.tree(uint64(tx.Cursor().Bucket().Root()), 0); err != nil {
		return err
	}
	for id := range w.seen {
		if w.seen[id] {
			continue
		}
		info, err := tx.Page(id)
		if err != nil {
			return err
		}
		if info.Type == "freelist" && uint64(info.OverflowCount) >= uint64(len(w.seen)-id) {
			return fmt.Errorf("page %d: it goes on behind the end of the file", id)
		}
	}
	return nil
}

// tree looks at a page and all beneath it.
func (w *pageWalk) tree(id uint64, depth int) error {
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
	if err := w.elements(page, depth, true); err != nil {
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

// elements looks at the rows or children of a page. One that is inside a bucket's
// own row has no children.
func (w *pageWalk) elements(page []byte, depth int, children bool) error {
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
	for i := range count {
		at := pageHead + i*pageElement
		element := page[at : at+pageElement]
		word := func(n int) uint64 { return uint64(binary.NativeEndian.Uint32(element[4*n:])) }
		if flags == branchFlag {
			if end := uint64(at) + word(0) + word(1); end > uint64(len(page)) {
				return errOutside
			}
			if err := w.tree(binary.NativeEndian.Uint64(element[8:]), depth+1); err != nil {
				return err
			}
			continue
		}
		from := uint64(at) + word(1) + word(2)
		if from+word(3) > uint64(len(page)) {
			return errOutside
		}
		if word(0)&bucketFlag != 0 {
			if err := w.bucket(page[from:from+word(3)], depth, children); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucket looks at the bucket that a row is.
func (w *pageWalk) bucket(row []byte, depth int, children bool) error {
	if len(row) < pageHead || !children {
		return errOutside
	}
	if root := binary.NativeEndian.Uint64(row); root != 0 {
		return w.tree(root, depth+1)
	}
	return w.elements(row[pageHead:], depth, false)
}

// check looks at the pages, the order of keys, and the list of free pages. Writers
// wait meanwhile: that list is of the newest commit, and bbolt reads it without a
// lock.
func (b *boltKV) check(ctx context.Context) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	file, err := os.Open(b.path)
	if err != nil {
		return openProblem(b.path, err)
	}
	defer func() { _ = file.Close() }()
	err = b.view(ctx, func(r reader) error {
		tx := r.(*boltTx).tx
		if err := checkPages(ctx, tx, file); err != nil {
			return err
		}
		var first error
		for err := range tx.Check() { // read to the end: Check waits for it
			if first == nil {
				first = err
			}
		}
		return first
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return openProblem(b.path, err)
}
