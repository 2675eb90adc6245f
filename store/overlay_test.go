package store

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"
)

// TestOverlay holds an overlay to the backend itself: the same changes give
// the same reads, and the snapshot below stays as it was.
func TestOverlay(t *testing.T) {
	b, err := newBolt(filepath.Join(t.TempDir(), "overlay.db"), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.close() }()
	key := rapid.SliceOfN(rapid.ByteRange(0, 2), 1, 3)
	rapid.Check(t, func(t *rapid.T) {
		change := func(writers ...writer) {
			for range rapid.IntRange(0, 8).Draw(t, "changes") {
				k, remove := key.Draw(t, "key"), rapid.Bool().Draw(t, "remove")
				v := rapid.SliceOfN(rapid.Byte(), 0, 2).Draw(t, "value")
				for _, w := range writers {
					if remove {
						w.remove(tByID, k)
					} else {
						w.put(tByID, k, v)
					}
				}
			}
		}
		// What is there stays there for the next run.
		if err := b.update(t.Context(), func(w writer) error { change(w); return nil }); err != nil {
			t.Fatal(err)
		}
		err := b.update(t.Context(), func(w writer) error {
			// The overlay reads what is written below it: so it is changed, and
			// read, before its twin is.
			o, before := newOverlay(w), rows(w, nil, nil)
			var twin later
			change(o, &twin)
			bounds := [][2][]byte{{nil, nil}, {key.Draw(t, "from"), nil}, {nil, key.Draw(t, "to")}, {key.Draw(t, "from"), key.Draw(t, "to")}}
			var got [][]string
			for _, b := range bounds {
				got = append(got, rows(o, b[0], b[1]))
			}
			one := key.Draw(t, "one")
			value := o.get(tByID, one)
			if diff := cmp.Diff(before, rows(w, nil, nil)); diff != "" {
				t.Fatal("what lies below was changed: ", diff)
			}
			for _, step := range twin.steps {
				step(w)
			}
			for i, b := range bounds {
				if diff := cmp.Diff(rows(w, b[0], b[1]), got[i]); diff != "" {
					t.Fatalf("from %v to %v: %s", b[0], b[1], diff)
				}
			}
			if want := w.get(tByID, one); string(value) != string(want) || (value == nil) != (want == nil) {
				t.Fatalf("%v is %v, want %v", one, value, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// later keeps changes for a writer that comes later.
type later struct {
	writer
	steps []func(writer)
}

func (l *later) put(t table, key, value []byte) {
	l.steps = append(l.steps, func(w writer) { w.put(t, key, value) })
}

func (l *later) remove(t table, key []byte) {
	l.steps = append(l.steps, func(w writer) { w.remove(t, key) })
}

// rows walks there and back, and then to the second row and no further.
func rows(r reader, from, to []byte) (all []string) {
	for k, v := range r.walk(tByID, from, to) {
		all = append(all, string(k)+"="+string(v))
	}
	for k, v := range r.walkBack(tByID, from, to) {
		all = append(all, "back "+string(k)+"="+string(v))
	}
	n := 0
	for k := range r.walk(tByID, from, to) {
		if all = append(all, "again "+string(k)); n == 1 {
			break
		}
		n++
	}
	return all
}
