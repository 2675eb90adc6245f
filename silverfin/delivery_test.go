package silverfin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
	"balansd/sandbox/faults"
	"balansd/sandbox/madeup"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
)

func TestDeliverToPeriod(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{StrictPeriodScopes: true})
	ctx, f := t.Context(), r.firmClient()
	want := figures(t, "1003", "114.4", "1003P", "110", "1021", "0")
	p := r.target()
	var held []ledger.Figures
	must(t, f.Update(ctx, p, r.to, func(r ledger.Reading) (ledger.Figures, error) {
		if held = append(held, r.Have); maps.Equal(want, r.Have) {
			return nil, nil
		}
		return want, nil
	}))
	if d := cmp.Diff([]ledger.Figures{{}, want}, held); d != "" {
		t.Errorf("read (-want +held):\n%s", d)
	}
	if n := len(r.sandbox.Faults().Log()); n != 6 {
		t.Errorf("%d calls, want 6: %v", n, r.sandbox.Faults().Log())
	}
	if r.sandbox.Custom(r.company.ID, r.period)["social_balance_integration.code_1003P"] != "110" {
		t.Errorf("held: %v", r.sandbox.Custom(r.company.ID, r.period))
	}
	if r.sandbox.Overlaps() != 0 {
		t.Error("calls for one company overlapped")
	}
	if !strings.HasPrefix(p.URL, fmt.Sprintf("https://silverfin.test/f/%d/%d/ledgers/%d/workflows/", r.firm, r.company.ID, r.period)) {
		t.Errorf("link: %s", p.URL)
	}
}

// An empty figure is refused, unless an empty text stands for zero.
func TestDeliverAnEmptyText(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	p, blank := r.target(), mapping.Target{Values: mapping.Format{Zero: mapping.ZeroBlank}}
	must(t, fill(t.Context(), r.firmClient(), p, figures(t, "1003", "7")))
	if err := fill(t.Context(), r.firmClient(), p, figures(t, "1003", "")); !problem.Is(err, problem.Unexpected) {
		t.Errorf("emptied: %v", err)
	}
	must(t, fill(t.Context(), r.firmClient(), p, figures(t, "1003", ""), blank))
	held, there := r.sandbox.Custom(r.company.ID, r.period)["social_balance_integration.code_1003"]
	if held != "" || !there {
		t.Errorf("held: %q, the property is there: %v", held, there)
	}
}

func TestDeliverToReconciliation(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	r.to = mapping.Target{Level: mapping.LevelReconciliation, Handle: "made_up_social", Namespace: "made_up",
		Map: map[string]string{"1003": "other.total"}, Key: "c{code}", RequireStarred: true}
	id := r.sandbox.AddReconciliation(r.company.ID, "made_up_social", workflow)
	ctx, f := t.Context(), r.firmClient()
	p := r.target()
	if p.ReconciliationID != id || !strings.HasSuffix(p.URL, fmt.Sprintf("/reconciliation_texts/%d", id)) {
		t.Fatalf("place: %+v", p)
	}
	want := figures(t, "1003", "7", "1021", "8")
	if err := fill(ctx, f, p, want, r.to); err != nil {
		t.Fatal(err)
	}
	if n := len(r.sandbox.Faults().Log()); n != 8 {
		t.Errorf("%d calls, want 8", n)
	}
	held, err := read(ctx, f, p, r.to)
	if d := cmp.Diff(want, held); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	// A single property has a form of its own at this level.
	if err := fill(ctx, f, p, figures(t, "1021", "9"), r.to); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"other.total": "7", "made_up.c1021": "9"}, r.sandbox.CustomIn(r.company.ID, r.period, id)); d != "" {
		t.Error(d)
	}
}

func TestUpdateChunks(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	b := madeup.Balance(1, balance.Full, 2024)
	want := ledger.FiguresOf(b.Values)
	if len(want) <= 100 || len(want) > 400 {
		t.Fatalf("the made-up balance has %d figures", len(want))
	}
	p := r.target()
	r.sandbox.Faults().ResetLog()
	if err := fill(t.Context(), r.firmClient(), p, want); err != nil {
		t.Fatal(err)
	}
	if n := (len(want) + 99) / 100; r.posts() != n {
		t.Errorf("%d writes for %d figures, want %d", r.posts(), len(want), n)
	}
	var order []balance.Cell
	for _, w := range r.sandbox.Writes() {
		order = append(order, cell(t, strings.TrimPrefix(w.Key, "code_")))
	}
	if !slices.IsSortedFunc(order, balance.CompareCells) || len(order) != len(want) {
		t.Errorf("written out of order: %v", order)
	}
	held, err := read(t.Context(), r.firmClient(), p)
	if d := cmp.Diff(want, held); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestUpdateRefusesEmptyFigures(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	p := r.target()
	err := fill(t.Context(), r.firmClient(), p, figures(t, "1003", "1", "1021", " "))
	if !problem.Is(err, problem.Unexpected) || len(r.sandbox.Writes()) != 0 {
		t.Errorf("%v; writes %v", err, r.sandbox.Writes())
	}
	elsewhere := p
	elsewhere.FirmID++
	if err := fill(t.Context(), r.firmClient(), elsewhere, figures(t, "1003", "1")); !problem.Is(err, problem.Unexpected) {
		t.Errorf("a place of another firm: %v", err)
	}
}

func TestUpdateReadsTypedValues(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	set := func(namespace, key, value string) {
		if err := r.sandbox.Set(r.company.ID, r.period, namespace, key, value); err != nil {
			t.Fatal(err)
		}
	}
	const ns = "social_balance_integration"
	set(ns, "code_1003", "12,5 (to check)")
	set(ns, "code_1003P", "")
	set(ns, "code_1311", "5")    // equity, no social rubric
	set(ns, "remark", "call us") // somebody's own
	set("pit_integration", "code_1021", "yes")
	for i := range 250 {
		set(ns, fmt.Sprintf("note_%d", i), "x")
	}
	held, err := read(t.Context(), r.firmClient(), r.target())
	if d := cmp.Diff(figures(t, "1003", "12,5 (to check)", "1003P", ""), held); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestCompanies(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	for i := range 430 {
		r.sandbox.AddCompany(r.firm, fakesilverfin.Company{Name: fmt.Sprintf("Dossier %d", i), FileCode: fmt.Sprintf("D%d", i)})
	}
	r.sandbox.AddCompany(r.firm, fakesilverfin.Company{Name: "Wrong", VAT: "BE 0402.754.887"})
	r.sandbox.AddCompany(r.firm, fakesilverfin.Company{Name: "Old form", VAT: "402.754.886"})
	list, _, err := r.firmClient().Companies(t.Context())
	if err != nil || len(list) != 433 {
		t.Fatalf("%d companies, %v", len(list), err)
	}
	numbers := map[string]string{}
	for _, c := range list {
		if c.EnterpriseNumber != "" || c.Name == "Wrong" {
			numbers[c.Name] = c.EnterpriseNumber.String()
		}
	}
	want := map[string]string{"Bakkerij Maes": "0402754886", "Old form": "0402754886", "Wrong": ""}
	if d := cmp.Diff(want, numbers); d != "" {
		t.Error(d)
	}
}

func TestLocateNotYet(t *testing.T) {
	social := mapping.Target{Level: mapping.LevelReconciliation, Handle: "made_up_social", RequireStarred: true}
	year := func(end string) balance.Period {
		d, err := balance.ParseDate(end)
		if err != nil {
			t.Fatal(err)
		}
		return balance.Period{End: d}
	}
	for name, tc := range map[string]struct {
		options fakesilverfin.Options
		target  mapping.Target
		make    func(*testEnv)
		year    balance.Period
		reason  ledger.Reason
		says    string
	}{
		"no period":    {year: year("2023-12-31"), reason: ledger.NoPeriod, says: `"Bakkerij Maes" has no period in Silverfin that ends on 2023-12-31; its financial years end on 2024-12-31`},
		"no year":      {reason: ledger.NoPeriod, says: "does not say its financial year"},
		"broken year":  {year: year("2024-06-30"), reason: ledger.YearDiffers, says: "financial year to 2024-06-30, and the one of dossier \"Bakkerij Maes\" in Silverfin is 2024-01-01 to 2024-12-31"},
		"not added":    {year: year2024, make: func(r *testEnv) { must(t, r.sandbox.CloseWorkflow(r.company.ID, r.period, workflow)) }, reason: ledger.WorkflowClosed, says: "is not added"},
		"archived":     {year: year2024, make: func(r *testEnv) { must(t, r.sandbox.ArchiveWorkflow(r.company.ID, r.period, workflow)) }, reason: ledger.WorkflowClosed, says: `"Jaarrekening" is archived`},
		"hidden":       {year: year2024, options: fakesilverfin.Options{HideArchived: true}, make: func(r *testEnv) { must(t, r.sandbox.ArchiveWorkflow(r.company.ID, r.period, workflow)) }, reason: ledger.WorkflowClosed, says: "is not added"},
		"locked":       {year: year2024, make: func(r *testEnv) { must(t, r.sandbox.Lock(r.company.ID, r.period)) }, reason: ledger.PeriodLocked, says: "is locked"},
		"lock type":    {year: year2024, options: fakesilverfin.Options{LockField: "locking_type"}, make: func(r *testEnv) { must(t, r.sandbox.Lock(r.company.ID, r.period)) }, reason: ledger.PeriodLocked, says: "locking_type"},
		"no template":  {year: year2024, target: social, reason: ledger.TemplateMissing, says: `"made_up_social" is not in`},
		"not in there": {year: year2024, target: social, make: func(r *testEnv) { r.sandbox.AddReconciliation(r.company.ID, "made_up_social", "Btw") }, reason: ledger.TemplateMissing, says: "is not in"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestEnv(t, tc.options)
			r.to = tc.target
			if tc.make != nil {
				tc.make(r)
			}
			_, err := r.firmClient().Locate(t.Context(), r.company, tc.year, r.to)
			n := notYet(t, err)
			if n.Reason != tc.reason || !strings.Contains(n.Detail, tc.says) {
				t.Errorf("%s: %s", n.Reason, n.Detail)
			}
		})
	}
}

func TestUpdateLocked(t *testing.T) {
	for _, status := range []int{403, 409, 422, 423, 410} {
		r := newTestEnv(t, fakesilverfin.Options{LockField: "-", LockedStatus: status}, func(c *silverfin.Config) {
			c.Lock.Statuses = []int{410}
		})
		p := r.target()
		must(t, r.sandbox.Lock(r.company.ID, r.period))
		err := fill(t.Context(), r.firmClient(), p, figures(t, "1003", "1"))
		if n := notYet(t, err); n.Reason != ledger.PeriodLocked || !strings.Contains(n.Detail, "Bakkerij Maes") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestProblems(t *testing.T) {
	refused, down := problem.SilverfinRefused, problem.SilverfinDown
	for kind, want := range map[faults.Kind]problem.Code{
		faults.Forbidden: refused, faults.NotFound: refused, faults.Conflict: down,
		faults.UnprocessableError: refused, faults.UnprocessableErrors: refused,
		faults.ServerError: down, faults.NotJSON: down, faults.LostBefore: down, faults.LostAfter: down,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(string(kind)+" "+method, func(t *testing.T) {
				r := newTestEnv(t, fakesilverfin.Options{})
				p := r.target()
				r.sandbox.Faults().ResetLog()
				r.sandbox.Faults().Add(faults.Fault{Kind: kind, Method: method, Path: "/api"})
				var err error
				if method == http.MethodGet {
					_, err = read(t.Context(), r.firmClient(), p)
				} else {
					err = fill(t.Context(), r.firmClient(), p, figures(t, "1003", "1"))
				}
				if !problem.Is(err, want) || !strings.Contains(err.Error(), "Bakkerij Maes") || problem.Of(err).Next == "" {
					t.Errorf("error: %v", err)
				}
				if n := r.sandbox.Faults().Count(func(c faults.Call) bool { return c.Method == method }); n != 1 {
					t.Errorf("%d calls; nothing may be repeated", n)
				}
			})
		}
	}
}

// TestErrorTexts: what a person reads tells an answer from none.
func TestErrorTexts(t *testing.T) {
	for kind, want := range map[faults.Kind]string{
		faults.ServerError: "Silverfin could not do it when writing the figures of dossier \"Bakkerij Maes\" for 2024-12-31 (firm %d): it answered 500",
		faults.Conflict:    "Silverfin could not do it when writing the figures of dossier \"Bakkerij Maes\" for 2024-12-31 (firm %d): it answered 409 (The resource is being changed by another request)",
		faults.LostBefore:  "Silverfin did not answer when writing the figures of dossier \"Bakkerij Maes\" for 2024-12-31 (firm %d): the connection was cut",
	} {
		r := newTestEnv(t, fakesilverfin.Options{})
		p := r.target()
		r.sandbox.Faults().Add(faults.Fault{Kind: kind, Method: http.MethodPost, Path: "/api"})
		err := fill(t.Context(), r.firmClient(), p, figures(t, "1003", "1"))
		if want = fmt.Sprintf(want, r.firm); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", kind, err, want)
		}
		if next := problem.Of(err).Next; next != "If it stays so, look at Silverfin's status page." {
			t.Errorf("%s: %s", kind, next)
		}
	}
}

func TestMissingScope(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	_, state, err := r.client.Begin(t.Context(), r.firm, "")
	must(t, err)
	_, _, err = r.client.End(t.Context(), state, r.sandbox.Grant(r.firm, "administration:read", "financials:read", "communication:read"), 0)
	must(t, err)
	_, err = r.firmClient().Locate(t.Context(), r.company, year2024, r.to)
	if !problem.Is(err, problem.SilverfinRefused) || !strings.Contains(problem.Of(err).Next, "workflows:read") {
		t.Errorf("%v: %s", err, problem.Of(err).Next)
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestEnv(t, fakesilverfin.Options{Now: time.Now})
		p := r.target()
		r.sandbox.Faults().Add(faults.Fault{Kind: faults.TooManyRetryAfter, RetryAfter: "7", Method: http.MethodPost, Path: "/api"})
		// The write is begun again after the rest, with reading.
		start := time.Now()
		must(t, fill(t.Context(), r.firmClient(), p, figures(t, "1003", "1")))
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("the write took %s, want 7s", took)
		}
		if n := len(r.sandbox.Writes()); n != 1 || r.posts() != 2 {
			t.Errorf("%d figures written by %d calls", n, r.posts())
		}
		r.sandbox.Faults().Add(faults.Fault{Kind: faults.TooManyRetryAfter, RetryAfter: "9", Method: http.MethodGet, Path: "/api"})
		start = time.Now()
		if _, err := read(t.Context(), r.firmClient(), p); !problem.Is(err, problem.SilverfinDown) {
			t.Errorf("read: %v", err)
		}
		_, err := read(t.Context(), r.firmClient(), p)
		must(t, err)
		if took := time.Since(start); took != 9*time.Second {
			t.Errorf("reads took %s, want 9s", took)
		}
		// Longer waits are left to another run.
		r.sandbox.Faults().Add(faults.Fault{Kind: faults.TooManyRetryAfter, RetryAfter: "3600", Method: http.MethodPost, Path: "/api"})
		if err := fill(t.Context(), r.firmClient(), p, figures(t, "1003", "2")); !problem.Is(err, problem.SilverfinDown) {
			t.Errorf("write: %v", err)
		}
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestEnv(t, fakesilverfin.Options{Now: time.Now}, func(c *silverfin.Config) { c.RequestsPerSecond, c.Burst = 2, 1 })
		p := r.target()
		start := time.Now()
		for range 4 {
			_, err := read(t.Context(), r.firmClient(), p)
			must(t, err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("four reads at two a second took %s", took)
		}
	})
}

// TestRateLimitDeadline: a caller whose time is too short learns
// it when its context has ended, not before, so that it can ask the context why.
func TestRateLimitDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestEnv(t, fakesilverfin.Options{Now: time.Now}, func(c *silverfin.Config) { c.RequestsPerSecond, c.Burst = 0.1, 1 })
		_, _, err := r.firmClient().Companies(t.Context())
		must(t, err)
		ctx, cancel := contextWithTimeout(t, 3*time.Second)
		defer cancel()
		start := time.Now()
		_, _, err = r.firmClient().Companies(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() == nil || time.Since(start) != 3*time.Second {
			t.Errorf("after %s: %v; the context says %v", time.Since(start), err, ctx.Err())
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
