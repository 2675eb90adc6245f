package balance

import (
	"slices"

	"github.com/shopspring/decimal"
)

// triple is three figures of which all or none are filled in: a number of
// people, their hours, and what they cost.
type triple struct {
	rules               tripleRules
	people, hours, cost Cell
	assertions          []string
	// costAssertions are those of the comparison with the cost, which then is
	// only made for more than one person; nil where assertions has it in it.
	costAssertions []string
}

// tripleRules are the names of what can be wrong with a triple.
type tripleRules struct{ incomplete, hours, cost string }

var (
	average  = tripleRules{"average_incomplete", "average_hours", "average_cost"}
	training = tripleRules{"training_incomplete", "training_hours", "training_cost"}
)

var triples = []triple{
	{average, Cell{"1001", false}, Cell{"1011", false}, Cell{"1021", false}, cs(1), cs(5)},
	{average, Cell{"1002", false}, Cell{"1012", false}, Cell{"1022", false}, cs(3), cs(6)},
	{average, Cell{"1003", false}, Cell{"1013", false}, Cell{"1023", false}, cs(8), cs(9)},
	{average, Cell{"1003", true}, Cell{"1013", true}, Cell{"1023", true}, cs(11), cs(12)},
	{training, Cell{"5801", false}, Cell{"5802", false}, Cell{"5803", false}, cs(70), nil},
	{training, Cell{"5811", false}, Cell{"5812", false}, Cell{"5813", false}, cs(71), nil},
	{training, Cell{"5821", false}, Cell{"5822", false}, Cell{"5823", false}, cs(78), nil},
	{training, Cell{"5831", false}, Cell{"5832", false}, Cell{"5833", false}, cs(79), nil},
	{training, Cell{"5841", false}, Cell{"5842", false}, Cell{"5843", false}, cs(80), nil},
	{training, Cell{"5851", false}, Cell{"5852", false}, Cell{"5853", false}, cs(81), nil},
}

// checkTriples tests people, hours and costs against each other. Where one of
// the three is missing that is said once, with all assertions that fail by it.
func checkTriples(b *Balance) []Finding {
	var findings []Finding
	for _, t := range triples {
		people, has := b.figure(t.people)
		hours, had := b.figure(t.hours)
		cost, costs := b.figure(t.cost)
		tell := func(rule string, assertions []string, cells ...Cell) {
			args := map[string]string{"people": t.people.String(), "hours": t.hours.String(), "cost": t.cost.String()}
			setFigure(args, "persons", people, has)
			setFigure(args, "time", hours, had)
			setFigure(args, "amount", cost, costs)
			findings = append(findings, b.newCheckFinding(rule, assertions, cells, args))
		}
		some := people.IsPositive() || hours.IsPositive() || cost.IsPositive()
		all := people.IsPositive() && hours.IsPositive() && cost.IsPositive()
		dear := people.Cmp(cost) >= 0 && (t.costAssertions == nil || people.GreaterThan(decimal.NewFromInt(1)))
		switch {
		case !some:
			continue
		case !all && dear:
			tell(t.rules.incomplete, slices.Concat(t.assertions, t.costAssertions), t.people, t.hours, t.cost)
			continue
		case !all:
			tell(t.rules.incomplete, t.assertions, t.people, t.hours, t.cost)
			continue
		}
		if people.Cmp(hours) >= 0 {
			tell(t.rules.hours, t.assertions, t.people, t.hours)
		}
		if dear {
			own := t.costAssertions
			if own == nil {
				own = t.assertions
			}
			tell(t.rules.cost, own, t.people, t.cost)
		}
	}
	return findings
}

// fteRow is a row with full-time people in column 1, part-time ones in column 2
// and full-time equivalents in column 3.
type fteRow struct {
	row           string
	without, with []string // the assertions for nobody and for somebody part-time
}

var fteRows = []fteRow{
	{"100", cs(2), cs(4)},
	{"105", cs(13), cs(14)}, {"110", cs(15), cs(16)}, {"111", cs(17), cs(18)}, {"112", cs(19), cs(20)}, {"113", cs(21), cs(22)},
	{"120", cs(23), cs(28)}, {"1200", cs(24), cs(29)}, {"1201", cs(25), cs(30)}, {"1202", cs(26), cs(31)}, {"1203", cs(27), cs(32)},
	{"121", cs(33), cs(38)}, {"1210", cs(34), cs(39)}, {"1211", cs(35), cs(40)}, {"1212", cs(36), cs(41)}, {"1213", cs(37), cs(42)},
	{"130", cs(43), cs(44)}, {"134", cs(45), cs(46)}, {"132", cs(47), cs(48)}, {"133", cs(49), cs(50)},
	{"205", cs(66), cs(67)}, {"305", cs(68), cs(69)},
}

// checkFTE tests full-time equivalents against people: as many as full-time
// people where nobody works part-time, else more than those and fewer than all.
// The National Bank asks the first only where the cell for part-time people is
// not filled in; that a stated zero means the same is a rule of ours.
func checkFTE(b *Balance) []Finding {
	var findings []Finding
	for _, r := range fteRows {
		cells := []Cell{{Code: r.row + "3"}, {Code: r.row + "1"}, {Code: r.row + "2"}}
		fte, hasFTE := b.figure(cells[0])
		full, hasFull := b.figure(cells[1])
		part, hasPart := b.figure(cells[2])
		rule, assertions := "", []string(nil)
		switch {
		case !hasPart && !fte.Equal(full):
			rule, assertions = "fte_without_part_time", r.without
		case part.IsZero() && !fte.Equal(full):
			rule = "fte_without_part_time"
		case part.IsPositive() && (fte.Cmp(full) <= 0 || fte.Cmp(full.Add(part)) >= 0):
			rule, assertions = "fte_with_part_time", r.with
		default:
			continue
		}
		args := map[string]string{"fte": cells[0].String(), "full": cells[1].String(), "part": cells[2].String()}
		setFigure(args, "equivalents", fte, hasFTE)
		setFigure(args, "full_time", full, hasFull)
		setFigure(args, "together", full.Add(part), hasFull || hasPart)
		findings = append(findings, b.newCheckFinding(rule, assertions, cells, args))
	}
	return findings
}

// limit is a sum that must stay below another, or reach it at most.
type limit struct {
	rule        string
	left, right side
	orEqual     bool
	assertions  []string
}

// below and upTo state that the first side is less than the second, or no more.
func below(rule, left, right string, assertions []string) limit {
	return limit{rule, parseSide(left, "", false), parseSide(right, "", false), false, assertions}
}

func upTo(rule, left, right string, assertions []string) limit {
	l := below(rule, left, right, assertions)
	l.orEqual = true
	return l
}

// headcount is everybody who worked there: at the closing date, or left before.
const headcount = "1051 + 1052 + 3051 + 3052"

var limits = []limit{
	upTo("trainees", "5801", "1201 + 1202", cs(73)),
	upTo("trainees", "5811", "1211 + 1212", cs(74)),
	upTo("trainees_headcount", "5801 + 5811", headcount, cs(75)),
	upTo("trainees_headcount", "5821 + 5831", headcount, cs(83)),
	upTo("trainees_headcount", "5841 + 5851", headcount, cs(84)),
	below("training_time", "5802 + 5812 + 5822 + 5832 + 5842 + 5852", "1013", cs(82)),
	below("training_payroll", "5803 + 5813", "1023", cs(72)),
	below("training_payroll", "5823 + 5833", "1023", cs(85)),
	below("training_payroll", "5843 + 5853", "1023", cs(86)),
	below("staff_account", "1003", incomeStatement, cx(1)),
	upTo("costs_account", "1023", incomeStatement, cx(2)),
}

// checkLimits tests what cannot be more than something else. It says nothing
// where the first side is empty, or where the document does not carry the
// income statement. A stated zero is filled in, as the National Bank's texts say.
func checkLimits(b *Balance) []Finding {
	var findings []Finding
	for _, l := range limits {
		have, filled := b.sum(l.left)
		most, bound := b.sum(l.right)
		if !filled || l.right.text == incomeStatement && !bound {
			continue
		}
		if c := have.Cmp(most); c < 0 || c == 0 && l.orEqual {
			continue
		}
		args := map[string]string{"left": l.left.text, "right": l.right.text, "first": l.left.cells[0].String()}
		setFigure(args, "have", have, filled)
		setFigure(args, "most", most, bound)
		findings = append(findings, b.newCheckFinding(l.rule, l.assertions, slices.Concat(l.left.cells, l.right.cells), args))
	}
	return findings
}
