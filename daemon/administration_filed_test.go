package daemon_test

import (
	"testing"
	"time"

	"balansd/administration"
	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// deposit is what the National Bank has of the year before a balance: its previous-year
// column, as it was filed.
func deposit(c client, b *balance.Balance, filedOn balance.Date) administration.Record {
	filed := &balance.Balance{EnterpriseNumber: c.number, Values: balance.Values{},
		FiscalYear: balance.Period{Start: balance.Date{Year: 2024, Month: 1, Day: 1}, End: balance.Date{Year: 2024, Month: 12, Day: 31}}}
	for cell, v := range b.Values {
		if cell.Previous {
			filed.Values[balance.Cell{Code: cell.Code}] = v
		}
	}
	return administration.Record{Reference: c.number.String(), EnterpriseNumber: c.number, Names: administration.Text{"": "Client 1 BV"},
		Known: []administration.Field{administration.Name}, AsOf: filedOn.In(time.UTC), Filed: filed}
}

// other returns a deposit with another figure.
func other(t testing.TB, r administration.Record, code string, by int64) administration.Record {
	t.Helper()
	filed := *r.Filed
	filed.Values = balance.Values{}
	for cell, v := range r.Filed.Values {
		filed.Values[cell] = v
	}
	cell := cellOf(t, code)
	filed.Values[cell] = filed.Values[cell].Add(decimal.NewFromInt(by))
	r.Filed = &filed
	return r
}

// withBank makes a firm with a client, and the National Bank without deposits.
func withBank(t testing.TB, hold bool) (*fixture, *register, client) {
	t.Helper()
	fx := newFixture(t)
	bank := &register{info: administration.Info{Name: "national_bank", Kind: administration.NationalBank}}
	fx.registers, fx.hold = []administration.Source{bank}, hold
	fx.reopenWith(nil)
	return fx, bank, fx.client(1)
}

// filedCodes lists the cells of an entry that differ from what was filed.
func filedCodes(e ledger.Entry) (codes []string) {
	for _, f := range e.Findings {
		if f.OfFiled() {
			codes = append(codes, f.Codes...)
		}
	}
	return codes
}

var june = balance.Date{Year: 2025, Month: 6, Day: 30}

// TestFiledFiguresAreCompared knows the deposit before the balance is read, and reads the
// deposit after it.
func TestFiledFiguresAreCompared(t *testing.T) {
	for name, first := range map[string]bool{"the deposit first": true, "the balance first": false} {
		t.Run(name, func(t *testing.T) {
			fx, bank, c := withBank(t, false)
			b := fx.balance(c, 1)
			filed := other(t, deposit(c, b, june), "1023", 100)
			if first {
				bank.change(filed)
				fx.compare()
			}
			fx.add(c, b)
			fx.sync()
			if !first {
				bank.change(filed)
				if codes := filedCodes(fx.only()); codes != nil {
					t.Fatalf("compared with nothing: %v", codes)
				}
				fx.compare()
			}
			e := fx.only()
			fx.wantState(e, ledger.Done, "")
			fx.wantHeld(c, b)
			if diff := cmp.Diff([]string{"1023P"}, filedCodes(e)); diff != "" {
				t.Fatalf("what differs (-want +got)\n%s", diff)
			}
			if e.CountFindings() != 1 {
				t.Errorf("%d findings: %+v", e.CountFindings(), e.Findings)
			}
			fx.compare()
			if again := fx.only(); again.Version != e.Version {
				t.Error("a comparison that finds nothing new changes the entry")
			}
			shown, err := fx.d.Show(t.Context(), daemon.EntryRequest{Number: e.Number})
			fx.must(err)
			if diff := cmp.Diff(e.Findings, shown.Entry.Findings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCorrectedDeposit takes the findings away once a correction is filed that agrees, and
// takes no older deposit in its place.
func TestCorrectedDeposit(t *testing.T) {
	fx, bank, c := withBank(t, false)
	b := fx.balance(c, 1)
	fx.add(c, b)
	fx.sync()
	wrong := other(t, deposit(c, b, june), "1013", 8)
	bank.change(wrong)
	fx.compare()
	if len(filedCodes(fx.only())) != 1 {
		t.Fatalf("%+v", fx.only().Findings)
	}
	bank.change(deposit(c, b, balance.Date{Year: 2025, Month: 9, Day: 1}))
	fx.compare()
	if codes := filedCodes(fx.only()); codes != nil {
		t.Errorf("left after the correction: %v", codes)
	}
	bank.change(wrong)
	fx.compare()
	if codes := filedCodes(fx.only()); codes != nil {
		t.Errorf("an older deposit counts again: %v", codes)
	}
	bank.records = nil // the bank is asked in vain: what is known stays
	fx.correct(fx.only().ID, fx.balanceWith(b, "1013P", 1))
	fx.sync()
	if diff := cmp.Diff([]string{"1013P"}, filedCodes(fx.entries()[1])); diff != "" {
		t.Errorf("the next revision (-want +got)\n%s", diff)
	}
}

// balanceWith returns a balance with a figure more by a number.
func (fx *fixture) balanceWith(b *balance.Balance, cell string, by int64) *balance.Balance {
	next := *b
	next.Values = balance.Values{}
	for c, v := range b.Values {
		next.Values[c] = v
	}
	next.Values[cellOf(fx.t, cell)] = next.Values[cellOf(fx.t, cell)].Add(decimal.NewFromInt(by))
	return &next
}

// TestFiledFiguresOfAnotherYear compares with the year before alone, of the same enterprise.
func TestFiledFiguresOfAnotherYear(t *testing.T) {
	fx, bank, c := withBank(t, false)
	b := fx.balance(c, 1)
	fx.add(c, b)
	fx.sync()
	year := other(t, deposit(c, b, june), "1023", 100)
	year.Filed.FiscalYear.Start.Year, year.Filed.FiscalYear.End.Year = 2023, 2023
	bank.change(year)
	elsewhere := other(t, deposit(fx.client(2), b, june), "1023", 100)
	bank.change(elsewhere)
	broken := other(t, deposit(c, b, june), "1023", 100)
	broken.Reference, broken.Filed.FiscalYear.End = "broken", balance.Date{Year: 2024, Month: 9, Day: 30}
	bank.change(broken)
	fx.compare()
	if codes := filedCodes(fx.only()); codes != nil {
		t.Errorf("compared with the figures of another year or enterprise: %v", codes)
	}
}

// TestFiledFindingsHoldWhereTheFirmAsks holds a balance up only where the firm asks for it,
// until a person releases it or the deposit is corrected.
func TestFiledFindingsHoldWhereTheFirmAsks(t *testing.T) {
	fx, bank, c := withBank(t, true)
	b := fx.balance(c, 1)
	bank.change(other(t, deposit(c, b, june), "1023", 100))
	fx.compare()
	fx.add(c, b)
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.HasFindings)
	bank.change(deposit(c, b, balance.Date{Year: 2025, Month: 9, Day: 1}))
	fx.compare()
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	// What is done stays so when a deposit differs later.
	bank.change(other(t, deposit(c, b, balance.Date{Year: 2025, Month: 10, Day: 1}), "1023", 100))
	fx.compare()
	fx.sync()
	if e := fx.only(); e.State != ledger.Done || len(filedCodes(e)) != 1 {
		t.Errorf("%s %s: %+v", e.State, e.Reason, e.Findings)
	}
	fx.wantHeld(c, b)
}

// TestSumIsComparedWithWhatWasFiled compares no part of a sum with what the enterprise filed.
func TestSumIsComparedWithWhatWasFiled(t *testing.T) {
	fx, bank, c := withBank(t, false)
	second := fx.secondDossier(c)
	a, b := fx.balance(c, 1), fx.balance(second, 2)
	bank.change(other(t, deposit(c, added(a, b), june), "1013", 8))
	fx.add(c, a)
	fx.add(second, b)
	fx.sync()
	if len(filedCodes(fx.entries()[0])) == 0 {
		t.Fatal("two dossiers that are not grouped are each the enterprise's own")
	}
	fx.group(c, second)
	fx.sync()
	sum, parts := fx.sumOf(2025)
	fx.wantState(sum, ledger.Done, "")
	if diff := cmp.Diff([]string{"1013P"}, filedCodes(sum)); diff != "" {
		t.Errorf("of the sum (-want +got)\n%s", diff)
	}
	for _, e := range parts {
		if codes := filedCodes(e); codes != nil {
			t.Errorf("entry %d, a part, differs at %v", e.Number, codes)
		}
	}
}
