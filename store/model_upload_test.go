package store_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"balansd/ledger"
	"balansd/store"
)

// upload confirms an uploaded document: the content that a dossier has already is not
// added again.
func (m *model) upload(t *rapid.T, s *store.Store) {
	e := drawEntry(t)
	e.ID = fmt.Sprint("upload ", m.last+1) // which no listing has
	var same ledger.Entry
	for _, n := range slices.Sorted(maps.Keys(m.entries)) {
		if o := m.entries[n]; o.Dossier.ID == e.Dossier.ID && o.SHA256 == e.SHA256 {
			same = o
		}
	}
	text := "Els uploaded " + e.SHA256
	got, added, err := s.RecordUpload(t.Context(), ledger.Connection{ID: "C1", Kind: m.kind, Cursor: m.cursor},
		ledger.Move{Entry: e, Document: []byte(text), Event: ledger.Event{At: m.now, By: "Els", State: ledger.Found, Act: ledger.ActUpload, Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	if added != (same.Number == 0) {
		t.Fatalf("added %v, and the ledger has entry %d", added, same.Number)
	}
	if added {
		m.last++
		same = e
		same.Number, same.Version = m.last, 1
		m.entries[same.Number], m.stories[same.Number] = same, []string{text}
		if doc, err := s.Document(t.Context(), same.Number); err != nil || string(doc) != text {
			t.Fatalf("the document is %q, %v", doc, err)
		}
	}
	if diff := cmp.Diff(same, got); diff != "" {
		t.Fatal(diff)
	}
}
