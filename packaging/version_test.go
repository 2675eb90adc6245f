package main

import (
	"regexp"
	"testing"
	"time"
)

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]string{
		"1.2.3": "1.2.3", "v0.1.0": "0.1.0", "0.1.0-rc1": "0.1.0-rc1", "2.0.0-git20260101000000+0123abc.dirty": "2.0.0-git20260101000000+0123abc.dirty",
		"": "", "1.2": "", "1.2.3-": "", "1.2.3-a-b": "", "256.0.0": "", "1.2.65536": "", "1.2.3 ": "", "1.2.99999999999999999999": "",
	} {
		v, err := parseVersion(text)
		got := ""
		if err == nil {
			got = v.String()
		}
		if got != want {
			t.Errorf("%q is read as %q, want %q: %v", text, got, want, err)
		}
	}
}

// TestVersionFromGit covers commits after, at and before a release.
func TestVersionFromGit(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	for _, c := range []struct {
		tag   string
		after int
		dirty bool
		want  string
	}{
		{"", 0, false, "0.1.0-git20260304040607+0123abc"},
		{"v1.2.3", 0, false, "1.2.3"},
		{"v1.2.3", 0, true, "1.2.4-git20260304040607+0123abc.dirty"},
		{"v1.2.3", 7, false, "1.2.4-git20260304040607+0123abc"},
		{"v1.2.3-rc1", 7, false, "1.2.3-git20260304040607+0123abc"},
		{"v1.2.3-rc1", 0, false, "1.2.3-rc1"},
	} {
		v, err := versionFromGit(c.tag, c.after, "0123abc", c.dirty, at)
		if err != nil || v.String() != c.want {
			t.Errorf("%+v: %s, %v", c, v, err)
		}
	}
}

func TestUUID(t *testing.T) {
	a, b := uuidOf("product", "1"), uuidOf("product1")
	if !regexp.MustCompile(`^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`).MatchString(a) {
		t.Errorf("%s is no UUID", a)
	}
	if a == b || a != uuidOf("product", "1") {
		t.Errorf("the same must give the same, and other things another: %s, %s", a, b)
	}
}
