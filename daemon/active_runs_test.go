package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"

	"github.com/rs/zerolog"
)

// heldRun starts a run over everything whose first updates wait, one a worker. release
// lets them go on, and returns how the run ended.
func (fx *fixture) heldRun() (release func() (ledger.Run, error)) {
	fx.t.Helper()
	const workers = 8
	var mu sync.Mutex
	held, all, goOn := 0, make(chan struct{}), make(chan struct{})
	fx.hook(hooked{update: func(ctx context.Context) {
		mu.Lock()
		held++
		if held == workers {
			close(all)
		}
		wait := held <= workers
		mu.Unlock()
		if wait {
			select {
			case <-goOn:
			case <-ctx.Done():
			}
		}
	}})
	fx.reopenWith(nil)
	type end struct {
		run ledger.Run
		err error
	}
	ended := make(chan end, 1)
	go func() {
		r, err := fx.d.Sync(context.WithoutCancel(fx.t.Context()), daemon.SyncRequest{By: "Els"}, nil)
		ended <- end{r, err}
	}()
	<-all
	return func() (ledger.Run, error) {
		close(goOn)
		e := <-ended
		return e.run, e.err
	}
}

// wantWrittenOnce fails unless each figure in Silverfin was written once, and no two
// calls for one company were under way at once.
func (fx *fixture) wantWrittenOnce() {
	fx.t.Helper()
	type key struct {
		company, period int64
		name            string
	}
	seen := map[key]int{}
	for _, w := range fx.sf.Writes() {
		seen[key{w.Company, w.Period, w.Namespace + "." + w.Key}]++
	}
	for k, n := range seen {
		if n != 1 {
			fx.t.Errorf("%v was written %d times", k, n)
		}
	}
}

// A person's dossier is done at once while a long run is under way, whose workers are
// all busy; so is what a person uploads. Nothing is written twice.
func TestDossierIsSyncedBesideALongRun(t *testing.T) {
	fx := newFixture(t)
	var clients []client
	for n := range 24 {
		c := fx.client(n)
		fx.add(c, fx.balance(c, int64(n)))
		clients = append(clients, c)
	}
	release := fx.heldRun()
	last := clients[len(clients)-1]
	p, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(last.number), By: "An"}, nil)
	fx.must(err)
	if p.Outcome[ledger.Done] != 1 || p.By != "An" {
		t.Errorf("the dossier's run: %+v", p)
	}
	s, err := fx.d.Status(t.Context())
	fx.must(err)
	if len(s.Runs) != 1 || s.Runs[0].Chosen || s.Run == nil || s.Run.Number != s.Runs[0].Run.Number {
		t.Errorf("status has the runs %+v", s.Runs)
	}
	if _, err := fx.d.Sync(t.Context(), daemon.SyncRequest{}, nil); !problem.Is(err, problem.Busy) {
		t.Errorf("a second run over everything: %v", err)
	}
	whole, err := release()
	fx.must(err)
	if whole.Outcome[ledger.Done] != len(clients)-1 {
		t.Errorf("the long run did %v", whole.Outcome)
	}
	for i, e := range fx.entries() {
		fx.wantState(e, ledger.Done, "")
		fx.wantHeld(clients[i], fx.balance(clients[i], int64(i)))
	}
	fx.wantWrittenOnce()
}

// Runs that meet at one dossier come one after the other for Silverfin: one call at a
// time, and nothing is written twice.
func TestRunsThatMeetAtADossier(t *testing.T) {
	fx := newFixture(t)
	for n := range 4 {
		c := fx.client(n)
		fx.add(c, fx.balance(c, int64(n)))
	}
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = fx.d.Sync(t.Context(), daemon.SyncRequest{}, nil) })
	for n := range 4 {
		wg.Go(func() {
			if _, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(numberOf(n))}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := fx.sf.Overlaps(); n != 0 {
		t.Errorf("%d calls were made while another for the same company was under way", n)
	}
	for _, e := range fx.entries() {
		fx.wantState(e, ledger.Done, "")
	}
	fx.wantWrittenOnce()
}

// A run that a person stops says who, and keeps what is done; the next does the rest.
func TestStopSync(t *testing.T) {
	fx := newFixture(t)
	for n := range 24 {
		c := fx.client(n)
		fx.add(c, fx.balance(c, int64(n)))
	}
	release := fx.heldRun()
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(numberOf(23))}, nil)
	fx.must(err)
	if _, err := fx.d.StopSync(t.Context(), daemon.StopRequest{Run: 99, By: "An"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("a run that is not there: %v", err)
	}
	stopped, err := fx.d.StopSync(t.Context(), daemon.StopRequest{By: "An"})
	fx.must(err)
	p, err := release()
	if !problem.Is(err, problem.Stopped) || len(stopped.Runs) != 1 || stopped.Runs[0].Number != p.Number {
		t.Errorf("stopped %+v, the run ended with %v", stopped, err)
	}
	runs, err := fx.store.Runs(t.Context(), 5)
	fx.must(err)
	one := runs[1]
	if one.StoppedBy != "An" || !strings.HasPrefix(one.Stopped, "An stopped it") || !one.Halted || one.NeedsPerson() || one.End.IsZero() {
		t.Errorf("the run's record: %+v", one)
	}
	if e := fx.entries()[23]; e.State != ledger.Done {
		t.Errorf("what was done is %s", e.State)
	}
	if _, err := fx.d.StopSync(t.Context(), daemon.StopRequest{By: "An"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("no run: %v", err)
	}
	fx.sync()
	for _, e := range fx.entries() {
		fx.wantState(e, ledger.Done, "")
	}
	fx.wantWrittenOnce()
}

// While a run over everything lists the sources, a dossier's run does not wait for
// that: it works on what is known.
func TestDossierBesideAListing(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	b := fx.balance(c, 1)
	fx.add(c, b)
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.WorkflowClosed)
	fx.sf.OpenWorkflow(c.company, c.period, workflowName)

	listing, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	fx.fb.Faults().BeforeCall(func(faults.Call) {
		once.Do(func() { close(listing); <-goOn })
	})
	ended := make(chan error, 1)
	go func() {
		_, err := fx.d.Sync(context.WithoutCancel(t.Context()), daemon.SyncRequest{}, nil)
		ended <- err
	}()
	<-listing
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: c.dossier}, nil)
	fx.must(err)
	fx.wantState(fx.only(), ledger.Done, "")
	close(goOn)
	fx.must(<-ended)
	fx.wantHeld(c, b)
	fx.wantWrittenOnce()
}

// A run that waits for the rate limit says so, names the setting, and knows before and
// while it works how long the rest takes.
func TestProgressNamesTheRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 60
		fx := newMemoryFixture(t)
		var log bytes.Buffer
		fx.began, fx.rps, fx.logTo = time.Now(), 5, zerolog.SyncWriter(&log)
		fx.reopenWith(nil)
		for n := range many {
			c := fx.client(n)
			fx.add(c, fx.balance(c, int64(n)))
		}
		start := time.Now()
		var estimates []time.Duration // of the whole, at each entry
		_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{}, func(p daemon.Progress) {
			if p.Entry == nil {
				return
			}
			l := p.Pace.Limit
			if p.Done == 1 && l == nil || p.Done > 20 && p.Done < many && (l == nil || l.Setting != "silverfin.requests_per_second" || l.PerSecond != 5 || l.Firm != "Kantoor De Wilde") {
				t.Errorf("at entry %d the limit is %+v", p.Done, l)
			}
			estimates = append(estimates, time.Since(start)+time.Duration(p.Pace.LeftSeconds)*time.Second)
		})
		fx.must(err)
		took := time.Since(start)
		for i, e := range estimates {
			if e < took*2/3 || e > took*3/2 {
				t.Errorf("after entry %d the whole is estimated at %s, and took %s", i+1, e, took)
			}
		}
		// The log says so at the beginning, and once a minute.
		var lines []string
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, `"message":"run goes on"`) {
				lines = append(lines, line)
			}
		}
		if want := 1 + int(took/time.Minute); len(lines) != want || !strings.Contains(lines[0], `"processed":0,"entries":60,"left_ms":72000`) {
			t.Errorf("in %s the log has %d lines, want %d: %q", took, len(lines), want, lines)
		}
		for _, line := range lines {
			if !strings.Contains(line, `"waits_for":"silverfin.requests_per_second","calls_per_second":5,"about":"Kantoor De Wilde"`) {
				t.Errorf("no limit is named: %s", line)
			}
		}
	})
}

// Where nothing slows the calls down no limit is named.
func TestProgressWithoutALimit(t *testing.T) {
	fx, _ := withClients(t, 25)
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{}, func(p daemon.Progress) {
		if p.Pace.Limit != nil {
			t.Errorf("a limit is named: %+v", p.Pace.Limit)
		}
	})
	fx.must(err)
}

// companyCalls counts the listings of companies and the readings of one.
func (fx *fixture) companyCalls() (lists, ones int) {
	for _, c := range fx.sf.Faults().Log() {
		switch _, id, found := strings.Cut(c.Path, "/companies"); {
		case found && id == "":
			lists++
		case found && strings.Count(id, "/") == 1:
			ones++
		}
	}
	return lists, ones
}

// The sync of a new dossier finds its company in the list that is known, and reads that
// company alone. Where the two are not the same the list is read anew.
func TestDossierIsFoundInTheKnownCompanies(t *testing.T) {
	tests := []struct {
		name   string
		change func(fx *fixture, c client)
		lists  bool
		state  ledger.State
		reason ledger.Reason
	}{
		{"as it was", func(*fixture, client) {}, false, ledger.Done, ""},
		{"another number", func(fx *fixture, c client) { fx.must(fx.sf.SetVAT(c.company, string(numberOf(99)))) }, true, ledger.Waiting, ledger.NoCompany},
		{"not shown", func(fx *fixture, c client) {
			fx.sf.Faults().Add(faults.Fault{Path: fmt.Sprintf("/api/v4/f/%d/companies/%d", fx.firm, c.company), Kind: faults.NotFound, Times: 1})
		}, true, ledger.Done, ""},
		{"not known long ago", func(fx *fixture, _ client) { fx.later(2 * time.Hour) }, true, ledger.Done, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fx := newFixture(t)
			first, second := fx.client(1), fx.client(2)
			fx.add(first, fx.balance(first, 1))
			fx.sync()
			tt.change(fx, second)
			fx.add(second, fx.balance(second, 2))
			fx.sf.Faults().ResetLog()
			_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(second.number)}, nil)
			fx.must(err)
			fx.wantState(fx.entries()[1], tt.state, tt.reason)
			lists, ones := fx.companyCalls()
			if (lists > 0) != tt.lists || !tt.lists && ones != 1 {
				t.Errorf("%d listings of companies, %d readings of one", lists, ones)
			}
		})
	}
}

// A company that Silverfin has since the list was read is found.
func TestNewCompanyIsFoundBesideTheKnownOnes(t *testing.T) {
	fx := newFixture(t)
	first := fx.client(1)
	fx.add(first, fx.balance(first, 1))
	fx.sync()
	second := fx.client(2)
	fx.add(second, fx.balance(second, 2))
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(second.number)}, nil)
	fx.must(err)
	fx.wantState(fx.entries()[1], ledger.Done, "")
}

// While a person's dossier is being worked on, a long run begins no other one.
func TestChosenDossierComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fx := newMemoryFixture(t)
		for n := range 4 {
			c := fx.client(n)
			fx.add(c, fx.balance(c, int64(n)))
		}
		goOn := make(chan struct{})
		var begun atomic.Int64
		fx.hook(hooked{update: func(context.Context) {
			if begun.Add(1) == 1 {
				<-goOn
			}
		}})
		fx.reopenWith(nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(numberOf(3))}, nil)
			fx.must(err)
		})
		synctest.Wait()
		wg.Go(func() {
			_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{}, nil)
			fx.must(err)
		})
		time.Sleep(time.Hour)
		if n := begun.Load(); n != 1 {
			t.Errorf("%d dossiers were begun while a person's was under way", n)
		}
		close(goOn)
		wg.Wait()
		for _, e := range fx.entries() {
			fx.wantState(e, ledger.Done, "")
		}
		fx.wantWrittenOnce()
	})
}
