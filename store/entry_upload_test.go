package store_test

import (
	"bytes"
	"sync"
	"testing"

	"balansd/ledger"
)

// uploaded returns a new entry of an upload with its document.
func uploaded(dossier, sum, document string) ledger.Move {
	e := found(sum+"/x.csv", sum, dossier, sum)
	e.Connection = ledger.UploadsID
	return ledger.Move{Entry: e, Document: []byte(document), Event: ledger.Event{At: noon, By: "Els", State: ledger.Found, Act: ledger.ActUpload, Text: "Els uploaded x.csv"}}
}

func TestRecordUpload(t *testing.T) {
	s, ctx := openNew(t), t.Context()
	uploads := ledger.Connection{ID: ledger.UploadsID, Kind: ledger.Upload, Name: "Uploads", Status: ledger.Active}
	first, added, err := s.RecordUpload(ctx, uploads, uploaded("D1", "a", "the document"))
	if err != nil || !added {
		t.Fatalf("%v, added %v", err, added)
	}
	if doc, err := s.Document(ctx, first.Number); err != nil || string(doc) != "the document" {
		t.Errorf("its document is %q, %v", doc, err)
	}
	if story, err := s.History(ctx, first.Number); err != nil || len(story) != 1 || story[0].By != "Els" || story[0].Act != ledger.ActUpload {
		t.Errorf("its history is %+v, %v", story, err)
	}
	all, err := s.Connections(ctx)
	if err != nil || len(all) != 1 || all[0].Kind != ledger.Upload {
		t.Fatalf("the connections are %+v, %v", all, err)
	}

	// A paused connection stays paused, and the same content of one dossier is one entry,
	// whatever its state.
	all[0].Status = ledger.Paused
	if err := s.SaveConnection(ctx, all[0]); err != nil {
		t.Fatal(err)
	}
	moved, err := first.Ignore(ledger.Dismissed, "", "", noon)
	move(t, s, moved, err)
	again, added, err := s.RecordUpload(ctx, uploads, uploaded("D1", "a", "the document"))
	if err != nil || added || again.Number != first.Number || again.State != ledger.Ignored {
		t.Errorf("once more: %+v, added %v, %v", again, added, err)
	}
	for _, m := range []ledger.Move{uploaded("D2", "a", "the document"), uploaded("D1", "b", "another")} {
		if e, added, err := s.RecordUpload(ctx, uploads, m); err != nil || !added || e.Number == first.Number {
			t.Errorf("of dossier %s: %+v, added %v, %v", m.Entry.Dossier.ID, e, added, err)
		}
	}
	if all, err = s.Connections(ctx); err != nil || all[0].Status != ledger.Paused {
		t.Errorf("the connections are %+v, %v", all, err)
	}
}

func TestRecordUploadAtOnce(t *testing.T) {
	s := openNew(t)
	uploads := ledger.Connection{ID: ledger.UploadsID, Kind: ledger.Upload, Status: ledger.Active}
	large := string(bytes.Repeat([]byte("x"), 1<<16))
	var mu sync.Mutex
	var wg sync.WaitGroup
	numbers, news := map[uint64]bool{}, 0
	for range 16 {
		wg.Go(func() {
			e, added, err := s.RecordUpload(t.Context(), uploads, uploaded("D1", "a", large))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			numbers[e.Number] = true
			if added {
				news++
			}
		})
	}
	wg.Wait()
	if len(numbers) != 1 || news != 1 {
		t.Errorf("numbers %v, %d new", numbers, news)
	}
}
