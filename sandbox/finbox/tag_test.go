package finbox

import (
	"net/http"
	"testing"
	"time"

	"balansd/balance"
	"balansd/sandbox/madeup"
)

// TestListingEntityTag checks that the entity tag is the same for each page size
// of the listing, and changes with each field in it.
func TestListingEntityTag(t *testing.T) {
	b := newFixture(t, Options{PageSize: 1})
	listing := "/v1/connections/" + b.connection + "/social-balances"
	add := func() string {
		id, _, err := b.AddBalance(NewBalance{ConnectionID: b.connection, DossierID: b.dossier, CreatedAt: b.now,
			Made: &Recipe{Seed: 1, Model: balance.Micro, Year: 2025}})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	id := add()
	seen := map[string]bool{}
	ask := func(known, rest string) (int, string) {
		t.Helper()
		b.header.Set("If-None-Match", known)
		w := b.call(listing + rest)
		if w.Code == http.StatusNotModified && w.Body.Len() != 0 {
			t.Errorf("304 has a body: %s", w.Body)
		}
		return w.Code, w.Header().Get("ETag")
	}
	_, tag := ask("", "")
	for name, change := range map[string]func() error{
		"add":     func() error { add(); return nil },
		"correct": func() error { _, err := b.Correct(id, madeup.Balance(2, balance.Micro, 2025)); return err },
		"twice":   func() error { return b.ListTwice(id) },
		"content": func() error { return b.SetContent(id, []byte("x")) },
		"dossier": func() error {
			_, err := b.AddDossier(b.connection, Dossier{ID: b.dossier, Name: "Renamed"})
			return err
		},
		"start": func() error { return b.SetStartDate(b.connection, balance.Date{Year: 2025, Month: 1, Day: 1}) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		code, fresh := ask(tag, "")
		if code != http.StatusOK || fresh == "" || fresh == tag || seen[fresh] {
			t.Errorf("%s: %d and the tag %s after %s", name, code, fresh, tag)
		}
		seen[tag], tag = true, fresh
		for _, rest := range []string{"", "?created_after=2026-01-01T00:00:00Z", "?created_after=2030-01-01T00:00:00Z"} {
			if code, same := ask(tag, rest); code != http.StatusNotModified || same != tag {
				t.Errorf("%s, %q: %d with the tag %s, want 304 with %s", name, rest, code, same, tag)
			}
		}
	}
	saved, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	add()
	if err := b.Restore(saved); err != nil {
		t.Fatal(err)
	}
	b.signIn()
	if code, _ := ask(tag, ""); code != http.StatusNotModified {
		t.Errorf("a restored sandbox answers %d to the tag of what it saved", code)
	}
	if err := b.Deactivate(b.connection); err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{"", "?page_token=odd", "?created_after=odd"} {
		if code, _ := ask(tag, rest); code != http.StatusGone {
			t.Errorf("%q of a deactivated connection: %d, want 410 before all else", rest, code)
		}
	}
}

// TestOnlyTheFirstPageHasAnEntityTag checks that only the first page has an entity tag.
func TestOnlyTheFirstPageHasAnEntityTag(t *testing.T) {
	b := newFixture(t, Options{PageSize: 1})
	for i := range 2 {
		if _, _, err := b.AddBalance(NewBalance{ConnectionID: b.connection, DossierID: b.dossier,
			CreatedAt: b.now.Add(time.Duration(i) * time.Second), Made: &Recipe{Model: balance.Micro, Year: 2025}}); err != nil {
			t.Fatal(err)
		}
	}
	b.header.Set("If-None-Match", "*")
	start := pageToken{Last: b.connections[b.connection].listing[0].position}
	w := b.call("/v1/connections/" + b.connection + "/social-balances?page_token=" + start.String())
	if w.Code != http.StatusOK || w.Header().Get("ETag") != "" {
		t.Errorf("a later page: %d with the tag %q, want 200 without", w.Code, w.Header().Get("ETag"))
	}
}
