package cli

import "testing"

// TestPersonBehindSudo checks that the audit log names the administrator who used sudo,
// and that the environment of other accounts is not trusted.
func TestPersonBehindSudo(t *testing.T) {
	for name, tt := range map[string]struct {
		account string
		root    bool
		env     map[string]string
		login   string
		want    string
	}{
		"sudo":                 {"root", true, map[string]string{"SUDO_USER": "jan"}, "", "jan (root)"},
		"doas":                 {"root", true, map[string]string{"DOAS_USER": "jan"}, "", "jan (root)"},
		"su":                   {"root", true, nil, "piet", "piet (root)"},
		"sudo in a session":    {"root", true, map[string]string{"SUDO_USER": "jan"}, "piet", "jan (root)"},
		"signed in as root":    {"root", true, nil, "root", "root"},
		"no session":           {"root", true, nil, "", "root"},
		"an account of theirs": {"jan", false, map[string]string{"SUDO_USER": "piet"}, "piet", "jan"},
		"not readable":         {"root", true, map[string]string{"SUDO_USER": "jan\x1b[2J\n"}, "", clean("jan\x1b[2J\n") + " (root)"},
	} {
		got := personAs(tt.account, tt.root, func(key string) string { return tt.env[key] }, func() string { return tt.login })
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
