package daemon_test

import (
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	fakefinbox "balansd/sandbox/finbox"
	fakesilverfin "balansd/sandbox/silverfin"
)

// yearOff is a client whose balance ends a day before its financial year in Silverfin,
// which has quarters.
type yearOff struct {
	client
	b      *balance.Balance
	id     string // of the balance in Finbox
	period int64  // that ends a day later
	next   int64  // of the year after
}

func (fx *fixture) yearOff(n int) yearOff {
	fx.t.Helper()
	c := client{number: numberOf(n + 500)}
	var err error
	c.dossier, err = fx.fb.AddDossier(fx.conn, fakefinbox.Dossier{EnterpriseNumber: c.number, Name: "Kwartaal BV"})
	fx.must(err)
	c.company = fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Kwartaal BV", PeriodsPerYear: 4, VAT: c.number.Pretty()})
	y := yearOff{client: c}
	y.period = fx.sf.AddPeriod(c.company, day("2025-01-01"), day("2025-12-31"))
	y.next = fx.sf.AddPeriod(c.company, day("2026-01-01"), day("2026-12-31"))
	for _, p := range fx.sf.Periods(c.company) { // nothing but the year stands in the way
		fx.sf.OpenWorkflow(c.company, p.ID, workflowName)
	}
	y.client.period = y.period
	y.b = fx.balance(c, int64(n))
	y.b.FiscalYear = balance.Period{Start: day("2025-01-01"), End: day("2025-12-30")}
	y.id = fx.add(c, y.b)
	return y
}

func day(text string) balance.Date {
	d, err := balance.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

func (fx *fixture) tie(number uint64, period int64) ledger.Entry {
	fx.t.Helper()
	e, err := fx.d.Tie(fx.t.Context(), daemon.TieRequest{Number: number, PeriodID: period, By: "An"})
	fx.must(err)
	return e
}

// wantEmptyBut fails if Silverfin holds a figure in any period of the company but one.
func (fx *fixture) wantEmptyBut(company, period int64) {
	fx.t.Helper()
	for _, p := range fx.sf.Periods(company) {
		if held := fx.sf.Custom(company, p.ID); p.ID != period && len(held) > 0 {
			fx.t.Errorf("the period that ends on %s holds %d figures", p.End, len(held))
		}
	}
}

// TestTieIsCarriedOutAndUndone: a balance that ends a day too early waits, a person ties
// it to a period, it is delivered there, a correction goes there as well, and without the
// tie both go nowhere. The decision survives a restart.
func TestTieIsCarriedOutAndUndone(t *testing.T) {
	fx := newFixture(t)
	y := fx.yearOff(1)
	fx.sync()
	e := fx.only()
	fx.wantState(e, ledger.Waiting, ledger.YearDiffers)
	if !strings.Contains(e.Detail, "2025-01-01 to 2025-12-30") || !strings.Contains(e.Detail, "2025-01-01 to 2025-12-31") {
		t.Errorf("both years are not named: %s", e.Detail)
	}
	fx.wantEmptyBut(y.company, 0)

	list, err := fx.d.Periods(t.Context(), daemon.EntryRequest{Number: e.Number})
	fx.must(err)
	for _, p := range list.Periods {
		if p.Near != (p.ID == y.period) || p.Own || p.Tied || p.Interim != (p.End != p.FiscalYear.End) {
			t.Errorf("period %+v", p)
		}
	}
	e = fx.tie(e.Number, y.period)
	if e.State != ledger.Found || e.Tie.By != "An" || e.Tie.Year != y.b.FiscalYear || e.Tie.Period.End != day("2025-12-31") {
		t.Fatalf("tied: %+v", e)
	}
	fx.reopenWith(nil)
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(y.client, y.b)
	fx.wantEmptyBut(y.company, y.period)

	// The correction of the same year follows the tie.
	corrected := fx.balance(y.client, 77)
	corrected.FiscalYear = y.b.FiscalYear
	fx.correct(y.id, corrected)
	fx.sync()
	all := fx.entries()
	fx.wantState(all[0], ledger.Superseded, "")
	fx.wantState(all[1], ledger.Done, "")
	fx.wantHeld(y.client, corrected)

	// Without it, it goes nowhere; what was written stays, and the entry says where.
	e = fx.tie(all[1].Number, 0)
	if e.Tie != nil || len(e.WrittenBefore) != 1 || e.WrittenBefore[0].PeriodID != y.period {
		t.Fatalf("untied: %+v", e)
	}
	fx.sync()
	all = fx.entries()
	fx.wantState(all[1], ledger.Waiting, ledger.YearDiffers)
	fx.wantHeld(y.client, corrected)
	if all[0].Tie != nil {
		t.Errorf("the older revision is still tied: %+v", all[0].Tie)
	}
	history, err := fx.store.History(t.Context(), all[1].Number)
	fx.must(err)
	if last := history[len(history)-2]; last.Act != ledger.ActUntie || last.By != "An" || !strings.Contains(last.Text, "stays there") {
		t.Errorf("the history says %+v", last)
	}
	// Tied again, nothing has to be written.
	fx.tie(all[1].Number, y.period)
	writes := len(fx.sf.Writes())
	fx.sync()
	if e = fx.entries()[1]; e.State != ledger.Done || len(e.WrittenBefore) > 0 || len(fx.sf.Writes()) != writes {
		t.Errorf("tied again: %s %+v, %d writes", e.State, e.WrittenBefore, len(fx.sf.Writes())-writes)
	}
	fx.wantNothingOverwritten()
}

// TestTieIsRefused: where a balance cannot go, a person is told why, and nothing changes.
func TestTieIsRefused(t *testing.T) {
	fx := newFixture(t)
	y, other := fx.yearOff(1), fx.client(9)
	full := fx.balance(y.client, 5)
	full.FiscalYear = balance.Period{Start: day("2026-01-01"), End: day("2026-12-31")}
	fx.add(y.client, full)
	fx.sync()
	all := fx.entries()
	off, own := all[0], all[1]
	fx.wantState(off, ledger.Waiting, ledger.YearDiffers)
	fx.wantState(own, ledger.Done, "")
	var interim int64
	for _, p := range fx.sf.Periods(y.company) {
		if p.End == day("2025-09-30") {
			interim = p.ID
		}
	}
	for name, tc := range map[string]struct {
		r    daemon.TieRequest
		says string
		code problem.Code
	}{
		"a period of another company": {daemon.TieRequest{Number: off.Number, PeriodID: other.period}, "has no such period", problem.NotAllowed},
		"an interim period":           {daemon.TieRequest{Number: off.Number, PeriodID: interim}, "an interim period", problem.NotAllowed},
		"one that takes another year": {daemon.TieRequest{Number: off.Number, PeriodID: y.next}, "takes entry 2", problem.NotAllowed},
		"its own":                     {daemon.TieRequest{Number: own.Number, PeriodID: y.next}, "its own year", problem.NotAllowed},
		"no tie to take away":         {daemon.TieRequest{Number: off.Number}, "is not tied", problem.NotAllowed},
		"a stale page":                {daemon.TieRequest{Number: off.Number, PeriodID: y.period, Seen: off.Version + 1}, "changed since", problem.Conflict},
		"no such entry":               {daemon.TieRequest{Number: 99, PeriodID: y.period}, "99", problem.NotFound},
	} {
		_, err := fx.d.Tie(t.Context(), tc.r)
		if !problem.Is(err, tc.code) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := fx.entries()[0]; now.Version != off.Version || now.Tie != nil {
		t.Errorf("it changed: %+v", now)
	}
	// What a tie will put there counts as well.
	fx.tie(off.Number, y.period)
	again := fx.balance(y.client, 6)
	again.FiscalYear.End = day("2025-12-29")
	fx.add(y.client, again)
	fx.sync()
	last := fx.entries()[2]
	fx.wantState(last, ledger.Waiting, ledger.YearDiffers)
	if _, err := fx.d.Tie(t.Context(), daemon.TieRequest{Number: last.Number, PeriodID: y.period}); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("two years in one period: %v", err)
	}
}

// TestTieAfterChanges: a tie holds for the period that the person saw. Moved, of another
// year or gone, or of a company that does not take the dossier any more, it is asked anew.
func TestTieAfterChanges(t *testing.T) {
	for name, change := range map[string]func(*fixture, yearOff){
		"another start": func(fx *fixture, y yearOff) {
			fx.must(fx.sf.ChangeYear(y.company, y.period, day("2024-07-01"), day("2025-12-31")))
		},
		"moved": func(fx *fixture, y yearOff) {
			fx.must(fx.sf.ChangeYear(y.company, y.period, day("2025-01-01"), day("2026-06-30")))
		},
		"gone": func(fx *fixture, y yearOff) { fx.must(fx.sf.RemovePeriod(y.company, y.period)) },
		"another company": func(fx *fixture, y yearOff) {
			fx.must(fx.sf.SetVAT(y.company, ""))
			twin := fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Nieuw BV", VAT: y.number.Pretty()})
			p := fx.sf.AddPeriod(twin, day("2025-01-01"), day("2025-12-31"))
			fx.sf.OpenWorkflow(twin, p, workflowName)
		},
	} {
		t.Run(name, func(t *testing.T) {
			fx := newFixture(t)
			y := fx.yearOff(1)
			fx.sync()
			fx.tie(1, y.period)
			change(fx, y)
			fx.sync()
			e := fx.only()
			fx.wantState(e, ledger.Waiting, ledger.YearDiffers)
			if !strings.Contains(e.Detail, "tied") || len(fx.sf.Writes()) > 0 {
				t.Errorf("%s; %d writes", e.Detail, len(fx.sf.Writes()))
			}
			if name == "moved" || name == "another start" {
				fx.tie(1, y.period) // the person saw it as it is now
				fx.sync()
				fx.wantState(fx.only(), ledger.Done, "")
			}
		})
	}
}

// TestYearsMeetInAPeriod: the balance whose own period a tied one was written to finds
// figures of another year there, and a person decides.
func TestYearsMeetInAPeriod(t *testing.T) {
	fx := newFixture(t)
	y := fx.yearOff(1)
	fx.sync()
	fx.tie(1, y.period)
	fx.sync()
	whole := fx.balance(y.client, 8)
	fx.add(y.client, whole)
	fx.sync()
	fx.wantState(fx.entries()[1], ledger.Differs, "")
	fx.wantHeld(y.client, y.b)
}

// TestTieIsRestored: a tie is in a backup, and going back to one forgets no decision that
// was taken since.
func TestTieIsRestored(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after bool // tied before and after the backup
		damaged, want bool
	}{
		"tied":                      {before: true, after: true, want: true},
		"tied, the state is lost":   {before: true, after: true, damaged: true, want: true},
		"untied since":              {before: true},
		"tied since":                {after: true, want: true},
		"untied since, all is lost": {before: true, damaged: true, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			fx := newFixture(t)
			y := fx.yearOff(1)
			fx.sync()
			if tc.before {
				fx.tie(1, y.period)
			}
			backup, err := fx.d.Backup(t.Context(), daemon.BackupRequest{})
			fx.must(err)
			switch {
			case tc.after && !tc.before:
				fx.tie(1, y.period)
			case tc.before && !tc.after:
				fx.tie(1, 0)
			}
			fx.restore(backup, tc.damaged)
			fx.sync()
			if e := fx.only(); (e.Tie != nil) != tc.want || (e.State == ledger.Done) != tc.want {
				t.Errorf("%s %s, tied: %v", e.State, e.Reason, e.Tie != nil)
			}
		})
	}
}
