package daemon_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// grouped is a fixture with two dossiers of one company that belong together.
func grouped(t *testing.T) (fx *fixture, c, other client) {
	t.Helper()
	fx = newFixture(t)
	c = fx.client(1)
	other = fx.secondDossier(c)
	fx.add(c, fx.of(c, 1, 2024)) // so that both are known
	fx.add(other, fx.of(other, 2, 2024))
	fx.sync()
	fx.group(c, other)
	fx.sync()
	return fx, c, other
}

func (fx *fixture) group(dossiers ...client) daemon.DossierGroup {
	fx.t.Helper()
	r := daemon.GroupRequest{By: "An"}
	for _, c := range dossiers {
		r.Dossiers = append(r.Dossiers, fx.conn+"/"+c.dossier)
	}
	g, err := fx.d.Group(fx.t.Context(), r)
	fx.must(err)
	return g
}

// added returns the sum of balances.
func added(balances ...*balance.Balance) *balance.Balance {
	sum := *balances[0]
	sum.Values = balance.Values{}
	for _, b := range balances {
		for cell, v := range b.Values {
			sum.Values[cell] = sum.Values[cell].Add(v)
		}
	}
	return &sum
}

// sumOf returns the newest sum, and the entries that it was added up from.
func (fx *fixture) sumOf(year int) (sum ledger.Entry, parts []ledger.Entry) {
	fx.t.Helper()
	for _, e := range fx.entries() {
		if len(e.Parts) > 0 && e.FiscalYear.End.Year == year && e.State != ledger.Superseded {
			sum = e
		}
	}
	if sum.Number == 0 {
		fx.t.Fatalf("there is no sum of %d", year)
	}
	for _, number := range sum.Parts {
		e, err := fx.store.Entry(fx.t.Context(), number)
		fx.must(err)
		parts = append(parts, e)
	}
	return sum, parts
}

func TestSumIsDeliveredAndItsPartsAreDoneWithIt(t *testing.T) {
	fx, c, other := grouped(t)
	a, b := fx.of(c, 3, 2025), fx.of(other, 4, 2025)
	fx.add(c, a)
	fx.add(other, b)
	fx.sync()
	sum, parts := fx.sumOf(2025)
	fx.wantState(sum, ledger.Done, "")
	if len(parts) != 2 {
		t.Fatalf("the sum has parts %v", sum.Parts)
	}
	for _, p := range parts {
		fx.wantState(p, ledger.Done, "")
		if p.Sum != sum.Number || p.Target == nil || *p.Target != *sum.Target {
			t.Errorf("entry %d points to %d and %+v", p.Number, p.Sum, p.Target)
		}
	}
	fx.wantHeld(c, added(a, b))
	fx.wantNothingOverwritten()

	before := len(fx.entries())
	fx.sync() // nothing is new
	if after := fx.entries(); len(after) != before {
		t.Errorf("%d entries became %d", before, len(after))
	}
}

// What one dossier alone had written before becomes the sum, and a figure that a
// person typed since then asks that person.
func TestGroupAddsUpWhatWasDeliveredBefore(t *testing.T) {
	for _, typed := range []bool{false, true} {
		fx := newFixture(t)
		c := fx.client(1)
		other := fx.secondDossier(c)
		a, b := fx.balance(c, 1), fx.balance(other, 2)
		fx.add(c, a)
		fx.sync()
		fx.add(other, b)
		fx.sync()
		fx.wantState(fx.entries()[1], ledger.Differs, "")
		cell := added(a, b).Values.Cells()[0].String()
		if typed {
			fx.must(fx.sf.Set(c.company, c.period, namespace, "code_"+cell, "99.9"))
		}
		fx.group(c, other)
		fx.sync()
		sum, parts := fx.sumOf(2025)
		if typed {
			fx.wantState(sum, ledger.Differs, "")
			fx.wantState(parts[0], ledger.Waiting, ledger.PartOfSum)
			if got := fx.held(c, cell); got != "99.9" {
				t.Errorf("a person typed 99.9, and Silverfin holds %s", got)
			}
			continue
		}
		fx.wantState(sum, ledger.Done, "")
		fx.wantState(parts[0], ledger.Done, "")
		fx.wantState(parts[1], ledger.Done, "")
		fx.wantHeld(c, added(a, b))
	}
}

func TestCorrectionOfAPartMakesANewSum(t *testing.T) {
	fx, c, other := grouped(t)
	a, b, corrected := fx.of(c, 3, 2025), fx.of(other, 4, 2025), fx.of(c, 5, 2025)
	id := fx.add(c, a)
	fx.add(other, b)
	fx.sync()
	first, _ := fx.sumOf(2025)
	fx.correct(id, corrected)
	fx.sync()
	second, parts := fx.sumOf(2025)
	fx.wantState(second, ledger.Done, "")
	for _, p := range parts {
		fx.wantState(p, ledger.Done, "")
		if p.Sum != second.Number {
			t.Errorf("entry %d points to sum %d, want %d", p.Number, p.Sum, second.Number)
		}
	}
	first, err := fx.store.Entry(t.Context(), first.Number)
	fx.must(err)
	fx.wantState(first, ledger.Superseded, "")
	fx.wantHeld(c, added(corrected, b))
	fx.wantNothingOverwritten()
}

func TestSumWaitsForAPartThatWasThereLastYear(t *testing.T) {
	fx, c, other := grouped(t)
	a := fx.of(c, 3, 2025)
	fx.add(c, a)
	fx.sync()
	waiting := fx.newest()
	fx.wantState(waiting, ledger.Waiting, ledger.PartMissing)
	fx.nothingIn(c)
	b := fx.of(other, 4, 2025)
	fx.add(other, b)
	fx.sync()
	fx.wantHeld(c, added(a, b))
	sum, parts := fx.sumOf(2025)
	fx.wantState(sum, ledger.Done, "")
	fx.wantState(parts[0], ledger.Done, "")
	fx.wantState(parts[1], ledger.Done, "")
}

func TestPartsOfTwoModelsAreNotAdded(t *testing.T) {
	fx, c, other := grouped(t)
	full := fx.of(other, 4, 2025)
	full.Model = balance.Full
	fx.add(c, fx.of(c, 3, 2025))
	fx.add(other, full)
	fx.sync()
	fx.sync() // the one that had its turn first was waiting for the other
	fx.wantState(fx.newest(), ledger.Waiting, ledger.PartsDiffer)
	fx.nothingIn(c)
}

func TestDissolvedGroupDeliversEachAlone(t *testing.T) {
	fx, c, other := grouped(t)
	a := fx.of(c, 3, 2025)
	fx.add(c, a)
	fx.sync()
	_, err := fx.d.Ungroup(t.Context(), daemon.GroupRequest{Dossiers: []string{fx.conn + "/" + other.dossier}, By: "An"})
	fx.must(err)
	fx.sync()
	fx.wantState(fx.newest(), ledger.Done, "")
	fx.wantHeld(c, a)
	if groups, err := fx.d.Groups(t.Context()); err != nil || len(groups) > 0 {
		t.Errorf("the groups are %v: %v", groups, err)
	}
}

func TestWhatIsNoGroup(t *testing.T) {
	fx, c, other := grouped(t)
	third := fx.secondDossier(c)
	stranger := fx.client(2)
	fx.add(third, fx.of(third, 5, 2025))
	fx.add(stranger, fx.of(stranger, 6, 2025))
	fx.sync()
	name := func(c client) string { return fx.conn + "/" + c.dossier }
	for _, test := range []struct {
		dossiers []string
		code     problem.Code
		says     string
	}{
		{[]string{name(third)}, problem.Usage, "at least two"},
		{[]string{name(third), name(third)}, problem.Usage, "at least two"},
		{[]string{name(third), name(c)}, problem.Conflict, other.dossier},
		{[]string{name(third), name(stranger)}, problem.NumberDiffers, stranger.number.Pretty()},
		{[]string{name(third), "nobody"}, problem.NotFound, "nobody"},
		{[]string{name(third), c.number.String()}, problem.Usage, name(c)},
	} {
		_, err := fx.d.Group(t.Context(), daemon.GroupRequest{Dossiers: test.dossiers, By: "An"})
		if !problem.Is(err, test.code) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v, want %s with %q", test.dossiers, err, test.code, test.says)
		}
	}
}

// A run that is cut off at any commit leaves nothing half added up: the next one ends
// with the sum in Silverfin, written once, and both parts done with it.
func TestSumCutOffAtEveryStep(t *testing.T) {
	for n := int64(1); ; n++ {
		fx := newFixture(t)
		c := fx.client(1)
		other := fx.secondDossier(c)
		fx.add(c, fx.of(c, 1, 2024))
		fx.add(other, fx.of(other, 2, 2024))
		fx.sync()
		fx.group(c, other)
		fx.sync()
		a, b := fx.of(c, 3, 2025), fx.of(other, 4, 2025)
		fx.add(c, a)
		fx.add(other, b)
		ctx, cancel := context.WithCancel(t.Context())
		var calls atomic.Int64
		fx.reopenWith(func(k daemon.Store) daemon.Store {
			return cutStore{faultyStore{Store: k, calls: &calls, at: n}, cancel}
		})
		_, _ = fx.d.Sync(ctx, daemon.SyncRequest{}, nil)
		cancel()
		through := calls.Load() < n
		fx.reopenWith(nil)
		fx.sync()
		fx.sync() // a part whose turn came before that of its sum
		sum, parts := fx.sumOf(2025)
		fx.wantState(sum, ledger.Done, "")
		for _, p := range parts {
			fx.wantState(p, ledger.Done, "")
		}
		fx.wantHeld(c, added(a, b))
		fx.wantNothingOverwritten()
		if t.Failed() {
			t.Fatalf("after step %d", n)
		}
		if through {
			return
		}
	}
}

// Figures of two enterprises are never added up, also where a third dossier, without a
// number, comes before them, and where the numbers are known only after the grouping.
func TestTwoEnterprisesAreNotAddedUp(t *testing.T) {
	fx, dir := withFolder(t)
	a, b := fx.client(1), fx.client(2)
	names := []string{"een", "twee", "vier"}
	put := func(year int, clients ...client) {
		for i, c := range clients {
			fx.put(filepath.Join(dir, names[i], fmt.Sprintf("sociale balans %d.csv", year)), fx.of(c, int64(i+1), year), fx.clock())
		}
		fx.later(time.Hour)
		fx.sync()
		fx.sync()
	}
	group := func() error {
		r := daemon.GroupRequest{By: "An"}
		for _, name := range names {
			r.Dossiers = append(r.Dossiers, "map/"+name)
		}
		_, err := fx.d.Group(t.Context(), r)
		return err
	}
	put(2024, client{}, client{}, client{})
	fx.must(group())
	put(2025, client{}, a, b)
	for _, e := range fx.entries() {
		if len(e.Parts) > 0 && e.FiscalYear.End.Year == 2025 {
			t.Errorf("figures of %s and %s were added up", a.number, b.number)
		}
	}
	fx.nothingIn(a)
	fx.nothingIn(b)
	_, err := fx.d.Ungroup(t.Context(), daemon.GroupRequest{Dossiers: []string{"map/een"}, By: "An"})
	fx.must(err)
	if err := group(); !problem.Is(err, problem.NumberDiffers) || !strings.Contains(err.Error(), a.number.Pretty()) {
		t.Errorf("a group of two enterprises: %v", err)
	}
}
