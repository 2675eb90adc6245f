package balance

import "encoding/json"

// jsonBalance is what `balansd balance inspect --json` prints.
type jsonBalance struct {
	Layout           Layout              `json:"layout"`
	EnterpriseNumber EnterpriseNumber    `json:"enterprise_number"`
	Name             string              `json:"name"`
	Model            Model               `json:"model"`
	Correction       bool                `json:"correction,omitempty"`
	FiscalYear       Period              `json:"fiscal_year"`
	Currency         string              `json:"currency"`
	JointCommittees  []string            `json:"joint_committees"`
	Rounded          bool                `json:"rounded"`
	Values           map[string]jsonCell `json:"values"`
	Inferred         []Cell              `json:"inferred,omitempty"`
	Findings         []Finding           `json:"findings"`
	Doubts           []Doubt             `json:"doubts"`
}

// jsonCell is both years of a rubric, as canonical decimals. An absent year is
// left out, which is not the same as zero.
type jsonCell struct {
	Current  string `json:"current,omitempty"`
	Previous string `json:"previous,omitempty"`
}

// MarshalJSON writes the balance as `balansd balance inspect --json` prints
// it. What the document does not say is an empty string; lists and values are
// never null.
func (b Balance) MarshalJSON() ([]byte, error) {
	j := jsonBalance{
		Layout: b.Layout, EnterpriseNumber: b.EnterpriseNumber, Name: b.Name, Model: b.Model, Correction: b.Correction,
		FiscalYear: b.FiscalYear, Currency: b.Currency, Rounded: b.Rounded,
		JointCommittees: append([]string{}, b.JointCommittees...),
		Values:          make(map[string]jsonCell, len(b.Values)),
		Inferred:        b.Inferred,
		Doubts:          append([]Doubt{}, b.Doubts...),
		Findings:        make([]Finding, 0, len(b.Findings)),
	}
	for c, v := range b.Values {
		cell := j.Values[c.Code]
		if c.Previous {
			cell.Previous = Canonical(v)
		} else {
			cell.Current = Canonical(v)
		}
		j.Values[c.Code] = cell
	}
	for _, f := range b.Findings {
		if f.Codes == nil {
			f.Codes = []string{}
		}
		j.Findings = append(j.Findings, f)
	}
	return json.Marshal(j)
}
