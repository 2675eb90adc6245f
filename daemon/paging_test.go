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
	"balansd/sandbox/faults"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
)

// others types figures that are none of balansd's.
func (w *world) others(c client, many int) {
	w.t.Helper()
	for k := range many {
		w.must(w.sf.Set(c.company, c.period, "other", fmt.Sprintf("k%03d", k), "x"))
	}
}

// before calls do before the n-th call that match is true of.
func (w *world) before(n int, match func(faults.Call) bool, do func() error) {
	seen := 0
	w.sf.Faults().BeforeCall(func(x faults.Call) {
		if !match(x) {
			return
		}
		if seen++; seen == n {
			w.must(do())
		}
	})
}

// A property that goes away between two pages moves another one to a page that
// was read already: a person's figure.
func TestAFigureThatPagingHidesIsNotOverwritten(t *testing.T) {
	w := newMemoryWorld(t)
	cell := cellOf(t, "1003")
	for n := 1; ; n++ {
		c := w.client(n)
		w.others(c, 200)
		w.must(w.sf.Set(c.company, c.period, namespace, "code_1003", "99.9"))
		w.add(c, w.balance(c, 1))
		calls := 0
		w.before(n, func(faults.Call) bool { calls++; return true }, func() error {
			return w.sf.Unset(c.company, c.period, "other", "k000")
		})
		w.sync()
		w.sf.Faults().BeforeCall(nil)
		e := w.entries()[n-1]
		w.wantState(e, ledger.Differs, "")
		if len(e.Differences) != 1 || e.Differences[0].Cell != cell {
			t.Errorf("before call %d: %+v", n, e.Differences)
		}
		if calls < n {
			break
		}
	}
	w.wantNothingOverwritten()
}

// A proxy, or Silverfin itself, gives fewer a page than it was asked for.
func TestShortPagesHideNothing(t *testing.T) {
	w := newMemoryWorldBehind(t, func(next http.Handler) http.Handler {
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
		w.sf.AddCompany(w.firm, fakesilverfin.Company{Name: "Another"})
	}
	c := w.client(1)
	for year := range 120 { // newer ones come first
		w.sf.AddPeriod(c.company, balance.Date{Year: 2026 + year, Month: 1, Day: 1}, balance.Date{Year: 2026 + year, Month: 12, Day: 31})
	}
	w.others(c, 100)
	w.must(w.sf.Set(c.company, c.period, namespace, "code_1003", "99.9"))
	w.add(c, w.balance(c, 1))
	w.sync()
	w.wantState(w.only(), ledger.Differs, "")
	w.wantNothingOverwritten()
	d, b := w.client(2), w.balance(c, 2)
	b.EnterpriseNumber = d.number
	w.others(d, 230)
	w.add(d, b)
	w.sync()
	w.wantHeld(d, b)
}

// What was ambiguous stays so when a company that goes away meanwhile hides one
// of the two.
func TestSeveralCompaniesThatPagingHides(t *testing.T) {
	w := newMemoryWorld(t)
	filler := w.sf.AddCompany(w.firm, fakesilverfin.Company{Name: "Filler"})
	for range 198 {
		w.sf.AddCompany(w.firm, fakesilverfin.Company{Name: "Another"})
	}
	c := w.client(1)
	twin := w.sf.AddCompany(w.firm, fakesilverfin.Company{Name: "Twin", VAT: string(c.number)})
	w.add(c, w.balance(c, 1))
	w.sync()
	w.wantState(w.only(), ledger.Waiting, ledger.SeveralCompanies)
	w.before(2, func(x faults.Call) bool { return strings.HasSuffix(x.Path, "/companies") }, func() error {
		return w.sf.ArchiveCompany(filler)
	})
	w.sync()
	w.sf.Faults().BeforeCall(nil)
	w.wantState(w.only(), ledger.Waiting, ledger.SeveralCompanies)
	if n := len(w.sf.Writes()); n > 0 {
		t.Errorf("%d figures were written without a person's word", n)
	}
	// Once the other one is archived, it has ended.
	w.must(w.sf.ArchiveCompany(twin))
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
}

// A company that cannot be read may be the other one of two; all else goes on.
func TestACompanyThatCannotBeRead(t *testing.T) {
	odd := false
	var twin int64
	w := newMemoryWorldBehind(t, func(next http.Handler) http.Handler {
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
	c, d := w.client(1), w.client(2)
	twin = w.sf.AddCompany(w.firm, fakesilverfin.Company{Name: "Twin", VAT: string(c.number)})
	w.add(c, w.balance(c, 1))
	w.sync()
	w.wantState(w.only(), ledger.Waiting, ledger.SeveralCompanies)
	odd = true
	b := w.balance(d, 2)
	w.add(d, b)
	p := w.sync()
	w.wantState(w.entries()[0], ledger.Waiting, ledger.SeveralCompanies)
	w.wantHeld(d, b)
	if said := strings.Join(p.Problems, "\n"); !strings.Contains(said, `a company with id "CMP-7" (Twin)`) {
		t.Errorf("the run does not name what it left out: %q", said)
	}
}

// The mapping named a property that the template does not read; a person filled
// in the right one from the same document. After the mapping was corrected, that
// is the person's figure.
func TestFiguresInAnotherPropertyAreNotOurs(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	b := w.balance(c, 1)
	id := w.add(c, b)
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
	cell := cellOf(t, "1003")
	w.must(w.sf.Set(c.company, c.period, namespace, "sb_1003", balance.Canonical(b.Values[cell])))
	w.target = silverfin.Target{Key: "sb_{code}"}
	w.respoil(nil)
	w.correct(id, w.balance(c, 2))
	w.sync()
	e := w.entries()[1]
	w.wantState(e, ledger.Differs, "")
	if len(e.Differences) != 1 || e.Differences[0].Property != namespace+".sb_1003" {
		t.Errorf("differences: %+v", e.Differences)
	}
	w.wantNothingOverwritten()
	_, err := w.d.Decide(t.Context(), daemon.Decision{Number: e.Number, Choice: daemon.UseFinbox, By: "Els"})
	w.must(err)
	w.sync()
	w.wantState(w.entries()[1], ledger.Done, "")
	// From now on they are ours.
	w.correct(id, w.balance(c, 3))
	w.sync()
	w.wantState(w.entries()[2], ledger.Done, "")
}

// decided makes a world where a person chose Finbox's figure over 99.9.
func decided(t *testing.T) (*world, client) {
	w := newMemoryWorld(t)
	c := w.client(1)
	w.must(w.sf.Set(c.company, c.period, namespace, "code_1003", "99.9"))
	w.add(c, w.balance(c, 1))
	w.sync()
	w.wantState(w.only(), ledger.Differs, "")
	_, err := w.d.Decide(t.Context(), daemon.Decision{Number: 1, Choice: daemon.UseFinbox, By: "Els"})
	w.must(err)
	return w, c
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
			w, c := decided(t)
			for _, f := range ordered {
				w.sf.Faults().Add(f)
			}
			again := func() error { return w.sf.Set(c.company, c.period, namespace, "code_1003", "99.9") }
			if ordered == nil {
				w.before(4, func(x faults.Call) bool { return x.Method == "GET" && strings.HasSuffix(x.Path, "/custom") }, again)
			}
			w.sync()
			w.sf.Faults().BeforeCall(nil)
			w.sf.Faults().Clear()
			w.wantState(w.only(), ledger.Failed, "")
			w.must(again())
			w.sync()
			w.wantState(w.only(), ledger.Differs, "")
			if held := w.sf.Custom(c.company, c.period)[namespace+".code_1003"]; held != "99.9" {
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
			w, c := decided(t)
			w.sf.Faults().Add(f)
			w.sync()
			w.sf.Faults().Clear()
			w.sync()
			w.wantState(w.only(), ledger.Done, "")
			w.wantHeld(c, w.balance(c, 1))
		})
	}
}
