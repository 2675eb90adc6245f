package typo

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "ab", 2}, {"night", "night", 0}, {"nihgt", "night", 1}, {"nigt", "night", 1}, {"nightt", "night", 1},
		{"nixht", "night", 1}, {"0443246943", "0443249643", 1}, {"crème", "creme", 1}, {"peeters", "pieters", 1}, {"abcd", "dcba", 3},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance(c.b, c.a); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"payroll", "uploads", "6f1c"}
	for name, want := range map[string]string{"payrol": "payroll", "PAYROLL": "payroll", "upload": "uploads", "wages": "", "": ""} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
