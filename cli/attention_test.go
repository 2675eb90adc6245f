package cli

import "testing"

// TestExitCodeOfServicesAlone: a dossier that waits and a service that refuses both give exit
// code 3, and --json tells them apart; with --fail-on services the dossiers give 0.
func TestExitCodeOfServicesAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	f.addDemo()
	type report struct{ Attention attention }
	check := func(code int, want attention, args ...string) {
		t.Helper()
		if got := read[report](t, f, 3, args...).Attention; got != want {
			t.Errorf("%v: %+v, want %+v", args, got, want)
		}
		f.want(code, "", append(args, "--fail-on", "services")...)
		f.want(3, "", append(args, "--fail-on", "anything")...)
	}
	check(0, attention{Dossiers: true}, "sync")
	check(0, attention{Dossiers: true}, "status")
	f.want(2, "it is anything or services", "status", "--fail-on", "dossiers")
	f.sandbox.Silverfin.RevokeTokens(f.firm)
	check(3, attention{Services: true, Dossiers: true}, "sync")
	check(3, attention{Services: true, Dossiers: true}, "status")
}
