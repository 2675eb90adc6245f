package portal

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"
)

// TestFullSync: only the button for a full listing asks for one.
func TestFullSync(t *testing.T) {
	for full, want := range map[string]bool{"": false, "1": true} {
		asked := make(chan daemon.SyncRequest, 1)
		d := &stubAPI{}
		f := newStubFixture(t, d)
		d.Run = func(_ context.Context, r daemon.SyncRequest, _ func(daemon.Progress)) (ledger.Run, error) {
			asked <- r
			return ledger.Run{}, nil
		}
		f.signedIn(benName).post("/sync", "full", full)
		if r := <-asked; r.Full != want || r.By != benName {
			t.Errorf("with full=%q: %+v", full, r)
		}
	}
}

// TestSyncResult: a job ends as done, waiting, failed, or busy.
func TestSyncResult(t *testing.T) {
	waiting := ledger.Entry{Number: 5, State: ledger.Waiting, Reason: ledger.WorkflowClosed}
	waiting.Dossier.ID = "d5"
	done := ledger.Entry{Number: 6, State: ledger.Done}
	done.Dossier.ID = "d6"
	for name, tt := range map[string]struct {
		entry string
		run   ledger.Run
		err   error
		says  []string
	}{
		"done":     {"6", ledger.Run{}, nil, []string{"In Silverfin", "De sociale balans staat in Silverfin"}},
		"waits":    {"5", ledger.Run{}, nil, []string{"De workflow staat nog niet open in Silverfin", "Open de workflow"}},
		"all":      {"", ledger.Run{Outcome: map[ledger.State]int{ledger.Done: 3}}, nil, []string{"De synchronisatie is voltooid", "3 in Silverfin"}},
		"busy":     {"6", ledger.Run{}, problem.New(problem.Busy, "another run is under way", ""), []string{"Er loopt al een andere synchronisatie"}},
		"disk":     {"", ledger.Run{}, problem.New(problem.StateUnwritable, "the disk is full", ""), []string{"balansd kan niets bewaren"}},
		"no reply": {"6", ledger.Run{Down: []string{"x"}, ProblemCodes: []ledger.ProblemCode{{About: "Kantoor", Code: "silverfin_down"}}}, nil, []string{"Silverfin is niet bereikbaar", "Huidige status van het dossier"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := &stubAPI{entries: []ledger.Entry{done, waiting}}
			f := newStubFixture(t, d)
			ended := make(chan struct{})
			d.Run = func(context.Context, daemon.SyncRequest, func(daemon.Progress)) (ledger.Run, error) {
				defer close(ended)
				return tt.run, tt.err
			}
			ben := f.signedIn(benName)
			got := ben.post("/sync", "entry", tt.entry)
			job := jobPath(t, got)
			<-ended
			page := ben.get(job)
			for strings.Contains(page.body, "Bezig met synchroniseren") { // until the job has ended
				page = ben.get(job)
			}
			for _, text := range tt.says {
				if !strings.Contains(page.body, text) {
					t.Errorf("the page does not say %q: %s", text, page.body)
				}
			}
			if strings.Contains(page.body, "hx-trigger") {
				t.Error("the page asks again after the answer")
			}
		})
	}
}

// TestSlowSync: the page says that a slow run continues, and the end of the server stops
// it.
func TestSlowSync(t *testing.T) {
	d := &stubAPI{}
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	clock := make(chan time.Time, 1)
	clock <- now
	f := newStubFixture(t, d, func(c *Config) {
		c.Now = func() time.Time { at := <-clock; clock <- at; return at }
	})
	life, end := context.WithCancel(context.Background())
	inner := f.server.Config.Handler
	f.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(rw, r.WithContext(context.WithValue(r.Context(), serverContextKey{}, life)))
	})
	begun, ended := make(chan struct{}), make(chan struct{})
	d.Run = daemontest.RunUntilStopped(begun, ended)
	ben := f.signedIn(benName)
	job := jobPath(t, ben.post("/sync"))
	<-begun
	page := ben.get(job)
	if !strings.Contains(page.body, "every 1s") || !strings.Contains(page.body, "turning") || !strings.Contains(page.body, `class="button" href="`+job+`"`) {
		t.Errorf("while it runs: %s", page.body)
	}
	ben.header.Set("HX-Request", "true")
	if part := ben.get(job); strings.Contains(part.body, "<html") || !strings.Contains(part.body, `hx-get="`+job+`"`) {
		t.Errorf("the part is %s", part.body)
	}
	ben.header.Del("HX-Request")
	<-clock
	clock <- now.Add(31 * time.Second)
	page = ben.get(job)
	if !strings.Contains(page.body, "Na 31 seconden nog bezig") || strings.Contains(page.body, "turning") {
		t.Errorf("after 31 seconds: %s", page.body)
	}
	end()
	<-ended
	if got := ben.get("/sync/other"); got.code != http.StatusNotFound || !strings.Contains(got.body, "niet meer terug te vinden") {
		t.Errorf("an unknown job gives %d: %s", got.code, got.body)
	}
}

// TestRunningJobIsKept: whoever starts many jobs still sees the result of the one that
// runs.
func TestRunningJobIsKept(t *testing.T) {
	d := &stubAPI{}
	f := newStubFixture(t, d)
	begun, ended := make(chan struct{}), make(chan struct{})
	var later atomic.Bool
	release := make(chan struct{})
	d.Run = func(_ context.Context, _ daemon.SyncRequest, _ func(daemon.Progress)) (ledger.Run, error) {
		if later.Swap(true) {
			return ledger.Run{}, problem.New(problem.Busy, "another run is under way", "Wait.")
		}
		close(begun)
		<-release
		defer close(ended)
		return ledger.Run{Number: 7}, nil
	}
	ben := f.signedIn(benName)
	job := jobPath(t, ben.post("/sync"))
	<-begun
	for range maxJobs + 20 {
		if got := ben.post("/sync"); got.code != http.StatusSeeOther {
			t.Fatal(got.code)
		}
	}
	if got := ben.get(job); got.code != http.StatusOK || !strings.Contains(got.body, "every 1s") {
		t.Errorf("the running job gives %d", got.code)
	}
	close(release)
	<-ended
}

// TestJobIDsAfterRestart: after a restart, a page that is still open does not show
// another person's job.
func TestJobIDsAfterRestart(t *testing.T) {
	d := &stubAPI{}
	f := newStubFixture(t, d)
	ann, ben := f.signedIn(annName), f.signedIn(benName)
	anns := jobPath(t, ann.post("/sync"))
	again, err := New(f.web.Config)
	if err != nil {
		t.Fatal(err)
	}
	f.server.Config.Handler = again
	if bens := jobPath(t, ben.post("/sync")); bens == anns {
		t.Errorf("two runs have the address %s", bens)
	}
	if got := ann.get(anns); got.code != http.StatusNotFound {
		t.Errorf("the open page gets %d", got.code)
	}
}

// TestSyncReloadsDossierPage: after a run the page of a dossier is reloaded as a whole,
// and a row of a list gets its new state.
func TestSyncReloadsDossierPage(t *testing.T) {
	done := ledger.Entry{Number: 6, State: ledger.Done}
	for name, tt := range map[string]struct {
		run  ledger.Run
		err  error
		says string
	}{
		"well":    {ledger.Run{}, nil, "Gecontroleerd op "},
		"down":    {ledger.Run{Down: []string{"x"}, ProblemCodes: []ledger.ProblemCode{{About: "x", Code: "silverfin_down"}}}, nil, "Silverfin is niet bereikbaar"},
		"problem": {ledger.Run{}, problem.New(problem.StateUnwritable, "the disk is full", ""), "balansd kan niets bewaren"},
		"busy":    {ledger.Run{}, problem.New(problem.Busy, "another run is under way", ""), "Er loopt al een andere synchronisatie"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &stubAPI{entries: []ledger.Entry{done}}
			f := newStubFixture(t, d)
			d.Run = func(context.Context, daemon.SyncRequest, func(daemon.Progress)) (ledger.Run, error) {
				return tt.run, tt.err
			}
			ben := f.signedIn(benName)
			job := jobPath(t, ben.post("/sync", "entry", "6"))
			for strings.Contains(ben.get(job).body, "Bezig met synchroniseren") {
			}
			ben.header.Set("HX-Request", "true")
			ben.header.Set("HX-Current-URL", f.server.URL+"/dossiers?q=x")
			row := ben.get(job)
			if row.code != http.StatusOK || row.header.Get("HX-Refresh") != "" {
				t.Errorf("in a list: %d, %v", row.code, row.header)
			}
			if has := strings.Contains(row.body, `<div id="state-6" hx-swap-oob="true"><span class="state well">`); has != (name != "busy") {
				t.Errorf("the row's own state is not replaced: %s", row.body)
			}
			ben.header.Set("HX-Current-URL", f.server.URL+"/dossiers/6")
			if got := ben.get(job); got.code != http.StatusNoContent || got.header.Get("HX-Refresh") != "true" {
				t.Errorf("on the page of the dossier: %d, %v", got.code, got.header)
			}
			ben.header.Del("HX-Request")
			if page := ben.get("/dossiers/6"); !strings.Contains(page.body, tt.says) {
				t.Errorf("the page does not say %q: %s", tt.says, page.body)
			}
			if list := ben.get("/dossiers"); !strings.Contains(list.body, `<div id="state-6">`) {
				t.Errorf("the list has no place for the new state: %s", list.body)
			}
		})
	}
}
