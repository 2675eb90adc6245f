package daemon_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/store"
)

// restore stops the daemon, puts a backup in the place of the state, and
// starts the daemon again. A damaged state is one that cannot be read any
// more: nothing of it can be taken over.
func (w *world) restore(b ledger.Backup, damaged bool) (notes []string) {
	w.t.Helper()
	w.must(w.keeper.Close())
	path := filepath.Join(w.dir, "state.db")
	if damaged {
		w.must(os.Truncate(path, 9000))
	}
	_, notes, err := store.Restore(w.t.Context(), store.Options{Path: path, KeyPath: filepath.Join(w.dir, "state.key"), Version: "test", Now: w.clock},
		b.File, store.RestoreOptions{LoseNewer: true})
	w.must(err)
	w.open(w.fbURL, w.sfURL)
	return notes
}

// byUs counts what balansd wrote.
func (w *world) byUs() (n int) {
	for _, x := range w.sf.Writes() {
		if x.By != fakesilverfin.Person {
			n++
		}
	}
	return n
}

// TestRestoredStateOverwritesNothing goes back to a backup after more was
// delivered, corrected and changed by people. The next pass finds it all again
// and writes only what is not there yet.
func TestRestoredStateOverwritesNothing(t *testing.T) {
	for name, damaged := range map[string]bool{"and the state before can be read": false, "and the state before is damaged": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cell := cellOf(t, "1003")
			var c [8]client
			for i := range c {
				c[i] = w.client(i + 1)
			}
			at := func(i int) string { return w.sf.Custom(c[i].company, c[i].period)[namespace+".code_1003"] }
			first, second := w.balance(c[0], 1), w.balance(c[0], 2)
			old := balance.Canonical(first.Values[cell])
			// Before the backup: four are delivered, one waits.
			putBack := w.add(c[0], first)
			w.add(c[1], w.balance(c[1], 3))
			corrected := w.add(c[2], w.balance(c[2], 4))
			w.add(c[3], w.balance(c[3], 5))
			w.must(w.sf.CloseWorkflow(c[4].company, c[4].period, workflowName))
			w.add(c[4], w.balance(c[4], 6))
			w.sync()
			backup, err := w.d.Backup(t.Context(), "Els")
			w.must(err)

			// After it: two are corrected, the waiting and a new one delivered, and
			// one is left aside. People put a figure back to what it was before the
			// correction, and change another.
			w.later(48 * time.Hour)
			w.correct(putBack, second)
			now := w.balance(c[2], 7)
			w.correct(corrected, now)
			w.sf.OpenWorkflow(c[4].company, c[4].period, workflowName)
			w.add(c[5], w.balance(c[5], 8))
			w.must(w.sf.CloseWorkflow(c[6].company, c[6].period, workflowName))
			w.add(c[6], w.balance(c[6], 9))
			w.sync()
			leftAside := w.entries()[8]
			w.wantState(leftAside, ledger.Waiting, ledger.WorkflowClosed)
			_, err = w.d.Dismiss(t.Context(), leftAside.Number, "Els")
			w.must(err)
			w.sf.OpenWorkflow(c[6].company, c[6].period, workflowName)
			w.must(w.sf.Set(c[0].company, c[0].period, namespace, "code_1003", old))
			w.must(w.sf.Set(c[3].company, c[3].period, namespace, "code_1003", "99"))

			notes := w.restore(backup, damaged)
			if len(notes) < 2 {
				t.Errorf("the notes are %q", notes)
			}
			if damaged {
				w.linkFirm(w.firm) // the backup's refresh token was used since
			}
			w.add(c[7], w.balance(c[7], 10)) // new to everybody
			written := w.byUs()
			w.sync()
			states := map[string]ledger.Entry{}
			for _, e := range w.entries() {
				if e.State != ledger.Superseded {
					states[e.Dossier.ID] = e
				}
			}
			w.wantState(states[c[0].dossier], ledger.Differs, "")
			for _, i := range []int{1, 2, 3, 4, 5, 7} {
				w.wantState(states[c[i].dossier], ledger.Done, "")
			}
			if damaged {
				w.wantState(states[c[6].dossier], ledger.Done, "") // that it was left aside is lost
			} else {
				w.wantState(states[c[6].dossier], ledger.Ignored, ledger.Dismissed)
			}
			new := len(w.balance(c[7], 10).Values)
			if damaged {
				new += len(w.balance(c[6], 9).Values)
			}
			if got := w.byUs() - written; got != new {
				t.Errorf("%d figures were written, want the %d that were not there", got, new)
			}
			if at(0) != old || at(3) != "99" {
				t.Errorf("what people changed is %s and %s, want %s and 99", at(0), at(3), old)
			}
			w.wantHeld(c[2], now)
			w.wantNothingOverwritten()

			// A correction of what the backup knew to be ours is written where
			// that is still certain, and else asks.
			for _, e := range w.entries() {
				if e.Dossier.ID == c[1].dossier {
					w.correct(e.ID, w.balance(c[1], 11))
				}
			}
			w.sync()
			all := w.entries()
			if last := all[len(all)-1]; damaged {
				w.wantState(last, ledger.Differs, "")
			} else {
				w.wantState(last, ledger.Done, "")
				w.wantHeld(c[1], w.balance(c[1], 11))
			}
			w.wantNothingOverwritten()
		})
	}
}

// slowWrite does something while figures are on their way.
type slowWrite struct {
	daemon.Destination
	meanwhile func()
}

func (s slowWrite) Update(ctx context.Context, p ledger.Target, decide ledger.Decide) error {
	return s.Destination.Update(ctx, p, func(r ledger.Reading) (ledger.Figures, error) {
		write, err := decide(r)
		if len(write) > 0 {
			s.meanwhile()
		}
		return write, err
	})
}

// TestRestoreOfABackupMadeInTheMiddleOfAWrite: the backup says that figures
// are on their way. They arrived, and a correction after them, and a person
// put one back.
func TestRestoreOfABackupMadeInTheMiddleOfAWrite(t *testing.T) {
	for name, damaged := range map[string]bool{"and the state before can be read": false, "and the state before is damaged": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.client(1)
			first, second := w.balance(c, 1), w.balance(c, 2)
			cell := cellOf(t, "1003")
			if first.Values[cell].Equal(second.Values[cell]) {
				t.Fatal("the two revisions say the same")
			}
			var backup ledger.Backup
			var once sync.Once
			w.between = func(d daemon.Destination) daemon.Destination {
				return slowWrite{d, func() {
					once.Do(func() {
						var err error
						if backup, err = w.keeper.Backup(context.Background()); err != nil {
							t.Error(err)
						}
					})
				}}
			}
			id := w.add(c, first)
			w.sync()
			w.correct(id, second)
			w.sync()
			w.wantHeld(c, second)
			w.must(w.sf.Set(c.company, c.period, namespace, "code_1003", balance.Canonical(first.Values[cell])))
			written := w.byUs()
			w.restore(backup, damaged)
			w.wantState(w.only(), ledger.Sending, "")
			w.sync()
			w.wantState(w.entries()[1], ledger.Differs, "")
			if w.byUs() != written {
				t.Errorf("%d figures were written", w.byUs()-written)
			}
			w.wantNothingOverwritten()
		})
	}
}

// TestNightsAfterARestore: the night that a backup does not know of runs
// again where nothing else is known, and not where it can be read.
func TestNightsAfterARestore(t *testing.T) {
	for name, damaged := range map[string]bool{"and the state before can be read": false, "and the state before is damaged": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.nights(1)
			backup, err := w.d.Backup(t.Context(), "Els")
			w.must(err)
			c := w.client(1)
			b := w.balance(c, 1)
			w.add(c, b)
			w.nights(1)
			w.wantHeld(c, b)
			w.later(time.Hour)
			w.restore(backup, damaged)
			if damaged {
				w.linkFirm(w.firm)
			}
			written := w.byUs()
			ran, err := w.d.RunNight(t.Context())
			w.must(err)
			if ran != damaged {
				t.Errorf("that a night was due after the restore is %v", ran)
			}
			w.nights(1)
			w.wantState(w.only(), ledger.Done, "")
			if w.byUs() != written {
				t.Error("what was delivered was written again")
			}
		})
	}
}
