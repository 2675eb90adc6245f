package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"balansd/balance"
	"balansd/internal/clip"
	"balansd/problem"

	"github.com/shopspring/decimal"
)

// The levels at which figures can land.
const (
	LevelPeriod         = "period"         // custom properties of the period, which a template then offers
	LevelReconciliation = "reconciliation" // custom properties of one reconciliation, the template's own inputs
)

// LeftOut in a Map says that a cell has no place.
const LeftOut = "-"

// codeMark is replaced by the cell's text in a key pattern.
const codeMark = "{code}"

// Target says where the figures of a social balance land. Silverfin does not
// publish the names that its templates use, so all of it is configuration.
type Target struct {
	Level     string `json:"level,omitempty"`     // LevelPeriod (the default) or LevelReconciliation
	Handle    string `json:"handle,omitempty"`    // of the reconciliation; only at that level
	Namespace string `json:"namespace,omitempty"` // of the properties; empty means social_balance_integration
	// Key is the pattern of the keys, with {code} for the cell: 1003, or 1003P
	// for the previous year. Empty means code_{code}, or nothing beyond Map
	// when there is a Map.
	Key string `json:"key,omitempty"`
	// KeyPrevious is the pattern of the keys of the previous year, with {code} for
	// the rubric without the P. Empty leaves them to Key.
	KeyPrevious string `json:"key_previous,omitempty"`
	// Map names the property of single cells as "namespace.key", or "key" in
	// Namespace; LeftOut leaves the cell out. It goes before the patterns.
	Map map[string]string `json:"map,omitempty"`
	// RequireStarred refuses a reconciliation that is not starred, which
	// Silverfin leaves out of the annual accounts.
	RequireStarred bool   `json:"require_starred,omitempty"`
	Values         Format `json:"values,omitzero"` // how the figures are written
}

// Property names one custom property of Silverfin.
type Property struct {
	Namespace string `json:"namespace"`
	Key       string `json:"key"`
}

// String returns the property as Map writes it.
func (p Property) String() string { return p.Namespace + "." + p.Key }

// WithDefaults fills in what is empty.
func (t Target) WithDefaults() Target {
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

// Mistake is one thing that is wrong in a Target.
type Mistake struct {
	Setting string // as the configuration names it below the target: key, or map.1003
	What    string
	Right   string // what would be right
}

// Validate returns the mistakes of the target as one ConfigInvalid problem.
func (t Target) Validate() error {
	list := t.Mistakes()
	if len(list) == 0 {
		return nil
	}
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = m.Setting + ": " + m.What
	}
	return problem.New(problem.ConfigInvalid, "the mapping to Silverfin has mistakes: "+strings.Join(texts, "; "),
		"Correct the mapping in the configuration.")
}

// Mistakes lists what is wrong with the target. Empty fields have their defaults. Two
// cells must not share a property.
func (t Target) Mistakes() []Mistake {
	t = t.WithDefaults()
	var list []Mistake
	add := func(setting, what, right string) { list = append(list, Mistake{setting, what, right}) }
	switch {
	case t.Level != LevelPeriod && t.Level != LevelReconciliation:
		add("level", fmt.Sprintf("%q is not known here", clip.Text(t.Level)), "it is one of period, reconciliation")
	case t.Level == LevelReconciliation && t.Handle == "":
		add("handle", "is missing", "set it: the handle of the reconciliation template that takes the figures")
	case t.Level == LevelPeriod && (t.Handle != "" || t.RequireStarred):
		add("level", "a handle or require_starred is set, which the level period does not use",
			"leave them out, or write level: reconciliation")
	}
	if !isName(t.Namespace) || strings.Contains(t.Namespace, ".") {
		add("namespace", fmt.Sprintf("%q cannot be a namespace", clip.Text(t.Namespace)), "leave points and blanks out")
	}
	checkPattern := func(setting, pattern string) {
		if pattern != "" && (strings.Count(pattern, codeMark) != 1 || !isName(pattern)) {
			add(setting, fmt.Sprintf("%q does not hold {code} once", clip.Text(pattern)),
				"put {code} where the rubric's code belongs, as code_{code}")
		}
	}
	checkPattern("key", t.Key)
	checkPattern("key_previous", t.KeyPrevious)
	if list = slices.Concat(list, t.Values.mistakes(), t.mapMistakes()); len(list) > 0 {
		return list
	}
	return t.sharedProperties()
}

// mapMistakes lists what is wrong with the entries of Map, each by itself.
func (t Target) mapMistakes() []Mistake {
	var list []Mistake
	for _, text := range slices.Sorted(maps.Keys(t.Map)) {
		add := func(what, right string) { list = append(list, Mistake{"map." + text, what, right}) }
		p := t.mapped(text)
		if _, err := balance.ParseCell(text); err != nil {
			add(err.Error(), "write a rubric's code, as 1003 or 1003P")
		} else if !isName(p.Namespace) || !isName(p.Key) {
			add(fmt.Sprintf("%q names no property", clip.Text(t.Map[text])), "write the key of the custom property, or namespace.key")
		}
	}
	return list
}

// sharedProperties lists the cells that share a property with another one.
func (t Target) sharedProperties() []Mistake {
	var list []Mistake
	usedBy := map[Property]balance.Cell{}
	for _, c := range balance.FormCells() {
		p, ok := t.Property(c)
		if !ok {
			continue
		}
		other, shared := usedBy[p]
		usedBy[p] = c
		_, inMap := t.Map[c.String()]
		_, otherInMap := t.Map[other.String()]
		switch {
		case !shared:
			continue
		case !inMap && otherInMap:
			c, other = other, c
		case !inMap:
			return append(list, Mistake{"key_previous", fmt.Sprintf("gives the rubrics %s and %s the same property %s", other, c, p),
				"write a pattern that differs from key, as {code}_n1"})
		}
		list = append(list, Mistake{"map." + c.String(), fmt.Sprintf("shares the property %s with rubric %s", p, other),
			"give each rubric a property of its own"})
	}
	return list
}

// Taken returns the values without those of cells that a person left out.
func (t Target) Taken(v balance.Values) balance.Values {
	v = maps.Clone(v)
	maps.DeleteFunc(v, func(c balance.Cell, _ decimal.Decimal) bool { return t.Map[c.String()] == LeftOut })
	return v
}

// Property returns where a cell lands; false when the mapping leaves it out.
func (t Target) Property(c balance.Cell) (Property, bool) {
	if at, ok := t.Map[c.String()]; ok {
		return t.mapped(c.String()), at != LeftOut
	}
	pattern, code := t.Key, c.String()
	if c.Previous && t.KeyPrevious != "" {
		pattern, code = t.KeyPrevious, c.Code
	}
	if pattern == "" {
		return Property{}, false
	}
	return Property{t.Namespace, strings.Replace(pattern, codeMark, code, 1)}, true
}

// mapped returns the property that Map names for a cell's text.
func (t Target) mapped(text string) Property {
	namespace, key, dotted := strings.Cut(t.Map[text], ".")
	if !dotted {
		return Property{t.Namespace, namespace}
	}
	return Property{namespace, key}
}

// Cell returns the cell that lands at a property; false when none does.
func (t Target) Cell(p Property) (balance.Cell, bool) {
	for text, at := range t.Map {
		if at != LeftOut && t.mapped(text) == p {
			c, err := balance.ParseCell(text)
			return c, err == nil
		}
	}
	if p.Namespace != t.Namespace {
		return balance.Cell{}, false
	}
	for _, text := range []string{inPattern(t.Key, p.Key), inPattern(t.KeyPrevious, p.Key) + "P"} {
		c, err := balance.ParseCell(text)
		if at, ok := t.Property(c); err == nil && ok && at == p {
			return c, true
		}
	}
	return balance.Cell{}, false
}

// inPattern returns what stands at {code} in a key; empty when the key is not of the
// pattern.
func inPattern(pattern, key string) string {
	before, after, ok := strings.Cut(pattern, codeMark)
	text, head := strings.CutPrefix(key, before)
	text, tail := strings.CutSuffix(text, after)
	if !ok || !head || !tail {
		return ""
	}
	return text
}

// isName reports whether a text can be a namespace or a key.
func isName(s string) bool {
	unusable := func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }
	return s != "" && len(s) <= 200 && !strings.ContainsFunc(s, unusable)
}
