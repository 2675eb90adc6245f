package daemon_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"balansd/administration"
	"balansd/daemon"
	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/problem"
	fakesilverfin "balansd/sandbox/silverfin"
)

// faultyRows are rows of which one call fails, before it is carried out or after; or from
// that call on every one, as after kill -9.
type faultyRows struct {
	keyvalue.Store
	calls *atomic.Int64
	at    *atomic.Int64 // 0 for none
	after bool
	dead  *atomic.Bool
}

func (k faultyRows) do(call func() error) error {
	if k.dead != nil && k.dead.Load() {
		return context.Canceled
	}
	bad := k.calls.Add(1) == k.at.Load()
	full := problem.New(problem.StateUnwritable, "the disk is full", "Make room.")
	if bad && !k.after {
		return full
	}
	if err := call(); err != nil {
		return err
	}
	if bad {
		return full
	}
	return nil
}

func (k faultyRows) View(ctx context.Context, fn func(keyvalue.Reader) error) error {
	return k.do(func() error { return k.Store.View(ctx, fn) })
}

func (k faultyRows) Update(ctx context.Context, fn func(keyvalue.Writer) error) error {
	return k.do(func() error { return k.Store.Update(ctx, fn) })
}

// moved is a firm with a company that moved, one without a name, and a client whose deposit
// differs from its balance.
type moved struct {
	*fixture
	bank             *register
	company, unnamed int64
	client           client
}

func withMoved(t testing.TB) moved {
	t.Helper()
	fx, _, company := withRegister(t)
	m := moved{fixture: fx, company: company, bank: &register{info: administration.Info{Name: "national_bank", Kind: administration.NationalBank}}}
	m.unnamed = fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "", VAT: numberOf(9).String()})
	m.client = fx.client(1)
	b := fx.balance(m.client, 1)
	fx.add(m.client, b)
	fx.sync()
	m.bank.records = []administration.Record{
		{Reference: "9", EnterpriseNumber: numberOf(9), Names: administration.Text{"": "Client 9 BV"}, Known: []administration.Field{administration.Name}},
		other(t, deposit(m.client, b, june), "1023", 100)}
	fx.registers = append(fx.registers, m.bank)
	return m
}

// written returns the values that balansd wrote of companies, by company and field. A field
// that was written with two values fails the test.
func (m moved) written() map[string]string {
	m.t.Helper()
	all := map[string]string{}
	for _, w := range m.sf.CompanyWrites() {
		key := fmt.Sprint(w.Company, " ", w.Field)
		if w.By == fakesilverfin.Person {
			continue
		}
		if old, twice := all[key]; twice && old != w.New {
			m.t.Errorf("%s was written as %q and as %q", key, old, w.New)
		}
		all[key] = w.New
	}
	return all
}

// wantAll fails unless the word of a person was carried out once, the company without a name
// has one, and the deposit was compared.
func (m moved) wantAll() {
	m.t.Helper()
	want := map[string]string{fmt.Sprint(m.company, " city"): "Gent", fmt.Sprint(m.company, " postalcode"): "9000", fmt.Sprint(m.unnamed, " name"): "Client 9 BV"}
	got := m.written()
	for key, value := range want {
		if got[key] != value {
			m.t.Errorf("%s is written as %q, want %q", key, got[key], value)
		}
	}
	if len(got) != len(want) {
		m.t.Errorf("written without a word: %v", got)
	}
	a := m.administration(m.company)
	used := 0
	for _, e := range a.History {
		if e.Act == ledger.AdministrationUsed && e.By == "An" {
			used++
		}
	}
	if used != 1 || a.Writing != nil || len(a.Open()) != 3 {
		m.t.Errorf("the word was carried out %d times; left is %+v", used, a.Administration)
	}
	if named := m.administration(m.unnamed); len(named.History) != 1 || named.Writing != nil {
		m.t.Errorf("the company without a name has %+v", named.Administration)
	}
	if codes := filedCodes(m.only()); len(codes) != 1 || codes[0] != "1023P" {
		m.t.Errorf("the deposit differs at %v", codes)
	}
}

// use decides about city and postal code as a person does: what did not go through is said
// again, unless it was recorded.
func (m moved) use() error {
	return m.decide(m.administration(m.company).Administration, daemon.UseSource, "An", administration.City, administration.PostalCode)
}

// TestRowsFailAtEveryCall has each call of the rows fail, in a comparison and in a decision.
// Nothing is lost then, and nothing written without a word or twice with other values.
func TestRowsFailAtEveryCall(t *testing.T) {
	for _, after := range []bool{false, true} {
		for _, deciding := range []bool{false, true} {
			t.Run(fmt.Sprintf("after=%v/deciding=%v", after, deciding), func(t *testing.T) {
				for n := int64(1); failAt(t, n, after, deciding); n++ {
					if t.Failed() {
						t.Fatalf("after call %d", n)
					}
				}
			})
		}
	}
}

// failAt fails one call and then goes on. It reports whether there was such a call.
func failAt(t *testing.T, n int64, after, deciding bool) bool {
	m := withMoved(t)
	var calls, at atomic.Int64
	m.wrapRows = func(k keyvalue.Store) keyvalue.Store { return faultyRows{k, &calls, &at, after, nil} }
	m.reopenWith(nil)
	act := func() error {
		_, err := m.d.SyncAdministration(t.Context(), daemon.AdministrationSync{By: "Els"})
		return err
	}
	if deciding {
		m.compare()
		seen := m.administration(m.company).Administration
		act = func() error {
			return m.decide(seen, daemon.UseSource, "An", administration.City, administration.PostalCode)
		}
	}
	calls.Store(0)
	at.Store(n)
	err := act()
	hit := calls.Load() >= n
	if hit && !problem.Is(err, problem.StateUnwritable) {
		t.Fatalf("call %d: told %v, want that the state cannot be written", n, err)
	}
	m.wrapRows = nil
	m.reopenWith(nil)
	if !deciding {
		for key := range m.written() {
			if key != fmt.Sprint(m.unnamed, " name") {
				t.Errorf("%s is written without a word", key)
			}
		}
	}
	m.compare()
	m.compare()
	if _, open := m.administration(m.company).Difference(administration.City); open {
		m.must(m.use())
	}
	m.wantAll()
	return hit
}

// cutCompany ends everything around the write of a company, as kill -9 does.
type cutCompany struct {
	daemon.Destination
	written bool // the write goes through
	cut     func()
}

func (c cutCompany) UpdateCompany(ctx context.Context, id int64, decide func(ledger.CompanyReading) (ledger.CompanyDetails, error)) error {
	if c.written {
		_ = c.Destination.UpdateCompany(ctx, id, decide)
	}
	c.cut()
	return context.Canceled
}

// TestCutOffAroundAWrite ends between the record of a write and the write, or before its
// outcome is saved. What happens until the next comparison decides: with nothing changed the
// write is carried out; a value that a person typed stays; and another one of the source is
// not written.
func TestCutOffAroundAWrite(t *testing.T) {
	for _, written := range []bool{false, true} {
		for meanwhile, city := range map[string]string{"nothing": "Gent", "typed": "Ledeberg", "source": "Gentbrugge"} {
			t.Run(fmt.Sprintf("written=%v/%s", written, meanwhile), func(t *testing.T) {
				fx, reg, company := withRegister(t)
				fx.compare()
				seen := fx.administration(company).Administration
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var calls, at atomic.Int64
				var dead atomic.Bool
				fx.wrapRows = func(k keyvalue.Store) keyvalue.Store { return faultyRows{k, &calls, &at, false, &dead} }
				fx.wrapDestination = func(d daemon.Destination) daemon.Destination {
					return cutCompany{d, written, func() { dead.Store(true); cancel() }}
				}
				fx.reopenWith(nil)
				_, err := fx.d.DecideAdministration(ctx, daemon.AdministrationDecision{Choice: daemon.UseSource, By: "An", Fields: []administration.Field{administration.City},
					Companies: []daemon.SeenAdministration{{FirmID: fx.firm, CompanyID: company, Version: seen.Version}}})
				if err == nil {
					t.Fatal("what was cut off went through")
				}
				fx.wrapRows, fx.wrapDestination = nil, nil
				fx.reopenWith(nil)
				if a := fx.administration(company); a.Writing == nil || a.Writing.By != "An" {
					t.Fatalf("the word is lost: %+v", a.Administration)
				}
				switch meanwhile {
				case "typed":
					fx.must(fx.sf.ChangeCompany(company, "city", city))
				case "source":
					next := peeters()
					next.Cities = administration.Text{"nl": "Lier"}
					reg.change(next)
					if written {
						city = "Gent"
					}
				}
				fx.compare()
				fx.compare()
				if got := fx.heldCompany(company).City; got != city {
					t.Errorf("Silverfin has %q, want %q", got, city)
				}
				for _, w := range fx.sf.CompanyWrites() {
					if w.By != fakesilverfin.Person && (w.Field != "city" || w.New != "Gent") {
						t.Errorf("written without a word: %+v", w)
					}
				}
				a := fx.administration(company)
				act := ledger.AdministrationDropped
				if meanwhile == "nothing" {
					act = ledger.AdministrationUsed
				}
				if a.Writing != nil || len(a.History) != 1 || a.History[0].Act != act || a.History[0].By != "An" {
					t.Errorf("it ended as %+v", a.Administration)
				}
			})
		}
	}
}
