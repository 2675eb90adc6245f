package balance_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// cells are figures by the code of their cell; 62 is of the income statement.
type cells map[string]string

func (c cells) balance(t interface{ Fatal(...any) }, model balance.Model) *balance.Balance {
	b := &balance.Balance{Model: model, Values: balance.Values{}}
	for code, text := range c {
		v := decimal.RequireFromString(text)
		if code == "62" {
			b.PersonnelCosts = &v
			continue
		}
		cell, err := balance.ParseCell(code)
		if err != nil {
			t.Fatal(err)
		}
		b.Values[cell] = v
	}
	return b
}

// oneClerk is a balance that all checks are content with.
func oneClerk(more cells) cells {
	c := cells{"1001": "1", "1003": "1", "1011": "1700", "1013": "1700", "1021": "60000", "1023": "60000", "62": "60000"}
	for _, row := range []string{"105", "110", "120", "1203", "134"} {
		c[row+"1"], c[row+"3"] = "1", "1"
	}
	maps.Copy(c, more)
	return c
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		model balance.Model
		cells cells
		want  []string // how each finding starts: its rule, its assertions, its sentence
	}{
		"nothing filled in":     {balance.Full, cells{}, nil},
		"all in order":          {balance.Micro, oneClerk(nil), nil},
		"zero for empty":        {balance.Micro, oneClerk(cells{"1002": "0", "1052": "0", "2051": "0", "5803": "0", "5802": "0"}), nil},
		"a total without parts": {balance.Micro, oneClerk(cells{"1341": "0", "1343": "0"}), []string{"category cs_11.00.0_0063: Number of employees, full-time (1051) is 1, but the professional categories (1301 + 1341 + 1321 + 1331) add up to 0.", "category cs_11.00.0_0065: "}},
		"parts without a total": {balance.Micro, cells{"1021": "-8"}, []string{"costs_total cs_11.00.0_0007: Personnel costs, total (1023) is 0 (empty), but full-time and part-time (1021 + 1022) add up to -8."}},
		"no costs": {balance.Micro, oneClerk(cells{"1001": "1.5", "1003": "1.5", "1021": "-5", "1023": "-5"}), []string{
			"average_incomplete cs_11.00.0_0001 cs_11.00.0_0005: Average number of employees, full-time: the number of employees (1001) is 1.5, hours worked (1011) 1,700 and personnel costs (1021) -5; if one of them is filled in, all three must be.",
			"average_incomplete cs_11.00.0_0008 cs_11.00.0_0009: "}},
		"more people than hours":               {balance.Micro, oneClerk(cells{"1011": "1", "1013": "1"}), []string{"average_hours cs_11.00.0_0001: Average number of employees, full-time (1001) is 1; it must be less than the number of hours worked (1011), 1.", "average_hours cs_11.00.0_0008: "}},
		"one person may cost as much":          {balance.Micro, oneClerk(cells{"1021": "1", "1023": "1"}), nil},
		"two may not":                          {balance.Micro, cells{"1003P": "2", "1013P": "3000", "1023P": "2"}, []string{"average_cost cs_11.00.0_0012: Average number of employees, total in full-time equivalents, previous year (1003P) is 2; it must be less than the personnel costs (1023P), 2."}},
		"nobody part-time":                     {balance.Micro, cells{"2051": "2", "2053": "1.5"}, []string{"fte_without_part_time cs_11.00.0_0066: Employees who entered (DIMONA declaration or personnel register), total in full-time equivalents (2053) is 1.5; with nobody part-time (2052) it must equal full-time (2051), 2."}},
		"nobody part-time, stated":             {balance.Micro, cells{"2051": "2", "2052": "0", "2053": "1.5"}, []string{"fte_without_part_time: Employees who entered"}},
		"a zero that is not less":              {balance.Micro, cells{"5813": "0"}, []string{"training_payroll cs_11.00.0_0072: "}},
		"as many as heads":                     {balance.Micro, cells{"3051": "1", "3052": "1", "3053": "2"}, []string{"fte_with_part_time cs_11.00.0_0069: "}},
		"no more than full-time":               {balance.Micro, cells{"3051": "1", "3052": "1", "3053": "1"}, []string{"fte_with_part_time cs_11.00.0_0069: "}},
		"one trainee, one hour":                {balance.Micro, oneClerk(cells{"5831": "1", "5832": "1", "5833": "50"}), []string{"training_hours cs_11.00.0_0079: Less formal or informal continuing professional training at the employer's expense: Number of employees involved, women (5831) is 1; it must be less than the number of training hours (5832), 1."}},
		"training that costs too much":         {balance.Micro, oneClerk(cells{"5841": "1", "5842": "2", "5843": "60000"}), []string{"training_payroll cs_11.00.0_0086: "}},
		"grants are taken off":                 {balance.Micro, oneClerk(cells{"5801": "1", "5802": "3", "5803": "8", "58031": "5", "58032": "1", "58033": "2.5"}), []string{"training_net_cost cs_11.00.0_0076: Formal continuing professional training at the employer's expense: Net costs for the enterprise, men (5803) is 8, but gross costs plus contributions less grants (58031 + 58032 - 58033) is 3.50."}},
		"more than the account":                {balance.Micro, oneClerk(cells{"62": "59999.5"}), []string{"costs_account cx_11.00.0_0002: Personnel costs, total (1023) is 60,000; it cannot be more than the remuneration, social security costs and pensions of the income statement (62), 59,999.50."}},
		"less came back than the account says": {balance.Micro, cells{"1021": "-5", "1023": "-5", "62": "-10"}, []string{"costs_account cx_11.00.0_0002: Personnel costs, total (1023) is -5; it cannot be more than"}},
		"gender, previous year":                {balance.Full, cells{"10231P": "1", "10232P": "-1", "1023P": "-1"}, []string{"costs_gender: Personnel costs, total, previous year (1023P) is -1, but men and women (10231P + 10232P) add up to 0."}},
		"not of this model":                    {balance.Abbreviated, cells{"2051": "3", "2053": "3"}, nil},
		"model unknown":                        {"", cells{"2051": "3", "2053": "3"}, nil},
		"not split":                            {balance.Full, cells{"2051": "3", "2053": "3"}, []string{"not_split: The full model asks to split these figures further, but the split is not filled in: 2051, 2053."}},
		"form": {balance.Full, cells{"1521": "-1.125"}, []string{
			"sign: Costs for the enterprise, hired temporary staff (1521) is -1.125, but cannot be negative.",
			"decimals: Costs for the enterprise, hired temporary staff (1521) is -1.125; the number of decimals that the form allows is 2."}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range balance.Check(c.cells.balance(t, c.model)) {
				line := strings.Join(append([]string{f.Rule}, f.Assertions...), " ") + ": " + f.Message
				if i := len(got); i < len(c.want) && strings.HasPrefix(line, c.want[i]) {
					line = c.want[i]
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAFindingHasWhatItCompared(t *testing.T) {
	got := balance.Check(cells{"1201": "2", "12001": "1", "12011": "0"}.balance(t, balance.Micro))
	for _, f := range got {
		if f.Rule != "education_men" {
			continue
		}
		want := balance.Finding{
			Rule: "education_men", Assertions: []string{"cs_11.00.0_0055"},
			Codes:   []string{"1201", "12001", "12011", "12021", "12031"},
			Figures: map[string]string{"1201": "2", "12001": "1", "12011": "0"},
			Args:    map[string]string{"total": "1201", "whole": "2", "parts": "12001 + 12011 + 12021 + 12031", "adds": "1"},
			Message: "Men, full-time (1201) is 2, but the levels of education (12001 + 12011 + 12021 + 12031) add up to 1.",
		}
		if diff := cmp.Diff(want, f); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		return
	}
	t.Errorf("no such finding in %v", got)
}

// assertion is a check as testdata/assertions.tsv states it.
type assertion struct{ id, condition, relation string }

func assertions(t *testing.T) []assertion {
	text, err := os.ReadFile("testdata/assertions.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []assertion
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(f) == 3 && f[0] != "assertion" {
			all = append(all, assertion{f[0], f[1], f[2]})
		}
	}
	if len(all) != 88 {
		t.Fatalf("%d assertions, want 88", len(all))
	}
	return all
}

// holds works out an expression such as "1053 < 1051 + 1052 and 1053 > 1051".
func holds(b *balance.Balance, text string) bool {
	if parts := strings.Split(text, " and "); len(parts) > 1 {
		return !slices.ContainsFunc(parts, func(p string) bool { return !holds(b, p) })
	}
	if parts := strings.Split(text, " or "); len(parts) > 1 {
		return slices.ContainsFunc(parts, func(p string) bool { return holds(b, p) })
	}
	if code, ok := strings.CutSuffix(text, " empty"); ok {
		return !holds(b, code+" filled")
	}
	if code, ok := strings.CutSuffix(text, " filled"); ok {
		c, err := balance.ParseCell(code)
		if err != nil {
			panic(err)
		}
		_, filled := b.Values[c]
		return filled
	}
	f := regexp.MustCompile(`^(.*) (<=|<|=|>) (.*)$`).FindStringSubmatch(text)
	c := worth(b, f[1]).Cmp(worth(b, f[3]))
	switch f[2] {
	case "<=":
		return c <= 0
	case "<":
		return c < 0
	case "=":
		return c == 0
	default:
		return c > 0
	}
}

// worth adds up a sum such as "58031 + 58032 - 58033".
func worth(b *balance.Balance, text string) decimal.Decimal {
	total, minus := decimal.Zero, false
	for word := range strings.FieldsSeq(text) {
		var v decimal.Decimal
		switch word {
		case "+", "-":
			minus = word == "-"
			continue
		case "62":
			v = *b.PersonnelCosts
		case "0", "1":
			v = decimal.RequireFromString(word)
		default:
			c, err := balance.ParseCell(word)
			if err != nil {
				panic(err)
			}
			v = b.Values[c]
		}
		if minus {
			v = v.Neg()
		}
		total = total.Add(v)
	}
	return total
}

// The families must fail exactly the assertions that fail when each is worked
// out on its own.
func TestChecksAreThoseOfTheNationalBank(t *testing.T) {
	all := assertions(t)
	var codes []string
	for _, r := range balance.Rubrics() {
		if r.FullOnly {
			continue
		}
		codes = append(codes, r.Code)
		if r.HasPrevious() {
			codes = append(codes, r.Code+"P")
		}
	}
	failed := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		b := cells{"62": rapid.SampledFrom([]string{"0", "1", "3", "9"}).Draw(t, "62")}
		dense := rapid.IntRange(0, 3).Draw(t, "dense")
		for _, code := range codes {
			if rapid.IntRange(0, 3).Draw(t, "fill "+code) <= dense {
				b[code] = rapid.SampledFrom([]string{"0", "1", "1.5", "2", "3", "5"}).Draw(t, code)
			}
		}
		made := b.balance(t, balance.Micro)
		var want, got []string
		for _, a := range all {
			if (a.condition == "" || holds(made, a.condition)) && !holds(made, a.relation) {
				want = append(want, a.id)
				failed[a.id] = true
			}
		}
		for _, f := range balance.Check(made) {
			got = append(got, f.Assertions...)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
	if len(failed) != len(all) {
		t.Errorf("only %d of %d assertions failed anywhere: the test draws too little", len(failed), len(all))
	}
}

// A finding is made for each cell only where the document could state it: of a
// CBSO filing the members of some full-only rubrics are not known.
func TestNothingIsSaidOfWhatALayoutCannotCarry(t *testing.T) {
	b := cells{"2051": "3", "2053": "3"}.balance(t, balance.Full)
	said := len(balance.Check(b))
	b.Layout = balance.CBSOXBRL
	for _, r := range balance.Rubrics() {
		if r.Code == "2101" && r.CBSO.Metric != "" {
			if len(balance.Check(b)) != said {
				t.Error("a rubric with known members is not checked")
			}
			return
		}
	}
	if f := balance.Check(b); len(f) > 0 {
		t.Errorf("findings %v", f)
	}
}
