package madeup

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"balansd/balance"

	"github.com/shopspring/decimal"
)

// Balance returns a social balance of a company that does not exist. The same
// seed, model and year give the same balance. Its figures satisfy the checks
// that the National Bank publishes for the social balance: people are made up
// one by one and then counted in every way that the form asks, so that all
// rows add up by nature. The financial year is the calendar year.
func Balance(seed int64, model balance.Model, year int) *balance.Balance {
	rng := rand.New(rand.NewPCG(uint64(seed), uint64(year)))
	company := CompanyOf(seed)
	b := &balance.Balance{
		EnterpriseNumber: company.Number,
		Name:             company.Name,
		Model:            model,
		FiscalYear: balance.Period{
			Start: balance.Date{Year: year, Month: time.January, Day: 1},
			End:   balance.Date{Year: year, Month: time.December, Day: 31},
		},
		Currency:        "EUR",
		JointCommittees: slices.Clone(madeUpCommittees[rng.IntN(len(madeUpCommittees))]),
		Values:          balance.Values{},
	}
	f := form{values: b.Values, full: model == balance.Full, rng: rng}
	staff := f.hire(headcount(rng, model))
	f.closing(staff)
	f.movements(len(staff))
	f.during(staff)
	f.training(staff)
	if f.full {
		f.agency()
	}
	return b
}

var madeUpCommittees = [][]string{{"200"}, {"124", "200"}, {"119", "201"}, {"302"}, {"218"}, {"111", "209"}}

func headcount(rng *rand.Rand, model balance.Model) int {
	switch model {
	case balance.Full:
		return 55 + rng.IntN(180)
	case balance.Micro:
		return 1 + rng.IntN(8)
	default:
		return 6 + rng.IntN(40)
	}
}

// An employee is one person on the register. tenths is the share of a full
// time that is worked; 10 is full-time.
type employee struct {
	woman     bool
	tenths    int
	contract  int // row 110 + contract
	education int // row 1200 + education for men, 1210 + education for women
	category  int // one of categoryRows
}

// categoryRows is in the order of the form, which is not numeric.
var categoryRows = []int{130, 134, 132, 133}

// A form is a social balance while it is filled in.
type form struct {
	values balance.Values
	full   bool
	rng    *rand.Rand
}

// set writes whole units. Full-only cells are left out of the other models.
func (f *form) set(cell string, d decimal.Decimal) {
	c, err := balance.ParseCell(cell)
	if err != nil {
		return
	}
	if r, _ := balance.RubricOf(c.Code); r.FullOnly && !f.full {
		return
	}
	f.values[c] = d
}

func (f *form) count(cell string, n int)  { f.set(cell, decimal.New(int64(n), 0)) }
func (f *form) tenths(cell string, n int) { f.set(cell, decimal.New(int64(n), -1)) }
func (f *form) cents(cell string, n int)  { f.set(cell, decimal.New(int64(n), -2)) }

// hire makes up n people; the first works full-time.
func (f *form) hire(n int) []employee {
	women := f.rng.IntN(8) + 1 // of ten
	staff := make([]employee, n)
	for i := range staff {
		e := employee{woman: f.rng.IntN(10) < women, tenths: 10, education: f.rng.IntN(4)}
		if i > 0 && f.rng.IntN(4) == 0 {
			e.tenths = []int{5, 6, 8}[f.rng.IntN(3)]
		}
		if f.rng.IntN(12) == 0 {
			e.contract = 1 + f.rng.IntN(3)
		}
		e.category = categoryRows[1+f.rng.IntN(2)]
		if i == 0 && n > 20 {
			e.category = 130
		}
		staff[i] = e
	}
	return staff
}

// row counts the people that belong in one row: full-time heads, part-time
// heads and full-time equivalents. A row of nobody stays empty, as on most
// real forms.
func (f *form) row(row int, staff []employee, belongs func(employee) bool) {
	var full, part, tenths int
	for _, e := range staff {
		switch {
		case belongs != nil && !belongs(e):
			continue
		case e.tenths == 10:
			full++
		default:
			part++
		}
		tenths += e.tenths
	}
	if full+part == 0 {
		return
	}
	code := strconv.Itoa(row)
	f.count(code+"1", full)
	f.count(code+"2", part)
	f.tenths(code+"3", tenths)
}

// closing fills the rows at the closing date.
func (f *form) closing(staff []employee) {
	f.row(105, staff, nil)
	for k := range 4 {
		f.row(110+k, staff, func(e employee) bool { return e.contract == k })
		f.row(1200+k, staff, func(e employee) bool { return !e.woman && e.education == k })
		f.row(1210+k, staff, func(e employee) bool { return e.woman && e.education == k })
	}
	f.row(120, staff, func(e employee) bool { return !e.woman })
	f.row(121, staff, func(e employee) bool { return e.woman })
	for _, row := range categoryRows {
		f.row(row, staff, func(e employee) bool { return e.category == row })
	}
}

// movements fills the entries and the departures.
func (f *form) movements(size int) {
	entered, left := f.hire(f.rng.IntN(size/4+2)), f.hire(f.rng.IntN(size/5+2))
	f.row(205, entered, nil)
	f.row(305, left, nil)
	for k := range 4 {
		f.row(210+k, entered, func(e employee) bool { return e.contract == k })
		f.row(310+k, left, func(e employee) bool { return e.contract == k })
		f.row(340+k, left, func(e employee) bool { return e.education == k })
	}
	if len(left) > 6 {
		f.row(350, left[:1], nil)
	}
}

// A year is what rows 100 to 103 count for one gender: full-time, part-time
// and total.
type year struct {
	average [3]int // in tenths
	hours   [3]int
	cost    [3]int // in cents
	extras  int    // in cents
}

// during fills rows 100 to 103 with the previous year beside them.
func (f *form) during(staff []employee) {
	var sexes [2]year
	for _, e := range staff {
		y := &sexes[0]
		if e.woman {
			y = &sexes[1]
		}
		hours := e.tenths * (150 + f.rng.IntN(25))
		cost := hours * (2400 + f.rng.IntN(3200))
		col := 0
		if e.tenths < 10 {
			col = 1
		}
		y.average[col] += 10
		y.average[2] += e.tenths
		for _, c := range []int{col, 2} {
			y.hours[c] += hours
			y.cost[c] += cost
		}
		y.extras += cost / 40
	}
	f.years("", sexes[0], sexes[1])
	if f.full {
		f.years("1", sexes[0])
		f.years("2", sexes[1])
	}
	f.previous(sexes)
}

// years adds up and writes rows 100 to 103; suffix picks the gender column.
func (f *form) years(suffix string, parts ...year) {
	var y year
	for _, p := range parts {
		for c := range 3 {
			y.average[c] += p.average[c]
			y.hours[c] += p.hours[c]
			y.cost[c] += p.cost[c]
		}
		y.extras += p.extras
	}
	if y.average[2] == 0 {
		return
	}
	for c, col := range []string{"1", "2", "3"} {
		f.tenths("100"+col+suffix, y.average[c])
		f.count("101"+col+suffix, y.hours[c])
		f.cents("102"+col+suffix, y.cost[c])
	}
	f.cents("1033"+suffix, y.extras)
}

// previous writes last year's totals, a little under this year's.
func (f *form) previous(sexes [2]year) {
	var total [4]int
	for i, y := range sexes {
		if y.average[2] == 0 {
			continue
		}
		last := [4]int{
			max(y.average[2]-f.rng.IntN(4), 5),
			y.hours[2] * (90 + f.rng.IntN(10)) / 100,
			y.cost[2] * (85 + f.rng.IntN(12)) / 100,
			y.extras * 9 / 10,
		}
		f.last(strconv.Itoa(i+1)+"P", last)
		for k := range total {
			total[k] += last[k]
		}
	}
	f.last("P", total)
}

func (f *form) last(suffix string, n [4]int) {
	f.tenths("1003"+suffix, n[0])
	f.count("1013"+suffix, n[1])
	f.cents("1023"+suffix, n[2])
	f.cents("1033"+suffix, n[3])
}

// training fills section III. Who follows a course follows it for more hours
// than there are people, as the checks ask.
func (f *form) training(staff []employee) {
	var heads [2]int
	for _, e := range staff {
		if e.woman {
			heads[1]++
		} else {
			heads[0]++
		}
	}
	for sex, n := range heads {
		// Kinds: formal 580x and 581x, informal 582x and 583x, initial 584x and 585x.
		for kind := range 3 {
			people := n * (3 - kind) / 4
			if people == 0 {
				continue
			}
			code := fmt.Sprintf("58%d", 2*kind+sex)
			hours := people * (4 + f.rng.IntN(12))
			cost := hours * (1800 + f.rng.IntN(1500))
			f.count(code+"1", people)
			f.count(code+"2", hours)
			if kind == 0 {
				fund, grant := cost/10, cost/20
				f.cents(code+"31", cost)
				f.cents(code+"32", fund)
				f.cents(code+"33", grant)
				cost += fund - grant
			}
			f.cents(code+"3", cost)
		}
	}
}

// agency fills section I.B.
func (f *form) agency() {
	for _, col := range []string{"1", "2"} {
		tenths := 5 + f.rng.IntN(120)
		hours := tenths * 165
		f.tenths("150"+col, tenths)
		f.count("151"+col, hours)
		f.cents("152"+col, hours*(2800+f.rng.IntN(900)))
	}
}
