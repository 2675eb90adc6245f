package localapi

import (
	"crypto/rand"
	"testing"
)

// address returns the name of a pipe that does not exist yet.
func address(*testing.T) string { return pipes + "balansd-test-" + rand.Text() }

// TestMayAnswer: a command trusts the local system, the Administrators, its own account
// and that of the service.
func TestMayAnswer(t *testing.T) {
	const own, service, other = "S-1-5-21-1-2-3-1001", "S-1-5-80-1-2-3-4-5", "S-1-5-21-1-2-3-1002"
	for _, tt := range []struct {
		owner, service string
		want           bool
	}{
		{"S-1-5-18", service, true}, {"S-1-5-32-544", service, true}, {own, service, true}, {service, service, true},
		{other, service, false}, {service, "", false}, {"", "", false},
	} {
		if got := mayAnswer(tt.owner, own, tt.service); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
