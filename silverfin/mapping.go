package silverfin

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"balansd/balance"
	"balansd/problem"
)

// The levels at which figures can land.
const (
	LevelPeriod         = "period"         // custom properties of the period, which a template then offers
	LevelReconciliation = "reconciliation" // custom properties of one reconciliation, the template's own inputs
)

// codeMark is what stands for the cell's text in a key pattern.
const codeMark = "{code}"

// Target says where the figures of a social balance land. Silverfin does not
// publish the names that its templates use, so all of it is configuration.
type Target struct {
	Level     string // LevelPeriod (the default) or LevelReconciliation
	Handle    string // of the reconciliation; only at that level
	Namespace string // of the properties; empty means social_balance_integration
	// Key is the pattern of the keys, with {code} for the cell: 1003, or 1003P
	// for the previous year. Empty means code_{code}, or nothing beyond Map
	// when there is a Map.
	Key string
	// Map names the property of single cells as "namespace.key", or "key" in
	// Namespace. It goes before Key.
	Map map[string]string
	// RequireStarred refuses a reconciliation that is not starred, which
	// Silverfin leaves out of the annual accounts.
	RequireStarred bool
}

// property names one custom property.
type property struct{ namespace, key string }

func (t Target) withDefaults() Target {
	if t.Level == "" {
		t.Level = LevelPeriod
	}
	if t.Namespace == "" {
		t.Namespace = "social_balance_integration"
	}
	if t.Key == "" && len(t.Map) == 0 {
		t.Key = "code_" + codeMark
	}
	return t
}

// Validate tells, as one ConfigInvalid problem, what is wrong with the target.
// Empty fields stand for their defaults. Two cells must not share a property.
func (t Target) Validate() error {
	t = t.withDefaults()
	var wrong []string
	switch {
	case t.Level != LevelPeriod && t.Level != LevelReconciliation:
		wrong = append(wrong, fmt.Sprintf("the level is %q and must be period or reconciliation", t.Level))
	case t.Level == LevelReconciliation && t.Handle == "":
		wrong = append(wrong, "the handle of the reconciliation is missing")
	case t.Level == LevelPeriod && (t.Handle != "" || t.RequireStarred):
		wrong = append(wrong, "a handle and require_starred belong to the level reconciliation")
	}
	if !name(t.Namespace) || strings.Contains(t.Namespace, ".") {
		wrong = append(wrong, fmt.Sprintf("the namespace %q cannot be used", t.Namespace))
	}
	if t.Key != "" && (strings.Count(t.Key, codeMark) != 1 || !name(t.Key)) {
		wrong = append(wrong, fmt.Sprintf("the key pattern %q must hold {code} once", t.Key))
	}
	wrong = append(wrong, t.checkMap()...)
	if len(wrong) == 0 {
		return nil
	}
	return problem.New(problem.ConfigInvalid, "the mapping to Silverfin has mistakes: "+strings.Join(wrong, "; "),
		"Correct the mapping in the configuration.")
}

// checkMap tells what is wrong with the explicit map.
func (t Target) checkMap() []string {
	var wrong []string
	taken := map[property]string{}
	for _, text := range slices.Sorted(maps.Keys(t.Map)) {
		cell, err := balance.ParseCell(text)
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		p := t.mapped(text)
		if !name(p.namespace) || !name(p.key) {
			wrong = append(wrong, fmt.Sprintf("rubric %s has no usable property", text))
			continue
		}
		other, twice := taken[p]
		if c, ok := t.fromPattern(p); !twice && ok && c != cell {
			if _, moved := t.Map[c.String()]; !moved {
				other, twice = c.String(), true
			}
		}
		if twice {
			wrong = append(wrong, fmt.Sprintf("rubrics %s and %s share the property %s.%s", other, text, p.namespace, p.key))
		}
		taken[p] = text
	}
	return wrong
}

// property gives where a cell lands; false when the mapping leaves it out.
func (t Target) property(c balance.Cell) (property, bool) {
	if _, ok := t.Map[c.String()]; ok {
		return t.mapped(c.String()), true
	}
	if t.Key == "" {
		return property{}, false
	}
	return property{t.Namespace, strings.Replace(t.Key, codeMark, c.String(), 1)}, true
}

// mapped gives the property that Map names for a cell's text.
func (t Target) mapped(text string) property {
	namespace, key, dotted := strings.Cut(t.Map[text], ".")
	if !dotted {
		return property{t.Namespace, namespace}
	}
	return property{namespace, key}
}

// cell gives the cell that lands at a property; false when none does.
func (t Target) cell(p property) (balance.Cell, bool) {
	for text := range t.Map {
		if t.mapped(text) == p {
			c, err := balance.ParseCell(text)
			return c, err == nil
		}
	}
	c, ok := t.fromPattern(p)
	if _, moved := t.Map[c.String()]; !ok || moved {
		return balance.Cell{}, false
	}
	return c, true
}

// fromPattern reads a property by the key pattern alone.
func (t Target) fromPattern(p property) (balance.Cell, bool) {
	before, after, ok := strings.Cut(t.Key, codeMark)
	if !ok || p.namespace != t.Namespace || len(p.key) < len(before)+len(after) {
		return balance.Cell{}, false
	}
	text, head := strings.CutPrefix(p.key, before)
	text, tail := strings.CutSuffix(text, after)
	if !head || !tail {
		return balance.Cell{}, false
	}
	c, err := balance.ParseCell(text)
	return c, err == nil
}

// scopes are the OAuth scopes that a target needs. Silverfin asks for
// administration:write for the custom properties of a period, and for
// financials:write for those of a reconciliation.
func (t Target) scopes() []string {
	write := "administration:write"
	if t.Level == LevelReconciliation {
		write = "financials:write"
	}
	return []string{"user:profile", "user:firm", "administration:read", "communication:read",
		"financials:read", write, "workflows:read"}
}

// name tells whether a text can be a namespace or a key.
func name(s string) bool {
	ok := func(r rune) bool { return unicode.IsPrint(r) && !unicode.IsSpace(r) }
	return s != "" && len(s) <= 200 && strings.IndexFunc(s, func(r rune) bool { return !ok(r) }) < 0
}
