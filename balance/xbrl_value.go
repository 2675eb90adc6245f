package balance

import (
	"bytes"
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
	return in.keeps(2*64 + len(id))
}

// measure checks the unit of a figure and takes the currency of the balance
// from the first amount.
func (in *instance) measure(r *Rubric, c Cell, f *xbrlFact) {
	u, known := in.units[f.unit]
	words := args{"line": f.at.word(), "cell": c.String(), "currency": u.currency, "unit": u.name}
	b := &in.balance
	switch {
	case !known:
		in.find("unit_unknown", codesOf(c), words)
	case r.Unit != Money && u.currency != "":
		in.find("unit_money", codesOf(c), words)
	case r.Unit == Money && u.currency == "":
		in.find("unit_no_money", codesOf(c), words)
	case u.name != "":
		in.find("unit_other", codesOf(c), words)
	case r.Unit == Money && b.Currency == "":
		b.Currency = u.currency
	case r.Unit == Money && b.Currency != u.currency:
		words["other"] = b.Currency
		in.find("currency_mixed", codesOf(c), words)
	}
}

// exact tells of a figure that is not exact by what the fact says of itself: it
// is rounded, or has more decimals than it vouches for. The figure is taken as
// it stands. XBRL 2.1 (4.6.7) says how a precision becomes a number of
// decimals.
func (in *instance) exact(c Cell, f *xbrlFact, v decimal.Decimal) {
	if v.IsZero() {
		return
	}
	n := f.accuracy.decimals
	if p := f.accuracy.precision; p.said && !n.said {
		n = digits{true, p.n - v.NumDigits() - int(v.Exponent())}
	}
	if !n.said || n.n >= 0 && v.Truncate(int32(n.n)).Equal(v) {
		return
	}
	unit := decimal.New(1, int32(-max(min(n.n, maxDigits), -maxDigits)))
	found := in.find("rounded", codesOf(c), args{
		"line": f.at.word(), "cell": c.String(), "value": Canonical(v), "unit": Canonical(unit),
	})
	found.Figures = map[string]string{c.String(): Canonical(v)}
}

// state puts a fact into its cell.
func (in *instance) state(rubric int, previous bool, f *xbrlFact) error {
	r := &in.data.rubrics[rubric]
	c := Cell{r.Code, previous}
	value := plainDecimal(f.value)
	if v, err := ParseDecimal(value); err == nil && (!previous || r.HasPrevious()) {
		in.measure(r, c, f)
		in.exact(c, f, v)
	}
	return in.put(rubric, previous, value, f.at)
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
