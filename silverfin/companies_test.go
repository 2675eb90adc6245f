package silverfin_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"balansd/balance"
	"balansd/ledger"
	fakesilverfin "balansd/sandbox/silverfin"

	"github.com/google/go-cmp/cmp"
)

// People type other words beside the number of a company. The one valid number in
// a field counts; of several none does.
func TestCompanyNumbersAmongOtherWords(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	typed := map[string]fakesilverfin.Company{
		"alone":         {VAT: "BE 0900.207.708"},
		"a court":       {VAT: "BE0900102194 (RPR Gent)"},
		"a word before": {VAT: "TVA BE-0900.309.953"},
		"no marks":      {VAT: "TVA BE-0900309953"},
		"twice":         {VAT: "BE0900102194 / 0900.102.194"},
		"wrong digits":  {VAT: "BE0900102195 (RPR Gent)"},
		"two":           {VAT: "BE0900102194 (vroeger 0900.207.708)"},
	}
	for name, c := range typed {
		c.Name = name
		r.sandbox.AddCompany(r.firm, c)
	}
	list, _, err := r.firmClient().Companies(t.Context())
	must(t, err)
	got := map[string][]balance.EnterpriseNumber{}
	for _, c := range list {
		if _, ours := typed[c.Name]; !ours {
			continue
		}
		if len(c.Several) > 0 && c.EnterpriseNumber != "" {
			t.Errorf("%s has several numbers and %s", c.Name, c.EnterpriseNumber)
		}
		got[c.Name] = append(c.Several, c.EnterpriseNumber)
	}
	want := map[string][]balance.EnterpriseNumber{"alone": {"0900207708"}, "a court": {"0900102194"}, "a word before": {"0900309953"},
		"no marks": {"0900309953"}, "twice": {"0900102194"}, "wrong digits": {""}, "two": {"0900102194", "0900207708", ""}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// Where one field has several numbers, another one that has a single number decides.
func TestNextFieldDecidesBetweenSeveralNumbers(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{}, answering("/companies", onePage(
		`[{"id":1,"name":"A","vat":"BE0900102194 en BE0900207708","registration_number":"RPR 0900.207.708"}]`)))
	list, _, err := r.firmClient().Companies(t.Context())
	must(t, err)
	if d := cmp.Diff([]ledger.Company{{ID: 1, Name: "A", EnterpriseNumber: "0900207708", Details: ledger.CompanyDetails{"name": "A"}}}, list); d != "" {
		t.Error(d)
	}
}

// The numbers of the collected cases are all found.
func TestCollectedNumbers(t *testing.T) {
	data, err := os.ReadFile("../../shared/cases/silverfin-vat.json")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the collected cases are not on this machine")
	}
	must(t, err)
	var cases struct{ Companies []struct{ Name, VAT string } }
	must(t, json.Unmarshal(data, &cases))
	r := newTestEnv(t, fakesilverfin.Options{})
	numbers := map[string]balance.EnterpriseNumber{}
	for _, c := range cases.Companies {
		r.sandbox.AddCompany(r.firm, fakesilverfin.Company{Name: c.Name, VAT: c.VAT})
		numbers[c.Name] = ""
	}
	list, _, err := r.firmClient().Companies(t.Context())
	must(t, err)
	for _, c := range list {
		if _, ours := numbers[c.Name]; ours {
			numbers[c.Name] = c.EnterpriseNumber
		}
	}
	want := map[string]balance.EnterpriseNumber{"Bakkerij Voorbeeld BV": "0900102194", "Garage Exemple SRL": "0900207708", "Studio Muster GmbH": "0900309953"}
	if d := cmp.Diff(want, numbers); d != "" {
		t.Error(d)
	}
}
