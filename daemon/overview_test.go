package daemon

import (
	"fmt"
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"

	gocmp "github.com/google/go-cmp/cmp"
)

// seasonLedger is a ledger in the season of 2025: what each dossier has of 2024 and 2025.
func seasonLedger(now time.Time) listed {
	l := listed{entries: map[uint64]ledger.Entry{}}
	add := func(dossier, enterprise string, year int, state ledger.State, reason ledger.Reason, created, since time.Time) {
		e := ledger.Entry{Number: uint64(len(l.entries) + 1), Connection: "c", State: state, Reason: reason, Since: since, UpdatedAt: now}
		e.ID, e.CreatedAt = fmt.Sprint("sb-", e.Number), created
		e.Dossier = ledger.Dossier{ID: dossier, Name: dossier, EnterpriseNumber: balance.EnterpriseNumber(enterprise)}
		e.FiscalYear.End = balance.Date{Year: year, Month: time.December, Day: 31}
		l.entries[e.Number] = e
	}
	day := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 9, 0, 0, 0, time.UTC)
	}
	add("delivered", "0100000001", 2024, ledger.Done, "", day(2025, 2, 3), day(2025, 2, 4))
	add("delivered", "0100000001", 2025, ledger.Done, "", day(2026, 2, 10), day(2026, 2, 11))
	add("waits", "0100000002", 2024, ledger.Done, "", day(2025, 3, 20), day(2025, 3, 21))
	add("waits", "0100000002", 2025, ledger.Waiting, ledger.NoPeriod, day(2026, 3, 8), now.Add(-2*time.Hour))
	add("expected", "0100000003", 2024, ledger.Done, "", day(2025, 4, 1), day(2025, 4, 2))
	add("moved bureau", "0100000001", 2024, ledger.Ignored, ledger.BeforeActivation, day(2025, 1, 1), day(2025, 1, 1)) // its employer has one of 2025
	add("new", "", 2025, ledger.Waiting, ledger.NoPeriod, day(2025, 11, 1), day(2026, 1, 5))
	add("today", "", 2025, ledger.Done, "", day(2026, 3, 9), now.Add(-time.Hour))
	return l
}

func TestOverview(t *testing.T) {
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	d := New(Config{Store: seasonLedger(now), Now: func() time.Time { return now }, Schedule: Schedule{Location: time.UTC}})
	got, err := d.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	date := func(month time.Month, day int) balance.Date { return balance.Date{Year: 2026, Month: month, Day: day} }
	want := Overview{
		Causes: []CauseCount{{State: ledger.Done, Count: 3, New: 1}, {State: ledger.Waiting, Cause: "no_period", Count: 2, New: 1},
			{State: ledger.Ignored, Cause: "before_activation", Count: 1}},
		Season: Season{Year: 2025, Delivered: 2, Waiting: 2, Expected: 1, New: 1, LastYear: 1, HasLastYear: true, Today: date(3, 10), Days: []SeasonDay{
			{Date: date(1, 1), Received: 1}, // outside of the season
			{Date: date(2, 4), Received: 1, LastYear: 1},
			{Date: date(2, 10), Received: 2, LastYear: 1},
			{Date: date(2, 11), Received: 2, Delivered: 1, LastYear: 1},
			{Date: date(3, 8), Received: 3, Delivered: 1, LastYear: 1},
			{Date: date(3, 9), Received: 4, Delivered: 1, LastYear: 1},
			{Date: date(3, 10), Received: 4, Delivered: 2, LastYear: 1},
			{Date: date(3, 21), Received: 4, Delivered: 2, LastYear: 2},
			{Date: date(4, 2), Received: 4, Delivered: 2, LastYear: 3},
		}}}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	page, err := d.Dossiers(t.Context(), DossierQuery{Missing: 2025})
	if err != nil || page.Total != 1 || page.Entries[0].Dossier.ID != "expected" || page.Entries[0].FiscalYear.End.Year != 2024 {
		t.Errorf("without a balance of 2025 are %+v, %v", page, err)
	}
}

// TestOverviewFollowsTheIndex: a change shows at once, and time passes without one.
func TestOverviewFollowsTheIndex(t *testing.T) {
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	l := seasonLedger(now)
	d := New(Config{Store: l, Now: func() time.Time { return now }, Schedule: Schedule{Location: time.UTC}})
	count := func() (waiting, fresh int) {
		t.Helper()
		got, err := d.Overview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got.Causes {
			if c.Cause == string(ledger.NoPeriod) {
				return c.Count, c.New
			}
		}
		return 0, 0
	}
	if waiting, fresh := count(); waiting != 2 || fresh != 1 {
		t.Fatalf("%d wait, %d of them new", waiting, fresh)
	}
	e := l.entries[4]
	next, err := e.Wait(ledger.WorkflowClosed, "", "", now)
	if err != nil {
		t.Fatal(err)
	}
	next.Version++
	d.dossierIndex.update([]ledger.Entry{next})
	if waiting, fresh := count(); waiting != 1 || fresh != 0 {
		t.Errorf("after one of them waits for something else, %d wait, %d of them new", waiting, fresh)
	}
	now = now.Add(25 * time.Hour)
	got, err := d.Overview(t.Context())
	if err != nil || got.Season.New != 0 {
		t.Errorf("a day later %d are new, %v", got.Season.New, err)
	}
}
