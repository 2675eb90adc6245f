package folder_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/folder"
	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/sandbox/madeup"
)

// memoryStore is a keyvalue.Store for one goroutine.
type memoryStore struct{ rows map[string][]byte }

func (m *memoryStore) View(_ context.Context, fn func(keyvalue.Reader) error) error { return fn(m) }

func (m *memoryStore) Update(_ context.Context, fn func(keyvalue.Writer) error) error {
	if m.rows == nil {
		m.rows = map[string][]byte{}
	}
	return fn(m)
}

func (m *memoryStore) Get(namespace, key string) []byte { return m.rows[namespace+"/"+key] }

func (m *memoryStore) Put(namespace, key string, value []byte) { m.rows[namespace+"/"+key] = value }

func (m *memoryStore) Delete(namespace, key string) { delete(m.rows, namespace+"/"+key) }

func (m *memoryStore) Walk(namespace, from string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, k := range slices.Sorted(maps.Keys(m.rows)) {
			if key, ok := strings.CutPrefix(k, namespace+"/"); ok && key >= from && !yield(key, m.rows[k]) {
				return
			}
		}
	}
}

func (m *memoryStore) WalkBack(string, string) iter.Seq2[string, []byte] {
	panic("nobody walks back")
}

// TestForgetOthers keeps what is remembered of the sources that there are.
func TestForgetOthers(t *testing.T) {
	kv := &memoryStore{rows: map[string][]byte{"folder/a\x00\x00": nil, "folder/a\x00b": nil, "folder/aa\x00x": nil, "folder/gone\x00\x00": nil, "other/gone\x00": nil}}
	for i := range 1200 {
		kv.rows[fmt.Sprintf("folder/gone\x00%d", i)] = nil
	}
	if err := folder.ForgetOthers(t.Context(), kv, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"folder/a\x00\x00", "folder/a\x00b", "other/gone\x00"}, slices.Sorted(maps.Keys(kv.rows))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// FuzzMemory checks that files are listed whatever the state has stored about the folder.
func FuzzMemory(f *testing.F) {
	tr := tree{root: f.TempDir()}
	if err := os.WriteFile(filepath.Join(tr.root, "sociale balans.csv"), []byte("x"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"others":"AAAAAAAAAAAAAAAAAAAA","balances":[{"print":"AAAA","day":1,"found":[{"listing":{"id":"x"}}]}]}`), "1 3 fe00:1 abc 2025-01-01")
	f.Add([]byte(`{"reading":"1","told":[1,2]}`), "1 -1 x")
	f.Fuzz(func(t *testing.T, row []byte, cursor string) {
		kv := &memoryStore{rows: map[string][]byte{"folder/payroll\x00.": row, "folder/payroll\x00\x00": row}}
		s, err := folder.New(folder.Config{Name: "payroll", Path: tr.root, Memory: kv})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for p, err := range s.List(t.Context(), cursor) {
			if err != nil {
				t.Fatal(err)
			}
			n += len(p.Listings)
		}
		if n != 1 {
			t.Errorf("%d files were listed", n)
		}
	})
}

// BenchmarkListing lists a folder of 100,000 files in 1,000 dossiers of which one is
// new each time; all of them have been listed before.
func BenchmarkListing(b *testing.B) {
	const dossiers, each = 1000, 100
	root := b.TempDir()
	doc, err := madeup.Document(balance.NBBCSV, madeup.Balance(1, balance.Micro, 2024))
	if err != nil {
		b.Fatal(err)
	}
	letter := append([]byte("PK\x03\x04"), make([]byte, 20<<10)...)
	for d := range dossiers {
		dir := filepath.Join(root, fmt.Sprintf("Dossier %04d", d))
		if err := os.Mkdir(dir, 0o700); err != nil {
			b.Fatal(err)
		}
		for i := range each {
			name, content := fmt.Sprintf("brief %d.docx", i), letter
			if i == 0 {
				name, content = "sociale balans.csv", doc
			}
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	kv := &memoryStore{}
	listing := func() int {
		s, err := folder.New(folder.Config{Name: "payroll", Path: root, Memory: kv, Settle: settle})
		if err != nil {
			b.Fatal(err)
		}
		var content *ledger.FolderContent
		for p, err := range s.List(context.Background(), "") {
			if err != nil {
				b.Fatal(err)
			}
			content = p.Folder
		}
		return content.Report.Files
	}
	listing()
	n := dossiers * each
	var before, after runtime.MemStats
	for b.Loop() {
		b.StopTimer()
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("Dossier %04d", n%dossiers), fmt.Sprintf("nieuw %d.csv", n)), doc, 0o600); err != nil {
			b.Fatal(err)
		}
		n++
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		if got := listing(); got != n {
			b.Fatalf("%d files, want %d", got, n)
		}
		b.StopTimer()
		runtime.ReadMemStats(&after)
		b.StartTimer()
	}
	saved := 0
	for _, row := range kv.rows {
		saved += len(row)
	}
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/(1<<20), "MiB-allocated")
	b.ReportMetric(float64(saved)/(1<<20), "MiB-saved")
}

// settle is the shortest time after which the result of reading a file is stored. It is
// part of each listing that has something new.
const settle = 2_000_000_000
