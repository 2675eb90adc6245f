package cli

import (
	"strings"
	"testing"
)

// TestDoctorCredentials changes the secrets after the firm was linked: its stored token hides
// a wrong one from doctor, and doctor --credentials finds it. With the right ones it asks
// one token of Finbox and renews the firm once; the new refresh token is saved, so that it
// can be done again.
func TestDoctorCredentials(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	info := f.sandbox.Info()
	try := func(code int, contains ...string) {
		t.Helper()
		r := f.want(code, contains[0], "doctor", "--credentials")
		for _, text := range contains {
			if !strings.Contains(r.stdout, text) {
				t.Errorf("no %q in:\n%s", text, r.stdout)
			}
		}
	}
	well := []string{"Finbox gave a token", "Silverfin renewed the tokens"}
	for range 2 {
		try(0, well...)
	}
	d := f.daemon()
	for range 2 {
		try(0, well...)
	}
	f.write("silverfin.secret", "wrong")
	f.write("finbox.secret", "wrong")
	f.want(0, "", "config", "reload")
	f.want(0, "", "doctor")
	try(1, "WRONG  sign-in Finbox", "WRONG  sign-in ")
	f.write("silverfin.secret", info.Silverfin.ClientSecret)
	f.write("finbox.secret", info.Finbox.ClientSecret)
	f.want(0, "", "config", "reload")
	try(0, well...)
	f.want(0, "", "sync")
	d.stop(t)
	records := f.auditRecords()
	tried := 0
	for _, r := range records {
		if r.What == "try-credentials" {
			tried++
		}
	}
	if tried != 6 {
		t.Errorf("the audit log has %d tries, want 6", tried)
	}
}
