package ledger

import (
	"maps"
	"slices"
	"strings"
	"time"

	"balansd/balance"
	"balansd/mapping"
)

// TrialWrite is a write into one dossier that shows whether a template uses a mapping. It
// is recorded before anything is sent, and removed once the dossier has its old figures
// again.
type TrialWrite struct {
	Target  Target         `json:"target"`
	Mapping mapping.Target `json:"mapping"` // where the figures are
	Before  Figures        `json:"before"`  // what each cell held
	Trial   Figures        `json:"trial"`   // what takes its place
	At      time.Time      `json:"at"`
	By      string         `json:"by,omitempty"`
}

// TrialOf returns other figures for the cells of a target that hold one, each in the same
// notation. Where several cells hold the same figure they get different ones, as far as
// possible, so that a result tells which of them it shows. A cell that holds none is left
// alone: it could only be emptied again by deleting it.
func TrialOf(have Figures) (before, trial Figures) {
	before, trial = Figures{}, Figures{}
	equal := map[string]int{}
	for _, c := range slices.SortedFunc(maps.Keys(have), balance.CompareCells) {
		text := have[c]
		if other := otherFigure(text, equal[text]); other != "" {
			before[c], trial[c] = text, other
			equal[text]++
		}
	}
	return before, trial
}

// otherFigure replaces the last digit before the decimal mark, so that a template that
// rounds shows it too, by the n-th of the other digits but 0. It returns nothing for what
// is no figure.
func otherFigure(text string, n int) string {
	if len(balance.Readings(text)) == 0 {
		return ""
	}
	end := len(text)
	if mark := strings.LastIndexAny(text, ".,"); mark >= 0 {
		end = mark
	}
	at := strings.LastIndexAny(text[:end], "0123456789")
	if at < 0 {
		return ""
	}
	others := strings.ReplaceAll("123456789", text[at:at+1], "")
	return text[:at] + others[n%len(others):][:1] + text[at+1:]
}

// Next returns the trial figures that the target does not hold yet. One that a person
// changed meanwhile is left alone.
func (w TrialWrite) Next(have Figures) Figures { return exchange(w.Before, w.Trial, have) }

// Back returns the old figures that the target does not hold again yet. What is neither
// old nor of the trial, a person typed meanwhile, and it stays.
func (w TrialWrite) Back(have Figures) Figures { return exchange(w.Trial, w.Before, have) }

// exchange returns the figures of to for the cells that hold what from has.
func exchange(from, to, have Figures) Figures {
	out := Figures{}
	for c, text := range to {
		if held, ok := have[c]; ok && sameFigure(held, from[c]) {
			out[c] = text
		}
	}
	return out
}

// sameFigure reports whether two texts are the same figure, however Silverfin returns it.
func sameFigure(a, b string) bool {
	if strings.TrimSpace(a) == strings.TrimSpace(b) {
		return true
	}
	one, other := balance.Readings(a), balance.Readings(b)
	return len(one) == 1 && len(other) == 1 && one[0].Equal(other[0])
}

// Changed lists the cells that hold neither their old figure nor that of the trial.
func (w TrialWrite) Changed(have Figures) (cells []balance.Cell) {
	for c := range w.Before {
		if !sameFigure(have[c], w.Before[c]) && !sameFigure(have[c], w.Trial[c]) {
			cells = append(cells, c)
		}
	}
	slices.SortFunc(cells, balance.CompareCells)
	return cells
}

// CellOf returns the one cell whose figure went from was to is; false where none did, or
// several.
func (w TrialWrite) CellOf(was, is string) (cell balance.Cell, ok bool) {
	for c := range w.Before {
		if sameFigure(w.Before[c], was) && sameFigure(w.Trial[c], is) {
			if ok {
				return balance.Cell{}, false
			}
			cell, ok = c, true
		}
	}
	return cell, ok
}
