package portal

import (
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"

	"github.com/google/go-cmp/cmp"
)

// TestDecide: only ticked figures are decided, and none that changed since the page was
// shown.
func TestDecide(t *testing.T) {
	on := func(number uint64, choice daemon.Choice, codes ...string) daemon.Decision {
		d := daemon.Decision{Number: number, Choice: choice, Seen: 7, By: benName}
		for _, c := range codes {
			d.Cells = append(d.Cells, balance.Cell{Code: c})
		}
		return d
	}
	for name, tt := range map[string]struct {
		form   []string
		status int
		want   []daemon.Decision
		says   string
	}{
		"nothing ticked":       {[]string{"do", "use_finbox", "seen.1", "7"}, 303, nil, "Selecteer eerst"},
		"one figure":           {[]string{"do", "use_finbox", "seen.1", "7", "cell", "1:1003"}, 303, []daemon.Decision{on(1, daemon.UseFinbox, "1003")}, "bewaard"},
		"two figures":          {[]string{"do", "keep_silverfin", "seen.1", "7", "cell", "1:1003", "cell", "1:1013"}, 303, []daemon.Decision{on(1, daemon.KeepSilverfin, "1003", "1013")}, "bewaard"},
		"one dossier":          {[]string{"do", "keep_silverfin:2", "seen.2", "7", "cell", "1:1003", "seen.1", "7"}, 303, []daemon.Decision{on(2, daemon.KeepSilverfin)}, "bewaard"},
		"many are shown first": {[]string{"do", "use_finbox", "seen.1", "7", "seen.2", "7", "entry", "1", "entry", "2", "cell", "1:1003"}, 200, nil, ""},
		"all are shown first":  {[]string{"do", "use_finbox", "which", "all", "back", "/decisions"}, 200, nil, ""},
		"changed since":        {[]string{"do", "use_finbox", "seen.1", "6", "entry", "1"}, 303, nil, "intussen gewijzigd"},
		"not seen":             {[]string{"do", "use_finbox", "entry", "1"}, 400, nil, ""},
		"no choice":            {[]string{"do", "delete", "seen.1", "7", "entry", "1"}, 400, nil, ""},
		"no cell":              {[]string{"do", "use_finbox", "seen.1", "7", "cell", "1:drop"}, 400, nil, ""},
		"no such entry":        {[]string{"do", "use_finbox:9", "seen.9", "7"}, 404, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := &stubAPI{entries: []ledger.Entry{differing(2, "1003"), differing(1, "1003", "1013")}}
			f := newStubFixture(t, d)
			ben := f.signedIn(benName)
			if got := ben.post("/decisions", tt.form...); got.code != tt.status {
				t.Fatalf("gives %d: %s", got.code, got.body)
			}
			if diff := cmp.Diff(tt.want, d.decided); diff != "" {
				t.Error(diff)
			}
			if page := ben.get("/decisions"); !strings.Contains(page.body, tt.says) {
				t.Errorf("the page does not say %q", tt.says)
			}
		})
	}
}

// TestDecideMany: what is ticked of several dossiers, single figures too, and all that the
// list holds, is shown before it is decided; the page of the result names who was first.
func TestDecideMany(t *testing.T) {
	d := &stubAPI{entries: []ledger.Entry{differing(3, "1003"), differing(2, "1003"), differing(1, "1003", "1013")}}
	f := newStubFixture(t, d)
	ben := f.signedIn(benName)
	page := ben.post("/decisions", "do", "keep_silverfin", "seen.1", "7", "seen.2", "7", "cell", "1:1013", "entry", "2", "back", "/decisions")
	if !strings.Contains(page.body, `value="2.7 1.7:1013"`) || !strings.Contains(page.body, "Data van Silverfin behouden voor 2 dossiers") {
		t.Fatalf("the effect is not shown: %s", page.body)
	}
	d.entries[1].Version = 8
	d.since = &ledger.Event{By: "An Peeters", At: time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC), State: ledger.Found, Act: ledger.ActUseFinbox}
	page = ben.bulk("keep_silverfin", "2.7 1.7:1013")
	want := []daemon.Decision{{Number: 1, Choice: daemon.KeepSilverfin, Cells: []balance.Cell{{Code: "1013"}}, Seen: 7, By: benName}}
	if diff := cmp.Diff(want, d.decided); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"Intussen gewijzigd", "An Peeters", "Beslissing: data uit Finbox gebruiken"} {
		if !strings.Contains(page.body, text) {
			t.Errorf("the result does not say %q: %s", text, page.body)
		}
	}
	page = ben.post("/decisions", "do", "use_finbox", "which", "all", "back", "/decisions?q=x")
	if !strings.Contains(page.body, `value="3.7 2.8 1.7"`) {
		t.Errorf("all of the list are not shown: %s", page.body)
	}
	ben.post("/decisions", "do", "use_finbox:2", "seen.2", "7")
	if page = ben.get("/decisions"); !strings.Contains(page.body, "An Peeters was je voor") {
		t.Errorf("the page does not name who was first: %s", page.body)
	}
}
