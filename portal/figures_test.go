package portal

import (
	"testing"

	"balansd/balance"
)

// TestFigureText: an amount has its cents, and a text that a person typed is unchanged.
func TestFigureText(t *testing.T) {
	for _, tt := range []struct{ code, text, want string }{
		{"1023", "233972", "233.972,00"},
		{"1023", "55393.4", "55.393,40"},
		{"1003", "25.2", "25,2"},
		{"1003", "3", "3"},
		{"1013", "40694", "40.694"},
		{"1013", "veel", "veel"},
	} {
		if got := figureText(balance.Dutch, balance.Cell{Code: tt.code}, tt.text); got != tt.want {
			t.Errorf("%s of %s is written %q, want %q", tt.text, tt.code, got, tt.want)
		}
	}
}
