package balance_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-0.00": "0", "+1.50": "1.5", "100": "100", "71384.0": "71384", "0012.340": "12.34", "-1.10": "-1.1",
	} {
		d, err := balance.ParseDecimal(in)
		if err != nil || balance.Canonical(d) != want {
			t.Errorf("%s gives %s, %v; want %s", in, balance.Canonical(d), err, want)
		}
	}
	for _, in := range []string{"", " ", "1e3", "1,5", "1.", ".5", "--1", "+-1", "0x1", "NaN", "INF", "1 000", strings.Repeat("9", 50)} {
		if d, err := balance.ParseDecimal(in); err == nil {
			t.Errorf("%q is read as %s", in, d)
		}
	}
}

func TestCanonicalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := decimal.New(rapid.Int64().Draw(t, "digits"), int32(rapid.IntRange(-15, 10).Draw(t, "exponent")))
		text := balance.Canonical(d)
		again, err := balance.ParseDecimal(text)
		if err != nil || !again.Equal(d) || balance.Canonical(again) != text {
			t.Fatalf("%s becomes %s (%v)", d, text, err)
		}
	})
}

func TestHash(t *testing.T) {
	one := balance.Values{{Code: "1003"}: decimal.RequireFromString("1.0"), {Code: "1003", Previous: true}: decimal.RequireFromString("2")}
	same := balance.Values{{Code: "1003", Previous: true}: decimal.RequireFromString("2.00"), {Code: "1003"}: decimal.RequireFromString("1")}
	other := balance.Values{{Code: "1003"}: decimal.RequireFromString("1")}
	if one.Hash() != same.Hash() || one.Hash() == other.Hash() {
		t.Errorf("%s, %s, %s", one.Hash(), same.Hash(), other.Hash())
	}
}

func TestEnterpriseNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head := rapid.IntRange(0, 19_999_999).Draw(t, "head")
		digits := fmt.Sprintf("%08d%02d", head, 97-head%97)
		spelled := rapid.SampledFrom([]string{"%s", "BE%s", "BE %s", " be%s ", "%s."}).Draw(t, "form")
		body := digits
		if rapid.Bool().Draw(t, "dots") {
			body = digits[:4] + "." + digits[4:7] + "." + digits[7:]
		} else if digits[0] == '0' && rapid.Bool().Draw(t, "nine digits") {
			body = digits[1:]
		}
		n, err := balance.ParseEnterpriseNumber(fmt.Sprintf(spelled, body))
		if err != nil || string(n) != digits {
			t.Fatalf("%s gives %s, %v", body, n, err)
		}
		if again, err := balance.ParseEnterpriseNumber(n.Pretty()); err != nil || again != n {
			t.Fatalf("%s gives %s, %v", n.Pretty(), again, err)
		}
		// Every single wrong digit is noticed.
		at := rapid.IntRange(1, 9).Draw(t, "at")
		wrong := []byte(digits)
		wrong[at] = '0' + (wrong[at]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		if _, err := balance.ParseEnterpriseNumber(string(wrong)); !errors.Is(err, balance.ErrEnterpriseNumberCheck) {
			t.Fatalf("%s for %s gives %v", wrong, digits, err)
		}
	})
	for _, s := range []string{"", "BE", "12345678", "2402754886", "NL0402754886", "0402,754,886", "04027548861"} {
		if n, err := balance.ParseEnterpriseNumber(s); !errors.Is(err, balance.ErrEnterpriseNumberForm) {
			t.Errorf("%q gives %s, %v", s, n, err)
		}
	}
}

func TestCheck(t *testing.T) {
	type values map[string]string
	for name, c := range map[string]struct {
		model  balance.Model
		values values
		want   []string
	}{
		"nothing filled in":    {balance.Full, values{}, nil},
		"adds up":              {balance.Micro, values{"1013": "7", "1011": "4", "1012": "3"}, nil},
		"an empty part":        {balance.Micro, values{"1013": "4", "1011": "4"}, nil},
		"does not add up":      {balance.Micro, values{"1013": "8", "1011": "4", "1012": "3"}, []string{"hours_total: 1013 is 8, but 1011 + 1012 is 7"}},
		"total without parts":  {balance.Micro, values{"1023": "8"}, []string{"costs_total: 1023 is 8, but 1021 + 1022 is empty"}},
		"parts without total":  {"", values{"1021": "8"}, []string{"costs_total: 1023 is empty, but 1021 + 1022 is 8"}},
		"no previous parts":    {balance.Micro, values{"1013P": "8"}, nil},
		"column by column":     {balance.Abbreviated, values{"12012": "2", "1202": "1", "1212": "0", "1052": "1", "1102": "1", "1342": "1"}, []string{"education_men: 1202 is 1, but 12002 + 12012 + 12022 + 12032 is 2"}},
		"previous year":        {balance.Full, values{"1003P": "3", "10031P": "1", "10032P": "1"}, []string{"average_gender: 1003P is 3, but 10031P + 10032P is 2"}},
		"full only":            {balance.Abbreviated, values{"2051": "3"}, nil},
		"full":                 {balance.Full, values{"2051": "3"}, []string{"entries_contract_types: 2051 is 3, but 2101 + 2111 + 2121 + 2131 is empty"}},
		"model unknown":        {"", values{"2051": "3"}, nil},
		"costs may be below 0": {balance.Micro, values{"1023": "-1.5", "1021": "-1.5"}, nil},
		"heads may not":        {balance.Micro, values{"5801": "-1"}, []string{"sign: 5801 is -1, but cannot be negative"}},
		"decimals":             {balance.Micro, values{"5801": "1.5"}, []string{"decimals: 5801 is 1.5, but the form allows 0 decimals"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &balance.Balance{Model: c.model, Values: balance.Values{}}
			for s, v := range c.values {
				cell, err := balance.ParseCell(s)
				if err != nil {
					t.Fatal(err)
				}
				b.Values[cell] = decimal.RequireFromString(v)
			}
			var got []string
			for _, f := range balance.Check(b) {
				got = append(got, f.Rule+": "+f.Message)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
