package balance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// checkRules lists every rule of Check and CheckFiled with its assertions, sorted.
func checkRules() map[string][]string {
	rules := map[string][]string{"sign": nil, "decimals": nil, "not_split": nil, "filed_figure": nil, "filed_amount": nil}
	add := func(rule string, assertions ...string) {
		rules[rule] = append(rules[rule], assertions...)
	}
	for _, s := range sums {
		add(s.rule, s.assertions...)
	}
	for _, t := range triples {
		cost := t.costAssertions
		if cost == nil {
			cost = t.assertions
		}
		add(t.rules.incomplete, t.assertions...)
		add(t.rules.incomplete, t.costAssertions...)
		add(t.rules.hours, t.assertions...)
		add(t.rules.cost, cost...)
	}
	for _, r := range fteRows {
		add("fte_without_part_time", r.without...)
		add("fte_with_part_time", r.with...)
	}
	for _, l := range limits {
		add(l.rule, l.assertions...)
	}
	for rule, assertions := range rules {
		slices.Sort(assertions)
		rules[rule] = slices.Compact(assertions)
	}
	return rules
}

// The page for people must list every rule with exactly its assertions, and
// the tables here must have all 88.
func TestDocsListEveryCheck(t *testing.T) {
	page, err := os.ReadFile("../docs/checks.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(string(page), -1) {
		var assertions []string
		for _, id := range regexp.MustCompile(`c[sx] \d{4}`).FindAllString(row[2], -1) {
			assertions = append(assertions, strings.Replace(id, " ", "_11.00.0_", 1))
		}
		listed[row[1]] = assertions
	}
	rules := checkRules()
	for rule, assertions := range rules {
		got, ok := listed[rule]
		if diff := cmp.Diff(assertions, got); !ok || diff != "" {
			t.Errorf("docs/checks.md has not rule %s with its assertions (-want +got)\n%s", rule, diff)
		}
	}
	for rule := range listed {
		if _, ok := sentences()[rule]; !ok {
			t.Errorf("docs/checks.md lists %s, which is no rule", rule)
		}
	}
	for rule := range sentences() {
		if _, ok := listed[rule]; !ok {
			t.Errorf("docs/checks.md does not list %s", rule)
		}
	}
	all := map[string]bool{}
	for _, assertions := range rules {
		for _, a := range assertions {
			all[a] = true
		}
	}
	if len(all) != 88 {
		t.Errorf("%d assertions, want 88", len(all))
	}
}

// Every rule that the code names has a sentence in each language, with the same
// names in braces, and every sentence has a rule.
func TestEveryRuleCanBeTold(t *testing.T) {
	used := slices.Collect(maps.Keys(checkRules()))
	used = append(used, readerRules(t)...)
	for _, rule := range used {
		if sentences()[rule] == nil {
			t.Errorf("rule %s has no sentence", rule)
		}
	}
	braces := regexp.MustCompile(`\{[^}]*\}`)
	for rule, told := range sentences() {
		if !slices.Contains(used, rule) {
			t.Errorf("the sentence of %s has no rule", rule)
		}
		want := braces.FindAllString(told[English], -1)
		slices.Sort(want)
		want = slices.Compact(want)
		for _, l := range Languages() {
			got := braces.FindAllString(told[l], -1)
			slices.Sort(got)
			if diff := cmp.Diff(want, slices.Compact(got)); diff != "" || told[l] == "" {
				t.Errorf("%s in %s: %q (-English +%s)\n%s", rule, l, told[l], l, diff)
			}
			if s := told[l]; strings.TrimSpace(s) != s || !strings.HasSuffix(s, ".") {
				t.Errorf("%s in %s is no sentence: %q", rule, l, s)
			}
		}
	}
}

// readerRules finds the rules that the readers name where they make a finding.
func readerRules(t *testing.T) []string {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			rule, ok := call.Args[0].(*ast.BasicLit)
			if ok && (calls(call.Fun, "addFinding") || calls(call.Fun, "newFinding") || calls(call.Fun, "date")) {
				text, _ := strconv.Unquote(rule.Value)
				rules = append(rules, text)
			}
			return true
		})
	}
	if len(rules) == 0 {
		t.Error("no rule of a reader was found")
	}
	return rules
}

// calls reports whether an expression is a function or a method of this name.
func calls(fun ast.Expr, name string) bool {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name == name
	case *ast.SelectorExpr:
		return f.Sel.Name == name
	default:
		return false
	}
}

// Whatever Check finds can be told in each language, from what is kept alone.
func TestFindingsAreToldFromWhatIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &Balance{Model: Full, Values: Values{}}
		for _, r := range Rubrics() {
			for _, previous := range []bool{false, true} {
				if previous && !r.HasPrevious() || rapid.Bool().Draw(t, "empty "+r.Code) {
					continue
				}
				b.Values[Cell{r.Code, previous}] = decimal.New(rapid.Int64Range(-2, 9000).Draw(t, r.Code), -1)
			}
		}
		for _, f := range Check(b) {
			f.Message = ""
			told := map[string]bool{}
			for _, l := range Languages() {
				text := f.In(l)
				if text == "" || strings.ContainsAny(text, "{}") {
					t.Fatalf("%s in %s: %q of %+v", f.Rule, l, text, f)
				}
				told[text] = true
			}
			if len(told) != len(Languages()) {
				t.Fatalf("%s is told alike in two languages: %v", f.Rule, told)
			}
		}
	})
}

func TestAFindingOfAnotherVersion(t *testing.T) {
	for name, f := range map[string]Finding{
		"no such rule":  {Rule: "unheard_of", Message: "as it was kept"},
		"other words":   {Rule: "sign", Args: map[string]string{"cell": "1003"}, Message: "as it was kept"},
		"no such cell":  {Rule: "sign", Args: map[string]string{"cell": "9", "value": "1"}, Message: "as it was kept"},
		"not a figure":  {Rule: "decimals", Args: map[string]string{"cell": "1003", "value": "x", "decimals": "1"}, Message: "as it was kept"},
		"a braced word": {Rule: "sign", Args: map[string]string{"cell": "{value}", "value": "1"}, Message: "as it was kept"},
	} {
		if got := f.In(French); got != "as it was kept" && name != "other words" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := (Finding{Rule: "sign", Args: map[string]string{"cell": "1003", "value": "-1"}}).In("xx"); !strings.Contains(got, "cannot be negative") {
		t.Errorf("an unknown language gives %q", got)
	}
}

func TestFigures(t *testing.T) {
	for _, c := range []struct {
		lang     Lang
		figure   string
		decimals int
		want     string
	}{
		{Dutch, "0", 0, "0"}, {Dutch, "999", 0, "999"}, {Dutch, "1000", 0, "1.000"}, {Dutch, "-1234567.125", 2, "-1.234.567,125"},
		{German, "-100", 1, "-100,0"}, {French, "1234.5", 2, "1\u00a0234,50"}, {English, "1234.5", 2, "1,234.50"},
	} {
		if got := c.lang.Figure(decimal.RequireFromString(c.figure), c.decimals); got != c.want {
			t.Errorf("%s with %d decimals in %s: %q, want %q", c.figure, c.decimals, c.lang, got, c.want)
		}
	}
}
