package balance_test

import (
	"errors"
	"testing"

	"balansd/balance"
)

func TestIsMeantAsBalance(t *testing.T) {
	t.Parallel()
	unknown, known := &balance.ReadError{What: "x"}, &balance.ReadError{Layout: balance.NBBCSV, What: "x"}
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"brief.pdf", unknown, false},
		{"brief.pdf", known, true},
		{"brief.pdf", errors.New("other"), false},
		{"klant/Sociale_Balans-2024 (1).pdf", unknown, true},
		{"sociale balans/brief.pdf", unknown, false},
		{"BILAN SOCIAL final.xlsx", unknown, true},
		{"socialebalans.csv", unknown, true},
		{"Sozialbilanz.pdf", unknown, true},
		{"Soziale Bilanz.pdf", unknown, true},
		{"social media balance.pdf", unknown, false},
		{"bilan sociétés.pdf", unknown, false},
	} {
		if got := balance.IsMeantAsBalance(c.name, c.err); got != c.want {
			t.Errorf("%s, %v: %t", c.name, c.err, got)
		}
	}
}
