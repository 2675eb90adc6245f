package balance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Write writes a balance in a layout, so that Read gives the same figures. The
// same balance always gives the same bytes. Not everything fits every layout:
// see Left. It is no filing: what the National Bank asks besides the social
// balance is not in it.
//
// It fails where the layout needs what the balance does not say: XBRL the
// enterprise number and a financial year that ends after it starts, CSV neither.
func Write(l Layout, b *Balance) ([]byte, error) {
	switch l {
	case PFSXBRL, CBSOXBRL:
		if b.EnterpriseNumber == "" || b.FiscalYear.Start.IsZero() || b.FiscalYear.End.IsZero() {
			return nil, fmt.Errorf("%s needs an enterprise number and a financial year, and the balance does not say both", l)
		}
		if b.FiscalYear.End.Before(b.FiscalYear.Start) {
			return nil, fmt.Errorf("%s needs a financial year, and that of the balance ends before it starts", l)
		}
		if l == PFSXBRL {
			return writePFS(b), nil
		}
		return writeCBSO(b), nil
	case NBBCSV:
		return writeCSV(b), nil
	case NBBJSON:
		return writeJSON(b)
	default:
		return nil, fmt.Errorf("there is no layout %.20q", l)
	}
}

// Carries reports whether a layout can carry a cell. CBSO XBRL cannot carry
// rubrics of the full model whose dimension members are not known.
func Carries(l Layout, c Cell) bool {
	r, ok := RubricOf(c.Code)
	switch l {
	case CBSOXBRL:
		return ok && r.CBSO.Metric != "" && (!c.Previous || r.CBSO.Dated)
	case PFSXBRL, NBBCSV, NBBJSON:
		return ok
	default:
		return false
	}
}

// Left lists what a layout cannot carry of a balance: cells, and what the
// balance says of itself by the names of its JSON, such as fiscal_year.
func Left(l Layout, b *Balance) (cells []Cell, about []string) {
	for _, c := range b.Values.Cells() {
		if !Carries(l, c) {
			cells = append(cells, c)
		}
	}
	left := func(name string, said bool) {
		if said {
			about = append(about, name)
		}
	}
	left("correction", b.Correction && l != NBBCSV && l != CBSOXBRL)
	switch l {
	case PFSXBRL:
		left("joint_committees", slices.ContainsFunc(b.JointCommittees, func(j string) bool { return !isCommitteeCode(j) }))
	case NBBCSV:
		left("joint_committees", len(b.JointCommittees) > 0)
	case NBBJSON:
		left("enterprise_number", b.EnterpriseNumber != "")
		left("model", b.Model != "")
		left("fiscal_year", b.FiscalYear != Period{})
		left("currency", b.Currency != "" && b.Currency != "EUR")
	}
	return cells, about
}

// modelCode is the National Bank's code of a form, that for a company with
// capital: the balance does not say which kind of entity it is of.
func modelCode(m Model) string {
	switch m {
	case Full:
		return "m02-f"
	case Micro:
		return "m07-f"
	case Abbreviated:
		return "m01-f"
	default:
		return ""
	}
}

// currency is that of the balance, or the euro.
func (b *Balance) currency() string {
	if b.Currency == "" {
		return "EUR"
	}
	return b.Currency
}

// writeCSV writes the Consult download: an empty first line, then two quoted
// columns.
func writeCSV(b *Balance) []byte {
	var out bytes.Buffer
	line := func(key, value string) {
		fmt.Fprintf(&out, "\"%s\",\"%s\"\n", key, strings.ReplaceAll(value, `"`, `""`))
	}
	out.WriteByte('\n')
	line("Entity number", string(b.EnterpriseNumber))
	line("Accounting period start date", b.FiscalYear.Start.String())
	line("Accounting period end date", b.FiscalYear.End.String())
	line("Model code", modelCode(b.Model))
	deposit := "Initial"
	if b.Correction {
		deposit = "Correction"
	}
	line("Deposit type", deposit)
	line("Currency", b.currency())
	line("Entity name", b.Name)
	if b.PersonnelCosts != nil {
		line(incomeStatement, decided(Canonical(*b.PersonnelCosts)))
	}
	for _, c := range b.Values.Cells() {
		line(c.String(), decided(Canonical(b.Values[c])))
	}
	return out.Bytes()
}

// decided writes a figure with three decimals with a fourth one, so that no reader
// takes its point for a thousands separator.
func decided(figure string) string {
	if _, decimals, _ := strings.Cut(figure, "."); len(decimals) == 3 {
		return figure + "0"
	}
	return figure
}

// writtenRubric is one figure in the National Bank's JSON.
type writtenRubric struct{ Code, Value, Period string }

// writeJSON writes the web service's document.
func writeJSON(b *Balance) ([]byte, error) {
	doc := struct {
		EnterpriseName  string
		JointCommittees []string
		Rubrics         []writtenRubric
	}{b.Name, append([]string{}, b.JointCommittees...), []writtenRubric{}}
	if b.PersonnelCosts != nil {
		doc.Rubrics = append(doc.Rubrics, writtenRubric{incomeStatement, pointed(Canonical(*b.PersonnelCosts)), "N"})
	}
	for _, c := range b.Values.Cells() {
		period := "N"
		if c.Previous {
			period = "NM1"
		}
		doc.Rubrics = append(doc.Rubrics, writtenRubric{c.Code, pointed(Canonical(b.Values[c])), period})
	}
	return json.Marshal(doc)
}

// pointed writes a whole figure with a decimal, as the National Bank's JSON and
// the CBSO filings do.
func pointed(figure string) string {
	if strings.Contains(figure, ".") {
		return figure
	}
	return figure + ".0"
}
