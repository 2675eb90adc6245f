package daemon_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/sandbox/faults"
	fakesilverfin "balansd/sandbox/silverfin"
)

// others types figures that are none of balansd's.
func (fx *fixture) others(c client, many int) {
	fx.t.Helper()
	for k := range many {
		fx.must(fx.sf.Set(c.company, c.period, "other", fmt.Sprintf("k%03d", k), "x"))
	}
}

// before calls do before the n-th call that match is true of.
func (fx *fixture) before(n int, match func(faults.Call) bool, do func() error) {
	seen := 0
	fx.sf.Faults().BeforeCall(func(x faults.Call) {
		if !match(x) {
			return
		}
		if seen++; seen == n {
			fx.must(do())
		}
	})
}

// A property that goes away between two pages moves another one to a page that
// was read already: a person's figure.
func TestAFigureThatPagingHidesIsNotOverwritten(t *testing.T) {
	fx := newMemoryFixture(t)
	cell := cellOf(t, "1003")
	for n := 1; ; n++ {
		c := fx.client(n)
		fx.others(c, 200)
		fx.must(fx.sf.Set(c.company, c.period, namespace, "code_1003", "99.9"))
		fx.add(c, fx.balance(c, 1))
		calls := 0
		fx.before(n, func(faults.Call) bool { calls++; return true }, func() error {
			return fx.sf.Unset(c.company, c.period, "other", "k000")
		})
		fx.sync()
		fx.sf.Faults().BeforeCall(nil)
		e := fx.entries()[n-1]
		fx.wantState(e, ledger.Differs, "")
		if len(e.Differences) != 1 || e.Differences[0].Cell != cell {
			t.Errorf("before call %d: %+v", n, e.Differences)
		}
		if calls < n {
			break
		}
	}
	fx.wantNothingOverwritten()
}

// A proxy, or Silverfin itself, gives fewer a page than it was asked for.
func TestShortPagesHideNothing(t *testing.T) {
	fx := newMemoryFixtureBehind(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if q.Has("per_page") {
				q.Set("per_page", "100")
				r.URL.RawQuery = q.Encode()
			}
			next.ServeHTTP(rw, r)
		})
	})
	for range 150 { // before the client's own
		fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Another"})
	}
	c := fx.client(1)
	for year := range 120 { // newer ones come first
		fx.sf.AddPeriod(c.company, balance.Date{Year: 2026 + year, Month: 1, Day: 1}, balance.Date{Year: 2026 + year, Month: 12, Day: 31})
	}
	fx.others(c, 100)
	fx.must(fx.sf.Set(c.company, c.period, namespace, "code_1003", "99.9"))
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Differs, "")
	fx.wantNothingOverwritten()
	d, b := fx.client(2), fx.balance(c, 2)
	b.EnterpriseNumber = d.number
	fx.others(d, 230)
	fx.add(d, b)
	fx.sync()
	fx.wantHeld(d, b)
}

// What was ambiguous stays so when a company that goes away meanwhile hides one
// of the two.
func TestSeveralCompaniesThatPagingHides(t *testing.T) {
	fx := newMemoryFixture(t)
	filler := fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Filler"})
	for range 198 {
		fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Another"})
	}
	c := fx.client(1)
	twin := fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Twin", VAT: string(c.number)})
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.SeveralCompanies)
	fx.before(2, func(x faults.Call) bool { return strings.HasSuffix(x.Path, "/companies") }, func() error {
		return fx.sf.ArchiveCompany(filler)
	})
	fx.sync()
	fx.sf.Faults().BeforeCall(nil)
	fx.wantState(fx.only(), ledger.Waiting, ledger.SeveralCompanies)
	if n := len(fx.sf.Writes()); n > 0 {
		t.Errorf("%d figures were written without a person's word", n)
	}
	// Once the other one is archived, it has ended.
	fx.must(fx.sf.ArchiveCompany(twin))
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
}

// A company that cannot be read may be the other one of two; all else goes on.
func TestACompanyThatCannotBeRead(t *testing.T) {
	odd := false
	var twin int64
	fx := newMemoryFixtureBehind(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !odd || !strings.HasSuffix(r.URL.Path, "/companies") {
				next.ServeHTTP(rw, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			rw.WriteHeader(rec.Code)
			_, _ = fmt.Fprint(rw, strings.Replace(rec.Body.String(), fmt.Sprintf(`"id":%d,`, twin), `"id":"CMP-7",`, 1))
		})
	})
	c, d := fx.client(1), fx.client(2)
	twin = fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Twin", VAT: string(c.number)})
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.SeveralCompanies)
	odd = true
	b := fx.balance(d, 2)
	fx.add(d, b)
	p := fx.sync()
	fx.wantState(fx.entries()[0], ledger.Waiting, ledger.SeveralCompanies)
	fx.wantHeld(d, b)
	if said := strings.Join(p.Problems, "\n"); !strings.Contains(said, `a company with id "CMP-7" (Twin)`) {
		t.Errorf("the run does not name what it left out: %q", said)
	}
}

// While not every company can be read, an entry for which two were found waits for a
// person, also in a run over its dossier that knows an older list of all companies.
func TestKnownCompaniesSettleNoAmbiguity(t *testing.T) {
	odd := int64(0)
	fx := newMemoryFixtureBehind(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if odd == 0 || !strings.HasSuffix(r.URL.Path, "/companies") {
				next.ServeHTTP(rw, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			rw.WriteHeader(rec.Code)
			_, _ = fmt.Fprint(rw, strings.Replace(rec.Body.String(), fmt.Sprintf(`"id":%d,`, odd), `"id":"CMP-7",`, 1))
		})
	})
	c, d := fx.client(1), fx.client(2)
	fx.add(d, fx.balance(d, 2))
	fx.sync() // reads all companies
	fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Twin", VAT: string(c.number)})
	odd = d.company
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.entries()[1], ledger.Waiting, ledger.SeveralCompanies)
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
	fx.must(err)
	fx.wantState(fx.entries()[1], ledger.Waiting, ledger.SeveralCompanies)
	fx.nothingIn(c)
}

// The mapping named a property that the template does not read; a person filled
// in the right one from the same document. After the mapping was corrected, that
// is the person's figure.
func TestFiguresInAnotherPropertyAreNotOurs(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	id := fx.add(c, b)
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	cell := cellOf(t, "1003")
	fx.must(fx.sf.Set(c.company, c.period, namespace, "sb_1003", balance.Canonical(b.Values[cell])))
	fx.mappings.All = &mapping.Written{Target: mapping.Target{Key: "sb_{code}"}}
	fx.reopenWith(nil)
	fx.correct(id, fx.balance(c, 2))
	fx.sync()
	e := fx.entries()[1]
	fx.wantState(e, ledger.Differs, "")
	if len(e.Differences) != 1 || e.Differences[0].Property != namespace+".sb_1003" {
		t.Errorf("differences: %+v", e.Differences)
	}
	fx.wantNothingOverwritten()
	_, err := fx.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.UseFinbox, By: "Els"})
	fx.must(err)
	fx.sync()
	fx.wantState(fx.entries()[1], ledger.Done, "")
	// From now on they are ours.
	fx.correct(id, fx.balance(c, 3))
	fx.sync()
	fx.wantState(fx.entries()[2], ledger.Done, "")
}

// decided makes a fixture where a person chose Finbox's figure over 99.9.
func decided(t *testing.T) (*fixture, client) {
	fx := newMemoryFixture(t)
	c := fx.client(1)
	fx.must(fx.sf.Set(c.company, c.period, namespace, "code_1003", "99.9"))
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Differs, "")
	_, err := fx.d.Decide(t.Context(), daemon.Decision{Number: 1, Choice: daemon.UseFinbox, By: "Els"})
	fx.must(err)
	return fx, c
}

// The figures that a person chose arrive, and cannot be read back. Then the
// person types the old figure again: that is the newer word.
func TestADecisionIsCarriedOutOnce(t *testing.T) {
	for name, ordered := range map[string][]faults.Fault{
		"not read back":          {{Method: "GET", Path: anyCustom, Nth: 4, Times: -1, Kind: faults.ServerError}},
		"no answer, no look":     {{Method: "POST", Path: anyCustom, Kind: faults.LostAfter}, {Method: "GET", Path: anyCustom, Nth: 4, Times: -1, Kind: faults.ServerError}},
		"read back as something": nil,
	} {
		t.Run(name, func(t *testing.T) {
			fx, c := decided(t)
			for _, f := range ordered {
				fx.sf.Faults().Add(f)
			}
			again := func() error { return fx.sf.Set(c.company, c.period, namespace, "code_1003", "99.9") }
			if ordered == nil {
				fx.before(4, func(x faults.Call) bool { return x.Method == "GET" && strings.HasSuffix(x.Path, "/custom") }, again)
			}
			fx.sync()
			fx.sf.Faults().BeforeCall(nil)
			fx.sf.Faults().Clear()
			fx.wantState(fx.only(), ledger.Failed, "")
			fx.must(again())
			fx.sync()
			fx.wantState(fx.only(), ledger.Differs, "")
			if held := fx.sf.Custom(c.company, c.period)[namespace+".code_1003"]; held != "99.9" {
				t.Errorf("Silverfin holds %s over the person's newer word", held)
			}
		})
	}
}

// A write that Silverfin turned away has not carried out the decision.
func TestADecisionThatWasNotCarriedOutHolds(t *testing.T) {
	for name, f := range map[string]faults.Fault{
		"refused token":  {Method: "POST", Path: anyCustom, Kind: faults.Unauthorized},
		"refused":        {Method: "POST", Path: anyCustom, Kind: faults.Forbidden},
		"rest":           {Method: "POST", Path: anyCustom, Kind: faults.TooManyRetryAfter, RetryAfter: "0"},
		"trouble":        {Method: "POST", Path: anyCustom, Kind: faults.ServerError},
		"cut off before": {Method: "POST", Path: anyCustom, Kind: faults.LostBefore},
	} {
		t.Run(name, func(t *testing.T) {
			fx, c := decided(t)
			fx.sf.Faults().Add(f)
			fx.sync()
			fx.sf.Faults().Clear()
			fx.sync()
			fx.wantState(fx.only(), ledger.Done, "")
			fx.wantHeld(c, fx.balance(c, 1))
		})
	}
}
