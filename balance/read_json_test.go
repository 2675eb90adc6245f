package balance_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"balansd/balance"
)

// TestEnrichedJSON reads the JSON of the National Bank's service with what its
// list says of the filing.
func TestEnrichedJSON(t *testing.T) {
	t.Parallel()
	const (
		figures = `"Rubrics": [{"Code": "1003", "Value": "4.3", "Period": "N", "TypeAmount": null}, {"Code": "1003", "Value": "4.0", "Period": "NM1"},
			{"Code": "100", "Value": "18550", "Period": "N"}], "JointCommittees": ["jcc:m200"],
			"Administrators": {"NaturalPersons": [{"Person": {"FirstName": "A"}, "Mandates": [{"FunctionMandate": "fct:m13", "MandateDates": {"StartDate": "2020-01-01", "EndDate": null}}]}],
			"LegalPersons": [{"Entity": {"Identifier": "0900207708"}, "Representatives": [], "Mandates": []}]},
			"Shareholders": {"EntityShareHolders": [], "IndividualShareHolders": []}, "ParticipatingInterests": [], "Address": {"Street": "X", "Country": {"Code": "cty:m13"}}`
		reference = `"ReferenceNumber": "2025-00101344", "DepositDate": "2025-06-30", "EnterpriseNumber": "0900102194", "EnterpriseName": "Bakkerij",
			"ExerciseDates": {"startDate": "2024-01-01", "endDate": "2024-12-31"}, "ModelType": "m01-f", "DepositType": "Correction", "Currency": "EUR", "LegalForm": {"Code": "610"}`
	)
	year := balance.Period{Start: balance.Date{Year: 2024, Month: 1, Day: 1}, End: balance.Date{Year: 2024, Month: 12, Day: 31}}
	values := balance.Values{{Code: "1003"}: decimal.RequireFromString("4.3"), {Code: "1003", Previous: true}: decimal.RequireFromString("4")}
	whole := balance.Balance{Layout: balance.NBBJSON, EnterpriseNumber: "0900102194", Name: "Bakkerij", Model: balance.Abbreviated, Correction: true,
		FiscalYear: year, Currency: "EUR", JointCommittees: []string{"200"}, Values: values}
	bare := balance.Balance{Layout: balance.NBBJSON, JointCommittees: []string{"200"}, Values: values}
	dated := bare
	dated.FiscalYear, dated.Name = year, "Bakkerij"
	for name, c := range map[string]struct {
		text     string
		want     balance.Balance
		findings []string
	}{
		"without":           {`{` + figures + `}`, bare, nil},
		"beside":            {`{` + reference + `, ` + figures + `}`, whole, nil},
		"after":             {`{` + figures + `, ` + reference + `}`, whole, nil},
		"two members":       {`{"Reference": {` + reference + `}, "AccountingData": {` + figures + `}}`, whole, nil},
		"small letters":     {`{"reference": {"exerciseDates": {"StartDate": "2024-01-01T00:00:00", "EndDate": "2024-12-31T00:00:00Z"}, "EnterpriseName": "Bakkerij"}, "accountingData": {` + figures + `}}`, dated, nil},
		"of other kinds":    {`{"ExerciseDates": null, "EnterpriseNumber": null, "ModelType": {}, "Reference": [], "Currency": [], ` + figures + `}`, bare, nil},
		"too deep":          {`{"Reference": {"Reference": {"EnterpriseNumber": "0900102194"}}, ` + figures + `}`, bare, nil},
		"a wrong number":    {`{"EnterpriseNumber": "0900102195", ` + figures + `}`, bare, []string{"enterprise_number_check"}},
		"a wrong date":      {`{"ExerciseDates": {"startDate": "1/1/24"}, ` + figures + `}`, bare, []string{"fiscal_year_start"}},
		"an unknown model":  {`{"ModelType": "m99-x", ` + figures + `}`, bare, []string{"model"}},
		"figures two times": {`{"AccountingData": {` + figures + `}, ` + figures + `}`, bare, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := mustRead(t, []byte(c.text))
			var rules []string
			for _, f := range b.Findings {
				if f.Assertions == nil && len(f.Codes) == 0 {
					rules = append(rules, f.Rule)
				}
			}
			b.Findings = nil
			if diff := cmp.Diff(c.want, *b) + cmp.Diff(c.findings, rules); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
