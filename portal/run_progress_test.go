package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// underwayStatus is the status while a long run and one of a chosen dossier are under way.
func underwayStatus(now time.Time) daemon.Status {
	long := ledger.Run{Number: 41, Trigger: ledger.Nightly, Start: now.Add(-20 * time.Minute),
		Outcome: map[ledger.State]int{ledger.Done: 1100, ledger.Waiting: 99, ledger.Differs: 1}}
	return daemon.Status{Runs: []daemon.RunUnderway{
		{Run: long, Done: 1200, Total: 2900, Pace: daemon.Pace{PerMinute: 61.7, LeftSeconds: 1650,
			Limit: &daemon.RateLimit{Firm: "Kantoor De Wilde", Setting: "silverfin.requests_per_second", PerSecond: 5}}},
		{Run: ledger.Run{Number: 42, Trigger: ledger.ByHand, By: "Ben", Start: now}, Total: 1, Chosen: true},
	}}
}

// TestRunUnderway: the page of runs says how far each run is, how fast it goes, how long
// the rest takes and what it waits for, and stops one.
func TestRunUnderway(t *testing.T) {
	now := time.Now()
	d := &stubAPI{status: underwayStatus(now)}
	d.history.Runs = []ledger.Run{d.status.Runs[1].Run, d.status.Runs[0].Run,
		{Number: 40, Trigger: ledger.ByHand, Start: now.Add(-2 * time.Hour), End: now.Add(-time.Hour), Stopped: "An Peeters stopped it", StoppedBy: "An Peeters", Halted: true},
		{Number: 39, Trigger: ledger.ByHand, Start: now.Add(-3 * time.Hour)}} // was cut off
	f := newStubFixture(t, d)
	ben := f.signedIn(benName)
	page := ben.get("/nights").body
	for _, text := range []string{"1.200 van 2.900 afgewerkt", "1.100 in Silverfin", "62 per minuut", "nog ongeveer 28 minuten", "limiet van 5 oproepen per seconde voor Kantoor De Wilde",
		"silverfin.requests_per_second", "0 van 1 afgewerkt", "gekozen dossiers, Ben", "Gestopt door An Peeters"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	if n := strings.Count(page, `class="run now"`); n != 2 {
		t.Errorf("%d runs of the list are under way, want 2", n)
	}

	got := ben.post("/nights/stop", "run", "41")
	if got.code != http.StatusSeeOther || got.header.Get("Location") != "/nights" {
		t.Errorf("stopping gives %d to %s", got.code, got.header.Get("Location"))
	}
	if calls := d.callsOf("StopSync"); len(calls) != 1 || !strings.Contains(calls[0], "Run:41 By:"+benName) {
		t.Errorf("called %v", calls)
	}
	if page := ben.get("/nights").body; !strings.Contains(page, "De synchronisatie wordt gestopt") {
		t.Error("the page does not say that the run is being stopped")
	}
	d.Err = problem.New(problem.NotFound, "run 41 is not under way", "")
	ben.post("/nights/stop", "run", "41", "job", "JOB")
	if page := ben.get("/nights").body; !strings.Contains(page, "was al afgelopen") {
		t.Error("the page does not say that the run was over")
	}
	if got := ben.post("/nights/stop", "run", "x"); got.code != http.StatusNotFound {
		t.Errorf("a run that is no number: %d", got.code)
	}
}
