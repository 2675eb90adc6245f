package testenv

import (
	"os"
	"strings"
	"testing"
)

func TestAsks(t *testing.T) {
	for _, c := range []struct {
		value string
		r     Requirement
		want  bool
		fails bool
	}{
		{"", Browser, false, false},
		{"all", Browser, true, false},
		{"all", SilverfinCLI, false, false},
		{"all,silverfin-cli", SilverfinCLI, true, false},
		{"browser", Browser, true, false},
		{"browser", Wine, false, false},
		{"systemd, wine", Wine, true, false},
		{"browsers", Browser, false, true},
		{"browser,1", Browser, false, true},
	} {
		if got, err := asks(c.value, c.r); got != c.want || (err != nil) != c.fails {
			t.Errorf("%q asks for %s: %v %v", c.value, c.r, got, err)
		}
	}
}

// TestDocumented compares the table in docs/architecture.md with the requirements.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requirements() {
		if !strings.Contains(string(text), "\n| `"+string(r)+"` | ") {
			t.Errorf("docs/architecture.md does not say what %s needs", r)
		}
	}
}
