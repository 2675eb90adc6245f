package store

import (
	"context"
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// callback is a context whose Err calls a function.
type callback struct {
	context.Context
	do func()
}

func (c callback) Err() error {
	c.do()
	return nil
}

// TestCheckDoesNotBlockWriters checks that writers are not blocked once the check has its
// snapshot.
func TestCheckDoesNotBlockWriters(t *testing.T) {
	s := openTemp(t)
	if err := s.SaveLastAlive(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	steps, held := 0, 0
	ctx := callback{t.Context(), func() {
		steps++
		if db := s.db.(*boltKV); db.writing.TryLock() {
			db.writing.Unlock()
		} else {
			held++
		}
	}}
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
	if held > 1 || steps < 10 {
		t.Errorf("the check held up writers at %d of its %d steps, want the first alone", held, steps)
	}
}

// TestDamagedStructure changes the references between pages, which no checksum covers.
func TestDamagedStructure(t *testing.T) {
	for name, tt := range map[string]struct {
		want   string
		damage func(t *testing.T, file []byte)
	}{
		"a used page is free": {"is free and used", func(t *testing.T, file []byte) {
			list := freelistOf(t, file)
			binary.NativeEndian.PutUint64(list[pageHead:], rootOf(file))
		}},
		"a page is free twice": {"is free and used", func(t *testing.T, file []byte) {
			list := freelistOf(t, file)
			copy(list[pageHead:pageHead+8], list[pageHead+8:])
		}},
		"a page is lost": {"neither used nor free", func(t *testing.T, file []byte) {
			list := freelistOf(t, file)
			binary.NativeEndian.PutUint16(list[10:], binary.NativeEndian.Uint16(list[10:])-1)
		}},
		"a free page lies outside": {"there are only", func(t *testing.T, file []byte) {
			list := freelistOf(t, file)
			binary.NativeEndian.PutUint64(list[pageHead:], 1<<40)
		}},
		"the list goes on behind its page": {"lies outside", func(t *testing.T, file []byte) {
			list := freelistOf(t, file)
			binary.NativeEndian.PutUint16(list[10:], manyFree-1)
		}},
		"keys are out of order": {"out of order", func(_ *testing.T, file []byte) {
			root := file[rootOf(file)*pageSize():][:pageSize()]
			first, second := pageHead, pageHead+pageElement
			from, _, _ := leafRow(root, first)
			other, _, _ := leafRow(root, second)
			root[from], root[other] = 'z', 'a'
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTemp(t)
			for id := range int64(3) {
				if err := s.SaveFirm(t.Context(), ledger.Firm{ID: id}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(s.Path())
			if err != nil {
				t.Fatal(err)
			}
			tt.damage(t, file)
			f, err := os.OpenFile(s.Path(), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			if _, err := f.WriteAt(file, 0); err != nil {
				t.Fatal(err)
			}
			err = s.Check(t.Context())
			if !problem.Is(err, problem.StateDamaged) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want damage with %q", err, tt.want)
			}
		})
	}
}

func pageSize() uint64 { return uint64(os.Getpagesize()) }

// newestMeta returns the content of the newer meta page.
func newestMeta(file []byte) []byte {
	one, two := file[:metaSize], file[pageSize():][:metaSize]
	if binary.NativeEndian.Uint64(one[metaTxID:]) > binary.NativeEndian.Uint64(two[metaTxID:]) {
		return one
	}
	return two
}

func rootOf(file []byte) uint64 {
	return binary.NativeEndian.Uint64(newestMeta(file)[pageHead+16:])
}

func freelistOf(t *testing.T, file []byte) []byte {
	t.Helper()
	found := file[binary.NativeEndian.Uint64(newestMeta(file)[metaFreelist:])*pageSize():][:pageSize()]
	if binary.NativeEndian.Uint16(found[8:]) != freelistFlag || binary.NativeEndian.Uint16(found[10:]) < 2 {
		t.Fatalf("the list of free pages is %x", found[:64])
	}
	return found
}
