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
}

// Reading is what a target was read to hold, with what was written to it before
// in the same turn.
type Reading struct {
	Have     Figures
	Accepted Figures // what the destination said to have stored
	// Failed is the error of a write of which it is not known what it stored;
	// Have says it. Nothing is written any more then.
	Failed error
}

// Decide says which figures to write to a target after a reading of it.
type Decide func(Reading) (write Figures, err error)

// Compare makes the plan that brings the target from have to the balance's
// values, knowing what balansd wrote there before.
//
// A cell may be written when it is empty, or holds exactly what balansd wrote
// last or was about to write. A cell that a person decided to keep stays as
// long as Finbox and Silverfin say what they said then. A cell that balansd
// wrote and that the new balance leaves empty becomes 0: nothing is ever
// deleted in Silverfin, and the National Bank takes an empty rubric for zero.
// A cell that a person filled and the balance leaves empty is theirs.
func Compare(values balance.Values, have Figures, w Written) Plan {
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
		kept, keeps := w.Kept[c]
		given, gives := w.Given[c]
		switch {
		case same(held, figure):
			if w.ours(c, held) {
				p.Ours[c] = figure
			}
		case keeps && kept.still(figure, held):
			p.Want[c] = held
		case same(held, ""), w.ours(c, held), gives && given.still(figure, held):
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

// Holding takes note of what a target was just read to hold: a figure that is
// ours stays known as ours, whatever is written next.
func (w Written) Holding(have Figures) Written {
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

// At returns what is known of the target as it is mapped now: figures and choices
// count only where the cell's property is still the one that they are about.
// Where that was not kept, they do not count.
func (w Written) At(property func(balance.Cell) string) Written {
	elsewhere := func(c balance.Cell, was string) bool { return was == "" || was != property(c) }
	moved := func(c balance.Cell, _ string) bool { return elsewhere(c, w.Properties[c]) }
	chosen := func(c balance.Cell, s Seen) bool { return elsewhere(c, s.Property) }
	w.Confirmed, w.Intended = without(w.Confirmed, moved), without(w.Intended, moved)
	w.Given, w.Kept = without(w.Given, chosen), without(w.Kept, chosen)
	return w
}

// Mapped names the property of each cell that balansd wrote or is about to.
func (w Written) Mapped(property func(balance.Cell) string) Written {
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

// Spend takes away the choices for Finbox's figures that a write carries out,
// and returns them: a choice holds for one write, since what Silverfin holds
// after it may be a person's newer word.
func (w Written) Spend(write Figures) (Written, map[balance.Cell]Seen) {
	spent := map[balance.Cell]Seen{}
	w.Given = without(w.Given, func(c balance.Cell, s Seen) bool {
		_, out := write[c]
		if out {
			spent[c] = s
		}
		return out
	})
	return w, spent
}

// Unspend returns choices back that were surely not carried out.
func (w Written) Unspend(spent map[balance.Cell]Seen) Written {
	w.Given, w.Intended = maps.Clone(w.Given), maps.Clone(w.Intended)
	if w.Given == nil {
		w.Given = map[balance.Cell]Seen{}
	}
	for c, s := range spent {
		w.Given[c] = s
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

// same compares two texts as figures: 1.0 and 1 are the same, an empty text is
// only like an empty one, and what is no figure must match letter by letter.
func same(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	if a == b {
		return true
	}
	x, errX := balance.ParseDecimal(a)
	y, errY := balance.ParseDecimal(b)
	return errX == nil && errY == nil && x.Equal(y)
}
