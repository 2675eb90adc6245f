package balance_test

import (
	"fmt"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// However a form is printed, its figures are those of the filing.
func TestPDFForms(t *testing.T) {
	papers := map[string]paper{
		"plain": {flat: true}, "shifted": {shift: 17, down: 9}, "with widths": {font: "widths"}, "two bytes": {font: "wide"},
		"letter by letter": {each: true}, "turned": {turned: true}, "in a form": {inForm: true},
	}
	for _, model := range []balance.Model{balance.Full, balance.Abbreviated, balance.Micro} {
		for _, lang := range []balance.Lang{balance.Dutch, balance.French, balance.German} {
			want := filing(t, model)
			pages := newForm(want, lang).print(t)
			for name, p := range papers {
				t.Run(fmt.Sprintf("%s %s %s", model, lang, name), func(t *testing.T) {
					got := mustRead(t, []byte(p.write(pages)))
					if diff := cmp.Diff(want.Values, got.Values); diff != "" {
						t.Errorf("values (-want +got)\n%s", diff)
					}
					wantModel := model
					if model != balance.Full && lang == balance.German {
						wantModel = "" // nothing on the pages says it
					}
					type identity struct {
						Layout     balance.Layout
						Number     balance.EnterpriseNumber
						Name       string
						Model      balance.Model
						Year       balance.Period
						Committees []string
						Currency   string
						Rounded    bool
						Doubts     int
					}
					w := identity{balance.NBBPDF, want.EnterpriseNumber, want.Name, wantModel, want.FiscalYear, want.JointCommittees, "EUR", true, 0}
					g := identity{got.Layout, got.EnterpriseNumber, got.Name, got.Model, got.FiscalYear, got.JointCommittees, got.Currency, got.Rounded, len(got.Doubts)}
					if diff := cmp.Diff(w, g); diff != "" {
						t.Errorf("identification (-want +got)\n%s", diff)
					}
				})
			}
		}
	}
}

// readForm reads a form of the abbreviated model after a change.
func readForm(t testing.TB, change func(f *form), more func(pages [][]printed) [][]printed) (*balance.Balance, error) {
	t.Helper()
	return newReader().Read([]byte(changedForm(t, change, more)))
}

// changedForm prints a form of the abbreviated model after a change.
func changedForm(t testing.TB, change func(f *form), more func(pages [][]printed) [][]printed) string {
	t.Helper()
	f := newForm(filing(t, balance.Abbreviated), balance.Dutch)
	if change != nil {
		change(f)
	}
	pages := f.print(t)
	if more != nil {
		pages = more(pages)
	}
	return paper{}.write(pages)
}

// instead prints another text for a cell.
func instead(cell, text string) func(f *form) {
	return func(f *form) {
		print := f.amount
		f.amount = func(c balance.Cell) string {
			if usual := print(c); c.String() != cell {
				return usual
			}
			return text
		}
	}
}

// noHeads makes the heads of the numbered columns of a page unreadable, and its
// section.
func noHeads(pages [][]printed, page int) [][]printed {
	return replaceText(pages, func(i int, p printed) printed {
		if i == page && (strings.ContainsAny(p.text[:min(len(p.text), 1)], "123") && strings.Contains(p.text, ". ") || strings.Contains(p.text, "kap")) {
			p.text = "?"
		}
		return p
	})
}

// numberedOnly leaves the numbers of the heads, with words of no language that is
// known.
func numberedOnly(pages [][]printed) [][]printed {
	return replaceText(pages, func(page int, p printed) printed {
		if number, words, ok := strings.Cut(p.text, ". "); ok && page >= 2 && len(number) <= 2 && number != "P" {
			p.text = number + ". " + strings.Repeat("x", len(words))
		}
		return p
	})
}

// replaceText changes the texts of all pages.
func replaceText(pages [][]printed, change func(page int, p printed) printed) [][]printed {
	for i := range pages {
		for k := range pages[i] {
			pages[i][k] = change(i, pages[i][k])
		}
	}
	return pages
}

// Amounts are read as Belgians write them.
func TestPDFAmounts(t *testing.T) {
	for text, want := range map[string]string{
		"71.982": "71982", "1.234.567": "1234567", "71 982": "71982", "71\u00a0982": "71982", "-6.832": "-6832", "- 6.832": "-6832", "(6.832)": "-6832", "1.234,50": "1234.5", "-": "", "0": "0",
	} {
		b, err := readForm(t, instead("1021", text), nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v, ok := b.Values[balance.Cell{Code: "1021"}]
		if got := balance.Canonical(v); ok != (want != "") || ok && got != want || b.Rounded != (want != "1234.5") || len(b.Doubts) > 0 {
			t.Errorf("%s is %s (%v), rounded: %v, %v", text, got, ok, b.Rounded, b.Doubts)
		}
	}
}

// An amount that has the digits of a code is an amount in any table.
func TestPDFAmountsLikeCodes(t *testing.T) {
	for _, cell := range []string{"1021", "1022", "1023", "5801", "5811", "5802", "2051"} {
		for _, text := range []string{"583", "580", "1003", "205"} {
			c, _ := balance.ParseCell(cell)
			b, err := readForm(t, instead(cell, text), nil)
			if err != nil {
				t.Errorf("%s in %s: %v", text, cell, err)
			} else if got := balance.Canonical(b.Values[c]); got != text || len(b.Doubts) > 0 {
				t.Errorf("%s in %s is %s, %v", text, cell, got, b.Doubts)
			}
		}
	}
	b, err := readForm(t, instead("1021", "5802"), nil)
	if err != nil || !b.Values[balance.Cell{Code: "1021"}].Equal(decimal.NewFromInt(5802)) {
		t.Errorf("the code of a row about training: %v, %v", b, err)
	}
}

// betweenColumns moves the amount 4.711 to the line between the first and the
// second column.
func betweenColumns(pages [][]printed) [][]printed {
	return replaceText(pages, func(page int, p printed) printed {
		if page == 2 && p.text == "4.711" {
			p.x = 195 + 97.5 - 9
		}
		return p
	})
}

// printedAgain adds a page of the form a second time, with another amount.
func printedAgain(pages [][]printed) [][]printed {
	last := append([]printed(nil), pages[2]...)
	return append(pages, replaceText([][]printed{last}, func(_ int, p printed) printed {
		if p.text == "4.711" {
			p.text = "4.712"
		}
		return p
	})...)
}

// What can be read in two ways is a doubt, and no value.
func TestPDFDoubts(t *testing.T) {
	year := func(pages [][]printed) [][]printed {
		return insertAt(pages, 2, printed{25, 115, "boekjaar van 01/01/2020 tot 31/12/2020"})
	}
	for name, c := range map[string]struct {
		change func(*form)
		more   func([][]printed) [][]printed
		want   string
		absent []string
	}{
		"between columns":  {instead("1021", "4.711"), betweenColumns, "1021 is 4711 or empty (page 3); 1022 is ", []string{"1021", "1022"}},
		"two amounts":      {instead("1021", "4.711"), printedAgain, "1021 is 4711 or 4712 (page 3)", []string{"1021"}},
		"notation":         {func(f *form) { instead("1003", "1.250")(f); instead("1001", "54.75")(f) }, nil, "1003 is 1.25 or 1250 (page 3)", []string{"1003"}},
		"two years":        {nil, year, "the financial year is", nil},
		"thousands of FTE": {instead("1003", "1.250"), nil, "", nil},
	} {
		b, err := readForm(t, c.change, c.more)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var doubts []string
		for _, d := range b.Doubts {
			doubts = append(doubts, d.String())
		}
		if got := strings.Join(doubts, "; "); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		for _, code := range c.absent {
			if v, ok := b.Values[balance.Cell{Code: code}]; ok {
				t.Errorf("%s: %s is %s", name, code, v)
			}
		}
		if name == "thousands of FTE" && !b.Values[balance.Cell{Code: "1003"}].Equal(decimal.NewFromInt(1250)) {
			t.Errorf("%s: %v", name, b.Values)
		}
	}
}

// What does not fit the form is refused, and no part of it is read.
func TestPDFRefused(t *testing.T) {
	rename := func(from, to string) func([][]printed) [][]printed {
		return func(pages [][]printed) [][]printed {
			return replaceText(pages, func(page int, p printed) printed {
				if page >= 2 && p.text == from {
					p.text = to
				}
				return p
			})
		}
	}
	for name, c := range map[string]struct {
		change func(*form)
		more   func([][]printed) [][]printed
		want   string
	}{
		"no number":        {instead("1051", "1O"), nil, "page 3: what stands in row 105 is not a number"},
		"broken number":    {instead("1051", "1.23.4"), nil, "page 3: what stands in row 105 is not a number"},
		"unknown row":      {nil, rename("112", "119"), "page 3: the table of the social balance has a row 119 that is not known"},
		"heads contradict": {nil, rename("2. Deeltijds", "1. Deeltijds"), "has heads of columns that are not known"},
		"heads unknown": {nil, func(p [][]printed) [][]printed {
			return rename("1. Voltijds", "A")(rename("2. Deeltijds", "B")(rename("3. Totaal (T) of totaal in", "C")(p)))
		}, "has heads of columns that are not known"},
		"beside no row":      {nil, func(p [][]printed) [][]printed { return insertAt(p, 2, printed{300, 183.5, "77"}) }, "page 3: an amount stands beside no row of the form"},
		"training elsewhere": {nil, func(p [][]printed) [][]printed { return insertAt(p, 2, printed{30, 700, "5801"}) }, "page 3: row 5801 stands in a table whose columns are not known"},
		"one column of codes": {nil, func(p [][]printed) [][]printed {
			codes := 0
			return replaceText(p, func(page int, w printed) printed {
				if page == 3 && w.text == "Codes" {
					if codes++; codes == 3 {
						w.text = ""
					}
				}
				return w
			})
		}, "page 4: row 5811 stands in a table whose columns are not known"},
		"heads on one page": {nil, func(p [][]printed) [][]printed { return noHeads(p, 3) }, "page 4: the table of row 205 has heads of columns that are not known"},
		"table goes on": {nil, func(p [][]printed) [][]printed {
			return insertAt(p, 2, printed{50, 60, "Arbeiders"}, printed{163, 60, "132"}, printed{350, 60, "7"})
		}, "page 3: row 132 stands in a table whose columns are not known"},
		"far from all heads": {nil, func(p [][]printed) [][]printed { return insertAt(p, 2, printed{700, 178, "55"}) }, "page 3: an amount in row 100 stands in a column that the form does not have there"},
		"two enterprises":    {nil, func(p [][]printed) [][]printed { p[3][1].text = "0402000167"; return p }, "this PDF has social balances of several enterprises"},
	} {
		b, err := readForm(t, c.change, c.more)
		if err == nil || b != nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "nbb-pdf: ") {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
}

// A form may lack a column in which no row has a figure, and rows without one.
func TestPDFWithoutAColumn(t *testing.T) {
	want := filing(t, balance.Abbreviated)
	for c := range want.Values {
		if r, _ := balance.RubricOf(c.Code); strings.HasSuffix(c.Code, "2") && r.Unit != balance.Money && !strings.HasPrefix(c.Code, "58") || c.Code == "1022" || c.Code == "1012" {
			delete(want.Values, c)
		}
	}
	pages := newForm(want, balance.Dutch).print(t)
	pages = replaceText(pages, func(_ int, p printed) printed {
		if p.text == "2. Deeltijds" || p.text == "(boekjaar)" {
			p.text = ""
		}
		return p
	})
	got := mustRead(t, []byte(paper{}.write(pages)))
	if diff := cmp.Diff(want.Values, got.Values); diff != "" || len(got.Doubts) > 0 {
		t.Errorf("%v (-want +got)\n%s", got.Doubts, diff)
	}
}

// The number of a column says what it is, whatever words stand behind it.
func TestPDFNumberedHeads(t *testing.T) {
	for _, model := range []balance.Model{balance.Full, balance.Abbreviated} {
		want := filing(t, model)
		got := mustRead(t, []byte(paper{}.write(numberedOnly(newForm(want, balance.Dutch).print(t)))))
		if diff := cmp.Diff(want.Values, got.Values); diff != "" || len(got.Doubts) > 0 {
			t.Errorf("%s: %v (-want +got)\n%s", model, got.Doubts, diff)
		}
	}
}
