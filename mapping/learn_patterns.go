package mapping

import (
	"cmp"
	"slices"
	"strings"

	"balansd/balance"
)

// pattern is a way in which keys of a namespace are built from rubric codes.
type pattern struct {
	namespace, key string // key holds {code}
	previous       string // the pattern of last year's keys; empty where it is key with a P
	established    bool   // enough figures are where it says, or a template's text names enough keys
	figures        bool   // it is the figures
	digits         int
}

// Bounds of what a pattern needs.
const (
	patternCells  = 4  // rubrics with a telling figure
	patternDigits = 12 // digits of their figures
	textCells     = 10 // rubrics that a text names, where no figure is known
)

// patterns lists the patterns whose figures are those of the balance, the best first.
// Of two that hold the same rubrics both are listed.
func (s *scope) patterns() []pattern {
	members := map[pattern][]Property{} // by namespace and key
	for _, p := range s.properties {
		for _, at := range digitRun.FindAllStringIndex(p.Key, -1) {
			if _, ok := balance.RubricOf(p.Key[at[0]:at[1]]); ok {
				one := pattern{namespace: p.Namespace, key: p.Key[:at[0]] + codeMark + p.Key[at[1]:]}
				members[one] = append(members[one], p)
			}
		}
	}
	var all, previous []pattern
	for one, list := range members {
		current := s.judge(&one, list, false)
		if current.established {
			all = append(all, current)
		}
		if last := s.judge(&one, list, true); last.established {
			previous = append(previous, last)
		}
	}
	order := func(a, b pattern) int {
		return cmp.Or(cmp.Compare(b.digits, a.digits), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.key, b.key))
	}
	slices.SortFunc(all, order)
	slices.SortFunc(previous, order)
	for i := range all {
		native := strings.Replace(all[i].key, codeMark, codeMark+"P", 1)
		for _, last := range previous {
			if last.namespace == all[i].namespace && last.key != all[i].key && all[i].previous == "" {
				all[i].previous = last.key
			}
		}
		if all[i].previous == native || members[pattern{namespace: all[i].namespace, key: native}] != nil && all[i].previous == "" {
			all[i].previous = ""
		}
	}
	return all
}

// judge says whether the figures at the properties of a pattern are those of its
// rubrics, of this year or of last year.
func (s *scope) judge(one *pattern, list []Property, previous bool) pattern {
	out := *one
	equal, other, named := 0, 0, 0
	for _, p := range list {
		c := balance.Cell{Code: inPattern(one.key, p.Key), Previous: previous}
		if r, ok := balance.RubricOf(c.Code); !ok || previous && !r.HasPrevious() {
			continue
		}
		if s.named[p] {
			named++
		}
		f := s.fit(p, c)
		switch {
		case len(f.equal) > 0:
			out.digits += f.digits
			if f.digits >= 2 {
				equal++
			}
		case len(f.differs) > 0:
			other++
		}
	}
	if previous {
		out.established = equal >= 2 && other == 0 && out.digits >= 6
		return out
	}
	out.figures = equal >= patternCells && out.digits >= patternDigits && equal >= 3*other
	out.established = out.figures ||
		named >= textCells && other == 0 && namedSo(s.handle, s.names)
	return out
}

// matched is what was found in a scope.
type matched struct {
	pattern *pattern
	rubrics []LearntRubric
	digits  map[balance.Cell]int
}

// match finds the cells of the form in a scope: by a pattern where there is one, and the
// others by their figures alone.
func (s *scope) match(p *pattern) matched {
	m := matched{pattern: p, digits: map[balance.Cell]int{}}
	used := map[Property]balance.Cell{}
	byPattern := map[balance.Cell]LearntRubric{}
	if p != nil {
		t := Target{Level: s.level, Handle: s.handle, Namespace: p.namespace, Key: p.key, KeyPrevious: p.previous}
		for _, c := range balance.FormCells() {
			at, _ := t.Property(c)
			r, digits := s.confirm(c, at)
			byPattern[c], m.digits[c] = r, digits
			if r.Confidence != Ambiguous && !r.Absent {
				used[at] = c
			}
		}
	}
	alone := s.matchAlone(used, byPattern)
	for _, c := range balance.FormCells() {
		r, ok := byPattern[c]
		if other, found := alone[c]; found && (!ok || r.Confidence == Ambiguous || r.Absent) {
			if other.Confidence != Ambiguous || !ok {
				r, ok = other, true
				f := s.fits[s.propertyNamed(other.Property)][c]
				m.digits[c] = f.digits
			}
		}
		if ok {
			m.rubrics = append(m.rubrics, r)
		}
	}
	return m
}

// propertyNamed returns the property that a text names.
func (s *scope) propertyNamed(text string) Property {
	for _, p := range s.properties {
		if p.String() == text {
			return p
		}
	}
	return Property{}
}

// confirm says how sure it is that a cell is where the pattern has it. A figure that no
// other rubric has makes it certain; one that others have too could have been put there
// for them.
func (s *scope) confirm(c balance.Cell, p Property) (LearntRubric, int) {
	f := s.fit(p, c)
	r := LearntRubric{Cell: c, Property: p.String(), Pattern: true, InText: s.named[p], Equal: len(f.equal), Known: s.known(c), Turned: f.turned}
	for _, i := range f.differs {
		r.Differs = append(r.Differs, s.dossiers[i].name)
	}
	_, r.Absent = s.named[p]
	r.Absent = !r.Absent
	r.Unseen = len(f.equal)+len(f.differs) == 0
	r.Confidence = Likely
	label := s.rubricOf[p]
	r.Named = label == c.Code
	switch {
	case label != "" && label != c.Code: // the text names another rubric beside it
		r.Confidence = Ambiguous
		r.Cells = []balance.Cell{{Code: label, Previous: c.Previous}}
	case len(f.equal) > 0:
		if label == "" {
			r.Cells = s.rivalCells(p, c, f)
		}
		sure := len(f.differs) == 0 || len(f.equal) >= 2 && f.digits >= 5
		if len(r.Cells) == 0 && sure && (!f.turned || f.digits >= 3) {
			r.Confidence = Certain
		}
		if f.turned && f.digits < 3 {
			r.Confidence, r.Turned = Likely, false
		}
	case len(f.differs) > 0:
		if r.Cells = s.cellsInstead(p, c); len(r.Cells) > 0 {
			r.Confidence = Ambiguous
		}
	}
	return r, f.digits
}

// cellsInstead lists the cells whose figures a property has in place of those of c.
func (s *scope) cellsInstead(p Property, c balance.Cell) (cells []balance.Cell) {
	for other, g := range s.fits[p] {
		if len(g.equal) > 0 && len(g.differs) == 0 && g.digits >= 2 && other != c {
			cells = append(cells, other)
		}
	}
	slices.SortFunc(cells, balance.CompareCells)
	return cells
}

// known reports whether a balance has a figure of the cell other than zero.
func (s *scope) known(c balance.Cell) bool {
	return slices.ContainsFunc(s.dossiers, func(o observed) bool { return !o.figures[c].IsZero() })
}

// rivalCells lists the other cells that fit a property as well as c does.
func (s *scope) rivalCells(p Property, c balance.Cell, f fit) []balance.Cell {
	var rivals []balance.Cell
	for other, g := range s.fits[p] {
		if other != c && len(g.equal) >= len(f.equal) && len(g.differs) <= len(f.differs) {
			rivals = append(rivals, other)
		}
	}
	slices.SortFunc(rivals, balance.CompareCells)
	return rivals
}

// target builds the target of what was matched: the pattern, and in the map what is
// certain or likely elsewhere.
func (m matched) target(s *scope) Target {
	t := Target{Level: s.level, Handle: s.handle}
	if m.pattern != nil {
		t.Namespace, t.Key, t.KeyPrevious = m.pattern.namespace, m.pattern.key, m.pattern.previous
	} else {
		t.Namespace = m.commonNamespace()
	}
	for _, r := range m.rubrics {
		if r.Pattern || r.Confidence == Ambiguous || r.Property == "" {
			continue
		}
		if t.Map == nil {
			t.Map = map[string]string{}
		}
		t.Map[r.Cell.String()] = strings.TrimPrefix(r.Property, t.Namespace+".")
	}
	m.leaveOut(&t)
	t.Values = m.format(s, t)
	return t
}

// leaveOut takes the cells out of a target that have no place: those whose property, by
// the pattern, holds the figures of another one, and without a pattern all that were not
// found. A balance that has figures for them is delivered without.
func (m matched) leaveOut(t *Target) {
	if t.Key == "" {
		for _, c := range balance.FormCells() {
			if _, placed := t.Map[c.String()]; !placed && t.Map != nil {
				t.Map[c.String()] = LeftOut
			}
		}
		return
	}
	taken := map[Property]bool{}
	for text := range t.Map {
		taken[t.mapped(text)] = true
	}
	for i, r := range m.rubrics {
		p, _ := t.Property(r.Cell)
		_, placed := t.Map[r.Cell.String()]
		if placed || r.Confidence != Ambiguous && !taken[p] {
			continue
		}
		if t.Map == nil {
			t.Map = map[string]string{}
		}
		t.Map[r.Cell.String()] = LeftOut
		m.rubrics[i].Confidence, m.rubrics[i].Property = Ambiguous, ""
		m.rubrics[i].Others = append(m.rubrics[i].Others, p.String())
	}
}

// commonNamespace returns the namespace that most rubrics are in.
func (m matched) commonNamespace() string {
	count := map[string]int{}
	best := ""
	for _, r := range m.rubrics {
		ns, _, _ := strings.Cut(r.Property, ".")
		if r.Confidence == Ambiguous || ns == "" {
			continue
		}
		if count[ns]++; best == "" || count[ns] > count[best] || count[ns] == count[best] && ns < best {
			best = ns
		}
	}
	return best
}

// format says how the figures are written, from those that were found.
func (m matched) format(s *scope, t Target) Format {
	var f Format
	var seen notations
	filled := m.filled(s, t)
	for _, r := range m.rubrics {
		if r.Confidence == Ambiguous || r.Property == "" {
			continue
		}
		p, _ := t.Property(r.Cell)
		for i, o := range s.dossiers {
			if filled[i] { // what is empty in another one says nothing
				seen.add(r.Cell, o, p)
			}
		}
		if r.Turned && r.Confidence == Certain && !slices.Contains(f.Negative, r.Cell.Code) {
			f.Negative = append(f.Negative, r.Cell.Code)
		}
	}
	if s.comma {
		f.Decimal = DecimalComma
	}
	if seen.whole > 3*seen.cents {
		f.Amounts = AmountsWhole
	}
	if seen.blank >= 2 && seen.zero == 0 {
		f.Zero = ZeroBlank
	}
	return f
}

// filled returns the dossiers that have a figure where the target says.
func (m matched) filled(s *scope, t Target) map[int]bool {
	filled := map[int]bool{}
	for _, r := range m.rubrics {
		p, ok := t.Property(r.Cell)
		if !ok || r.Confidence == Ambiguous {
			continue
		}
		for _, i := range s.fit(p, r.Cell).equal {
			filled[i] = true
		}
	}
	return filled
}

// notations counts how figures were written: amounts in whole euros or to the cent, zeros
// as an empty text or as a figure.
type notations struct{ whole, cents, blank, zero int }

// add counts the figure of one cell in a dossier.
func (n *notations) add(c balance.Cell, o observed, p Property) {
	figure, stated := o.figures[c]
	v, present := o.values[p]
	switch {
	case stated && figure.IsZero() && v.number && v.d.IsZero():
		n.zero++
	case stated && figure.IsZero() && (!present || v.blank):
		n.blank++
	case !stated || !v.number || figure.IsInteger() || !isMoney(c):
	case v.d.Abs().Equal(figure.Abs()):
		n.cents++
	case balance.RoundsTo(c, figure.Abs(), v.d.Abs()):
		n.whole++
	}
}

func isMoney(c balance.Cell) bool {
	r, ok := balance.RubricOf(c.Code)
	return ok && r.Unit == balance.Money
}
