package balance_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"balansd/balance"

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
