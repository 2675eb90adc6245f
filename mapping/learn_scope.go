package mapping

import (
	"maps"
	"slices"
	"strings"

	"balansd/balance"

	"github.com/shopspring/decimal"
)

// scope is a place that holds custom properties: the period, or the reconciliation of
// one handle, with what is in it in each dossier.
type scope struct {
	level, handle string
	names         []string // of the template
	starred       bool     // the reconciliation that is filled in is starred, and another of its handle is not
	comma         bool     // the decimals stand behind a comma
	dossiers      []observed
	properties    []Property // all that occur, or that a text names, sorted
	named         map[Property]bool
	rubricOf      map[Property]string // the rubric that a text names beside a property
	fits          map[Property]map[balance.Cell]fit
}

// observed is what a dossier has in a scope.
type observed struct {
	name        string
	figures     balance.Values
	hasPrevious bool
	cellsOf     map[string][]balance.Cell // cells by their figure without its sign, exact and in whole euros
	values      map[Property]value
}

// value is what a property holds.
type value struct {
	text   string
	blank  bool
	number bool
	d      decimal.Decimal
}

// fit says how the figures of a cell compare with what a property holds, over the
// dossiers.
type fit struct {
	equal   []int // dossiers with the same figure, other than zero
	differs []int // dossiers with another one
	zeros   int   // dossiers in which neither has one
	turned  bool  // the same figures with the other sign
	digits  int   // how telling the equal figures are: their digits that count, added up
}

// newScope prepares what dossiers hold.
func newScope(level, handle string, names []string, filled []Filled, held [][]Value) *scope {
	s := &scope{level: level, handle: handle, names: names, named: map[Property]bool{}, rubricOf: map[Property]string{}}
	for i, f := range filled {
		o := observed{name: f.Name, figures: f.Figures, cellsOf: map[string][]balance.Cell{}, values: map[Property]value{}}
		for _, c := range f.Figures.Cells() {
			o.hasPrevious = o.hasPrevious || c.Previous
			exact := f.Figures[c].Abs()
			o.cellsOf[balance.Canonical(exact)] = append(o.cellsOf[balance.Canonical(exact)], c)
			for _, whole := range []decimal.Decimal{exact.Round(0), exact.Floor()} {
				if text := balance.Canonical(whole); !slices.Contains(o.cellsOf[text], c) && balance.RoundsTo(c, exact, whole) {
					o.cellsOf[text] = append(o.cellsOf[text], c)
				}
			}
		}
		for _, v := range held[i] {
			o.values[v.Property] = value{text: strings.TrimSpace(v.Text)}
		}
		s.dossiers = append(s.dossiers, o)
	}
	s.comma = s.writesComma()
	for _, o := range s.dossiers {
		for p, v := range o.values {
			v.blank = v.text == ""
			if v.d, v.number = readNumber(v.text, s.comma); !v.number {
				v.d, v.number = readNumber(v.text, !s.comma)
			}
			o.values[p] = v
			s.named[p] = false
		}
	}
	return s
}

// addReferences adds the properties that the texts of templates name.
func (s *scope) addReferences(references []Reference) {
	for _, r := range references {
		p := Property{r.Namespace, r.Key}
		switch {
		case r.Key == "":
		case !strings.Contains(r.Key, codeMark):
			s.named[p] = true
			if old, twice := s.rubricOf[p]; r.Rubric != "" && (!twice || old == r.Rubric) {
				s.rubricOf[p] = r.Rubric
			} else if r.Rubric != "" {
				s.rubricOf[p] = ""
			}
		default:
			for _, known := range slices.Collect(maps.Keys(s.named)) {
				s.named[known] = s.named[known] || r.Names(known)
			}
		}
	}
}

// study computes which cells each property may hold.
func (s *scope) study() {
	s.properties = slices.SortedFunc(maps.Keys(s.named), func(a, b Property) int { return strings.Compare(a.String(), b.String()) })
	s.fits = map[Property]map[balance.Cell]fit{}
	for _, p := range s.properties {
		s.fits[p] = map[balance.Cell]fit{}
		for _, o := range s.dossiers {
			v := o.values[p]
			if !v.number || v.d.IsZero() {
				continue
			}
			for _, c := range o.cellsOf[balance.Canonical(v.d.Abs())] {
				if _, done := s.fits[p][c]; !done {
					s.fits[p][c] = s.fit(p, c)
				}
			}
		}
	}
}

// fit compares a property with a cell in each dossier, with the sign that fits better.
func (s *scope) fit(p Property, c balance.Cell) fit {
	same, turned := s.fitSigned(p, c, false), s.fitSigned(p, c, true)
	if len(turned.equal) > len(same.equal) {
		return turned
	}
	return same
}

func (s *scope) fitSigned(p Property, c balance.Cell, turned bool) fit {
	f := fit{turned: turned}
	for i, o := range s.dossiers {
		v, present := o.values[p]
		figure := o.figures[c]
		switch {
		case !present || v.blank:
			if figure.IsZero() {
				f.zeros++
			}
		case v.number && v.d.IsZero() && figure.IsZero():
			f.zeros++
		case c.Previous && !o.hasPrevious:
		case v.number && !v.d.IsZero() && !figure.IsZero() && equalFigures(c, figure, v.d, turned):
			f.equal = append(f.equal, i)
			f.digits += digits(v.d)
		default:
			f.differs = append(f.differs, i)
		}
	}
	return f
}

func equalFigures(c balance.Cell, figure, d decimal.Decimal, turned bool) bool {
	if turned {
		d = d.Neg()
	}
	return balance.RoundsTo(c, figure, d)
}

// digits returns how many digits of a number count: 3 of 114.00 and of 11400.
func digits(d decimal.Decimal) int {
	return len(strings.Trim(strings.ReplaceAll(balance.Canonical(d.Abs()), ".", ""), "0"))
}

// writesComma reports whether the values that equal a figure have decimals behind a
// comma, more often than behind a point.
func (s *scope) writesComma() bool {
	comma, point := 0, 0
	for _, o := range s.dossiers {
		for _, v := range o.values {
			for _, c := range []bool{true, false} {
				d, ok := readNumber(v.text, c)
				if other, alsoOther := readNumber(v.text, !c); !ok || alsoOther && other.Equal(d) || len(o.cellsOf[balance.Canonical(d.Abs())]) == 0 {
					continue
				}
				if c {
					comma++
				} else {
					point++
				}
			}
		}
	}
	return comma > point
}

// readNumber reads a text as a number with its decimals behind a comma, or a point; false
// when it is none in that notation. The other mark, blanks and apostrophes stand between
// groups of three digits.
func readNumber(text string, comma bool) (decimal.Decimal, bool) {
	mark, group := ".", ","
	if comma {
		mark, group = ",", "."
	}
	text = strings.Map(func(r rune) rune {
		switch r {
		case '€', ' ', '\u00a0', '\u202f', '\'':
			return -1
		case '\u2212': // a minus
			return '-'
		default:
			return r
		}
	}, text)
	if text == "" || len(text) > 60 || !strings.ContainsRune("+-0123456789", rune(text[0])) {
		return decimal.Decimal{}, false
	}
	whole, fraction, hasFraction := strings.Cut(text, mark)
	if groups := strings.Split(strings.TrimLeft(whole, "+-"), group); len(groups) > 1 {
		for i, g := range groups {
			if i > 0 && len(g) != 3 || i == 0 && (len(g) == 0 || len(g) > 3) {
				return decimal.Decimal{}, false
			}
		}
		whole = strings.ReplaceAll(whole, group, "")
	}
	if hasFraction {
		whole += "." + fraction
	}
	d, err := balance.ParseDecimal(whole)
	return d, err == nil
}
