package balance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Layout names the form in which a document carries a social balance.
type Layout string

// The layouts that Read recognises.
const (
	PFSXBRL  Layout = "pfs-xbrl"  // XBRL of the yearly pfs taxonomy, filings up to April 2022
	CBSOXBRL Layout = "cbso-xbrl" // XBRL of the CBSO framework, filings since April 2022
	NBBCSV   Layout = "nbb-csv"   // the National Bank's Consult download
	NBBJSON  Layout = "nbb-json"  // the National Bank's web service, "jsonxbrl"
	NBBPDF   Layout = "nbb-pdf"   // text in the layout of the National Bank's forms

	// Any table of rubric codes and amounts, such as a payroll bureau's own print.
	TablePDF  Layout = "table-pdf"
	TableCSV  Layout = "table-csv"
	TableXLSX Layout = "table-xlsx"
)

// Model is the size of the form: the abbreviated and the micro form have the
// same 96 rubrics, the full form has 162.
type Model string

// The models. The empty Model means that the document does not say.
const (
	Full        Model = "full"
	Abbreviated Model = "abbreviated"
	Micro       Model = "micro"
)

// Cell names one figure of a social balance: a rubric, this year's or last
// year's.
type Cell struct {
	Code     string // a rubric code of the whitelist, such as 1003 or 12031
	Previous bool   // the previous-year cell, written 1003P
}

// String writes the cell as forms and filings do: 1003, or 1003P for the
// previous year.
func (c Cell) String() string {
	if c.Previous {
		return c.Code + "P"
	}
	return c.Code
}

// ParseCell reads what String writes. The code must be a social rubric and,
// for a previous-year cell, have one: 1311 and 1001P are refused.
func ParseCell(s string) (Cell, error) {
	code, previous := strings.CutSuffix(s, "P")
	r, ok := RubricOf(code)
	if !ok {
		return Cell{}, fmt.Errorf("%.20q is not a rubric of the social balance", s)
	}
	if previous && !r.HasPrevious() {
		return Cell{}, fmt.Errorf("rubric %s has no previous-year cell", code)
	}
	return Cell{code, previous}, nil
}

// MarshalText writes as String does.
func (c Cell) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads as ParseCell does.
func (c *Cell) UnmarshalText(text []byte) error {
	p, err := ParseCell(string(text))
	if err != nil {
		return err
	}
	*c = p
	return nil
}

// Values are the figures of a social balance, exact. A cell that is absent is
// empty on the form, which is not the same as zero.
type Values map[Cell]decimal.Decimal

// Cells lists the cells in the order of the form, current year before
// previous year.
func (v Values) Cells() []Cell {
	cells := make([]Cell, 0, len(v))
	for c := range v {
		cells = append(cells, c)
	}
	slices.SortFunc(cells, CompareCells)
	return cells
}

// Hash is the SHA-256, in hex, of the canonical text of all values. Equal
// figures have equal hashes whatever layout they came in.
func (v Values) Hash() string {
	h := sha256.New()
	for _, c := range v.Cells() {
		_, _ = io.WriteString(h, c.String()+"="+Canonical(v[c])+"\n")
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Canonical writes a figure in the one form that balansd uses everywhere: a
// point, no exponent, no trailing zeros, no plus, zero as 0.
func Canonical(d decimal.Decimal) string {
	s := d.String()
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

// maxDigits bounds the figures that ParseDecimal takes. The widest type of the
// taxonomy, monetary14D2, has 17 characters.
const maxDigits = 40

// ParseDecimal reads a plain decimal figure: an optional sign, digits, and an
// optional point with digits. An exponent, a thousands separator, a comma or
// more than 40 characters are refused, so that a hostile text costs nothing.
func ParseDecimal(s string) (decimal.Decimal, error) {
	digits := strings.TrimLeft(s, "+-")
	whole, fraction, point := strings.Cut(digits, ".")
	plain := func(t string) bool { return t != "" && strings.Trim(t, "0123456789") == "" }
	if len(s) > maxDigits || len(s)-len(digits) > 1 || !plain(whole) || point && !plain(fraction) {
		return decimal.Decimal{}, fmt.Errorf("%.20q is not a figure", s)
	}
	return decimal.NewFromString(s)
}

// Balance is one social balance as a document states it.
type Balance struct {
	Layout           Layout
	EnterpriseNumber EnterpriseNumber // empty where the document does not say
	Name             string           // the entity's name, empty where the document does not say
	Model            Model
	Correction       bool   // the document says that it corrects an earlier filing
	FiscalYear       Period // zero where the document does not say
	Currency         string // ISO 4217, such as EUR; empty where the document does not say
	JointCommittees  []string
	Rounded          bool // the amounts are in whole euros, rounded
	Values           Values
	// PersonnelCosts is rubric 62 of the income statement, which the checks of
	// the social balance look at; nil where the document does not carry it.
	PersonnelCosts *decimal.Decimal
	// Inferred are the cells that were read by what balansd worked out of the
	// taxonomy and has not seen in a filing, in the order of the form.
	Inferred []Cell
	// Doubts are what the document leaves open. With any, the balance must not be
	// delivered before a person decided.
	Doubts   []Doubt
	Findings []Finding
}
