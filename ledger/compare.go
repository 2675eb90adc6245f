package ledger

import (
	"maps"
	"slices"
	"strings"

	"balansd/balance"
)

// Difference is one cell where Silverfin holds a figure that a person changed.
type Difference struct {
	Cell      balance.Cell `json:"cell"`
	Finbox    string       `json:"finbox"`             // what the social balance says
	Silverfin string       `json:"silverfin"`          // what Silverfin holds
	Ours      string       `json:"ours,omitempty"`     // what balansd wrote there last; empty when it never did
	Property  string       `json:"property,omitempty"` // that holds Silverfin's figure, as "namespace.key"
}

// Plan is what a delivery would do to a target.
type Plan struct {
	// Want is what the target must hold afterwards: what is read back must
	// equal it.
	Want Figures
	// Write are the cells of Want that the target does not hold yet.
	Write Figures
	// Ours are the cells of Want that balansd will have written, now or
	// before. They become Written.Confirmed once they are read back.
	Ours Figures
	// Differ are the cells that a person changed. A plan that has any must
	// not be carried out.
	Differ []Difference
	// Exact counts the cells where the target holds the exact amount of a balance in
	// whole euros: that stays.
	Exact int
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
// values; w is what balansd wrote there before.
//
// A cell may be written when it is empty, or holds exactly what balansd wrote
// last or was about to write. A cell that a person decided to keep is not written
// as long as Finbox and Silverfin hold the figures of that decision. A cell that balansd
// wrote and that the new balance leaves empty becomes 0: nothing is ever
// deleted in Silverfin, and the National Bank reads an empty rubric as zero. A cell
// that a person filled and the balance leaves empty is not changed. Where the balance
// is rounded to whole euros, a cell that holds an amount that rounds to its own is not
// changed either.
func Compare(values balance.Values, rounded bool, have Figures, w Written) Plan {
	want := FiguresOf(values)
	// A cell that only we filled, and that a correction leaves empty.
	for _, old := range []Figures{w.Confirmed, w.Intended} {
		for c := range old {
			if _, ok := want[c]; !ok && !same(have[c], "") && w.ours(c, have[c]) {
				want[c] = "0"
			}
		}
	}
	p := Plan{Want: want, Write: Figures{}, Ours: Figures{}}
	for c, figure := range want {
		held := have[c]
		kept, keeps := w.KeepSilverfin[c]
		given, gives := w.UseFinbox[c]
		switch {
		case same(held, figure):
			if w.ours(c, held) {
				p.Ours[c] = figure
			}
		case rounded && roundsTo(c, held, figure):
			p.Want[c] = held
			p.Exact++
			if w.ours(c, held) {
				p.Ours[c] = held
			}
		case keeps && kept.still(c, figure, rounded, held):
			p.Want[c] = held
		case same(held, ""), w.ours(c, held), gives && given.still(c, figure, rounded, held):
			p.Write[c], p.Ours[c] = figure, figure
		default:
			p.Differ = append(p.Differ, Difference{Cell: c, Finbox: figure, Silverfin: held, Ours: w.Confirmed[c]})
		}
	}
	slices.SortFunc(p.Differ, func(a, b Difference) int { return balance.CompareCells(a.Cell, b.Cell) })
	return p
}

// Equal reports whether have holds everything in want.
func Equal(want, have Figures) bool {
	for c, figure := range want {
		if !same(figure, have[c]) {
			return false
		}
	}
	return true
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

// ours reports whether text is what balansd wrote, or was about to write, there.
func (w Written) ours(c balance.Cell, text string) bool {
	if f, ok := w.Confirmed[c]; ok && same(f, text) {
		return true
	}
	f, ok := w.Intended[c]
	return ok && same(f, text)
}

// same compares two texts as figures: 1.0 equals 1. An empty text equals only
// another empty one, and a text that is no figure only itself. A figure that a
// person wrote in another notation, such as 4,3 for 4.3, is the same where it can
// be read in one way alone, which 1.234 cannot.
func same(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	if a == b {
		return true
	}
	x, errX := balance.ParseDecimal(a)
	y, errY := balance.ParseDecimal(b)
	if errX == nil && errY == nil {
		return x.Equal(y)
	}
	one, other := balance.Readings(a), balance.Readings(b)
	return len(one) == 1 && len(other) == 1 && one[0].Equal(other[0])
}

// roundsTo reports whether a text is an amount that rounds to a figure in whole
// euros.
func roundsTo(c balance.Cell, text, figure string) bool {
	exact, rounded := balance.Readings(text), balance.Readings(figure)
	return len(exact) == 1 && len(rounded) == 1 && balance.RoundsTo(c, exact[0], rounded[0])
}
