package portal

import (
	"testing"

	"balansd/ledger"
)

// TestConnectionIsMadeWhileItWorks: the page says that the connection is made
// only while balances find their way.
func TestConnectionIsMadeWhileItWorks(t *testing.T) {
	with := func(s ledger.ConnectionStatus, relink string) connectionData {
		return connectionData{Connections: []connectionView{{Connection: ledger.Connection{Status: s}}},
			Firms: []firmView{{Firm: ledger.Firm{Relink: relink}}}}
	}
	for name, tt := range map[string]struct {
		data connectionData
		want bool
	}{
		"nothing":       {connectionData{}, false},
		"all works":     {with(ledger.Active, ""), true},
		"paused":        {with(ledger.Paused, ""), false},
		"deactivated":   {with(ledger.Deactivated, ""), false},
		"to link again": {with(ledger.Active, "refused"), false},
	} {
		if got := tt.data.Linked(); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
