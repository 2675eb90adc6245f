package store

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rs/zerolog"
)

// TestReleasableMemory checks that the whole mapping can be released as the file grows, and never
// more than is mapped, even when a larger file is copied over it.
func TestReleasableMemory(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	open := func(name string) *boltKV {
		path := filepath.Join(t.TempDir(), name)
		b, err := newBolt(path, zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		fill := func(w writer) error { w.put(tMeta, []byte("k"), []byte("v")); return nil }
		if err := b.update(ctx, fill); err != nil {
			t.Fatal(err)
		}
		if err := b.close(); err != nil {
			t.Fatal(err)
		}
		if b, err = openBolt(path, 0, false, zerolog.Nop()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.close() })
		return b
	}
	grow := func(b *boltKV, rows int) {
		for i := range rows {
			put := func(w writer) error { w.put(tDocuments, number(uint64(i)), make([]byte, 10_000)); return nil }
			if err := b.update(ctx, put); err != nil {
				t.Fatal(err)
			}
		}
	}
	sizes := func(b *boltKV) (releasable, size int64) {
		err := b.view(context.Background(), func(r reader) error {
			tx := r.(*boltTx).tx
			releasable, size = b.releasable(tx), tx.Size()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return releasable, size
	}
	small, large := open("small.db"), open("large.db")
	grow(small, 50)
	grow(large, 500)
	for _, b := range []*boltKV{small, large} {
		// Pages of the last commit become free at the next one.
		if releasable, size := sizes(b); releasable > size || releasable < size-200_000 {
			t.Errorf("%d bytes of %d may be let go", releasable, size)
		}
	}
	if runtime.GOOS == "windows" {
		return // Windows refuses to overwrite a mapped file
	}
	before, _ := sizes(small)
	copied, err := os.ReadFile(large.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(small.path, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	if now, size := sizes(small); size < 2*before || now > before {
		t.Errorf("with a file of %d bytes copied over it, %d bytes may be let go; %d were mapped", size, now, before)
	}
}
