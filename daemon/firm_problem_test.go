package daemon_test

import (
	"context"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

// refusing is a firm that answers every call with an error, while there is one.
type refusing struct {
	daemon.Destination
	err *error
}

func (r refusing) Companies(ctx context.Context) ([]ledger.Company, []string, error) {
	if *r.err != nil {
		return nil, nil, *r.err
	}
	return r.Destination.Companies(ctx)
}

func (r refusing) Locate(ctx context.Context, c ledger.Company, year balance.Period, to mapping.Target) (ledger.Target, error) {
	if *r.err != nil {
		return ledger.Target{}, *r.err
	}
	return r.Destination.Locate(ctx, c, year, to)
}

// TestAFirmThatRefusesUs does not stand as well: from the first run on in which
// Silverfin refuses the secret or the tokens, until one in which it does not.
func TestAFirmThatRefusesUs(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	var refusal error
	fx.wrapDestination = func(d daemon.Destination) daemon.Destination { return refusing{d, &refusal} }
	stands := func() ledger.Firm {
		firms, err := fx.store.Firms(t.Context())
		fx.must(err)
		return firms[0]
	}
	secret := problem.New(problem.ConfigInvalid, "Silverfin refuses the client id or the client secret", "Check the secret.")
	for n, tt := range []struct {
		err  error
		want string
	}{
		{secret, "Silverfin refuses the client id or the client secret. Check the secret."},
		{problem.New(problem.SilverfinDown, "Silverfin cannot be reached", ""), "Silverfin refuses the client id or the client secret. Check the secret."},
		{problem.New(problem.SilverfinSignIn, "the tokens are not renewed", ""), "the tokens are not renewed"},
		{nil, ""},
		{problem.New(problem.SilverfinDown, "Silverfin cannot be reached", ""), ""},
	} {
		refusal = tt.err
		for range 7 {
			_, _ = fx.night()
		}
		if f := stands(); f.Problem != tt.want || f.Fails() != (tt.want != "") || f.Fails() != (f.ProblemCode != "") {
			t.Errorf("after %v: %q (%s), want %q", tt.err, f.Problem, f.ProblemCode, tt.want)
		}
		c := fx.client(n + 2)
		fx.add(c, fx.balance(c, 1))
	}
	refusal = secret
	_, _ = fx.dryRun()
	if f := stands(); f.Fails() {
		t.Errorf("a dry run stored %q", f.Problem)
	}
}
