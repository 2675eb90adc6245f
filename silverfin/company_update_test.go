package silverfin_test

import (
	"errors"
	"testing"

	"balansd/ledger"
	"balansd/sandbox/faults"
	fakesilverfin "balansd/sandbox/silverfin"

	"github.com/google/go-cmp/cmp"
)

// moveTo has a company get another street and city unless it has them.
func moveTo(r ledger.CompanyReading) (ledger.CompanyDetails, error) {
	want := ledger.CompanyDetails{ledger.CompanyStreet: "Veldstraat 12", ledger.CompanyCity: "Gent"}
	if r.Company.Details.Holds(want) {
		return nil, nil
	}
	return want, nil
}

func (r *testEnv) seat() [2]string {
	for _, c := range r.sandbox.Companies(r.firm) {
		if c.ID == r.company.ID {
			return [2]string{c.Street, c.City}
		}
	}
	return [2]string{}
}

// TestUpdateCompanyAtEveryFault ends, whatever call fails, with the company moved or with an
// error, and never with a field that nobody wrote. Once nothing fails it is moved.
func TestUpdateCompanyAtEveryFault(t *testing.T) {
	moved := [2]string{"Veldstraat 12", "Gent"}
	for _, kind := range []faults.Kind{faults.Unauthorized, faults.Forbidden, faults.TooManyRetryAfter, faults.ServerError, faults.LostBefore, faults.LostAfter, faults.UnprocessableError, faults.NotJSON} {
		for n := 1; ; n++ {
			r := newTestEnv(t, fakesilverfin.Options{})
			r.sandbox.Faults().Add(faults.Fault{Nth: n, Kind: kind, RetryAfter: "0"})
			err := r.firmClient().UpdateCompany(t.Context(), r.company.ID, moveTo)
			if err == nil && r.seat() != moved {
				t.Fatalf("%s at call %d: said to be moved, and it is at %v", kind, n, r.seat())
			}
			hit := r.sandbox.Faults().Count(func(c faults.Call) bool { return c.Fault != "" }) > 0
			r.sandbox.Faults().Clear()
			must(t, r.firmClient().UpdateCompany(t.Context(), r.company.ID, moveTo))
			if r.seat() != moved {
				t.Fatalf("%s at call %d: it is at %v", kind, n, r.seat())
			}
			if len(r.sandbox.CompanyWrites()) > 4 {
				t.Fatalf("%s at call %d: written %+v", kind, n, r.sandbox.CompanyWrites())
			}
			if !hit {
				break
			}
		}
	}
}

// TestUpdateCompanySeesWhoTypes starts again from reading when a person types between two
// readings.
func TestUpdateCompanySeesWhoTypes(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	asked := 0
	stop := errors.New("a person typed")
	err := r.firmClient().UpdateCompany(t.Context(), r.company.ID, func(x ledger.CompanyReading) (ledger.CompanyDetails, error) {
		if asked++; asked == 1 {
			must(t, r.sandbox.ChangeCompany(r.company.ID, "city", "Ledeberg"))
			return moveTo(x)
		}
		if x.Company.Details[ledger.CompanyCity] == "Ledeberg" {
			return nil, stop
		}
		return moveTo(x)
	})
	if !errors.Is(err, stop) || r.seat()[1] != "Ledeberg" {
		t.Errorf("told %v, and it is in %v", err, r.seat())
	}
}

func TestUpdateCompanyNeverEmpties(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	err := r.firmClient().UpdateCompany(t.Context(), r.company.ID, func(ledger.CompanyReading) (ledger.CompanyDetails, error) {
		return ledger.CompanyDetails{ledger.CompanyName: ""}, nil
	})
	if err == nil || len(r.sandbox.CompanyWrites()) != 0 {
		t.Errorf("told %v, written %+v", err, r.sandbox.CompanyWrites())
	}
}

// TestPeople reads directors in several shapes, and says where it cannot be told who they are.
func TestPeople(t *testing.T) {
	for body, want := range map[string][]string{
		`[{"name":"An Peeters","function":"director"},{"name":"Jan Claes","function":"shareholder"}]`: {"An Peeters"},
		`[{"first_name":"An","last_name":"Peeters","roles":["Bestuurder"]}]`:                          {"An Peeters"},
		`[{"name":"An Peeters","director":true},{"name":"Jan Claes","director":false}]`:               {"An Peeters"},
		`[]`:                      {},
		`[{"name":"An Peeters"}]`: nil,
		`{"people":"elsewhere"}`:  nil,
	} {
		r := newTestEnv(t, fakesilverfin.Options{}, answering("/people", onePage(body)))
		people, known, err := r.firmClient().People(t.Context(), r.company.ID)
		must(t, err)
		if known != (want != nil) {
			t.Errorf("%s: known %v", body, known)
		}
		got := []string{}
		for _, p := range people {
			got = append(got, p.FullName())
		}
		if known {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", body, diff)
			}
		}
	}
	r := newTestEnv(t, fakesilverfin.Options{})
	r.sandbox.Faults().Add(faults.Fault{Kind: faults.NotFound})
	if _, known, err := r.firmClient().People(t.Context(), r.company.ID); known || err != nil {
		t.Errorf("where the list is not offered: known %v, %v", known, err)
	}
}
