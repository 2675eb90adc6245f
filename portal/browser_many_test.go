package portal

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
)

// The sizes of a large screen, a usual one, and a telephone.
var (
	wide     = [2]int64{1920, 1080}
	usual    = [2]int64{1280, 800}
	handheld = [2]int64{390, 844}
)

// manyAPI answers for thousands of dossiers, which the dossier index of a daemon searches.
type manyAPI struct {
	*stubAPI
	index *daemon.Daemon
}

func (d manyAPI) Dossiers(ctx context.Context, q daemon.DossierQuery) (daemon.DossierPage, error) {
	return d.index.Dossiers(ctx, q)
}

func (d manyAPI) Overview(ctx context.Context) (daemon.Overview, error) { return d.index.Overview(ctx) }

// entryList is a store that has entries, and nothing else.
type entryList struct {
	daemon.Store
	entries []ledger.Entry // of number i at i-1
}

func (l entryList) Entries(context.Context, ledger.Query) iter.Seq2[ledger.Entry, error] {
	return entrySeq(l.entries)
}

func (l entryList) Heads(context.Context) iter.Seq2[ledger.Head, error] {
	return func(yield func(ledger.Head, error) bool) {
		for _, e := range l.entries {
			if !yield(e.Head(), nil) {
				return
			}
		}
	}
}

func (l entryList) Entry(_ context.Context, number uint64) (ledger.Entry, error) {
	return l.entries[number-1], nil
}

func (l entryList) Connections(context.Context) ([]ledger.Connection, error) { return nil, nil }

// manyEntries returns the balances of 3,000 dossiers of a firm in March: of nearly all that
// of 2024, and of most that of 2025.
func manyEntries(now time.Time) (list []ledger.Entry) {
	words := []string{"Bakkerij", "Garage", "Menuiserie", "Transports", "Apotheek", "Boulangerie", "Kapsalon", "Optique"}
	names := []string{"Delcourtois", "De Meersche", "Wouterloo", "Beauvallon", "Klaasveldt", "Grandsart", "Pauwelyck"}
	add := func(i, year int, created time.Time) *ledger.Entry {
		e := ledger.Entry{Number: uint64(len(list) + 1), Version: 1, Connection: "c1", State: ledger.Done, UpdatedAt: created, Since: created.Add(17 * time.Hour)}
		e.ID, e.Revision, e.CreatedAt = fmt.Sprintf("sb-%07d", e.Number), "1", created
		if i%7 == 0 {
			e.Connection = "c2"
		}
		e.Dossier = ledger.Dossier{ID: fmt.Sprint("d", i), AffiliationNumber: fmt.Sprintf("44-%06d", i),
			Name: fmt.Sprintf("%s %s %d %s", words[i%len(words)], names[i%len(names)], i, []string{"BV", "SRL", "NV"}[i%3])}
		e.FiscalYear.End = balance.Date{Year: year, Month: time.December, Day: 31}
		e.Target = &ledger.Target{FirmID: int64(11 + i%2), CompanyID: int64(i), PeriodID: 1, CompanyName: e.Dossier.Name}
		list = append(list, e)
		return &list[len(list)-1]
	}
	reasons := ledger.Reasons()
	for i := range 3000 {
		if i%31 != 0 {
			add(i, 2024, time.Date(2025, 1, 20, 9, 0, 0, 0, time.UTC).AddDate(0, 0, i*37%150))
		}
		created := time.Date(2026, 1, 12, 9, 0, 0, 0, time.UTC).AddDate(0, 0, i*37%190)
		if created.After(now) {
			continue
		}
		e := add(i, 2025, created)
		switch {
		case i%9 == 0:
			e.State, e.Reason, e.Target = ledger.Waiting, ledger.NoCompany, nil
		case i%11 == 0:
			e.State, e.Reason = ledger.Waiting, ledger.WorkflowClosed
		case i%13 == 0:
			e.State, e.Reason = ledger.Waiting, reasons[i%len(reasons)]
		case i%29 == 0:
			e.State, e.Differences = ledger.Differs, []ledger.Difference{{Cell: balance.Cell{Code: "1003"}, Finbox: "12", Silverfin: "13"}}
		case i%37 == 0:
			e.State, e.FailClass = ledger.Failed, []ledger.FailClass{ledger.Unreadable, ledger.Refused, ledger.Unavailable}[i%3]
		}
	}
	return list
}

// newManyFixture serves the pages of 3,000 dossiers.
func newManyFixture(t *testing.T) *fixture {
	t.Helper()
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	entries := manyEntries(now)
	index := daemon.New(daemon.Config{Store: entryList{entries: entries}, Now: func() time.Time { return now }, Schedule: daemon.Schedule{Location: brussels(t)}})
	d := manyAPI{&stubAPI{API: &daemontest.API{}, entries: entries, status: daemon.Status{
		Connections: []ledger.Connection{{ID: "c1", Name: "Kantoor Zandbank", Status: ledger.Active, ListedAt: now}, {ID: "c2", Name: "Kantoor Gent", Status: ledger.Active, ListedAt: now}},
		Firms:       []ledger.Firm{{ID: 11, Name: "Kantoor Zandbank", LinkedAt: now, RenewedAt: now}, {ID: 12, Name: "Bureau Ardenne", LinkedAt: now, RenewedAt: now}},
		NextWake:    now.Add(17 * time.Hour),
		LastNight: &ledger.Run{Number: 69, Trigger: ledger.Nightly, Night: balance.Date{Year: 2026, Month: 3, Day: 10}, Start: now.Add(-7 * time.Hour), End: now.Add(-6 * time.Hour),
			Outcome: map[ledger.State]int{ledger.Done: 41, ledger.Waiting: 260}},
	}}, index}
	return newFixture(t, func(c *Config) {
		c.API, c.Now = d, func() time.Time { return now }
	})
}

// checkSizes checks a page at three sizes: axe-core finds nothing, nothing is wider than
// the screen, and a screenshot of each is saved.
func (c *chrome) checkSizes(name string) {
	c.t.Helper()
	defer c.setViewport(desktop)
	for _, s := range [][2]int64{wide, usual, handheld} {
		c.setViewport(s)
		if over := value[int](c, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
			c.t.Errorf("%s is %d pixels too wide at %d", name, over, s[0])
		}
		c.axe(fmt.Sprintf("%s at %d", name, s[0]))
		c.screenshot(fmt.Sprintf("%s-%d", name, s[0]))
	}
}

// TestManyDossiersInBrowser: with 3,000 dossiers the overview has a line a reason, each of
// which leads to its dossiers, and says how far the season is.
func TestManyDossiersInBrowser(t *testing.T) {
	c := newChrome(t, newManyFixture(t).server.URL)
	c.signIn(annName)
	for _, lang := range []string{"nl", "fr"} {
		c.visit("/")
		c.setLanguage(lang)
		c.checkSizes("many-home-" + lang)
		lines := value[[]string](c, `[...document.querySelectorAll(".todo tbody th")].map(e => e.innerText)`)
		seen := map[string]bool{}
		for _, l := range lines {
			if seen[l] {
				t.Errorf("%q is there twice", l)
			}
			seen[l] = true
		}
		if len(lines) < 10 {
			t.Errorf("there are %d lines: %q", len(lines), lines)
		}
		count := value[string](c, `document.querySelector(".todo tbody td a").innerText.match(/[\d.\u202f]+/)[0]`)
		c.click(".todo tbody td a")
		c.expectText(count)
		if got := c.path(); got != "/dossiers?reason=no_company&state=waiting" {
			t.Errorf("the first reason leads to %s", got)
		}
		c.checkSizes("many-reason-" + lang)
		c.visit("/")
		c.click(".season-counts a")
		if got := c.path(); got != "/dossiers?missing=2025" {
			t.Errorf("what is expected leads to %s", got)
		}
		c.checkSizes("many-missing-" + lang)
		c.visit("/dossiers")
		c.checkSizes("many-dossiers-" + lang)
	}
	c.visit("/dossiers?q=delcortois")
	if text := c.text(); !strings.Contains(text, "delcourtois") {
		t.Errorf("a slip suggests nothing:\n%s", text)
	}
}
