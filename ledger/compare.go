package ledger

import (
	"maps"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/mapping"

	"github.com/shopspring/decimal"
)

// Difference is one cell where Silverfin holds a figure that a person changed.
type Difference struct {
	Cell      balance.Cell `json:"cell"`
	Finbox    string       `json:"finbox"`             // what the social balance says
	Silverfin string       `json:"silverfin"`          // what Silverfin holds
	Ours      string       `json:"ours,omitempty"`     // what balansd wrote there last; empty when it never did
	Property  string       `json:"property,omitempty"` // that holds Silverfin's figure, as "namespace.key"
	// Writes is what balansd would write, where that is another figure than Finbox: with
	// the other sign, or in whole euros.
	Writes string `json:"writes,omitempty"`
}

// Plan is what a delivery would do to a target. Its texts are in the notation of the
// template, see mapping.Format.
type Plan struct {
	// Want is what the target must hold afterwards: what is read back must
	// equal it. See Unequal.
	Want Figures
	// Write are the cells of Want that the target does not hold yet.
	Write Figures
	// Ours are the cells of Want that balansd will have written, now or
	// before. They become Written.Confirmed once they are read back.
	Ours Figures
	// Differ are the cells that a person changed. A plan that has any must
	// not be carried out.
	Differ []Difference
	// Exact counts the cells where the target holds the exact amount of one that is to be
	// written in whole euros: that stays.
	Exact int
	// Kept counts the cells that a person decided to keep as the target has them.
	Kept int

	format mapping.Format
	values balance.Values // of the cells of Want that are to hold a figure of the balance
}

// Reading is what a target holds, with what was written to it before in the same
// update.
type Reading struct {
	Have     Figures
	Accepted Figures // that the destination reported as stored
	// Failed is the error of a write that may have stored any part of its figures;
	// Have was read after it. Nothing more is written then.
	Failed error
}

// Decide returns the figures to write to a target after a reading of it.
type Decide func(Reading) (write Figures, err error)

// Compare returns the plan that brings the target from have to the balance's
// values, written in a format; w is what balansd wrote there before.
//
// A cell may be written when it is empty, or holds exactly what balansd wrote
// last or was about to write. A cell that a person decided to keep is not written
// as long as Finbox and Silverfin hold the figures of that decision. A cell that balansd
// wrote and that the new balance leaves empty becomes what stands for 0: nothing is ever
// deleted in Silverfin, and the National Bank reads an empty rubric as zero. Where an empty
// text stands for 0, one that took the place of a figure of balansd is a person's. A cell
// that a person filled and the balance leaves empty is not changed. Where the balance, or
// what the template wants, is rounded to whole euros, a cell that holds an amount that
// rounds to its own is not changed either.
func Compare(values balance.Values, rounded bool, format mapping.Format, have Figures, w Written) Plan {
	w = w.In(format)
	values = maps.Clone(values)
	if values == nil {
		values = balance.Values{}
	}
	// A cell that only we filled, and that a correction leaves empty.
	for _, old := range []Figures{w.Confirmed, w.Intended} {
		for c := range old {
			if _, ok := values[c]; !ok && !isBlank(have[c]) && w.ours(c, have[c]) {
				values[c] = decimal.Zero
			}
		}
	}
	p := Plan{Want: Figures{}, Write: Figures{}, Ours: Figures{}, format: format, values: values}
	for c, figure := range values {
		p.add(c, figure, rounded, have[c], w)
	}
	slices.SortFunc(p.Differ, func(a, b Difference) int { return balance.CompareCells(a.Cell, b.Cell) })
	return p
}

// add plans one cell, of which the target holds held.
func (p *Plan) add(c balance.Cell, figure decimal.Decimal, rounded bool, held string, w Written) {
	f := p.format
	text, ours := f.Text(c, figure), w.ours(c, held)
	kept, keeps := w.KeepSilverfin[c]
	given, gives := w.UseFinbox[c]
	keep := func() {
		p.Want[c] = held
		delete(p.values, c)
		if ours {
			p.Ours[c] = held
		}
	}
	p.Want[c] = text
	mayBeExact := rounded
	if f.WholeEuros() {
		mayBeExact = !ours // what balansd wrote itself is to be rounded
	}
	switch {
	case f.Same(c, figure, held) && (!ours || f.Fits(text, held)):
		if ours {
			p.Ours[c] = text
		}
	case mayBeExact && p.roundsTo(c, held, figure):
		if ours && !f.Fits(text, held) {
			exact, _ := f.Number(c, held)
			p.Want[c], p.values[c] = f.Text(c, exact), exact
			p.Write[c], p.Ours[c] = p.Want[c], p.Want[c]
			return
		}
		keep()
		p.Exact++
	case keeps && kept.still(c, figure, rounded, held):
		keep()
		p.Kept++
	case ours, isBlank(held) && !w.cleared(c, f), gives && given.still(c, figure, rounded, held):
		p.Write[c], p.Ours[c] = text, text
	default:
		d := Difference{Cell: c, Finbox: balance.Canonical(figure), Silverfin: held, Ours: w.Confirmed[c]}
		if n, ok := f.Plain(c, figure); ok {
			d.Writes = n
		}
		p.Differ = append(p.Differ, d)
	}
}

// roundsTo reports whether a text is an amount that rounds to the figure of a cell in
// whole euros.
func (p *Plan) roundsTo(c balance.Cell, held string, figure decimal.Decimal) bool {
	if isBlank(held) {
		return false
	}
	exact, ok := p.format.Number(c, held)
	return ok && balance.RoundsTo(c, exact, p.format.Rounded(c, figure))
}

// Unequal lists the cells of Want that a target does not hold.
func (p Plan) Unequal(have Figures) []balance.Cell {
	var cells []balance.Cell
	for c, text := range p.Want {
		figure, known := p.values[c]
		if !(known && p.format.Same(c, figure, have[c])) && !sameText(text, have[c]) {
			cells = append(cells, c)
		}
	}
	slices.SortFunc(cells, balance.CompareCells)
	return cells
}

// Confirm returns w after a reading of the target: each figure of have that
// balansd wrote, or was about to write, is confirmed.
func (w Written) Confirm(have Figures) Written {
	confirmed := maps.Clone(w.Confirmed)
	if confirmed == nil {
		confirmed = Figures{}
	}
	for c, text := range have {
		if w.ours(c, text) {
			confirmed[c] = text
		}
	}
	w.Confirmed = confirmed
	return w
}

// ForMapping returns w without the figures and choices of cells that are now
// mapped to another property than they were recorded for. Those recorded
// without a property are dropped too.
func (w Written) ForMapping(property func(balance.Cell) string) Written {
	elsewhere := func(c balance.Cell, was string) bool { return was == "" || was != property(c) }
	moved := func(c balance.Cell, _ string) bool { return elsewhere(c, w.Properties[c]) }
	chosen := func(c balance.Cell, s Seen) bool { return elsewhere(c, s.Property) }
	w.Confirmed, w.Intended = without(w.Confirmed, moved), without(w.Intended, moved)
	w.UseFinbox, w.KeepSilverfin = without(w.UseFinbox, chosen), without(w.KeepSilverfin, chosen)
	return w
}

// WithMapping returns w with the property of each cell in Confirmed and Intended.
func (w Written) WithMapping(property func(balance.Cell) string) Written {
	w.Properties = map[balance.Cell]string{}
	for _, figures := range []Figures{w.Confirmed, w.Intended} {
		for c := range figures {
			w.Properties[c] = property(c)
		}
	}
	return w
}

// without returns a copy of m that lacks what drop is true of; nil of nil.
func without[M ~map[balance.Cell]V, V any](m M, drop func(balance.Cell, V) bool) M {
	m = maps.Clone(m)
	maps.DeleteFunc(m, drop)
	return m
}

// SpendChoices returns w without the choices for Finbox's figures that write
// carries out, and those choices. A choice holds for one write, since a person may
// type another figure in Silverfin after it.
func (w Written) SpendChoices(write Figures) (Written, map[balance.Cell]Seen) {
	spent := map[balance.Cell]Seen{}
	w.UseFinbox = without(w.UseFinbox, func(c balance.Cell, s Seen) bool {
		_, out := write[c]
		if out {
			spent[c] = s
		}
		return out
	})
	return w, spent
}

// RestoreChoices puts back choices of SpendChoices that were certainly not
// carried out.
func (w Written) RestoreChoices(spent map[balance.Cell]Seen) Written {
	w.UseFinbox, w.Intended = maps.Clone(w.UseFinbox), maps.Clone(w.Intended)
	if w.UseFinbox == nil {
		w.UseFinbox = map[balance.Cell]Seen{}
	}
	for c, s := range spent {
		w.UseFinbox[c] = s
		delete(w.Intended, c)
	}
	return w
}

// In returns w for a comparison in a format: where figures are or were written with a
// comma, texts such as 1.000 are not taken for 1.
func (w Written) In(f mapping.Format) Written {
	w.Comma = w.Comma || f.Comma()
	return w
}

// ours reports whether text is what balansd wrote, or was about to write, there.
func (w Written) ours(c balance.Cell, text string) bool {
	same := samePlain
	if w.Comma {
		same = sameText
	}
	if f, ok := w.Confirmed[c]; ok && same(f, text) {
		return true
	}
	f, ok := w.Intended[c]
	return ok && same(f, text)
}

// cleared reports whether an empty cell held a figure of balansd before, in a format in
// which an empty text stands for zero: then somebody said that the figure is zero.
func (w Written) cleared(c balance.Cell, f mapping.Format) bool {
	return f.BlankZero() && !isBlank(w.Confirmed[c]) && !f.Same(c, decimal.Zero, w.Confirmed[c])
}

func isBlank(text string) bool { return strings.TrimSpace(text) == "" }

// samePlain compares two texts as figures with a decimal point: 1.0 equals 1. An empty
// text equals only another empty one, and a text that is no figure only itself. A figure
// that a person wrote in another notation is compared as in sameText.
func samePlain(a, b string) bool {
	x, errX := balance.ParseDecimal(strings.TrimSpace(a))
	y, errY := balance.ParseDecimal(strings.TrimSpace(b))
	if errX == nil && errY == nil {
		return x.Equal(y)
	}
	return sameText(a, b)
}

// sameText compares two texts as figures whose notation is not known: 4,3 is 4.3, since
// both can be read in one way alone, which 1.234 cannot.
func sameText(a, b string) bool {
	if strings.TrimSpace(a) == strings.TrimSpace(b) {
		return true
	}
	one, other := balance.Readings(a), balance.Readings(b)
	return len(one) == 1 && len(other) == 1 && one[0].Equal(other[0])
}
