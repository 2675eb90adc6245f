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
	"balansd/mapping"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/store"
)

// restore stops the daemon, puts a backup in the place of the state, and
// starts the daemon again. A damaged state is one that cannot be read any
// more: nothing of it can be taken over.
func (fx *fixture) restore(b ledger.Backup, damaged bool) (notes []string) {
	fx.t.Helper()
	fx.must(fx.store.Close())
	path := filepath.Join(fx.dir, "state.db")
	if damaged {
		fx.must(os.Truncate(path, 9000))
	}
	_, notes, err := store.Restore(fx.t.Context(), store.Options{Path: path, KeyPath: filepath.Join(fx.dir, "state.key"), Version: "test", Now: fx.clock},
		b.File, store.RestoreOptions{LoseNewer: true})
	fx.must(err)
	fx.open(fx.fbURL, fx.sfURL)
	return notes
}

// byUs counts what balansd wrote.
func (fx *fixture) byUs() (n int) {
	for _, x := range fx.sf.Writes() {
		if x.By != fakesilverfin.Person {
			n++
		}
	}
	return n
}

// TestRestoredStateOverwritesNothing goes back to a backup after more was
// delivered, corrected and changed by people. The next run finds it all again
// and writes only what is not there yet.
func TestRestoredStateOverwritesNothing(t *testing.T) {
	for name, damaged := range map[string]bool{"and the state before can be read": false, "and the state before is damaged": true} {
		t.Run(name, func(t *testing.T) {
			fx := newFixture(t)
			cell := cellOf(t, "1003")
			var c [8]client
			for i := range c {
				c[i] = fx.client(i + 1)
			}
			at := func(i int) string { return fx.sf.Custom(c[i].company, c[i].period)[namespace+".code_1003"] }
			first, second := fx.balance(c[0], 1), fx.balance(c[0], 2)
			old := balance.Canonical(first.Values[cell])
			// Before the backup: four are delivered, one waits.
			putBack := fx.add(c[0], first)
			fx.add(c[1], fx.balance(c[1], 3))
			corrected := fx.add(c[2], fx.balance(c[2], 4))
			fx.add(c[3], fx.balance(c[3], 5))
			fx.must(fx.sf.CloseWorkflow(c[4].company, c[4].period, workflowName))
			fx.add(c[4], fx.balance(c[4], 6))
			fx.sync()
			backup, err := fx.d.Backup(t.Context(), daemon.BackupRequest{By: "Els"})
			fx.must(err)

			// After it: two are corrected, the waiting and a new one delivered, and
			// one is left aside. People put a figure back to what it was before the
			// correction, and change another.
			fx.later(48 * time.Hour)
			fx.correct(putBack, second)
			now := fx.balance(c[2], 7)
			fx.correct(corrected, now)
			fx.sf.OpenWorkflow(c[4].company, c[4].period, workflowName)
			fx.add(c[5], fx.balance(c[5], 8))
			fx.must(fx.sf.CloseWorkflow(c[6].company, c[6].period, workflowName))
			fx.add(c[6], fx.balance(c[6], 9))
			fx.sync()
			leftAside := fx.entries()[8]
			fx.wantState(leftAside, ledger.Waiting, ledger.WorkflowClosed)
			_, err = fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: leftAside.Number, By: "Els"})
			fx.must(err)
			fx.sf.OpenWorkflow(c[6].company, c[6].period, workflowName)
			fx.must(fx.sf.Set(c[0].company, c[0].period, namespace, "code_1003", old))
			fx.must(fx.sf.Set(c[3].company, c[3].period, namespace, "code_1003", "99"))

			notes := fx.restore(backup, damaged)
			if len(notes) < 2 {
				t.Errorf("the notes are %q", notes)
			}
			if damaged {
				fx.linkFirm(fx.firm) // the backup's refresh token was used since
			}
			fx.add(c[7], fx.balance(c[7], 10)) // new to everybody
			written := fx.byUs()
			fx.sync()
			states := map[string]ledger.Entry{}
			for _, e := range fx.entries() {
				if e.State != ledger.Superseded {
					states[e.Dossier.ID] = e
				}
			}
			fx.wantState(states[c[0].dossier], ledger.Differs, "")
			for _, i := range []int{1, 2, 3, 4, 5, 7} {
				fx.wantState(states[c[i].dossier], ledger.Done, "")
			}
			if damaged {
				fx.wantState(states[c[6].dossier], ledger.Done, "") // that it was left aside is lost
			} else {
				fx.wantState(states[c[6].dossier], ledger.Ignored, ledger.Dismissed)
			}
			new := len(fx.balance(c[7], 10).Values)
			if damaged {
				new += len(fx.balance(c[6], 9).Values)
			}
			if got := fx.byUs() - written; got != new {
				t.Errorf("%d figures were written, want the %d that were not there", got, new)
			}
			if at(0) != old || at(3) != "99" {
				t.Errorf("what people changed is %s and %s, want %s and 99", at(0), at(3), old)
			}
			fx.wantHeld(c[2], now)
			fx.wantNothingOverwritten()

			// A correction of what the backup knew to be ours is written where
			// that is still certain, and else asks.
			for _, e := range fx.entries() {
				if e.Dossier.ID == c[1].dossier {
					fx.correct(e.ID, fx.balance(c[1], 11))
				}
			}
			fx.sync()
			all := fx.entries()
			if last := all[len(all)-1]; damaged {
				fx.wantState(last, ledger.Differs, "")
			} else {
				fx.wantState(last, ledger.Done, "")
				fx.wantHeld(c[1], fx.balance(c[1], 11))
			}
			fx.wantNothingOverwritten()
		})
	}
}

// slowWrite does something while figures are on their way.
type slowWrite struct {
	daemon.Destination
	meanwhile func()
}

func (s slowWrite) Update(ctx context.Context, p ledger.Target, to mapping.Target, decide ledger.Decide) error {
	return s.Destination.Update(ctx, p, to, func(r ledger.Reading) (ledger.Figures, error) {
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
			fx := newFixture(t)
			c := fx.client(1)
			first, second := fx.balance(c, 1), fx.balance(c, 2)
			cell := cellOf(t, "1003")
			if first.Values[cell].Equal(second.Values[cell]) {
				t.Fatal("the two revisions say the same")
			}
			var backup ledger.Backup
			var once sync.Once
			fx.wrapDestination = func(d daemon.Destination) daemon.Destination {
				return slowWrite{d, func() {
					once.Do(func() {
						var err error
						if backup, err = fx.store.Backup(context.Background()); err != nil {
							t.Error(err)
						}
					})
				}}
			}
			id := fx.add(c, first)
			fx.sync()
			fx.correct(id, second)
			fx.sync()
			fx.wantHeld(c, second)
			fx.must(fx.sf.Set(c.company, c.period, namespace, "code_1003", balance.Canonical(first.Values[cell])))
			written := fx.byUs()
			fx.restore(backup, damaged)
			fx.wantState(fx.only(), ledger.Sending, "")
			fx.sync()
			fx.wantState(fx.entries()[1], ledger.Differs, "")
			if fx.byUs() != written {
				t.Errorf("%d figures were written", fx.byUs()-written)
			}
			fx.wantNothingOverwritten()
		})
	}
}

// TestNightsAfterARestore: the night that a backup does not know of runs
// again where nothing else is known, and not where it can be read.
func TestNightsAfterARestore(t *testing.T) {
	for name, damaged := range map[string]bool{"and the state before can be read": false, "and the state before is damaged": true} {
		t.Run(name, func(t *testing.T) {
			fx := newFixture(t)
			fx.nights(1)
			backup, err := fx.d.Backup(t.Context(), daemon.BackupRequest{By: "Els"})
			fx.must(err)
			c := fx.client(1)
			b := fx.balance(c, 1)
			fx.add(c, b)
			fx.nights(1)
			fx.wantHeld(c, b)
			fx.later(time.Hour)
			fx.restore(backup, damaged)
			if damaged {
				fx.linkFirm(fx.firm)
			}
			written := fx.byUs()
			ran, err := fx.d.RunNight(t.Context())
			fx.must(err)
			if ran != damaged {
				t.Errorf("that a night was due after the restore is %v", ran)
			}
			fx.nights(1)
			fx.wantState(fx.only(), ledger.Done, "")
			if fx.byUs() != written {
				t.Error("what was delivered was written again")
			}
		})
	}
}
