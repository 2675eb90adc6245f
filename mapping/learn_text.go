package mapping

import (
	"regexp"
	"slices"
	"strings"

	"balansd/balance"
)

// Reference is a custom property, or a pattern of keys, that the Liquid text of a
// template names.
type Reference struct {
	Level     string // LevelPeriod, or LevelReconciliation for the template's own
	Handle    string // of another template whose property it is; empty for its own
	Namespace string
	// Key is the property's key. With {code} it is a pattern: the text puts something
	// there that only its run decides. Empty means that nothing is known of the key.
	Key string
	// Rubric is the only rubric code that stands in the same line, empty for none.
	Rubric string
}

// Names reports whether the reference names a property.
func (r Reference) Names(p Property) bool {
	if r.Namespace != p.Namespace {
		return false
	}
	return r.Key == p.Key || strings.Contains(r.Key, codeMark) && inPattern(r.Key, p.Key) != ""
}

var (
	liquidComment = regexp.MustCompile(`(?s)\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}`)
	liquidAssign  = regexp.MustCompile(`\{%-?\s*assign\s+(\w+)\s*=\s*(.*?)\s*-?%\}`)
	liquidCapture = regexp.MustCompile(`(?s)\{%-?\s*capture\s+(\w+)\s*-?%\}(.*?)\{%-?\s*endcapture\s*-?%\}`)
	liquidOutput  = regexp.MustCompile(`\{\{.*?\}\}`)
	liquidPath    = regexp.MustCompile(`^[\w.]+$`)
	// liquidCustom is a path that leads through custom: what stands before it, and the
	// two parts behind it, each a word or something in brackets.
	liquidCustom = regexp.MustCompile(`([\w.]*\.)?\bcustom\.?(\w[\w-]*|\[[^\[\]]*\])(?:\.?(\w[\w-]*|\[[^\[\]]*\]))?`)
	digitRun     = regexp.MustCompile(`[0-9]+`)
)

// References lists the custom properties that a Liquid text names, as far as they are
// certain: a name that is only known when the template runs is left out, or a pattern
// where a part of it is known.
func References(text string) []Reference {
	text = liquidComment.ReplaceAllString(text, "")
	variables := liquidVariables(text)
	text = expandAliases(text, variables)
	var all []Reference
	for line := range strings.Lines(text) {
		var found []Reference
		for _, m := range liquidCustom.FindAllStringSubmatch(line, -1) {
			if r, ok := reference(m[1], m[2], m[3], variables); ok {
				found = append(found, r)
			}
		}
		if code := onlyRubric(liquidCustom.ReplaceAllString(line, "")); code != "" && len(found) == 1 {
			found[0].Rubric = code
		}
		for _, r := range found {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}

// reference reads the parts of a path; false for one of a company or an account, or of
// another year, and for one whose namespace is not known.
func reference(before, namespace, key string, variables map[string]string) (Reference, bool) {
	r := Reference{Level: LevelReconciliation, Namespace: liquidName(namespace, variables), Key: liquidName(key, variables)}
	handle, other := strings.CutPrefix(before, "period.reconciliations.")
	switch {
	case before == "":
	case before == "period.":
		r.Level = LevelPeriod
	case other && strings.Count(handle, ".") == 1:
		r.Handle = strings.TrimSuffix(handle, ".")
	default:
		return r, false
	}
	return r, r.Namespace != "" && !strings.Contains(r.Namespace, codeMark)
}

// liquidName returns the name that a part of a path stands for, with {code} for what is
// not known of it; empty when nothing is.
func liquidName(part string, variables map[string]string) string {
	inside, brackets := strings.CutPrefix(part, "[")
	if !brackets {
		return part
	}
	inside = strings.TrimSpace(strings.TrimSuffix(inside, "]"))
	if name, quoted := unquote(inside); quoted {
		return name
	}
	if name := variables[inside]; name != codeMark {
		return name
	}
	return ""
}

func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '"' && s[0] != '\'' {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// liquidVariables returns what variables stand for: a text with at most one {code} for
// the part that is not known. A variable that is assigned two different things is left
// out.
func liquidVariables(text string) map[string]string {
	variables := map[string]string{}
	set := func(name, value string) {
		if old, twice := variables[name]; twice && old != value {
			value = ""
		}
		if strings.Count(value, codeMark) > 1 {
			value = ""
		}
		variables[name] = value
	}
	for _, m := range liquidAssign.FindAllStringSubmatch(text, -1) {
		set(m[1], assigned(m[2]))
	}
	for _, m := range liquidCapture.FindAllStringSubmatch(text, -1) {
		value := liquidOutput.ReplaceAllString(strings.TrimSpace(m[2]), codeMark)
		if strings.ContainsAny(value, "%\n ") {
			value = ""
		}
		set(m[1], value)
	}
	return variables
}

// assigned returns what an expression of text, append and prepend gives; a path as it
// is; empty for anything else.
func assigned(expression string) string {
	parts := strings.Split(expression, "|")
	operand := func(s string) string {
		if text, quoted := unquote(strings.TrimSpace(s)); quoted {
			return text
		}
		return codeMark
	}
	value := operand(parts[0])
	if path := strings.TrimSpace(parts[0]); len(parts) == 1 && value == codeMark {
		if liquidPath.MatchString(path) {
			return path
		}
		return ""
	}
	for _, p := range parts[1:] {
		filter, argument, _ := strings.Cut(p, ":")
		switch strings.TrimSpace(filter) {
		case "append":
			value += operand(argument)
		case "prepend":
			value = operand(argument) + value
		default:
			return ""
		}
	}
	return value
}

// expandAliases writes the path in the place of a variable that stands for one with
// custom in it, where a point or a bracket follows.
func expandAliases(text string, variables map[string]string) string {
	for name, path := range variables {
		if path != "custom" && !strings.HasPrefix(path, "custom.") && path != "period" && !strings.Contains(path, "period.") || !liquidPath.MatchString(path) {
			continue
		}
		alias := regexp.MustCompile(`(^|[^\w.])` + regexp.QuoteMeta(name) + `([.\[])`)
		text = alias.ReplaceAllString(text, "${1}"+path+"${2}")
	}
	return text
}

// onlyRubric returns the rubric code in a line; empty for none or several.
func onlyRubric(line string) string {
	only := ""
	for _, run := range digitRun.FindAllString(line, -1) {
		if _, ok := balance.RubricOf(run); !ok || run == only {
			continue
		}
		if only != "" {
			return ""
		}
		only = run
	}
	return only
}
