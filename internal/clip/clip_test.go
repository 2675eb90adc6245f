package clip_test

import (
	"strings"
	"testing"

	"balansd/internal/clip"
)

func TestText(t *testing.T) {
	full := strings.Repeat("é", clip.MaxText)
	for text, want := range map[string]string{"": "", "two\nlines": "two\nlines", full: full, full + "é": full + "…"} {
		if got := clip.Text(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	full := strings.Repeat("é", clip.MaxLine)
	for text, want := range map[string]string{
		"": "", "  Jan\r\n\tsens ": "Jan sens", "Jan\u00adsens\x00\xff": "Jansens", full: full, full + "é": full + "…",
		strings.Repeat("\x00", 16*clip.MaxLine) + "Jan": "",
	} {
		if got := clip.Line(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
