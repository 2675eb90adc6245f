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

func TestRunOverOneFirmLeavesTheOthersAlone(t *testing.T) {
	fx := newFixture(t)
	second := fx.secondFirm()
	c := fx.client(1) // of the first firm
	fx.add(c, fx.balance(c, 1))
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{FirmID: second}, nil)
	fx.must(err)
	fx.wantState(fx.only(), ledger.Found, "")
	_, err = fx.d.Sync(t.Context(), daemon.SyncRequest{FirmID: fx.firm}, nil)
	fx.must(err)
	fx.wantState(fx.only(), ledger.Done, "")
}

// What was ambiguous does not become clear because one of the two companies
// cannot be seen for a while, whatever kept the balance from going in between.
func TestTwoCompaniesStayTwoWhenOneFirmIsOutOfReach(t *testing.T) {
	for name, wrapDestination := range map[string]func(*fixture){
		"at once": func(*fixture) {},
		"after Silverfin was down": func(fx *fixture) {
			fx.sf.Faults().Add(faults.Fault{Path: "/api/", Kind: faults.ServerError, Times: -1})
			fx.sync()
			fx.wantState(fx.only(), ledger.Failed, "")
			fx.sf.Faults().Clear()
		},
		"after a pause": func(fx *fixture) {
			_, err := fx.d.SetConnection(fx.t.Context(), daemon.ConnectionRequest{ID: fx.conn, Status: ledger.Paused, By: "Els"})
			fx.must(err)
			fx.sync()
			fx.wantState(fx.only(), ledger.Waiting, ledger.ConnectionInactive)
			_, err = fx.d.SetConnection(fx.t.Context(), daemon.ConnectionRequest{ID: fx.conn, Status: ledger.Active, By: "Els"})
			fx.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			fx := newFixture(t)
			second := fx.secondFirm()
			c := fx.client(1)
			fx.sf.AddCompany(second, fakesilverfin.Company{Name: "Client 1 bis", VAT: string(c.number)})
			fx.add(c, fx.balance(c, 1))
			fx.sync()
			fx.wantState(fx.only(), ledger.Waiting, ledger.SeveralCompanies)
			wrapDestination(fx)
			fx.sf.RevokeTokens(second)
			fx.sync()
			fx.wantState(fx.only(), ledger.Waiting, ledger.SeveralCompanies)
			if n := len(fx.sf.Writes()); n > 0 {
				t.Errorf("%d figures were written without a person's word", n)
			}
		})
	}
}

// The company that a waiting entry found is matched anew on the nights of
// Monday, and whenever a person asks.
func TestArchivedCompanyGivesWayToTheNewOne(t *testing.T) {
	for name, run := range map[string]func(*fixture){
		"within a week":       func(fx *fixture) { fx.nights(7) },
		"when a person syncs": func(fx *fixture) { fx.sync() },
	} {
		t.Run(name, func(t *testing.T) {
			fx := newFixture(t)
			c := fx.client(1)
			fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
			b := fx.balance(c, 1)
			fx.add(c, b)
			fx.sync()
			fx.wantState(fx.only(), ledger.Waiting, ledger.WorkflowClosed)
			fx.must(fx.sf.ArchiveCompany(c.company))
			anew := fx.client(1) // a new file of the same client, with all open
			run(fx)
			fx.wantState(fx.only(), ledger.Done, "")
			fx.wantHeld(anew, b)
		})
	}
}

// A link settles which of two companies it is, also when it names only the
// firm, and however the dossier is written.
func TestLinkSettlesTwoCompanies(t *testing.T) {
	t.Run("by the firm alone", func(t *testing.T) {
		fx := newFixture(t)
		second := fx.secondFirm()
		c := fx.client(1)
		fx.sf.AddCompany(second, fakesilverfin.Company{Name: "Client 1 bis", VAT: string(c.number)})
		b := fx.balance(c, 1)
		fx.add(c, b)
		fx.saveLink(ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, FirmID: fx.firm})
		fx.sync()
		fx.wantState(fx.only(), ledger.Done, "")
		fx.wantHeld(c, b)
	})
	t.Run("by the enterprise number with dots", func(t *testing.T) {
		fx := newFixture(t)
		c := fx.client(1)
		fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Client 1 bis", VAT: string(c.number)})
		b := fx.balance(c, 1)
		fx.add(c, b)
		fx.saveLink(ledger.DossierLink{Connection: fx.conn, DossierID: c.number.Pretty(), FirmID: fx.firm, CompanyID: c.company})
		fx.sync()
		fx.wantState(fx.only(), ledger.Done, "")
		fx.wantHeld(c, b)
	})
}

func TestLinkTakenOutOfTheConfigurationIsGone(t *testing.T) {
	fx := newFixture(t)
	ofConfig := ledger.DossierLink{Connection: fx.conn, DossierID: "dos-1", FirmID: fx.firm, CompanyID: 7, All: true}
	ofPerson := ledger.DossierLink{Connection: fx.conn, DossierID: "dos-2", FirmID: fx.firm, CompanyID: fx.client(1).company}
	fx.saveLink(ofPerson)
	for _, configured := range [][]ledger.DossierLink{{ofConfig}, nil} {
		fx.links = configured
		fx.reopenWith(nil)
		links, err := fx.store.Links(t.Context())
		fx.must(err)
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
	fx := newFixture(t)
	var once sync.Once
	fx.linker = func(l daemon.Linker) daemon.Linker {
		return renewing{l, func() {
			once.Do(func() {
				if err := fx.d.RemoveFirm(context.Background(), daemon.FirmRequest{FirmID: fx.firm, By: "Els"}); err != nil {
					t.Error(err)
				}
			})
		}}
	}
	fx.reopenWith(nil)
	fx.later(20 * 24 * time.Hour) // so that the tokens are due
	fx.nights(1)
	firms, err := fx.d.Firms(t.Context())
	fx.must(err)
	if len(firms) != 0 {
		t.Errorf("removed, and still there: %+v", firms)
	}
}

// A person signs in anew while Silverfin's refusal of the old tokens is still on
// its way.
func TestFirmLinkedAgainDuringARunStaysLinked(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	var once sync.Once
	fx.hook(hooked{locate: func(context.Context) (err error) {
		once.Do(func() {
			if err := fx.signIn(fx.firm); err != nil {
				t.Error(err)
			}
			err = problem.New(problem.NeedsRelink, "it must be linked again: the consent was withdrawn", "")
		})
		return err
	}})
	fx.sync()
	firms, err := fx.d.Firms(t.Context())
	fx.must(err)
	if len(firms) != 1 || firms[0].Relink != "" {
		t.Errorf("linked again, and shown as %+v", firms)
	}
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Done, "")
}

// One token that is refused for a moment does not unlink the firm.
func TestTokenRefusedForAMomentNeedsNoPerson(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	fx.sf.Faults().Add(faults.Fault{Path: "/api/", Times: 2, Kind: faults.Unauthorized})
	fx.sync()
	if n := fx.sf.Faults().Count(func(c faults.Call) bool { return c.Fault != "" }); n != 2 {
		t.Fatalf("%d calls were refused, want 2", n)
	}
	fx.later(5 * time.Hour)
	fx.nights(3)
	fx.wantState(fx.only(), ledger.Done, "")
}

func TestMistakeInOurConfigurationParksNothing(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	wrong := true
	fx.hook(hooked{companies: func() error {
		if wrong {
			return problem.New(problem.ConfigInvalid, "Silverfin refuses the client id or the client secret", "Check them.")
		}
		return nil
	}})
	fx.nights(ledger.ParkAfter + 1)
	if e := fx.only(); e.State == ledger.Done || e.Parked {
		t.Fatalf("entry is %s, parked %v", e.State, e.Parked)
	}
	wrong = false
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Done, "")
}
