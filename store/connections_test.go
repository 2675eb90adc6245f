package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
	"balansd/store"
)

func TestConnectionsFirmsLinks(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	for _, id := range []string{"b", "a", "b"} {
		if err := s.SaveConnection(ctx, ledger.Connection{ID: id, Name: "of " + id, Status: ledger.Active}); err != nil {
			t.Fatal(err)
		}
	}
	cs, err := s.Connections(ctx)
	if err != nil || len(cs) != 2 || cs[0].ID != "a" || cs[1].ID != "b" {
		t.Errorf("connections %v, %v", cs, err)
	}
	for _, id := range []int64{300, 12} {
		if err := s.SaveFirm(ctx, ledger.Firm{ID: id}); err != nil {
			t.Fatal(err)
		}
		if err := s.Secrets().Put(ctx, store.FirmSecret(id, "tokens"), []byte("t")); err != nil {
			t.Fatal(err)
		}
	}
	if fs, err := s.Firms(ctx); err != nil || len(fs) != 2 || fs[0].ID != 12 {
		t.Errorf("firms %v, %v", fs, err)
	}
	if err := s.RemoveFirm(ctx, 12); err != nil {
		t.Fatal(err)
	}
	if fs, err := s.Firms(ctx); err != nil || len(fs) != 1 || fs[0].ID != 300 {
		t.Errorf("firms %v, %v", fs, err)
	}
	for id, want := range map[int64]string{12: "", 300: "t"} {
		if got, err := s.Secrets().Get(ctx, store.FirmSecret(id, "tokens")); err != nil || string(got) != want {
			t.Errorf("the tokens of firm %d are %q, %v", id, got, err)
		}
	}
	links := []ledger.DossierLink{{Connection: "a", DossierID: "bc", FirmID: 1}, {Connection: "ab", DossierID: "c", FirmID: 2}, {Connection: "a", DossierID: "bc", FirmID: 3, All: true}}
	for _, l := range links {
		if err := s.SaveLink(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Links(ctx)
	if err != nil || len(got) != 2 {
		t.Fatalf("links %v, %v", got, err)
	}
	for _, l := range got {
		if l != links[1] && l != links[2] {
			t.Errorf("link %v", l)
		}
	}
}

// TestConnectionSecrets: secrets of a connection are sealed with it, stay when it is saved
// without, and go with it alone.
func TestConnectionSecrets(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	want := func(id, text string) {
		t.Helper()
		if got, err := s.Secrets().Get(ctx, store.ConnectionSecret(id, "key")); err != nil || string(got) != text {
			t.Errorf("the secret of %s is %q, want %q: %v", id, got, text, err)
		}
	}
	save := func(c ledger.Connection) {
		t.Helper()
		if err := s.SaveConnection(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"a", "a/b", "ab"} { // none is in the way of another
		save(ledger.Connection{ID: id, Secrets: map[string]string{"key": "of " + id}})
	}
	save(ledger.Connection{ID: "a", Name: "paused"})
	want("a", "of a")
	if all, err := s.Connections(ctx); err != nil || len(all) != 3 || all[0].Secrets != nil {
		t.Errorf("a connection comes back with its secrets: %+v, %v", all, err)
	}
	save(ledger.Connection{ID: "a", Status: ledger.Removed})
	want("a", "")
	want("a/b", "of a/b")
	want("ab", "of ab")
}

func TestUpdate(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	if err := s.SaveConnection(ctx, ledger.Connection{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveFirm(ctx, ledger.Firm{ID: 12}); err != nil {
		t.Fatal(err)
	}
	// Concurrent updates do not undo one another.
	parallel(t, 8, 40, func(int) error {
		err := s.UpdateConnection(ctx, "a", func(c *ledger.Connection) { c.Name += "." })
		return errors.Join(err, s.UpdateFirm(ctx, 12, func(f *ledger.Firm) { f.Name += "." }))
	})
	gone := errors.Join(
		s.UpdateConnection(ctx, "b", func(*ledger.Connection) { t.Error("a connection that is not there was changed") }),
		s.UpdateFirm(ctx, 13, func(*ledger.Firm) { t.Error("a firm that is not there was changed") }))
	if gone != nil {
		t.Error(gone)
	}
	cs, err := s.Connections(ctx)
	if err != nil || len(cs) != 1 || len(cs[0].Name) != 40 {
		t.Errorf("connections %v, %v", cs, err)
	}
	if fs, err := s.Firms(ctx); err != nil || len(fs) != 1 || len(fs[0].Name) != 40 {
		t.Errorf("firms %v, %v", fs, err)
	}
}

func TestSetLinks(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	link := func(dossier string, firm int64, configured bool) ledger.DossierLink {
		return ledger.DossierLink{Connection: "a", DossierID: dossier, FirmID: firm, Configured: configured}
	}
	check := func(want ...ledger.DossierLink) {
		t.Helper()
		got, err := s.Links(ctx)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(a, b ledger.DossierLink) int { return strings.Compare(a.DossierID, b.DossierID) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("links (-want +got):\n%s", diff)
		}
	}
	set := func(links ...ledger.DossierLink) {
		t.Helper()
		if err := s.Configure(ctx, nil, links); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []ledger.DossierLink{link("D1", 1, false), link("D2", 2, false)} {
		if err := s.SaveLink(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	set(link("D2", 22, false), link("D3", 3, false))
	check(link("D1", 1, false), link("D2", 22, true), link("D3", 3, true))
	set(link("D3", 33, false), link("0402.754.886", 4, false))
	check(link("0402.754.886", 4, true), link("D1", 1, false), link("D3", 33, true))
	set()
	check(link("D1", 1, false))
}

func TestRuns(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	if d, err := s.LastNight(ctx); err != nil || !d.IsZero() {
		t.Errorf("last night %v, %v", d, err)
	}
	night := balance.Date{Year: 2026, Month: 3, Day: 1}
	for i, p := range []ledger.Run{{Trigger: ledger.Nightly, Night: night}, {Trigger: ledger.ByHand}, {Trigger: ledger.CatchUp, Night: night.AddDays(1)}} {
		got, err := s.BeginRun(ctx, p)
		if err != nil || got.Number != uint64(i+1) {
			t.Fatalf("run %v, %v", got, err)
		}
	}
	if d, err := s.LastNight(ctx); err != nil || d != night.AddDays(1) {
		t.Errorf("last night %v, %v", d, err)
	}
	_, err := s.BeginRun(ctx, ledger.Run{Trigger: ledger.CatchUp, Night: night})
	wantCode(t, err, problem.Conflict, "2026-03-01")
	if err := s.EndRun(ctx, ledger.Run{Number: 2, Trigger: ledger.ByHand, New: 7, Outcome: map[ledger.State]int{ledger.Done: 7}}); err != nil {
		t.Fatal(err)
	}
	ps, err := s.Runs(ctx, 2)
	if err != nil || len(ps) != 2 || ps[0].Number != 3 || ps[1].New != 7 {
		t.Errorf("runs %v, %v", ps, err)
	}
	wantCode(t, s.EndRun(ctx, ledger.Run{Number: 9}), problem.NotFound, "9")
}
