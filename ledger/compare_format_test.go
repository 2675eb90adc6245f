package ledger_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"

	"pgregory.net/rapid"
)

var (
	comma      = mapping.Format{Decimal: mapping.DecimalComma}
	blank      = mapping.Format{Zero: mapping.ZeroBlank}
	wholeEuros = mapping.Format{Amounts: mapping.AmountsWhole}
	turned     = mapping.Format{Negative: []string{"1023"}}
)

// formatTests are tests of Compare with the notations of templates.
func formatTests() []compareTest {
	kept := func(c, finbox, silverfin string) ledger.Written {
		return ledger.Written{KeepSilverfin: map[balance.Cell]ledger.Seen{cell(c): {Finbox: finbox, Silverfin: silverfin}}}
	}
	return []compareTest{
		{
			name: "a comma stands before the decimals", format: comma,
			values: values("1003", "114.4"), write: figures("1003", "114,4"), ours: figures("1003", "114,4"),
		},
		{
			name: "a person's 1.234 is a thousand and more where commas are written, and may not be", format: comma,
			values: values("1003", "1.234"), have: figures("1003", "1.234"),
			differ: []ledger.Difference{{Cell: cell("1003"), Finbox: "1.234", Silverfin: "1.234"}},
		},
		{
			name: "1.000 is not the 1 that balansd wrote with commas", format: comma,
			values: values("1003", "2"), have: figures("1003", "1.000"), known: ledger.Written{Confirmed: figures("1003", "1")},
			differ: []ledger.Difference{{Cell: cell("1003"), Finbox: "2", Silverfin: "1.000", Ours: "1"}},
		},
		{
			name:   "nor once points are written again",
			values: values("1003", "2"), have: figures("1003", "1.000"), known: ledger.Written{Confirmed: figures("1003", "1"), Comma: true},
			differ: []ledger.Difference{{Cell: cell("1003"), Finbox: "2", Silverfin: "1.000", Ours: "1"}},
		},
		{
			name: "what we wrote with a point is written with a comma", format: comma,
			values: values("1003", "1.234"), have: figures("1003", "1.234"), known: ledger.Written{Confirmed: figures("1003", "1.234")},
			write: figures("1003", "1,234"), ours: figures("1003", "1,234"),
		},
		{
			name:   "and with a point again",
			values: values("1003", "114.4"), have: figures("1003", "114,4"), known: ledger.Written{Confirmed: figures("1003", "114,4"), Comma: true},
			write: figures("1003", "114.4"), ours: figures("1003", "114.4"),
		},
		{
			name: "a person's spelling of the same figure stays", format: comma,
			values: values("1003", "114.4", "1023", "1234.5"), have: figures("1003", "114.40", "1023", "1.234,50"),
		},
		{
			name: "a zero is not written where an empty text is one", format: blank,
			values: values("1003", "0", "1013", "0"), have: figures("1013", "0"),
		},
		{
			name: "what a correction withdrew becomes empty there", format: blank,
			have: figures("1003", "114.4"), known: ledger.Written{Confirmed: figures("1003", "114.4")},
			write: figures("1003", ""), ours: figures("1003", ""),
		},
		{
			name: "our 0 becomes empty", format: blank,
			values: values("1003", "0"), have: figures("1003", "0"), known: ledger.Written{Confirmed: figures("1003", "0")},
			write: figures("1003", ""), ours: figures("1003", ""),
		},
		{
			name:   "and our empty text becomes 0",
			values: values("1003", "0"), have: figures("1003", ""), known: ledger.Written{Confirmed: figures("1003", "")},
			write: figures("1003", "0"), ours: figures("1003", "0"),
		},
		{
			name: "who empties a cell says that it is zero", format: blank,
			values: values("1003", "114.4"), known: ledger.Written{Confirmed: figures("1003", "114.4")},
			differ: []ledger.Difference{{Cell: cell("1003"), Finbox: "114.4", Ours: "114.4"}},
		},
		{
			name: "a cell that we emptied ourselves is filled again", format: blank,
			values: values("1003", "114.4"), have: figures("1003", ""), known: ledger.Written{Confirmed: figures("1003", "")},
			write: figures("1003", "114.4"), ours: figures("1003", "114.4"),
		},
		{
			name: "an emptied cell that a person keeps stays", format: blank,
			values: values("1003", "114.4"), known: ledger.Written{Confirmed: figures("1003", "114.4"),
				KeepSilverfin: kept("1003", "114.4", "").KeepSilverfin},
		},
		{
			name: "amounts alone are rounded, half up", format: wholeEuros,
			values: values("1003", "114.5", "1023", "71981.5"), write: figures("1003", "114.5", "1023", "71982"), ours: figures("1003", "114.5", "1023", "71982"),
		},
		{
			name: "what we wrote to the cent is rounded", format: wholeEuros,
			values: values("1023", "71981.55"), have: figures("1023", "71981.55"), known: ledger.Written{Confirmed: figures("1023", "71981.55")},
			write: figures("1023", "71982"), ours: figures("1023", "71982"),
		},
		{
			name: "what a person typed to the cent stays", format: wholeEuros,
			values: values("1023", "71981.55"), have: figures("1023", "71981.55"),
		},
		{
			name: "a figure of a rounded balance is not known to the cent", rounded: true, format: comma,
			values: values("1023", "71982"), have: figures("1023", "71981.55"), known: ledger.Written{Confirmed: figures("1023", "71981.55")},
			write: figures("1023", "71981,55"), ours: figures("1023", "71981,55"),
		},
		{
			name: "a sign is turned", format: turned,
			values: values("1023", "500", "1013", "7"), have: figures("1023", "500"),
			write: figures("1013", "7"), ours: figures("1013", "7"),
			differ: []ledger.Difference{{Cell: cell("1023"), Finbox: "500", Silverfin: "500", Writes: "-500"}},
		},
		{
			name: "a choice holds when the notation changes", format: comma,
			values: values("1003", "114.4"), have: figures("1003", "99.9"), known: kept("1003", "114.4", "99.9"),
		},
	}
}

// drawFormat draws a notation.
func drawFormat(t *rapid.T) mapping.Format {
	f := mapping.Format{Decimal: rapid.SampledFrom([]string{"", mapping.DecimalComma}).Draw(t, "decimal"),
		Zero:    rapid.SampledFrom([]string{"", mapping.ZeroBlank}).Draw(t, "zero"),
		Amounts: rapid.SampledFrom([]string{"", mapping.AmountsWhole}).Draw(t, "amounts")}
	if rapid.Bool().Draw(t, "turned") {
		f.Negative = []string{"1023"}
	}
	return f
}

// typed are texts that often coincide, and that mean another figure in another notation.
var typed = []string{"", "0", "0,0", "1", "1.0", "1,0", "1.000", "1,000", "1.4", "1,4", "2", "-1", "1.234", "1,234", "1234", "x"}

// site is a target that a person and balansd write to, in a notation that changes.
type site struct {
	format  mapping.Format
	values  balance.Values
	rounded bool
	have    ledger.Figures
	known   ledger.Written
	// wrote is the last text that balansd wrote into a cell, unless a person typed there since.
	wrote ledger.Figures
	// tried are the texts that balansd wrote, or was about to, since it last finished.
	tried  map[balance.Cell][]string
	commas bool // balansd wrote or compared with commas since it last finished with points
}

var siteCells = []string{"1003", "1003P", "1023"}

// mayTake reports whether balansd may take a text for its own.
func (s *site) mayTake(c balance.Cell) bool {
	held := s.have[c]
	if text, ok := s.wrote[c]; ok && text == held {
		return true
	}
	return slices.ContainsFunc(s.tried[c], func(text string) bool {
		one, other := balance.Readings(text), balance.Readings(held)
		if text == held || len(one) == 1 && len(other) == 1 && one[0].Equal(other[0]) {
			return true // a person typed what balansd wrote, in another way
		}
		x, errX := balance.ParseDecimal(text)
		y, errY := balance.ParseDecimal(held)
		return !s.commas && errX == nil && errY == nil && x.Equal(y)
	})
}

func (s *site) deliver(t *rapid.T) {
	commas := s.commas
	s.commas = commas || s.format.Comma()
	p := ledger.Compare(s.values, s.rounded, s.format, s.have, s.known)
	for c, text := range p.Write {
		if held := s.have[c]; strings.TrimSpace(held) != "" && !s.mayTake(c) {
			t.Fatalf("%s: %q would go over %q, which a person typed", c, text, held)
		}
		if text == "" && !s.format.BlankZero() {
			t.Fatalf("%s would be emptied", c)
		}
	}
	for _, d := range p.Differ {
		if text, ok := s.wrote[d.Cell]; ok && text == s.have[d.Cell] {
			t.Fatalf("%s: our own %q differs from %q: %+v", d.Cell, text, d.Finbox, s)
		}
	}
	if len(p.Differ) > 0 {
		s.commas = commas // nothing was written or recorded in this notation
		return
	}
	for c, held := range s.have {
		if s.mayTake(c) { // it is recorded as balansd's from now on, as it is written there
			s.tried[c] = append(s.tried[c], held)
		}
	}
	s.known = s.known.In(s.format).Confirm(s.have)
	s.known.Intended = p.Write
	upTo := rapid.IntRange(0, len(p.Write)).Draw(t, "stored before a crash")
	for _, c := range slices.SortedFunc(maps.Keys(p.Write), balance.CompareCells) {
		text := p.Write[c]
		s.tried[c] = append(s.tried[c], text)
		if upTo--; upTo < 0 {
			continue
		}
		s.have[c], s.wrote[c] = text, text
	}
	if upTo < 0 {
		return // it crashed
	}
	if cells := p.Unequal(s.have); len(cells) > 0 {
		t.Fatalf("after the write %v are not as wanted: %v in %v", cells, p.Want, s.have)
	}
	p = ledger.Compare(s.values, s.rounded, s.format, s.have, s.known)
	if len(p.Write)+len(p.Differ) > 0 {
		t.Fatalf("a second comparison still wants something: %+v", p)
	}
	s.known = ledger.Written{Confirmed: p.Ours, KeepSilverfin: s.known.KeepSilverfin, Comma: s.format.Comma()}
	s.commas = s.format.Comma()
	maps.DeleteFunc(s.wrote, func(c balance.Cell, _ string) bool { _, ours := p.Ours[c]; return !ours })
	s.tried = map[balance.Cell][]string{}
	for c, text := range p.Ours {
		s.tried[c] = []string{text}
	}
}

// A delivery never changes what a person typed, whatever the notation of the template is
// and was; a change of the notation never makes a person decide about what balansd wrote;
// and a plan that is carried out reaches its goal, after which nothing is left to do.
func TestCompareInEachNotation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &site{values: balance.Values{}, have: ledger.Figures{}, wrote: ledger.Figures{}, tried: map[balance.Cell][]string{}}
		pick := func() balance.Cell { return cell(rapid.SampledFrom(siteCells).Draw(t, "cell")) }
		t.Repeat(map[string]func(*rapid.T){
			"the notation changes": func(t *rapid.T) { s.format = drawFormat(t) },
			"a balance comes": func(t *rapid.T) {
				s.values, s.rounded = balance.Values{}, rapid.Bool().Draw(t, "rounded")
				for _, c := range siteCells {
					if text := rapid.SampledFrom([]string{"", "0", "1", "1.4", "2", "1.234", "1234", "0.4"}).Draw(t, c); text != "" {
						s.values[cell(c)] = values(c, text)[cell(c)]
					}
				}
			},
			"a person types": func(t *rapid.T) {
				c := pick()
				s.have[c] = rapid.SampledFrom(typed).Draw(t, "text")
				delete(s.wrote, c)
			},
			"a person decides": func(t *rapid.T) {
				keep := map[balance.Cell]ledger.Seen{}
				for _, d := range ledger.Compare(s.values, s.rounded, s.format, s.have, s.known).Differ {
					keep[d.Cell] = ledger.Seen{Finbox: d.Finbox, Silverfin: d.Silverfin, Rounded: s.rounded}
				}
				s.known.KeepSilverfin = keep
			},
			"a delivery": s.deliver,
			"":           func(*rapid.T) {},
		})
	})
}

func (s *site) String() string {
	return fmt.Sprintf("format %+v values %v rounded %v have %v known %+v wrote %v", s.format, s.values, s.rounded, s.have, s.known, s.wrote)
}
