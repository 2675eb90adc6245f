package balance_test

import (
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

// A number that stands in a text with other words is found, each once, and what is
// no enterprise number is left out.
func TestEnterpriseNumbersIn(t *testing.T) {
	type numbers []balance.EnterpriseNumber
	for text, want := range map[string]numbers{
		"BE0900102194 (RPR Gent)":            {"0900102194"},
		"BE 0900.207.708":                    {"0900207708"},
		"TVA BE-0900.309.953":                {"0900309953"},
		"TVA BE-0900309953":                  {"0900309953"},
		"BTW: BE(0)900.102.194, RPR Gent":    {"0900102194"},
		"900.102.194":                        {"0900102194"},
		"nr. 900 102 194":                    {"0900102194"},
		"0900\u00a0102\u00a0194 – RPR":       {"0900102194"},
		"be0900102194/be0900102194":          {"0900102194"},
		"BE0900102194 en BE0900207708":       {"0900102194", "0900207708"},
		"BE0900102194; vroeger 0900.207.708": {"0900102194", "0900207708"},
		"BE0900102195 (RPR Gent)":            nil, // wrong check digits
		"BE68 5390 0754 7034":                nil, // an account
		"BE68539007547034":                   nil,
		"09 225 30 30":                       nil,
		"NL809163160B01":                     nil,
		"geen":                               nil,
		"":                                   nil,
		"2024-12-31 / 31.12.2024":            nil,
		"BE0900102194 IBAN BE68539007547034 (RPR) 02/123": {"0900102194"},
	} {
		if diff := cmp.Diff(want, numbers(balance.EnterpriseNumbersIn(text))); diff != "" {
			t.Errorf("%q (-want +got)\n%s", text, diff)
		}
	}
}

// FuzzEnterpriseNumbersIn holds what is found to the check digits.
func FuzzEnterpriseNumbersIn(f *testing.F) {
	f.Add("TVA BE-0900309953 (RPR Gent)")
	f.Fuzz(func(t *testing.T, text string) {
		for _, n := range balance.EnterpriseNumbersIn(text) {
			if again, err := balance.ParseEnterpriseNumber(n.String()); err != nil || again != n {
				t.Errorf("%q gives %q", text, n)
			}
		}
	})
}
