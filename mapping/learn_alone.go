package mapping

import (
	"slices"
	"strings"

	"balansd/balance"
)

// Bounds of what a figure alone needs.
const (
	aloneDigits   = 8 // digits of the equal figures of two dossiers or more, to be certain
	marginDigits  = 3 // of those that only one cell has
	likelyDigits  = 3 // to be likely
	labelledDigit = 3 // to be certain where the text names the rubric beside it
)

// matchAlone finds, for cells that the pattern leaves open, properties whose key says
// nothing of the code.
func (s *scope) matchAlone(used map[Property]balance.Cell, byPattern map[balance.Cell]LearntRubric) map[balance.Cell]LearntRubric {
	open := func(c balance.Cell) bool {
		r, ok := byPattern[c]
		return !ok || r.Confidence == Ambiguous || r.Absent
	}
	places := map[balance.Cell][]Property{}
	for _, p := range s.properties {
		if _, taken := used[p]; taken {
			continue
		}
		for c := range s.fits[p] {
			if label := s.rubricOf[p]; label != "" && label != c.Code {
				continue // the text says what it is
			}
			if f := s.fits[p][c]; len(f.equal) > len(f.differs) && len(s.betterCells(p, c, f)) == 0 {
				places[c] = append(places[c], p)
			}
		}
	}
	found := map[balance.Cell]LearntRubric{}
	for c, list := range places {
		if open(c) {
			found[c] = s.judgeAlone(c, list)
		}
	}
	s.settleByWords(found, places)
	return found
}

// betterCells lists the cells that fit a property better than c does.
func (s *scope) betterCells(p Property, c balance.Cell, f fit) []balance.Cell {
	var better []balance.Cell
	for other, g := range s.fits[p] {
		if other != c && (len(g.equal) > len(f.equal) && len(g.differs) <= len(f.differs) || len(g.equal) == len(f.equal) && len(g.differs) < len(f.differs)) {
			better = append(better, other)
		}
	}
	return better
}

// judgeAlone says how sure it is that a cell is at one of the properties whose figures
// are its own.
func (s *scope) judgeAlone(c balance.Cell, list []Property) LearntRubric {
	p := s.fittest(c, list)
	f, labelled := s.fits[p][c], s.rubricOf[p] == c.Code
	r := LearntRubric{Cell: c, Property: p.String(), InText: s.named[p], Equal: len(f.equal), Turned: f.turned, Known: true,
		Named: labelled, Confidence: Ambiguous}
	for _, i := range f.differs {
		r.Differs = append(r.Differs, s.dossiers[i].name)
	}
	for _, other := range list {
		if other != p && (!labelled || s.rubricOf[other] == c.Code) {
			r.Others = append(r.Others, other.String())
		}
	}
	for _, rival := range s.rivalCells(p, c, f) {
		if !labelled || rival.Code == c.Code {
			r.Cells = append(r.Cells, rival)
		}
	}
	if len(r.Others) == 0 && len(r.Cells) == 0 {
		r.Confidence = s.confidenceAlone(p, c, f)
	}
	if r.Confidence == Ambiguous {
		r.Property, r.Others = "", append([]string{r.Property}, r.Others...)
	}
	return r
}

// fittest returns the property that a cell fits best: one that the text names for it, else
// the one with most equal figures.
func (s *scope) fittest(c balance.Cell, list []Property) Property {
	p := list[0]
	for _, other := range list {
		if s.rubricOf[p] == c.Code {
			break
		}
		if s.rubricOf[other] == c.Code || len(s.fits[other][c].equal) > len(s.fits[p][c].equal) {
			p = other
		}
	}
	return p
}

// confidenceAlone says how sure it is that a cell is at the only property that it fits,
// and that no other cell fits.
func (s *scope) confidenceAlone(p Property, c balance.Cell, f fit) Confidence {
	labelled := s.rubricOf[p] == c.Code
	two := len(f.equal) >= 2 && len(f.differs) == 0 && f.digits >= aloneDigits && s.margin(p, c, f) >= marginDigits
	switch {
	case f.turned && two && labelled, !f.turned && two:
		return Certain
	case !f.turned && labelled && f.digits >= labelledDigit && len(f.differs) == 0:
		return Certain
	case !f.turned && (f.digits >= likelyDigits || len(f.equal) >= 2):
		return Likely
	default:
		return Ambiguous
	}
}

// margin returns how telling the figures are that tell a cell from the one that comes
// nearest.
func (s *scope) margin(p Property, c balance.Cell, f fit) int {
	least := f.digits
	for other, g := range s.fits[p] {
		if other == c {
			continue
		}
		apart := 0
		for _, i := range f.equal {
			if !slices.Contains(g.equal, i) {
				apart += digits(s.dossiers[i].values[p].d)
			}
		}
		least = min(least, apart)
	}
	return least
}

// settleByWords gives cells that have the same figures to the properties whose keys have
// the words of their labels, where exactly one of each fits. It makes them likely, never
// certain.
func (s *scope) settleByWords(found map[balance.Cell]LearntRubric, places map[balance.Cell][]Property) {
	for _, c := range balance.FormCells() {
		r, ok := found[c]
		if !ok || r.Confidence != Ambiguous || r.Turned {
			continue
		}
		best, most, second := Property{}, 0, 0
		for _, p := range places[c] {
			if n := sharedWords(p, c); n > most {
				best, most, second = p, n, most
			} else if n > second {
				second = n
			}
		}
		f := s.fits[best][c]
		if most == 0 || most == second || f.digits < 2 {
			continue
		}
		rival := slices.ContainsFunc(s.rivalCells(best, c, f), func(other balance.Cell) bool { return sharedWords(best, other) >= most })
		if !rival {
			r.Property, r.Words, r.Confidence, r.InText = best.String(), true, Likely, s.named[best]
			r.Others = slices.DeleteFunc(r.Others, func(at string) bool { return at == r.Property })
			found[c] = r
		}
	}
}

// sharedWords counts the words of a property that are in the label of a cell, in any
// language, and one more where both or neither speak of the previous year.
func sharedWords(p Property, c balance.Cell) int {
	words := strings.FieldsFunc(strings.ToLower(p.String()), func(r rune) bool { return strings.ContainsRune("._- ", r) })
	best := 0
	for _, l := range balance.Languages() {
		label := strings.FieldsFunc(strings.ToLower(c.Label(l)), func(r rune) bool { return strings.ContainsRune("., '’()-", r) })
		n := 0
		for _, w := range words {
			if len(w) >= 4 && slices.ContainsFunc(label, func(of string) bool { return len(of) >= 4 && (strings.HasPrefix(of, w) || strings.HasPrefix(w, of)) }) {
				n++
			}
		}
		best = max(best, n)
	}
	return best
}
