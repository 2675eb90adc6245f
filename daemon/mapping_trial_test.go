package daemon_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/internal/testenv"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
	fakesilverfin "balansd/sandbox/silverfin"

	"github.com/google/go-cmp/cmp"
)

// A trialFixture has one client whose figures a person filled in, and a template that
// computes results from them.
type trialFixture struct {
	*fixture
	client client
	before map[string]string // what the period held
	dead   atomic.Bool       // the process was killed: no call and no commit happens any more
}

func newTrialFixture(t *testing.T) *trialFixture {
	t.Helper()
	tf := &trialFixture{}
	tf.fixture = newMemoryFixtureBehind(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if tf.dead.Load() {
				panic(http.ErrAbortHandler)
			}
			h.ServeHTTP(w, r)
		})
	})
	tf.client = tf.fixture.client(1)
	tf.addTemplate("sociale_balans", "{% result 'staff' period.custom."+namespace+".code_1003 %}"+
		"{% result 'heads' period.custom."+namespace+".code_1051+period.custom."+namespace+".code_1052 %}")
	tf.addTemplate("vaste_activa", "{% result 'total' custom.assets.total %}")
	b := tf.balance(tf.client, 1)
	for _, cell := range b.Values.Cells() {
		tf.must(tf.sf.Set(tf.client.company, tf.client.period, namespace, "code_"+cell.String(), balance.Canonical(b.Values[cell])))
	}
	tf.must(tf.sf.Set(tf.client.company, tf.client.period, namespace, "code_1501", ""))
	tf.must(tf.sf.Set(tf.client.company, tf.client.period, "other", "remark", "12"))
	tf.add(tf.client, b)
	tf.sync()
	tf.before = tf.held()
	return tf
}

func (tf *trialFixture) addTemplate(handle, text string) {
	tf.t.Helper()
	id := tf.sf.AddTemplate(tf.firm, fakesilverfin.Template{Handle: handle, Text: text})
	_, err := tf.sf.AddReconciliationOf(tf.client.company, id, workflowName, true)
	tf.must(err)
}

func (tf *trialFixture) held() map[string]string {
	return tf.sf.Custom(tf.client.company, tf.client.period)
}

// plan asks what a trial would change, and returns the request that confirms it.
func (tf *trialFixture) plan() daemon.TrialRequest {
	tf.t.Helper()
	r := daemon.TrialRequest{Dossier: tf.client.number.String(), By: "Els"}
	planned, err := tf.d.TryMapping(tf.t.Context(), r)
	tf.must(err)
	return r.Confirm(planned.Place)
}

// try has a trial done after it was planned.
func (tf *trialFixture) try(ctx context.Context) (daemon.Trial, error) {
	r := daemon.TrialRequest{Dossier: tf.client.number.String(), By: "Els"}
	planned, err := tf.d.TryMapping(ctx, r)
	if err != nil {
		return planned, err
	}
	return tf.d.TryMapping(ctx, r.Confirm(planned.Place))
}

// wantAsBefore fails unless the period holds what it did, but for what a person typed
// meanwhile, and no trial is recorded.
func (tf *trialFixture) wantAsBefore(typed map[string]string) {
	tf.t.Helper()
	want := maps.Clone(tf.before)
	maps.Copy(want, typed)
	if diff := cmp.Diff(want, tf.held()); diff != "" {
		tf.t.Errorf("the dossier holds other figures: %s", diff)
	}
	if tf.theFirm().Trial != nil {
		tf.t.Error("a trial is still recorded")
	}
}

func (tf *trialFixture) theFirm() ledger.Firm {
	tf.t.Helper()
	firms, err := tf.store.Firms(tf.t.Context())
	tf.must(err)
	return firms[0]
}

func TestTrialOfTheMapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tf := newTrialFixture(t)
		tf.must(tf.sf.SetResultLag(tf.firm, 3))
		tf.sf.Faults().OnCall(func(c faults.Call) {
			if isWrite(c) && tf.theFirm().Trial == nil {
				t.Error("figures were sent without a record of the old ones")
			}
		})
		writes := len(tf.sf.Writes())
		planned, err := tf.d.TryMapping(t.Context(), daemon.TrialRequest{Dossier: tf.client.number.String()})
		tf.must(err)
		if len(tf.sf.Writes()) != writes || planned.Done || planned.Place.Target.CompanyID != tf.client.company || len(planned.Place.Cells) < 50 || planned.Place.Empty == 0 {
			t.Fatalf("without a confirmation: %+v", planned)
		}
		done, err := tf.try(t.Context())
		tf.must(err)
		tf.wantAsBefore(nil)
		if !done.Done || len(done.Watched) != 1 || len(done.Changed) != 1 || done.Changed[0].Handle != "sociale_balans" {
			t.Fatalf("%+v", done)
		}
		if diff := cmp.Diff([]string{"heads", "staff"}, done.Changed[0].Results); diff != "" {
			t.Error(diff)
		}
		use := tf.theFirm().Use
		if use == nil || use.Handle != "sociale_balans" || !use.Uses(cellOf(t, "1003")) || use.Uses(cellOf(t, "1051")) {
			t.Errorf("evidence %+v", use)
		}
		touched := map[string]bool{}
		for _, w := range tf.sf.Writes()[writes:] {
			touched[w.Namespace+"."+w.Key] = true
		}
		if len(touched) != len(planned.Place.Cells) || touched["other.remark"] || touched[namespace+".code_1501"] {
			t.Errorf("it touched %d properties: %v", len(touched), touched)
		}
	})
}

func TestTrialThatNoTemplateShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tf := newTrialFixture(t)
		tf.must(tf.sf.SetResultLag(tf.firm, 1000))
		done, err := tf.try(t.Context())
		tf.must(err)
		if !done.Done || len(done.Changed) != 0 || tf.theFirm().Use.Uses(cellOf(t, "1003")) {
			t.Errorf("%+v", done)
		}
		tf.wantAsBefore(nil)
	})
}

func TestTrialRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tf := newTrialFixture(t)
		_, err := tf.d.TryMapping(t.Context(), daemon.TrialRequest{})
		if !problem.Is(err, problem.Usage) {
			t.Errorf("no dossier: %v", err)
		}
		_, err = tf.d.TryMapping(t.Context(), daemon.TrialRequest{Dossier: "nobody"})
		if !problem.Is(err, problem.NotFound) {
			t.Errorf("unknown dossier: %v", err)
		}
		_, err = tf.d.TryMapping(t.Context(), daemon.TrialRequest{Dossier: tf.client.number.String(), CompanyID: 1, PeriodID: 2})
		if !problem.Is(err, problem.Conflict) {
			t.Errorf("another place: %v", err)
		}
		tf.must(tf.sf.Lock(tf.client.company, tf.client.period))
		_, err = tf.try(t.Context())
		if !problem.Is(err, problem.NeedsPerson) {
			t.Errorf("locked: %v", err)
		}
		tf.must(tf.sf.Unlock(tf.client.company, tf.client.period))
		for key := range tf.before {
			if name, ours := strings.CutPrefix(key, namespace+"."); ours {
				tf.must(tf.sf.Set(tf.client.company, tf.client.period, namespace, name, ""))
			}
		}
		if _, err = tf.try(t.Context()); !problem.Is(err, problem.NeedsPerson) {
			t.Errorf("no figure: %v", err)
		}
	})
}

// Whatever call fails, in whatever way, the dossier has its old figures again, at the
// latest after the next night.
func TestTrialFaultAtEveryCall(t *testing.T) {
	kinds := []faults.Kind{faults.ServerError, faults.LostAfter}
	if testenv.Asked(t, testenv.Thorough) {
		kinds = append(kinds, faults.Unauthorized, faults.Forbidden, faults.UnprocessableError, faults.TooManyRetryAfter, faults.LostBefore, faults.Truncated)
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			for n, hit := 1, true; hit && !t.Failed(); n++ {
				synctest.Test(t, func(t *testing.T) {
					tf := newTrialFixture(t)
					confirmed := tf.plan()
					tf.sf.Faults().ResetLog()
					tf.sf.Faults().Add(faults.Fault{Nth: n, Times: 1 + n%3, Kind: kind, RetryAfter: "0"})
					_, _ = tf.d.TryMapping(t.Context(), confirmed)
					hit = tf.sf.Faults().Count(func(c faults.Call) bool { return c.Fault != "" }) > 0
					tf.sf.Faults().Clear()
					tf.nights(1)
					tf.wantAsBefore(nil)
					if t.Failed() {
						t.Logf("after %s at call %d", kind, n)
					}
				})
			}
		})
	}
}

// killedStore loses its process at one of its changes of a firm: just before it, or after.
type killedStore struct {
	daemon.Store
	commits *atomic.Int64
	at      int64
	after   bool
	dead    *atomic.Bool
}

func (k killedStore) UpdateFirm(ctx context.Context, id int64, change func(*ledger.Firm)) error {
	n := k.commits.Add(1)
	if k.dead.Load() || n == k.at && !k.after {
		k.dead.Store(true)
		return context.Canceled
	}
	err := k.Store.UpdateFirm(ctx, id, change)
	if n == k.at {
		k.dead.Store(true)
		return context.Canceled
	}
	return err
}

func TestTrialKilledAtEveryCommit(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			for n, hit := int64(1), true; hit && !t.Failed(); n++ {
				synctest.Test(t, func(t *testing.T) {
					tf := newTrialFixture(t)
					var commits atomic.Int64
					confirmed := tf.plan()
					tf.reopenWith(func(s daemon.Store) daemon.Store { return killedStore{s, &commits, n, after, &tf.dead} })
					_, _ = tf.d.TryMapping(t.Context(), confirmed)
					hit = tf.dead.Load()
					tf.restart()
					tf.wantAsBefore(nil)
					if t.Failed() {
						t.Logf("after commit %d", n)
					}
				})
			}
		})
	}
}

func TestTrialKilledAtEveryCall(t *testing.T) {
	for n, hit := int64(1), true; hit && !t.Failed(); n++ {
		synctest.Test(t, func(t *testing.T) {
			tf := newTrialFixture(t)
			confirmed := tf.plan()
			var commits, calls atomic.Int64
			tf.reopenWith(func(s daemon.Store) daemon.Store { return killedStore{s, &commits, -1, false, &tf.dead} })
			tf.sf.Faults().OnCall(func(faults.Call) {
				if calls.Add(1) == n {
					tf.dead.Store(true)
				}
			})
			_, _ = tf.d.TryMapping(t.Context(), confirmed)
			tf.sf.Faults().OnCall(nil)
			hit = tf.dead.Load()
			tf.restart()
			tf.wantAsBefore(nil)
			if t.Failed() {
				t.Logf("after call %d", n)
			}
		})
	}
}

// restart starts the service again after a kill, for a minute.
func (tf *trialFixture) restart() {
	tf.t.Helper()
	tf.dead.Store(false)
	tf.reopenWith(nil)
	ctx, cancel := context.WithTimeout(tf.t.Context(), time.Minute)
	defer cancel()
	tf.must(tf.d.Run(ctx))
}

// A person types a figure before each call of a trial: it stands in the end, and all
// others are as they were. The one instant that cannot be held is that between a reading
// and the write that it allowed.
func TestAPersonTypesAtEveryInstantOfATrial(t *testing.T) {
	for n, hit := 1, true; hit && !t.Failed(); n++ {
		synctest.Test(t, func(t *testing.T) {
			tf := newTrialFixture(t)
			confirmed := tf.plan()
			seen, typed := 0, map[string]string{}
			tf.sf.Faults().BeforeCall(func(x faults.Call) {
				if seen++; seen == n && !isWrite(x) {
					typed[namespace+".code_1003"] = "777.5"
					tf.must(tf.sf.Set(tf.client.company, tf.client.period, namespace, "code_1003", "777.5"))
				}
			})
			done, err := tf.d.TryMapping(t.Context(), confirmed)
			tf.must(err)
			tf.sf.Faults().BeforeCall(nil)
			hit = seen >= n
			tf.wantAsBefore(typed)
			if len(typed) > 0 && len(done.Kept) == 0 && tf.held()[namespace+".code_1003"] != "777.5" {
				t.Errorf("call %d: %+v", n, done)
			}
		})
	}
}

// A delivery finds the old figures, also when it comes before the next start or run has
// put them back.
func TestDeliveryAfterATrialThatWasCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tf := newTrialFixture(t)
		var commits atomic.Int64
		tf.reopenWith(func(s daemon.Store) daemon.Store { return killedStore{s, &commits, 2, false, &tf.dead} })
		_, _ = tf.try(t.Context())
		if cmp.Equal(tf.before, tf.held()) && tf.theFirm().Trial == nil {
			t.Fatal("the trial was not cut off")
		}
		tf.dead.Store(false)
		tf.reopenWith(nil)
		tf.sync()
		tf.wantAsBefore(nil)
		tf.wantState(tf.only(), ledger.Done, "")
	})
}

// A trial that is stopped while it waits for results puts the old figures back at once.
func TestTrialThatIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tf := newTrialFixture(t)
		tf.must(tf.sf.SetResultLag(tf.firm, 1000))
		confirmed := tf.plan()
		ctx, cancel := context.WithCancel(t.Context())
		wrote := false
		tf.sf.Faults().OnCall(func(c faults.Call) {
			if wrote = wrote || isWrite(c); wrote && strings.HasSuffix(c.Path, "/results") {
				cancel()
			}
		})
		done, err := tf.d.TryMapping(ctx, confirmed)
		if done.Done || err == nil || !wrote {
			t.Errorf("it was not stopped: %+v, %v", done, err)
		}
		tf.wantAsBefore(nil)
	})
}

// Of several templates whose results changed, the one that shows most of the figures is
// taken for the one that uses the mapping.
func TestTrialThatSeveralTemplatesShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tf := newTrialFixture(t)
		at := " period.custom." + namespace + ".code_"
		tf.addTemplate("bilan_social", "{% result 'a'"+at+"1003 %}{% result 'b'"+at+"1013 %}{% result 'c'"+at+"1023 %}")
		done, err := tf.try(t.Context())
		tf.must(err)
		if use := tf.theFirm().Use; len(done.Changed) != 2 || use == nil || use.Handle != "bilan_social" {
			t.Errorf("%+v of %+v", use, done.Changed)
		}
	})
}
