package portal

import (
	"strings"
	"testing"

	"balansd/ledger"
	"balansd/problem"
)

// TestAValidationThatFailsSaysWhatIsInTheWay: nothing was stored, so nothing is
// tried again by itself, and each cause has its own remedy.
func TestAValidationThatFailsSaysWhatIsInTheWay(t *testing.T) {
	down := func(r problem.Reason) error {
		return problem.New(problem.FinboxDown, "Finbox cannot be reached", "").Because(r, "")
	}
	for want, err := range map[string]error{
		"De proxy van je netwerk vraagt een wachtwoord":                   down(problem.ProxySignIn),
		"De proxy of firewall van je netwerk laat dit adres niet toe":     down(problem.ProxyRefuses),
		"de uitgever ervan in de configuratie zetten":                     down(problem.Untrusted),
		"Er is niets gekoppeld":                                           down(problem.NotLinked),
		"Laat je IT-beheerder de gegevens voor Finbox in de configuratie": problem.New(problem.FinboxSignIn, "Finbox refuses us", ""),
	} {
		d := &stubAPI{}
		ann := newStubFixture(t, d).signedIn(annName)
		d.Err = err
		page := ann.post("/connection/finbox", "id", "6f1c")
		if !strings.Contains(page.body, want) || strings.Contains(page.body, "probeert het vanzelf opnieuw") {
			t.Errorf("%v: the page does not say %q: %d %s", err, want, page.code, page.body)
		}
	}
}

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
