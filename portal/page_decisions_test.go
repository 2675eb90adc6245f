package portal

import (
	"strings"
	"testing"

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
		"many":                 {[]string{"do", "use_finbox", "seen.1", "7", "seen.2", "7", "entry", "1", "entry", "2", "cell", "1:1003"}, 303, []daemon.Decision{on(1, daemon.UseFinbox), on(2, daemon.UseFinbox)}, "bewaard"},
		"changed since":        {[]string{"do", "use_finbox", "seen.1", "6", "entry", "1"}, 303, nil, "intussen gewijzigd"},
		"partly changed since": {[]string{"do", "use_finbox", "seen.1", "6", "entry", "1", "seen.2", "7", "entry", "2"}, 303, []daemon.Decision{on(2, daemon.UseFinbox)}, "intussen gewijzigd"},
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
