package daemon_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"balansd/administration"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	fakesilverfin "balansd/sandbox/silverfin"

	"github.com/google/go-cmp/cmp"
)

// register is a source of administration data in memory.
type register struct {
	info administration.Info

	mu      sync.Mutex
	records []administration.Record
	err     error
	queries []administration.Query
}

func (r *register) Info() administration.Info { return r.info }

func (r *register) List(_ context.Context, q administration.Query, yield func(administration.Record) error) (administration.Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queries = append(r.queries, q)
	if r.err != nil {
		return administration.Report{}, r.err
	}
	for _, one := range r.records {
		if err := yield(one); err != nil {
			return administration.Report{}, err
		}
	}
	return administration.Report{Read: len(r.records), Found: len(r.records)}, nil
}

// change replaces a record, or adds it.
func (r *register) change(one administration.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = slices.DeleteFunc(r.records, func(x administration.Record) bool { return x.Reference == one.Reference })
	r.records = append(r.records, one)
}

func (r *register) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// peeters is a client as a register has it, with its seat in Gent.
func peeters() administration.Record {
	return administration.Record{Reference: "r1", EnterpriseNumber: "0900102194", Names: administration.Text{"nl": "Bakkerij Peeters"},
		Streets: administration.Text{"nl": "Veldstraat"}, Number: "12", Box: "3", PostalCode: "9000", Cities: administration.Text{"nl": "Gent", "fr": "Gand"},
		LegalForms: administration.Text{"nl": "NV"},
		Known: []administration.Field{administration.Name, administration.Street, administration.Number, administration.Box, administration.PostalCode,
			administration.City, administration.LegalForm}}
}

// withRegister makes a firm with one register, and one company with another address.
func withRegister(t testing.TB) (*fixture, *register, int64) {
	t.Helper()
	fx := newFixture(t)
	reg := &register{info: administration.Info{Name: "kantoorlijst", Kind: administration.ClientList, Fields: administration.Fields()}, records: []administration.Record{peeters()}}
	fx.registers = []administration.Source{reg}
	fx.reopenWith(nil)
	company := fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "BAKKERIJ PEETERS NV", VAT: "BE 0900.102.194", Street: "Kerkstraat 5", PostalCode: "9050", City: "Gentbrugge", LegalForm: "NV"})
	return fx, reg, company
}

func (fx *fixture) compare() daemon.AdministrationSynced {
	fx.t.Helper()
	out, err := fx.d.SyncAdministration(fx.t.Context(), daemon.AdministrationSync{By: "Els"})
	fx.must(err)
	return out
}

func (fx *fixture) administration(company int64) daemon.AdministrationDetail {
	fx.t.Helper()
	a, err := fx.d.ShowAdministration(fx.t.Context(), daemon.AdministrationRequest{FirmID: fx.firm, CompanyID: company})
	fx.must(err)
	return a
}

func (fx *fixture) decide(a ledger.Administration, choice daemon.AdministrationChoice, by string, fields ...administration.Field) error {
	_, err := fx.d.DecideAdministration(fx.t.Context(), daemon.AdministrationDecision{Choice: choice, Fields: fields, By: by,
		Companies: []daemon.SeenAdministration{{FirmID: a.FirmID, CompanyID: a.CompanyID, Version: a.Version}}})
	return err
}

// heldCompany returns a company as Silverfin has it.
func (fx *fixture) heldCompany(company int64) fakesilverfin.Company {
	for _, c := range fx.sf.Companies(fx.firm) {
		if c.ID == company {
			return c
		}
	}
	fx.t.Fatalf("there is no company %d", company)
	return fakesilverfin.Company{}
}

// fields lists the fields of differences.
func fields(list []administration.Difference) (all []administration.Field) {
	for _, d := range list {
		all = append(all, d.Field)
	}
	return all
}

// TestMovedAddress compares, writes nothing by itself, writes what a person uses, and reads it
// back.
func TestMovedAddress(t *testing.T) {
	fx, _, company := withRegister(t)
	if out := fx.compare(); out.Matched != 1 || out.Open != 1 || len(out.Problems) != 0 {
		t.Fatalf("the comparison gave %+v", out)
	}
	a := fx.administration(company)
	moved := []administration.Field{administration.Street, administration.Number, administration.Box, administration.PostalCode, administration.City}
	if diff := cmp.Diff(moved, fields(a.Open())); diff != "" {
		t.Fatalf("what differs (-want +got)\n%s", diff)
	}
	if writes := fx.sf.CompanyWrites(); len(writes) != 0 {
		t.Fatalf("written without a word: %+v", writes)
	}
	fx.must(fx.decide(a.Administration, daemon.UseSource, "An", administration.PostalCode, administration.City))
	if c := fx.heldCompany(company); c.PostalCode != "9000" || c.City != "Gent" || c.Street != "Kerkstraat 5" || c.Name != "BAKKERIJ PEETERS NV" {
		t.Errorf("Silverfin has %+v", c)
	}
	a = fx.administration(company)
	fx.must(fx.decide(a.Administration, daemon.UseSource, "An"))
	if c := fx.heldCompany(company); c.Street != "Veldstraat 12 bus 3" {
		t.Errorf("Silverfin has %+v", c)
	}
	a = fx.administration(company)
	if len(a.Differences) != 0 || a.Writing != nil || len(a.History) != 2 || a.History[1].Act != ledger.AdministrationUsed || a.History[1].By != "An" {
		t.Errorf("left is %+v", a)
	}
	before := a.Version
	if fx.compare(); fx.administration(company).Version != before {
		t.Error("a comparison that finds nothing new changes the record")
	}
}

// TestKeptUntilASideChanges keeps Silverfin's value until the source states another one.
func TestKeptUntilASideChanges(t *testing.T) {
	fx, reg, company := withRegister(t)
	fx.compare()
	fx.must(fx.decide(fx.administration(company).Administration, daemon.KeepCompanies, "An"))
	fx.compare()
	if a := fx.administration(company); len(a.Open()) != 0 || len(a.Differences) != 5 || a.Kept[administration.City].By != "An" {
		t.Fatalf("kept is %+v", a.Administration)
	}
	other := peeters()
	other.Number = "14"
	reg.change(other)
	fx.compare()
	if got := fields(fx.administration(company).Open()); !slices.Equal(got, []administration.Field{administration.Number}) {
		t.Errorf("open after the source changed: %v", got)
	}
	fx.must(fx.sf.ChangeCompany(company, "city", "Ledeberg"))
	fx.compare()
	if got := fields(fx.administration(company).Open()); !slices.Equal(got, []administration.Field{administration.Number, administration.City}) {
		t.Errorf("open after Silverfin changed: %v", got)
	}
	if len(fx.sf.CompanyWrites()) != 1 {
		t.Errorf("written: %+v", fx.sf.CompanyWrites())
	}
}

// TestUnnamedCompanyTakesItsName names a company that has only its number, once, and tells it.
func TestUnnamedCompanyTakesItsName(t *testing.T) {
	for _, name := range []string{"", "0900.102.194", "BE0900102194"} {
		fx, _, _ := withRegister(t)
		company := fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: name, VAT: "0900102194", Street: "Veldstraat 12 bus 3", PostalCode: "9000", City: "Gent", LegalForm: "SA"})
		if out := fx.compare(); out.Named != 1 {
			t.Errorf("%q: %+v", name, out)
		}
		fx.compare()
		a := fx.administration(company)
		if fx.heldCompany(company).Name != "Bakkerij Peeters" || len(a.History) != 1 || a.History[0].Act != ledger.AdministrationNamed || a.History[0].By != "" || len(a.Differences) != 0 {
			t.Errorf("%q: it is called %q, %+v", name, fx.heldCompany(company).Name, a.Administration)
		}
	}
}

// TestWhatASourceLacksIsNoDifference compares with a source that knows little, and with one
// that no longer has the company.
func TestWhatASourceLacksIsNoDifference(t *testing.T) {
	fx, reg, company := withRegister(t)
	reg.change(administration.Record{Reference: "r1", EnterpriseNumber: "0900102194", Names: administration.Text{"": "Bakkerij Peeters"}, Known: []administration.Field{administration.Name}})
	fx.compare()
	if a := fx.administration(company); len(a.Differences) != 0 || a.Source != "kantoorlijst" {
		t.Errorf("%+v", a.Administration)
	}
	reg.records = nil
	fx.compare()
	if a := fx.administration(company); len(a.Differences) != 0 || a.Source != "" || a.Held[administration.City] != "Gentbrugge" {
		t.Errorf("%+v", a.Administration)
	}
}

// TestFailingSourceHoldsUpNothing has a night go on although a source fails; what that source
// listed before still counts, and it is told until it is listed again.
func TestFailingSourceHoldsUpNothing(t *testing.T) {
	fx, reg, company := withRegister(t)
	fx.compare()
	reg.fail(problem.New(problem.Unreadable, "the list cannot be read", "Export it again."))
	c := fx.client(1)
	b := fx.balance(c, 1)
	fx.add(c, b)
	_, err := fx.night()
	fx.must(err)
	fx.wantHeld(c, b)
	if a := fx.administration(company); len(a.Open()) != 5 {
		t.Errorf("what was listed before is forgotten: %+v", a.Administration)
	}
	told := func() bool {
		s, err := fx.d.Status(t.Context())
		fx.must(err)
		return slices.ContainsFunc(s.Conditions, func(c ledger.Condition) bool {
			return c.Kind == ledger.AdministrationFails && c.Subject == "kantoorlijst"
		})
	}
	if !told() {
		t.Error("nobody is told of a source that fails")
	}
	fx.reopenWith(nil)
	if !told() {
		t.Error("a restart forgets a source that fails")
	}
	reg.fail(nil)
	if fx.compare(); told() {
		t.Error("a source that is listed again is told as failing")
	}
}

// TestFirstSourceCountsUnlessOneIsPicked has one source a company.
func TestFirstSourceCountsUnlessOneIsPicked(t *testing.T) {
	fx, _, company := withRegister(t)
	second := &register{info: administration.Info{Name: "kbo", Kind: administration.KBO, Register: true}}
	elsewhere := peeters()
	elsewhere.Reference, elsewhere.Cities = "0900102194", administration.Text{"nl": "Lier"}
	holding := administration.Record{Reference: "0900207708", EnterpriseNumber: "0900207708", Names: administration.Text{"nl": "Peeters Holding"}, Known: []administration.Field{administration.Name}}
	second.records = []administration.Record{elsewhere, holding}
	fx.registers = append(fx.registers, second)
	fx.reopenWith(nil)
	fx.compare()
	a := fx.administration(company)
	if a.Source != "kantoorlijst" || len(a.Others) != 1 || a.Others[0].Values[administration.City] != "Lier" {
		t.Fatalf("%+v", a)
	}
	refs, err := fx.d.References(t.Context(), daemon.ReferenceQuery{Search: "holding"})
	fx.must(err)
	if len(refs.References) != 1 || refs.References[0].Reference != "0900207708" || refs.References[0].Source != "kbo" {
		t.Fatalf("%+v", refs)
	}
	picked, err := fx.d.PickReference(t.Context(), daemon.PickRequest{FirmID: fx.firm, CompanyID: company, Source: "kbo", Reference: "0900207708", By: "An"})
	fx.must(err)
	if got := fields(picked.Open()); picked.Source != "kbo" || !slices.Equal(got, []administration.Field{administration.Name}) {
		t.Errorf("after a pick: %+v", picked)
	}
	if _, err := fx.d.PickReference(t.Context(), daemon.PickRequest{FirmID: fx.firm, CompanyID: company, Source: "kbo", Reference: "nobody"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("a reference that is not there: %v", err)
	}
	back, err := fx.d.PickReference(t.Context(), daemon.PickRequest{FirmID: fx.firm, CompanyID: company, By: "An"})
	fx.must(err)
	if back.Source != "kantoorlijst" || len(back.History) != 2 {
		t.Errorf("after the pick was taken away: %+v", back)
	}
}

// TestChangedDirector shows that the directors are others, and does not write them.
func TestChangedDirector(t *testing.T) {
	fx, reg, company := withRegister(t)
	fx.must(fx.sf.SetPeople(company, fakesilverfin.CompanyPerson{Name: "An Peeters"}, fakesilverfin.CompanyPerson{Name: "Jan Claes"}, fakesilverfin.CompanyPerson{Name: "Wim Aandeel", Function: "shareholder"}))
	r := administration.Record{Reference: "r1", EnterpriseNumber: "0900102194", Directors: []administration.Person{{FirstName: "Peeters", Name: "An"}, {FirstName: "Eva", Name: "Maes"}},
		Known: []administration.Field{administration.Directors}}
	reg.change(r)
	fx.compare()
	a := fx.administration(company)
	want := []administration.Difference{{Field: administration.Directors, Source: "Peeters An; Eva Maes", Silverfin: "An Peeters; Jan Claes"}}
	if diff := cmp.Diff(want, a.Open()); diff != "" {
		t.Fatal(diff)
	}
	if err := fx.decide(a.Administration, daemon.UseSource, "An", administration.Directors); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("directors were written: %v", err)
	}
	fx.must(fx.decide(a.Administration, daemon.KeepCompanies, "An", administration.Directors))
	if !slices.Equal(a.Unavailable, []string{daemon.Shareholders}) {
		t.Errorf("not available is %v", a.Unavailable)
	}
}

// TestTwoPeopleDecide has two people decide at once about what both saw: one of them decides,
// the other is told.
func TestTwoPeopleDecide(t *testing.T) {
	fx, _, company := withRegister(t)
	fx.compare()
	a := fx.administration(company).Administration
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i, choice := range []daemon.AdministrationChoice{daemon.UseSource, daemon.KeepCompanies} {
		wg.Go(func() { errs[i] = fx.decide(a, choice, fmt.Sprint("person ", i)) })
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("the outcomes are %v and %v", errs[0], errs[1])
	}
	for i, err := range errs {
		if err != nil && !problem.Is(err, problem.Conflict) {
			t.Errorf("person %d is told %v", i, err)
		}
	}
	used := errs[0] == nil
	if c := fx.heldCompany(company); (c.City == "Gent") != used {
		t.Errorf("Silverfin has %+v, and the values were used: %v", c, used)
	}
	if n := len(fx.administration(company).History); n != 1 {
		t.Errorf("%d events", n)
	}
}

// TestTypedSinceItWasSeen writes nothing where a person changed Silverfin after the comparison.
func TestTypedSinceItWasSeen(t *testing.T) {
	fx, _, company := withRegister(t)
	fx.compare()
	fx.must(fx.sf.ChangeCompany(company, "city", "Ledeberg"))
	a := fx.administration(company)
	if err := fx.decide(a.Administration, daemon.UseSource, "An"); !problem.Is(err, problem.Conflict) {
		t.Fatalf("told %v", err)
	}
	if c := fx.heldCompany(company); c.City != "Ledeberg" || c.Street != "Kerkstraat 5" {
		t.Errorf("Silverfin has %+v", c)
	}
	a = fx.administration(company)
	if d, _ := a.Difference(administration.City); d.Silverfin != "Ledeberg" || a.Writing != nil {
		t.Errorf("the bar shows %+v", a.Administration)
	}
	fx.must(fx.decide(a.Administration, daemon.UseSource, "An"))
}
