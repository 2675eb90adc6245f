package daemon_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox/faults"
)

const (
	pagesAddress = "https://balansd.example/from-silverfin"
	movedAddress = "https://pages.example/from-silverfin"
)

// withAppLink is withClients with one client, whose firm gets an app link.
func withAppLink(t *testing.T) *fixture {
	fx, _ := withClients(t, 1)
	fx.setAppLink(pagesAddress)
	return fx
}

// setAppLink starts the daemon again with another address.
func (fx *fixture) setAppLink(address string) {
	fx.t.Helper()
	fx.appLink = address
	fx.reopenWith(nil)
}

// wantAppLinks fails unless the firm has links to these addresses, the state has
// the last one, and the client's balance is delivered.
func (fx *fixture) wantAppLinks(addresses ...string) {
	fx.t.Helper()
	var got []string
	var last *ledger.AppLink
	for _, l := range fx.sf.AppLinks() {
		got, last = append(got, l.TargetURL), &ledger.AppLink{ID: l.ID, Address: l.TargetURL}
	}
	firms, err := fx.store.Firms(fx.t.Context())
	fx.must(err)
	if fmt.Sprint(got) != fmt.Sprint(addresses) {
		fx.t.Errorf("the links lead to %v, want %v", got, addresses)
	}
	if have := firms[0].AppLink; (have == nil) != (last == nil) || have != nil && *have != *last {
		fx.t.Errorf("the state has %v, Silverfin %v", have, last)
	}
	fx.wantState(fx.only(), ledger.Done, "")
}

func TestAppLinkIsMadeMovedAndTakenAway(t *testing.T) {
	fx := withAppLink(t)
	p, err := fx.d.Sync(t.Context(), daemon.SyncRequest{DryRun: true}, nil)
	fx.must(err)
	if n := len(fx.sf.AppLinks()); n != 0 || len(p.Problems) != 0 {
		t.Fatalf("a dry run made %d links and says %q", n, p.Problems)
	}
	fx.nights(3)
	fx.sync()
	fx.wantAppLinks(pagesAddress)
	if l := fx.sf.AppLinks()[0]; l.NameNL != "Sociale balans (balansd)" || l.NameFR != "Bilan social (balansd)" || l.Placement != "reconciliation_action_menu" {
		t.Errorf("the link is %+v", l)
	}
	fx.setAppLink(movedAddress)
	fx.nights(2)
	fx.wantAppLinks(movedAddress)
	fx.setAppLink("")
	fx.nights(1)
	fx.wantAppLinks()
	fx.sf.Faults().ResetLog()
	fx.nights(1)
	if n := fx.sf.Faults().Count(func(c faults.Call) bool { return strings.Contains(c.Path, "/app/") }); n != 0 {
		t.Errorf("%d calls about links that are switched off", n)
	}
}

// Whatever call about links fails, in whatever way, there is one link in the end, and
// none once it is switched off.
func TestAppLinkWithAFaultAtEveryCall(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Unauthorized, faults.UnprocessableError, faults.LostBefore, faults.LostAfter, faults.Truncated} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			for n := 1; !t.Failed(); n++ {
				fx := withAppLink(t)
				fx.sf.Faults().ResetLog()
				fx.sf.Faults().Add(faults.Fault{Path: "/api/v4/f/*/app/*", Nth: n, Kind: kind})
				fx.nights(2)
				fx.wantAppLinks(pagesAddress)
				fx.setAppLink(movedAddress)
				fx.nights(2)
				fx.wantAppLinks(movedAddress)
				hit := fx.sf.Faults().Count(func(c faults.Call) bool { return c.Fault != "" }) > 0
				fx.sf.Faults().Clear()
				fx.nights(1)
				fx.setAppLink("")
				fx.nights(1)
				fx.wantAppLinks()
				if !hit {
					return
				}
			}
		})
	}
}

// A link whose answer was lost is known as balansd's even if no run saw it since.
func TestAppLinkIsKnownBeforeItIsMade(t *testing.T) {
	for _, next := range []string{"", movedAddress} {
		fx := withAppLink(t)
		fx.sf.Faults().Add(faults.Fault{Method: "POST", Path: "/api/v4/f/*/app/*", Kind: faults.LostAfter})
		fx.nights(1)
		if n := len(fx.sf.AppLinks()); n != 1 {
			t.Fatalf("there are %d links", n)
		}
		fx.setAppLink(next)
		fx.nights(1)
		if next == "" {
			fx.wantAppLinks()
		} else {
			fx.wantAppLinks(next)
		}
	}
}

// kill -9 at every change of the state leaves one link.
func TestAppLinkCutOffAtEveryStep(t *testing.T) {
	for n := int64(1); !t.Failed(); n++ {
		fx := withAppLink(t)
		ctx, cancel := context.WithCancel(t.Context())
		var calls atomic.Int64
		fx.reopenWith(func(k daemon.Store) daemon.Store {
			return cutStore{faultyStore{Store: k, calls: &calls, at: n}, cancel}
		})
		_, _ = fx.d.Sync(ctx, daemon.SyncRequest{}, nil)
		cancel()
		if calls.Load() < n {
			return
		}
		fx.reopenWith(nil)
		fx.nights(2)
		fx.wantAppLinks(pagesAddress)
	}
}

// Where the right is missing, the figures are delivered and the run says so. Links of
// others stay, and so does that of a person who linked the firm before.
func TestAppLinkOnlyWithTheRightAndOfOnesOwn(t *testing.T) {
	fx := withAppLink(t)
	fx.sf.Faults().Add(faults.Fault{Path: "/api/v4/f/*/app/*", Kind: faults.Forbidden, Times: -1})
	if p := fx.sync(); len(p.Problems) != 1 || !strings.Contains(p.Problems[0], "with the scope links") || p.Outcome[ledger.Done] != 1 {
		t.Errorf("the run did %v and says %q", p.Outcome, p.Problems)
	}
	fx.sf.Faults().Clear()
	fx.must(fx.store.UpdateFirm(t.Context(), fx.firm, func(f *ledger.Firm) { f.Missing = []string{"links"} }))
	if p := fx.sync(); len(p.Problems) != 1 || !strings.Contains(p.Problems[0], "scope links") {
		t.Errorf("the run says %q", p.Problems)
	}
	fx.must(fx.store.UpdateFirm(t.Context(), fx.firm, func(f *ledger.Firm) { f.Missing = nil }))
	fx.nights(1)
	fx.sf.SetUser("somebody else")
	fx.setAppLink(movedAddress)
	fx.nights(2)
	fx.wantAppLinks(pagesAddress, movedAddress)

	// Another balansd, with the consent of the same person.
	other := fx.sf.AppLinks()[1]
	fx.must(fx.store.UpdateFirm(t.Context(), fx.firm, func(f *ledger.Firm) { f.AppLink = nil }))
	fx.setAppLink(pagesAddress)
	fx.nights(1)
	fx.setAppLink("")
	fx.nights(1)
	if left := fx.sf.AppLinks(); len(left) != 2 || left[1].ID != other.ID {
		t.Errorf("what is left is %+v", left)
	}
}

// Switched off where Silverfin refuses to delete it, the run names the link once.
func TestAppLinkThatMayNotBeDeleted(t *testing.T) {
	fx := withAppLink(t)
	fx.nights(1)
	fx.setAppLink("")
	fx.sf.Faults().Add(faults.Fault{Path: "/api/v4/f/*/app/*", Kind: faults.Forbidden, Times: -1})
	if p := fx.sync(); len(p.Problems) != 1 || !strings.Contains(p.Problems[0], pagesAddress) {
		t.Errorf("the run says %q", p.Problems)
	}
	if p := fx.sync(); len(p.Problems) != 0 {
		t.Errorf("the next run says %q", p.Problems)
	}
}
