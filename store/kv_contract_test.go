package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"
)

// The contract that each kv keeps. A second implementation passes the same tests.

// TestBoltKeepsTheContract runs the contract for bbolt.
func TestBoltKeepsTheContract(t *testing.T) {
	t.Parallel()
	testKV(t, func(t testing.TB) kv {
		path := filepath.Join(t.TempDir(), "balansd.db")
		b, err := newBolt(path, zerolog.Nop())
		if err != nil {
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
	})
}

// testKV checks an implementation of kv. open makes an empty one that is closed with the test.
func testKV(t *testing.T, open func(testing.TB) kv) {
	for name, test := range map[string]func(*testing.T, kv){
		"a view is a snapshot":         testSnapshot,
		"a step reads what it wrote":   testReadYourWrites,
		"a refused step":               testRefusedStep,
		"refused steps among others":   testRefusedInShared,
		"a refused change":             testRefusedChange,
		"an ended context":             testEndedContext,
		"a large document":             testLargeDocument,
		"concurrent transfers":         testTransfers,
		"a copy is of one moment":      testCopy,
		"values last as long as a run": testValuesStay,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
	t.Run("as the model", func(t *testing.T) {
		t.Parallel()
		k := open(t)
		rapid.Check(t, func(rt *rapid.T) { testModel(rt, k) })
	})
}

var errRefused = errors.New("the step is refused")

func mustUpdate(t rapid.TB, k kv, fn func(writer)) {
	t.Helper()
	if err := k.update(context.Background(), func(w writer) error { fn(w); return nil }); err != nil {
		t.Fatal(err)
	}
}

func mustView(t rapid.TB, k kv, fn func(reader)) {
	t.Helper()
	if err := k.view(context.Background(), func(r reader) error { fn(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

// rowsOf collects rows as "key=value".
func rowsOf(rows iter.Seq2[[]byte, []byte]) (list []string) {
	for k, v := range rows {
		list = append(list, fmt.Sprintf("%q=%q", k, v))
	}
	return list
}

// startUpdate carries out a step in another goroutine. The channel is closed at its end.
func startUpdate(t *testing.T, k kv, fn func(writer)) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := k.update(context.Background(), func(w writer) error { fn(w); return nil }); err != nil {
			t.Error(err)
		}
	}()
	return done
}

// whileWriting calls read until done is closed and once more, or a thousand times: a step
// may wait for the views that began before it, as bbolt's do when the file grows.
func whileWriting(done <-chan struct{}, read func()) {
	for range 1000 {
		read()
		select {
		case <-done:
			read()
			return
		default:
			runtime.Gosched()
		}
	}
}

func testSnapshot(t *testing.T, k kv) {
	mustUpdate(t, k, func(w writer) { w.put(tMeta, []byte("a"), []byte("1")); w.put(tMeta, []byte("b"), []byte("1")) })
	var written <-chan struct{}
	mustView(t, k, func(r reader) {
		written = startUpdate(t, k, func(w writer) {
			w.put(tMeta, []byte("a"), []byte("2"))
			w.remove(tMeta, []byte("b"))
			w.put(tMeta, []byte("c"), []byte("2"))
		})
		whileWriting(written, func() {
			if diff := cmp.Diff([]string{`"a"="1"`, `"b"="1"`}, rowsOf(r.walk(tMeta, nil, nil))); diff != "" {
				t.Errorf("the view changed under its reader (-want +got):\n%s", diff)
			}
		})
	})
	<-written
	mustView(t, k, func(r reader) {
		if diff := cmp.Diff([]string{`"a"="2"`, `"c"="2"`}, rowsOf(r.walk(tMeta, nil, nil))); diff != "" {
			t.Errorf("the next view (-want +got):\n%s", diff)
		}
	})
}

func testReadYourWrites(t *testing.T, k kv) {
	mustUpdate(t, k, func(w writer) {
		for _, key := range []string{"a", "b", "c"} {
			w.put(tMeta, []byte(key), []byte("old"))
		}
	})
	for name, step := range map[string]func(context.Context, func(writer) error) error{"update": k.update, "share": k.share} {
		err := step(t.Context(), func(w writer) error {
			w.put(tMeta, []byte("b"), []byte("new"))
			w.put(tMeta, []byte("bb"), nil)
			w.remove(tMeta, []byte("c"))
			w.remove(tMeta, []byte("never there"))
			w.remove(tFirms, []byte("nor the table"))
			if got := w.get(tMeta, []byte("b")); string(got) != "new" {
				t.Errorf("%s: b is %q", name, got)
			}
			if got := w.get(tMeta, []byte("bb")); got == nil || len(got) > 0 {
				t.Errorf("%s: an empty value is read as %v", name, got)
			}
			if got := w.get(tMeta, []byte("c")); got != nil {
				t.Errorf("%s: what was removed is %q", name, got)
			}
			want := []string{`"a"="old"`, `"b"="new"`, `"bb"=""`}
			if diff := cmp.Diff(want, rowsOf(w.walk(tMeta, nil, nil))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			slices.Reverse(want)
			if diff := cmp.Diff(want, rowsOf(w.walkBack(tMeta, nil, nil))); diff != "" {
				t.Errorf("%s, back (-want +got):\n%s", name, diff)
			}
			return errRefused // so that the next one begins as this one did
		})
		if !errors.Is(err, errRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func testRefusedStep(t *testing.T, k kv) {
	mustUpdate(t, k, func(w writer) { w.put(tMeta, []byte("a"), []byte("1")) })
	for name, step := range map[string]func(context.Context, func(writer) error) error{"update": k.update, "share": k.share} {
		err := step(t.Context(), func(w writer) error {
			w.put(tMeta, []byte("a"), []byte("2"))
			w.put(tFirms, []byte("f"), []byte("2"))
			return errRefused
		})
		if !errors.Is(err, errRefused) {
			t.Errorf("%s returns %v", name, err)
		}
		mustView(t, k, func(r reader) {
			if got := append(rowsOf(r.walk(tMeta, nil, nil)), rowsOf(r.walk(tFirms, nil, nil))...); !slices.Equal(got, []string{`"a"="1"`}) {
				t.Errorf("%s: a refused step left %v", name, got)
			}
		})
	}
}

// testRefusedInShared: of steps that are shared at the same time, each refused one leaves
// nothing, and each other one is carried out as if once.
func testRefusedInShared(t *testing.T, k kv) {
	const steps = 200
	var wg sync.WaitGroup
	for i := range steps {
		wg.Go(func() {
			err := k.share(t.Context(), func(w writer) error {
				w.put(tEntries, number(uint64(i)), []byte("here"))
				var n uint64
				if old := w.get(tMeta, []byte("count")); old != nil {
					n = binary.BigEndian.Uint64(old)
				}
				w.put(tMeta, []byte("count"), binary.BigEndian.AppendUint64(nil, n+1))
				if i%3 == 0 {
					return errRefused
				}
				return nil
			})
			if (i%3 == 0) != errors.Is(err, errRefused) || i%3 != 0 && err != nil {
				t.Errorf("step %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	mustView(t, k, func(r reader) {
		var want []uint64
		for i := range uint64(steps) {
			if i%3 != 0 {
				want = append(want, i)
			}
		}
		var got []uint64
		for key := range r.walk(tEntries, nil, nil) {
			got = append(got, numberAt(key))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := binary.BigEndian.Uint64(r.get(tMeta, []byte("count"))); n != uint64(len(want)) {
			t.Errorf("%d steps counted themselves, want %d", n, len(want))
		}
	})
}

// testRefusedChange: a key that cannot be stored is reported when the step ends, and
// nothing of the step stays.
func testRefusedChange(t *testing.T, k kv) {
	for name, step := range map[string]func(context.Context, func(writer) error) error{"update": k.update, "share": k.share} {
		err := step(t.Context(), func(w writer) error {
			w.put(tMeta, []byte("a"), []byte("1"))
			w.put(tMeta, nil, []byte("no key"))
			return nil
		})
		if err == nil {
			t.Errorf("%s takes an empty key", name)
		}
		mustView(t, k, func(r reader) {
			if got := rowsOf(r.walk(tMeta, nil, nil)); got != nil {
				t.Errorf("%s left %v", name, got)
			}
		})
	}
}

func testEndedContext(t *testing.T, k kv) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	write := func(w writer) error { w.put(tMeta, []byte("a"), []byte("1")); return nil }
	for name, err := range map[string]error{
		"view":   k.view(ctx, func(reader) error { t.Error("a view ran"); return nil }),
		"update": k.update(ctx, write),
		"share":  k.share(ctx, write),
		"copyTo": k.copyTo(ctx, io.Discard, func(reader) error { return nil }),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s returns %v", name, err)
		}
	}
	mustView(t, k, func(r reader) {
		if got := rowsOf(r.walk(tMeta, nil, nil)); got != nil {
			t.Errorf("written all the same: %v", got)
		}
	})
}

func testLargeDocument(t *testing.T, k kv) {
	document := make([]byte, 50<<20)
	for i := range document {
		document[i] = byte(i * 2654435761 >> 13)
	}
	mustUpdate(t, k, func(w writer) {
		w.put(tDocuments, number(1), []byte("before"))
		w.put(tDocuments, number(2), document)
		w.put(tDocuments, number(3), []byte("after"))
	})
	mustView(t, k, func(r reader) {
		if !bytes.Equal(r.get(tDocuments, number(2)), document) {
			t.Error("the document is another one")
		}
		var sizes []int
		for _, v := range r.walk(tDocuments, nil, nil) {
			sizes = append(sizes, len(v))
		}
		if diff := cmp.Diff([]int{6, len(document), 5}, sizes); diff != "" {
			t.Errorf("the sizes (-want +got):\n%s", diff)
		}
	})
	mustUpdate(t, k, func(w writer) { w.put(tDocuments, number(2), []byte("small")) })
	mustView(t, k, func(r reader) {
		if got := r.get(tDocuments, number(2)); string(got) != "small" {
			t.Errorf("after it was replaced: %d bytes", len(got))
		}
	})
}

// testTransfers: steps that move amounts between accounts are serializable: no reader ever
// sees another total.
func testTransfers(t *testing.T, k kv) {
	const accounts, workers, each, total = 8, 6, 40, 8 * 1000
	amount := func(r reader, i int) uint64 { return binary.BigEndian.Uint64(r.get(tFirms, number(uint64(i)))) }
	set := func(w writer, i int, n uint64) {
		w.put(tFirms, number(uint64(i)), binary.BigEndian.AppendUint64(nil, n))
	}
	mustUpdate(t, k, func(w writer) {
		for i := range accounts {
			set(w, i, 1000)
		}
	})
	sum := func(r reader) (n uint64) {
		for _, v := range r.walk(tFirms, nil, nil) {
			n += binary.BigEndian.Uint64(v)
		}
		return n
	}
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := range each {
				from, to := (worker+i)%accounts, (worker+3*i+1)%accounts
				step := k.share
				if i%5 == 0 {
					step = k.update
				}
				if err := step(t.Context(), func(w writer) error {
					if from == to {
						return nil
					}
					a, b := amount(w, from), amount(w, to)
					n := min(a, uint64(i))
					set(w, from, a-n)
					set(w, to, b+n)
					return nil
				}); err != nil {
					t.Error(err)
				}
				if err := k.view(t.Context(), func(r reader) error {
					if n := sum(r); n != total {
						return fmt.Errorf("a reader sees %d of %d", n, total)
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	mustView(t, k, func(r reader) {
		if n := sum(r); n != total {
			t.Errorf("%d are left of %d", n, total)
		}
	})
}

// testCopy: what is written during a copy is not in what its reader sees.
func testCopy(t *testing.T, k kv) {
	mustUpdate(t, k, func(w writer) { w.put(tMeta, []byte("a"), []byte("1")) })
	var copied bytes.Buffer
	var written <-chan struct{}
	err := k.copyTo(t.Context(), &copied, func(r reader) error {
		written = startUpdate(t, k, func(w writer) { w.put(tMeta, []byte("b"), []byte("2")) })
		whileWriting(written, func() {
			if got := rowsOf(r.walk(tMeta, nil, nil)); !slices.Equal(got, []string{`"a"="1"`}) {
				t.Errorf("the copy has %v", got)
			}
		})
		return nil
	})
	<-written
	if err != nil || copied.Len() == 0 {
		t.Errorf("%d bytes, %v", copied.Len(), err)
	}
	if err := k.copyTo(t.Context(), io.Discard, func(reader) error { return errRefused }); !errors.Is(err, errRefused) {
		t.Errorf("the error of the reader is lost: %v", err)
	}
	if err := k.check(t.Context()); err != nil {
		t.Error(err)
	}
}

// testValuesStay: what a reader returned stays as it is until its function returns.
func testValuesStay(t *testing.T, k kv) {
	const rows = 2000
	mustUpdate(t, k, func(w writer) {
		for i := range uint64(rows) {
			w.put(tValues, number(i), fmt.Appendf(nil, "value %d", i))
		}
	})
	mustView(t, k, func(r reader) {
		var keys, values [][]byte
		for key, v := range r.walk(tValues, nil, nil) {
			keys, values = append(keys, key), append(values, v)
		}
		for i := range uint64(rows) {
			if !bytes.Equal(keys[i], number(i)) || string(values[i]) != fmt.Sprintf("value %d", i) {
				t.Fatalf("row %d is now %x=%q", i, keys[i], values[i])
			}
		}
	})
}

// testModel carries out steps and compares each of them with maps.
func testModel(t *rapid.T, k kv) {
	of := []table{tMeta, tEntries, tByState}
	key := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 'b', 0xfe, 0xff}), 1, 4)
	model := map[table]map[string]string{}
	mustUpdate(t, k, func(w writer) { // the one before left its rows
		for _, name := range of {
			model[name] = map[string]string{}
			for old := range w.walk(name, nil, nil) {
				w.remove(name, bytes.Clone(old))
			}
		}
	})
	t.Repeat(map[string]func(*rapid.T){
		"step": func(t *rapid.T) {
			refused, shared := rapid.Bool().Draw(t, "refused"), rapid.Bool().Draw(t, "shared")
			changed := map[table]map[string]string{}
			for _, name := range of {
				changed[name] = maps.Clone(model[name])
			}
			type change struct {
				in         table
				key, value []byte // no value: removed
			}
			var changes []change
			for range rapid.IntRange(0, 6).Draw(t, "changes") {
				c := change{in: rapid.SampledFrom(of).Draw(t, "table"), key: key.Draw(t, "key")}
				if rapid.Bool().Draw(t, "put") {
					c.value = append([]byte{}, rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "value")...)
					changed[c.in][string(c.key)] = string(c.value)
				} else {
					delete(changed[c.in], string(c.key))
				}
				changes = append(changes, c)
			}
			step := k.update
			if shared {
				step = k.share
			}
			err := step(context.Background(), func(w writer) error {
				for _, c := range changes {
					if c.value == nil {
						w.remove(c.in, c.key)
					} else {
						w.put(c.in, c.key, c.value)
					}
				}
				compareModel(t, w, changed)
				if refused {
					return errRefused
				}
				return nil
			})
			switch {
			case refused && !errors.Is(err, errRefused), !refused && err != nil:
				t.Fatal(err)
			case !refused:
				model = changed
			}
		},
		"": func(t *rapid.T) {
			mustView(t, k, func(r reader) { compareModel(t, r, model) })
		},
		"walk": func(t *rapid.T) {
			name := rapid.SampledFrom(of).Draw(t, "table")
			bound := rapid.OneOf(rapid.Just[[]byte](nil), key)
			from, to := bound.Draw(t, "from"), bound.Draw(t, "to")
			var want []string
			for _, key := range slices.Sorted(maps.Keys(model[name])) {
				if key >= string(from) && (to == nil || key < string(to)) {
					want = append(want, fmt.Sprintf("%q=%q", key, model[name][key]))
				}
			}
			mustView(t, k, func(r reader) {
				if diff := cmp.Diff(want, rowsOf(r.walk(name, from, to))); diff != "" {
					t.Fatalf("from %x to %x (-want +got):\n%s", from, to, diff)
				}
				slices.Reverse(want)
				if diff := cmp.Diff(want, rowsOf(r.walkBack(name, from, to))); diff != "" {
					t.Fatalf("back from %x to %x (-want +got):\n%s", from, to, diff)
				}
			})
		},
	})
}

func compareModel(t *rapid.T, r reader, model map[table]map[string]string) {
	t.Helper()
	for name, rows := range model {
		got := map[string]string{}
		for k, v := range r.walk(name, nil, nil) {
			got[string(k)] = string(v)
		}
		if diff := cmp.Diff(rows, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", name, diff)
		}
		for key, want := range rows {
			if v := r.get(name, []byte(key)); v == nil || string(v) != want {
				t.Fatalf("%s %x is %q, want %q", name, key, v, want)
			}
		}
	}
}
