package daemon

import (
	"slices"
	"strings"

	"balansd/balance"
	"balansd/internal/typo"
)

// Suggestion says why a dossier and a company may be one client.
type Suggestion struct {
	Why  SuggestionReason `json:"why"`
	Sure int              `json:"sure"` // in percent
}

// SuggestionReason is what a dossier and a company have in common.
type SuggestionReason string

// The reasons of suggestions.
const (
	SameNumber  SuggestionReason = "same_number"  // the enterprise number
	NumberSlip  SuggestionReason = "number_slip"  // the enterprise number but for one slip of typing
	SimilarName SuggestionReason = "similar_name" // the name, or nearly
)

// clientTraits are what is known of a dossier or a company, for comparing the two.
type clientTraits struct {
	numbers []balance.EnterpriseNumber
	typed   string // what stands in the place of a number and is none
	name    string // its words, in one order
}

// traitsOf returns the traits of a client. Its name may have any spelling; typed is
// what stands in the place of a number where there is no valid one.
func traitsOf(name, typed string, numbers ...balance.EnterpriseNumber) clientTraits {
	t := clientTraits{numbers: slices.DeleteFunc(numbers, func(n balance.EnterpriseNumber) bool { return n == "" })}
	if len(t.numbers) == 0 {
		t.typed = asDigits(typed)
	}
	words := nameWords(name)
	slices.Sort(words)
	t.name = strings.Join(words, " ")
	return t
}

// The certainties, in percent, and how alike two names must be, from 0 to 1.
const (
	sureOfNumber   = 100
	sureOfSlip     = 92 // with names that are alike
	sureOfSlipOnly = 65
	sureOfName     = 90 // where the two are equal
	leastAlike     = 0.6
)

// suggest says why two clients may be one; false where nothing says so. Two different
// valid enterprise numbers are never one client.
func suggest(a, b clientTraits) (Suggestion, bool) {
	alike := alikeNames(a, b)
	switch {
	case slices.ContainsFunc(a.numbers, func(n balance.EnterpriseNumber) bool { return slices.Contains(b.numbers, n) }):
		return Suggestion{SameNumber, sureOfNumber}, true
	case len(a.numbers) > 0 && len(b.numbers) > 0:
		return Suggestion{}, false
	case slipped(a.typed, b.numbers) || slipped(b.typed, a.numbers):
		if alike >= leastAlike {
			return Suggestion{NumberSlip, sureOfSlip}, true
		}
		return Suggestion{NumberSlip, sureOfSlipOnly}, true
	case alike >= leastAlike:
		return Suggestion{SimilarName, int(alike * sureOfName)}, true
	default:
		return Suggestion{}, false
	}
}

// slipped reports whether a text that is no enterprise number is one of these but for
// one slip of typing.
func slipped(typed string, numbers []balance.EnterpriseNumber) bool {
	return typed != "" && slices.ContainsFunc(numbers, func(n balance.EnterpriseNumber) bool {
		return typo.Distance(typed, n.String()) <= 1 || typo.Distance("0"+typed, n.String()) <= 1
	})
}

// lookalikes are letters that are typed for digits.
var lookalikes = strings.NewReplacer("o", "0", "i", "1", "l", "1", "z", "2", "s", "5", "b", "8")

// asDigits returns the digits of a text that was meant as an enterprise number, with
// those for which letters were typed; empty where it has the length of none.
func asDigits(typed string) string {
	text := strings.TrimPrefix(strings.TrimPrefix(fold(strings.TrimSpace(typed)), "be"), "tva")
	text = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		if strings.ContainsRune(" .-/_", r) {
			return -1
		}
		return 'x'
	}, lookalikes.Replace(text))
	const shortest, longest = 8, 11
	if len(text) < shortest || len(text) > longest || strings.Count(text, "x") > 1 {
		return ""
	}
	return text
}

// legalForms are words of names that say nothing about which client it is.
var legalForms = map[string]bool{
	"bv": true, "bvba": true, "nv": true, "sa": true, "srl": true, "sprl": true, "cv": true, "cvba": true, "sc": true, "scrl": true,
	"vzw": true, "asbl": true, "vof": true, "snc": true, "comm": true, "commv": true, "gcv": true, "scs": true, "se": true, "gmbh": true, "ag": true,
	"b": true, "v": true, "n": true, "s": true, "a": true, "r": true, "l": true, "p": true, "c": true, "z": true, "w": true,
	"de": true, "la": true, "le": true, "het": true, "en": true, "et": true, "und": true, "and": true,
}

// nameWords returns the words of a name that tell clients apart: without accents,
// capitals, legal form and signs. A name of nothing else keeps all its words.
func nameWords(name string) []string {
	words := strings.FieldsFunc(fold(name), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127)
	})
	telling := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return legalForms[w] })
	if len(telling) == 0 {
		return words
	}
	return telling
}

// alikeNames returns how alike two names are, from 0 to 1: by their letters, whatever
// the order of the words.
func alikeNames(a, b clientTraits) float64 {
	longest, shortest := max(len(a.name), len(b.name)), min(len(a.name), len(b.name))
	if shortest == 0 || float64(shortest) < leastAlike*float64(longest) {
		return 0
	}
	if a.name == b.name {
		return 1
	}
	return 1 - float64(typo.Distance(a.name, b.name))/float64(longest)
}
