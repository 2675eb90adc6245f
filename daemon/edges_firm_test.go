package daemon_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
	fakesilverfin "balansd/sandbox/silverfin"
)

func TestPassOverOneFirmLeavesTheOthersAlone(t *testing.T) {
	w := newWorld(t)
	second := w.secondFirm()
	c := w.client(1) // of the first firm
	w.add(c, w.balance(c, 1))
	_, err := w.d.Sync(t.Context(), daemon.SyncRequest{FirmID: second}, nil)
	w.must(err)
	w.wantState(w.only(), ledger.Found, "")
	_, err = w.d.Sync(t.Context(), daemon.SyncRequest{FirmID: w.firm}, nil)
	w.must(err)
	w.wantState(w.only(), ledger.Done, "")
}

// What was ambiguous does not become clear because one of the two companies
// cannot be seen for a while, whatever kept the balance from going in between.
func TestTwoCompaniesStayTwoWhenOneFirmIsOutOfReach(t *testing.T) {
	for name, between := range map[string]func(*world){
		"at once": func(*world) {},
		"after Silverfin was down": func(w *world) {
			w.sf.Faults().Add(faults.Fault{Path: "/api/", Kind: faults.ServerError, Times: -1})
			w.sync()
			w.wantState(w.only(), ledger.Failed, "")
			w.sf.Faults().Clear()
		},
		"after a pause": func(w *world) {
			_, err := w.d.SetConnection(w.t.Context(), w.conn, ledger.Paused, "Els")
			w.must(err)
			w.sync()
			w.wantState(w.only(), ledger.Waiting, ledger.ConnectionInactive)
			_, err = w.d.SetConnection(w.t.Context(), w.conn, ledger.Active, "Els")
			w.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			second := w.secondFirm()
			c := w.client(1)
			w.sf.AddCompany(second, fakesilverfin.Company{Name: "Client 1 bis", VAT: string(c.number)})
			w.add(c, w.balance(c, 1))
			w.sync()
			w.wantState(w.only(), ledger.Waiting, ledger.SeveralCompanies)
			between(w)
			w.sf.RevokeTokens(second)
			w.sync()
			w.wantState(w.only(), ledger.Waiting, ledger.SeveralCompanies)
			if n := len(w.sf.Writes()); n > 0 {
				t.Errorf("%d figures were written without a person's word", n)
			}
		})
	}
}

// The company that a waiting entry found is matched anew on the nights of
// Monday, and whenever a person asks.
func TestArchivedCompanyGivesWayToTheNewOne(t *testing.T) {
	for name, pass := range map[string]func(*world){
		"within a week":       func(w *world) { w.nights(7) },
		"when a person syncs": func(w *world) { w.sync() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.client(1)
			w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
			b := w.balance(c, 1)
			w.add(c, b)
			w.sync()
			w.wantState(w.only(), ledger.Waiting, ledger.WorkflowClosed)
			w.must(w.sf.ArchiveCompany(c.company))
			anew := w.client(1) // a new file of the same client, with all open
			pass(w)
			w.wantState(w.only(), ledger.Done, "")
			w.wantHeld(anew, b)
		})
	}
}

// A link settles which of two companies it is, also when it names only the
// firm, and however the dossier is written.
func TestLinkSettlesTwoCompanies(t *testing.T) {
	t.Run("by the firm alone", func(t *testing.T) {
		w := newWorld(t)
		second := w.secondFirm()
		c := w.client(1)
		w.sf.AddCompany(second, fakesilverfin.Company{Name: "Client 1 bis", VAT: string(c.number)})
		b := w.balance(c, 1)
		w.add(c, b)
		w.tie(ledger.DossierLink{Connection: w.conn, DossierID: c.dossier, FirmID: w.firm})
		w.sync()
		w.wantState(w.only(), ledger.Done, "")
		w.wantHeld(c, b)
	})
	t.Run("by the enterprise number with dots", func(t *testing.T) {
		w := newWorld(t)
		c := w.client(1)
		w.sf.AddCompany(w.firm, fakesilverfin.Company{Name: "Client 1 bis", VAT: string(c.number)})
		b := w.balance(c, 1)
		w.add(c, b)
		w.tie(ledger.DossierLink{Connection: w.conn, DossierID: c.number.Pretty(), FirmID: w.firm, CompanyID: c.company})
		w.sync()
		w.wantState(w.only(), ledger.Done, "")
		w.wantHeld(c, b)
	})
}

func TestLinkTakenOutOfTheConfigurationIsGone(t *testing.T) {
	w := newWorld(t)
	ofConfig := ledger.DossierLink{Connection: w.conn, DossierID: "dos-1", FirmID: w.firm, CompanyID: 7, All: true}
	ofPerson := ledger.DossierLink{Connection: w.conn, DossierID: "dos-2", FirmID: w.firm, CompanyID: w.client(1).company}
	w.tie(ofPerson)
	for _, configured := range [][]ledger.DossierLink{{ofConfig}, nil} {
		w.links = configured
		w.respoil(nil)
		links, err := w.keeper.Links(t.Context())
		w.must(err)
		if len(links) != 1+len(configured) {
			t.Errorf("with %d configured the links are %+v", len(configured), links)
		}
	}
}

// renewing is a linker with something that happens during a renewal.
type renewing struct {
	daemon.Linker
	during func()
}

func (l renewing) Renew(ctx context.Context, firm int64, olderThan time.Duration) (bool, error) {
	renewed, err := l.Linker.Renew(ctx, firm, olderThan)
	l.during()
	return renewed, err
}

func TestFirmRemovedDuringItsRenewalStaysRemoved(t *testing.T) {
	w := newWorld(t)
	var once sync.Once
	w.linker = func(l daemon.Linker) daemon.Linker {
		return renewing{l, func() {
			once.Do(func() {
				if err := w.d.RemoveFirm(context.Background(), w.firm, "Els"); err != nil {
					t.Error(err)
				}
			})
		}}
	}
	w.respoil(nil)
	w.later(20 * 24 * time.Hour) // so that the tokens are due
	w.nights(1)
	firms, err := w.d.Firms(t.Context())
	w.must(err)
	if len(firms) != 0 {
		t.Errorf("removed, and still there: %+v", firms)
	}
}

// A person signs in anew while Silverfin's refusal of the old tokens is still on
// its way.
func TestFirmLinkedAgainDuringAPassStaysLinked(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	var once sync.Once
	w.hook(hooked{locate: func(context.Context) (err error) {
		once.Do(func() {
			if err := w.signIn(w.firm); err != nil {
				t.Error(err)
			}
			err = problem.New(problem.NeedsRelink, "it must be linked again: the consent was withdrawn", "")
		})
		return err
	}})
	w.sync()
	firms, err := w.d.Firms(t.Context())
	w.must(err)
	if len(firms) != 1 || firms[0].Relink != "" {
		t.Errorf("linked again, and shown as %+v", firms)
	}
	w.nights(1)
	w.wantState(w.only(), ledger.Done, "")
}

// One token that is refused for a moment does not unlink the firm.
func TestTokenRefusedForAMomentNeedsNoPerson(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	w.sf.Faults().Add(faults.Fault{Path: "/api/", Times: 2, Kind: faults.Unauthorized})
	w.sync()
	if n := w.sf.Faults().Count(func(c faults.Call) bool { return c.Fault != "" }); n != 2 {
		t.Fatalf("%d calls were refused, want 2", n)
	}
	w.later(5 * time.Hour)
	w.nights(3)
	w.wantState(w.only(), ledger.Done, "")
}

func TestMistakeInOurConfigurationParksNothing(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	wrong := true
	w.hook(hooked{companies: func() error {
		if wrong {
			return problem.New(problem.ConfigInvalid, "Silverfin refuses the client id or the client secret", "Check them.")
		}
		return nil
	}})
	w.nights(ledger.ParkAfter + 1)
	if e := w.only(); e.State == ledger.Done || e.Parked {
		t.Fatalf("entry is %s, parked %v", e.State, e.Parked)
	}
	wrong = false
	w.nights(1)
	w.wantState(w.only(), ledger.Done, "")
}
