package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
)

// TestSyncStop: a run is stopped from another command. Both say so, and so does the
// history; status says how far the run is.
func TestSyncStop(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	if err := f.sandbox.Fill(3); err != nil {
		t.Fatal(err)
	}
	d := f.daemon()
	f.want(1, "no run is under way", "sync", "stop")
	held, release := make(chan struct{}), make(chan struct{})
	once := false
	f.sandbox.Silverfin.Faults().OnCall(func(faults.Call) {
		if !once {
			once = true
			close(held)
			<-release
		}
	})
	first := make(chan result, 1)
	go func() { first <- f.run("sync") }()
	<-held
	f.want(0, "(run 1): 0 of 3 done", "status")
	f.want(1, "run 7 is not under way", "sync", "stop", "--run", "7")
	f.want(0, "run 1 is being stopped; what it has done stays done", "sync", "stop")
	r := <-first
	close(release)
	r.want(t, 1, " stopped the run before it was through")
	f.sandbox.Silverfin.Faults().OnCall(nil)
	f.want(0, person()+" stopped it; the next run goes on where it was", "status")
	f.want(0, "3 done", "sync")
	d.stop(t)
}

func TestAskEmployer(t *testing.T) {
	found := []ledger.Employer{
		{Dossier: ledger.Dossier{ID: "d1", Name: "Firma 77", EnterpriseNumber: "0403170701"}, Dossiers: []ledger.DossierKey{{Connection: "finbox", ID: "d1"}}},
		{Dossier: ledger.Dossier{ID: "d2", Name: "Firma 77", AffiliationNumber: "1AB2"}, Dossiers: []ledger.DossierKey{{Connection: "map", ID: "d2"}}},
	}
	for typed, want := range map[string]string{"1\n": "d1", " 2 ": "d2", "": "", "0\n": "", "3\n": "", "x\n": ""} {
		var stderr bytes.Buffer
		app := &App{env: Env{Stdin: strings.NewReader(typed), Stdout: io.Discard, Stderr: &stderr}}
		one, err := app.askEmployer("Firma", found)
		if one.Dossier.ID != want || (want == "") != problem.Is(err, problem.Usage) {
			t.Errorf("%q chooses %q, %v", typed, one.Dossier.ID, err)
		}
		if !strings.Contains(stderr.String(), "1  Firma 77 0403.170.701 (finbox)\n   2  Firma 77, 1AB2 (map)\n") {
			t.Errorf("asked:\n%s", stderr.String())
		}
	}
}

func TestProgressText(t *testing.T) {
	limit := &daemon.RateLimit{Firm: "Kantoor Zandbank", Setting: "silverfin.requests_per_second", PerSecond: 5}
	rest := *limit
	rest.RestUntil = time.Date(2026, 11, 22, 3, 10, 0, 0, time.Local)
	for want, p := range map[string]daemon.Pace{
		"reads": {},
		"reads, 62 a minute, about 27 min left, waits for silverfin.requests_per_second: 5 (Kantoor Zandbank)": {PerMinute: 62.3, LeftSeconds: 1600, Limit: limit},
		"reads, about 90 s left": {LeftSeconds: 90},
		"reads, Silverfin firm Kantoor Zandbank asked for a rest until 03:10:00": {Limit: &rest},
	} {
		if got := progressText("reads", p); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
