package ledger

import (
	"slices"
	"testing"

	"balansd/balance"
)

// TestExportWordsAreComplete checks that each language has its own word for each value of
// the ledger.
func TestExportWordsAreComplete(t *testing.T) {
	var codes []string
	for _, s := range States() {
		codes = append(codes, string(s))
	}
	for _, c := range []FailClass{Unreadable, Refused, NotEqual, Unavailable} {
		codes = append(codes, string(c))
	}
	for _, r := range slices.Concat(Reasons(), IgnoreReasons(), []Reason{InWholeEuros}) {
		codes = append(codes, string(r))
	}
	for _, lang := range []balance.Lang{balance.Dutch, balance.French, balance.German} {
		seen := map[string]bool{}
		for _, code := range codes {
			text := exportWords[lang][code]
			if text == "" || text == code || seen[text] {
				t.Errorf("%s in %s is %q", code, lang, text)
			}
			seen[text] = true
		}
		if len(exportWords[lang]) != len(codes) {
			t.Errorf("%s has %d words for %d codes", lang, len(exportWords[lang]), len(codes))
		}
	}
	for _, lang := range balance.Languages() {
		if len(exportModels[lang]) != 3 || len(exportColumns[lang]) != len(exportColumns["en"]) {
			t.Errorf("%s lacks a model or a heading", lang)
		}
	}
}
