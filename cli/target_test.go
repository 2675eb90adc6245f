package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/config"
	"balansd/problem"
)

// TestTargetMistakes checks that a mistake of the target is reported at its setting by
// each command.
func TestTargetMistakes(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"{level: perod}":                           `balansd.yaml:2:12: silverfin.target.level: "perod" is not known here; it is one of period, reconciliation`,
		"{level: reconciliation}":                  "silverfin.target.handle: is missing",
		"{handle: x}":                              "silverfin.target.level: a handle or require_starred is set",
		"{namespace: a.b}":                         `silverfin.target.namespace: "a.b" cannot be a namespace`,
		"{key: code}":                              `silverfin.target.key: "code" does not hold {code} once`,
		"{map: {1311: x}}":                         `silverfin.target.map.1311: "1311" is not a rubric of the social balance`,
		`{map: {"1003": a.b, "1021": a.b}}`:        "silverfin.target.map.1021: shares the property a.b with rubric 1003",
		"{level: reconciliation, handle: x}":       "",
		`{key: "{code}", map: {"1003P": other.x}}`: "",
	} {
		path := filepath.Join(t.TempDir(), "balansd.yaml")
		if err := os.WriteFile(path, []byte("silverfin:\n  target: "+target+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(config.LoadOptions{Path: path, Also: targetMistakes})
		text := ""
		if err != nil {
			text = problem.Of(err).Error()
		}
		if (want == "") == strings.Contains(text, "silverfin.target") || !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %q", target, text, want)
		}
	}
}

func TestConfigCheckReportsTheTarget(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.rewrite("client_secret_file: silverfin.secret,", `client_secret_file: silverfin.secret, target: {map: {"1003": a.b, "1021": a.b}},`)
	f.want(2, "shares the property a.b with rubric 1003", "config", "check")
	f.want(2, "shares the property a.b with rubric 1003", "status")
}
