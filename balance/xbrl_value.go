package balance

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// unit is what a fact is measured in, by its meaning: a currency, or a name
// that is empty for a pure number.
type unit struct{ currency, name string }

// unit reads what facts are measured in.
func (in *instance) unit() error {
	var u unit
	id, at, parts := string(bytes.TrimSpace(in.attr("id"))), in.at, 0
	for depth := in.depth; in.depth >= depth; {
		e, _, err := in.event()
		if err != nil {
			return err
		}
		if e != xmlStart || in.name.local != "measure" {
			continue
		}
		value, err := in.content()
		if err != nil {
			return err
		}
		switch name, _ := in.meaning(value, true); {
		case name.space == nsCurrency:
			u.currency = clip(name.local)
		case name.local != "pure":
			u.name = clip(name.local)
		}
		parts++
	}
	if parts != 1 {
		u = unit{name: "?"} // a ratio, such as EUR a share
	}
	if _, double := in.units[id]; double {
		return at.fault("two units have the same id")
	}
	in.units[id] = u
	return in.reserve(2*64 + len(id))
}

// checkUnitsAndAccuracy reports what is wrong with the units and the accuracy of the facts whose
// values are used, in the order of the document, and sets the currency of the
// balance from the first amount.
func (in *instance) checkUnitsAndAccuracy() {
	cells := in.cells()
	slices.SortStableFunc(cells, func(a, b Cell) int {
		x, y := in.stated[a].fact.at, in.stated[b].fact.at
		return cmp.Or(cmp.Compare(x.line, y.line), cmp.Compare(x.column, y.column))
	})
	for _, c := range cells {
		if s := in.stated[c]; s.readings == nil {
			in.measure(c, s)
			in.exact(c, s)
		}
	}
}

// measure checks the unit of a figure.
func (in *instance) measure(c Cell, s *statement) {
	r, u := &in.data.rubrics[in.data.byCode[c.Code]], s.unit
	words := args{"line": s.fact.at.lineNumber(), "cell": c.String(), "currency": u.currency, "unit": u.name}
	b := &in.balance
	_, known := in.units[s.fact.unit]
	switch {
	case !known:
		in.addFinding("unit_unknown", codesOf(c), words)
	case r.Unit != Money && u.currency != "":
		in.addFinding("unit_money", codesOf(c), words)
	case r.Unit == Money && u.currency == "":
		in.addFinding("unit_no_money", codesOf(c), words)
	case u.name != "":
		in.addFinding("unit_other", codesOf(c), words)
	case r.Unit == Money && b.Currency == "":
		b.Currency = u.currency
	case r.Unit == Money && b.Currency != u.currency:
		words["other"] = b.Currency
		in.addFinding("currency_mixed", codesOf(c), words)
	}
}

// exact reports a figure that is not exact by what the fact says of itself: it
// is rounded, or has more decimals than it vouches for. The figure is taken as
// it stands.
func (in *instance) exact(c Cell, s *statement) {
	n, v := s.accuracy, s.value
	if v.IsZero() || !n.said || n.n >= 0 && v.Truncate(int32(n.n)).Equal(v) {
		return
	}
	unit := decimal.New(1, int32(-max(min(n.n, maxDigits), -maxDigits)))
	found := in.addFinding("rounded", codesOf(c), args{
		"line": s.fact.at.lineNumber(), "cell": c.String(), "value": Canonical(v), "unit": Canonical(unit),
	})
	found.Figures = map[string]string{c.String(): Canonical(v)}
}

// of returns the number of decimals to which a value is exact. XBRL 2.1
// (4.6.7) says how a precision becomes one.
func (a accuracy) of(v decimal.Decimal) digits {
	if p := a.precision; p.said && !a.decimals.said {
		return digits{true, p.n - v.NumDigits() - int(v.Exponent())}
	}
	return a.decimals
}

// putFact puts a fact into its cell.
func (in *instance) putFact(rubric int, previous bool, f *xbrlFact) error {
	return in.put(rubric, previous, plainDecimal(f.value), f.at, func(s *statement) {
		s.unit, s.accuracy, s.fact = in.units[f.unit], f.accuracy.of(s.value), f
	})
}

// plainDecimal writes a decimal of XML Schema, which may be .5 or 5., with a
// digit on both sides of its point.
func plainDecimal(s string) string {
	digits := strings.TrimLeft(s, "+-")
	sign := s[:len(s)-len(digits)]
	if len(digits) > 1 {
		if digits[0] == '.' {
			digits = "0" + digits
		}
		digits = strings.TrimSuffix(digits, ".")
	}
	return sign + digits
}

// defaultCurrency is for a balance without amounts: the only currency of the
// document, or the euro where it is one of several.
func (in *instance) defaultCurrency() {
	if in.balance.Currency != "" {
		return
	}
	var currencies []string
	for _, u := range in.units {
		if u.currency != "" && !slices.Contains(currencies, u.currency) && len(currencies) < 2 {
			currencies = append(currencies, u.currency)
		}
		if u.currency == "EUR" {
			in.balance.Currency = "EUR"
		}
	}
	if len(currencies) == 1 {
		in.balance.Currency = currencies[0]
	}
}
