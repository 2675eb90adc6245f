package cli

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"balansd/accounts/oidctest"
	"balansd/daemon"
	"balansd/internal/testenv"
)

// TestDoctorWalksInOrder runs everything that doctor looks at, with and without a daemon:
// the results come in one order, and each that is not well says what to do.
func TestDoctorWalksInOrder(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	p.Down = true
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	f := newFixture(t, fixtureOptions{more: fmt.Sprintf(`portal:
  listen: %q
  oidc: {issuer: %q, client_id: balansd, client_secret_file: silverfin.secret, admin_groups: [g-admins]}
notify: {mail: {host: "localhost", port: 1, security: none, from: balansd@kantoor.example, to: [{address: it@kantoor.example}]}}
`, testenv.UnusedAddress(t), p.URL)})
	f.link()
	type report struct {
		Checks []daemon.Check `json:"checks"`
	}
	look := func() (names []string) {
		t.Helper()
		for _, c := range read[report](t, f, 1, "doctor").Checks {
			names = append(names, c.Name)
			if !c.Well && c.Next == "" {
				t.Errorf("%s does not say what to do: %s", c.Name, c.Text)
			}
		}
		return names
	}
	wantOrder := func(names []string, want ...string) {
		t.Helper()
		at := 0
		for _, name := range names {
			if at < len(want) && strings.HasPrefix(name, want[at]) {
				at++
			}
		}
		if at < len(want) {
			t.Errorf("%q does not come in its place in %q", want[at], names)
		}
	}
	wantOrder(look(), "service", "configuration", "state", "data key", "clock", "Finbox", "Silverfin", "OIDC", "mail")
	d := f.daemon()
	wantOrder(look(), "service", "configuration", "state", "data key", "clock", "Finbox", "Silverfin", "OIDC", "mail", "portal")
	d.stop(t)
}

func TestSortChecks(t *testing.T) {
	t.Parallel()
	var list []daemon.Check
	for _, name := range []string{"something new", "portal", "OIDC", "Silverfin", "Finbox sign-in", "folder scans", "clock", "disk of the state", "data key", "service"} {
		list = append(list, daemon.NewCheck(name, "", nil))
	}
	var got []string
	for _, c := range sortChecks(list) {
		got = append(got, c.Name)
	}
	want := []string{"service", "data key", "disk of the state", "clock", "folder scans", "Finbox sign-in", "Silverfin", "OIDC", "portal", "something new"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
