package balance

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// amount is a figure of a table whose notation is not known yet.
type amount struct {
	at    place
	cells []Cell           // that it can be of, the nearest first
	text  string           // of printedAmount
	exact *decimal.Decimal // the value, where the document has a number and no text
	other bool             // it may as well be no figure of the balance
}

// amountText is what an amount can look like.
var amountText = regexp.MustCompile(`^[-+(]?[\d.,'’ \x{a0}\x{202f}-]*\)?$`)

// printedAmount writes an amount as plainText does; one in parentheses is
// negative.
func printedAmount(text string) string {
	text = strings.TrimSpace(text)
	if inside, ok := strings.CutPrefix(text, "("); ok {
		text = "-" + strings.TrimSuffix(inside, ")")
	}
	return plainText(text)
}

// settleAmounts reads the amounts in the one notation of the document, of which n
// is what is known before, and keeps apart those that are in doubt.
func (d *builder) settleAmounts(all []amount, n notation) {
	for _, a := range all {
		if a.exact == nil {
			n.learn(a.text)
		}
	}
	if n.point == 0 && n.comma == 0 {
		n = d.notationByForm(all)
	}
	stated := map[Cell][]amountReading{}
	money, exact := false, false
	for _, a := range all {
		values := d.valuesOf(a, &n)
		if d.data.rubrics[d.data.byCode[a.cells[0].Code]].Unit == Money {
			money, exact = true, exact || a.hasDecimals(values[0])
		}
		for _, c := range a.cells {
			stated[c] = append(stated[c], amountReading{a.at, values, a.other || len(a.cells) > 1})
		}
	}
	d.balance.Rounded = money && !exact
	cells := make([]Cell, 0, len(stated))
	for c := range stated {
		cells = append(cells, c)
	}
	slices.SortFunc(cells, CompareCells)
	for _, c := range cells {
		d.settleCell(c, stated[c])
	}
}

// notationByForm learns the notation from what the form allows, where no amount
// decides by itself.
func (d *builder) notationByForm(all []amount) (n notation) {
	for _, a := range all {
		if a.exact == nil && len(readings(a.text)) == 2 {
			n.learnByForm(&d.data.rubrics[d.data.byCode[a.cells[0].Code]], a.text)
		}
	}
	return n
}

// valuesOf returns what an amount can mean: one value, or two.
func (d *builder) valuesOf(a amount, n *notation) []decimal.Decimal {
	if a.exact != nil {
		return []decimal.Decimal{*a.exact}
	}
	values := readings(a.text)
	if len(values) == 2 {
		if which := n.choose(&d.data.rubrics[d.data.byCode[a.cells[0].Code]], a.text); which >= 0 {
			values = values[which : which+1]
		}
	}
	return values
}

// hasDecimals reports whether an amount is written to the cent: its value has
// decimals, or its text has two that are zero.
func (a amount) hasDecimals(v decimal.Decimal) bool {
	return !v.IsInteger() || strings.HasSuffix(a.text, ",00") || strings.HasSuffix(a.text, ".00")
}

// amountReading is what is written for a cell.
type amountReading struct {
	at     place
	values []decimal.Decimal // more than one where the notation leaves it open
	beside bool              // it may be of another cell
}

// settleCell decides what a cell is, or puts it in doubt.
func (d *builder) settleCell(c Cell, all []amountReading) {
	var texts []string
	kind, at := DoubtKind(""), all[0].at
	for _, r := range all {
		for _, v := range r.values {
			if text := Canonical(v); !slices.Contains(texts, text) && len(texts) < maxReadings {
				texts = append(texts, text)
			}
		}
		switch {
		case r.beside || len(r.values) > 1:
			kind = TwoReadings
		case kind == "" && len(texts) > 1:
			kind = TwoAmounts
		}
	}
	if kind == "" {
		d.stated[c] = &statement{value: all[0].values[0]}
		return
	}
	if slices.ContainsFunc(all, func(r amountReading) bool { return r.beside }) {
		d.tellColumn(at, c, texts[0])
		texts = append(texts, "") // or it is of another cell
	} else {
		d.tellDoubt(at, c, texts[0], texts[1])
	}
	d.addDoubt(kind, c.String(), texts, at.String()).Page = at.page
}

// place is where in a document a figure stands: on a page, on a sheet or in a line.
type place struct {
	page  int
	sheet string
	cell  string // of the sheet, such as B12
	line  int
}

// String writes the place for a person, such as "page 3".
func (p place) String() string {
	switch {
	case p.sheet != "":
		return "sheet " + p.sheet + ", cell " + p.cell
	case p.page > 0:
		return "page " + strconv.Itoa(p.page)
	}
	return "line " + strconv.Itoa(p.line)
}

// tellDoubt adds the finding about a figure that means one amount or another.
func (d *builder) tellDoubt(at place, c Cell, first, second string) {
	words := args{"cell": c.String(), "first": first, "second": second}
	switch {
	case at.sheet != "":
		words["sheet"], words["at"] = at.sheet, at.cell
		d.addFinding("sheet_doubt", codesOf(c), words)
	case at.page > 0:
		words["page"] = strconv.Itoa(at.page)
		d.addFinding("pdf_doubt", codesOf(c), words)
	default:
		words["line"] = strconv.Itoa(at.line)
		d.addFinding("two_readings", codesOf(c), words)
	}
}

// tellColumn adds the finding about an amount that can be of one cell or of another.
func (d *builder) tellColumn(at place, c Cell, value string) {
	words := args{"cell": c.String(), "value": value}
	switch {
	case at.sheet != "":
		words["sheet"], words["at"] = at.sheet, at.cell
		d.addFinding("sheet_column", codesOf(c), words)
	case at.page > 0:
		words["page"] = strconv.Itoa(at.page)
		d.addFinding("pdf_column", codesOf(c), words)
	default:
		words["line"] = strconv.Itoa(at.line)
		d.addFinding("line_column", codesOf(c), words)
	}
}
