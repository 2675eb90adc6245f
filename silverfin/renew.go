package silverfin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"balansd/problem"
)

const (
	// maxPosts bounds the refresh tokens that one renewal posts: the stored one,
	// and others that were received.
	maxPosts = maxOthers + 2
	// joinedRest is how long a refused refresh token that two clients posted at
	// once does not count as lost: the other's response may still arrive.
	joinedRest = time.Minute
)

// renew spends the refresh token for a new pair and saves that. The caller has
// just loaded the grant. When Silverfin is in trouble nothing changes: the
// refresh token is tried again the next time.
func (t *tokens) renew(ctx context.Context) error {
	for range maxPosts {
		again, err := t.renewOnce(ctx)
		if err != nil || !again {
			return err
		}
		if err := t.load(ctx); err != nil {
			return err
		}
		if t.ready("") { // by another client
			return nil
		}
	}
	return tokenDown(t.firm, "its stored tokens keep changing")
}

// renewOnce posts one refresh token. It reports whether the grant is to be
// loaded again, because another client changed it or another token may work.
func (t *tokens) renewOnce(ctx context.Context) (again bool, err error) {
	here, err := t.home(ctx)
	if err != nil {
		return false, err
	}
	if why := t.cur.elsewhere(here); why != "" && (t.cur.Accepted == Home{} || !t.cur.Accepted.is(here)) {
		return false, t.needsTakeOver(why)
	}
	now := t.client.cfg.Now()
	var cutOff time.Time // when an earlier renewal began whose outcome is not known
	intent, err := t.changeOf(ctx, t.cur.RefreshToken, func(g *grant) {
		cutOff = g.Spending
		g.intend(t.client.id, now)
	})
	if err != nil {
		return errors.Is(err, errMoved), moved(err)
	}
	t.set(intent)
	reply, failed := t.client.exchangeRefresh(ctx, t.firm, intent.RefreshToken)
	if failed != nil && (reply.refreshToken == "" || reply.refreshToken == intent.RefreshToken) {
		if errors.Is(failed, errGrantLost) {
			return t.refreshTokenRefused(ctx, intent.RefreshToken, here, cutOff)
		}
		return false, failed
	}
	// What was received is saved first and checked afterwards.
	next := intent.next(reply, now)
	if failed == nil {
		next.Home, next.Accepted = here, Home{}
	}
	t.set(next)
	t.unsaved, t.from = true, intent.RefreshToken
	if err := t.save(ctx); err != nil {
		return false, err
	}
	if failed != nil {
		if errors.Is(failed, errGrantLost) {
			return true, nil
		}
		return false, failed
	}
	t.client.cfg.Log.Debug().Int64("firm", t.firm).Uint64("generation", t.cur.Generation).Msg("silverfin tokens renewed")
	return t.cur.AccessToken != next.AccessToken, nil
}

// moved returns nil for errMoved, which is no problem: the grant is loaded again.
func moved(err error) error {
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// refreshTokenRefused handles a refresh token that Silverfin does not know. Another one
// that was received for the same sign-in is tried; else the link is broken, and
// the token is never posted again.
func (t *tokens) refreshTokenRefused(ctx context.Context, spent string, here Home, cutOff time.Time) (again bool, err error) {
	g, err := t.changeOf(ctx, spent, func(g *grant) {
		switch {
		case len(g.Others) > 0:
			g.RefreshToken, g.AccessToken, g.Others = g.Others[0], "", g.Others[1:]
		case t.recent(g.Joined, joinedRest):
		default:
			g.Lost = whyLost(g, here, cutOff)
			g.Spending, g.Spender, g.Joined = time.Time{}, "", time.Time{}
		}
	})
	if err != nil {
		return errors.Is(err, errMoved), moved(err)
	}
	t.set(g)
	switch {
	case g.Lost != "":
		t.client.cfg.Log.Warn().Int64("firm", t.firm).Uint64("generation", g.Generation).Msg("silverfin firm must be linked again")
		return false, t.needsRelink(g.Lost)
	case g.RefreshToken == spent:
		return false, problem.New(problem.SilverfinDown,
			fmt.Sprintf("the tokens of %s are being renewed by another balansd at this moment", t.label()), nextDown)
	}
	return true, nil
}

// whyLost says why a refresh token is dead.
func whyLost(g *grant, here Home, cutOff time.Time) string {
	switch why := g.elsewhere(here); {
	case why != "":
		return why + ", and its tokens were renewed elsewhere since"
	case !cutOff.IsZero():
		return fmt.Sprintf("an interrupted renewal at %s lost the tokens", stamp(cutOff))
	}
	return "the consent was withdrawn, or not used for 60 days"
}

// needsTakeOver returns the problem of tokens that came with a copy of the state. Two that
// renew them would take the link from one another.
func (t *tokens) needsTakeOver(why string) error {
	return problem.New(problem.SilverfinSignIn, fmt.Sprintf("the tokens of %s are not renewed: %s", t.label(), why),
		fmt.Sprintf("Make sure that no other balansd works with them any more, then: balansd connect silverfin --take-over. "+
			"Or link the firm again: balansd connect silverfin --firm %d.", t.firm))
}

// takeOver records that nobody else renews the tokens any more.
func (t *tokens) takeOver(ctx context.Context) error {
	return t.run(ctx, func() bool { return false }, func(ctx context.Context) error {
		if err := t.load(ctx); err != nil {
			return err
		}
		here, err := t.home(ctx)
		if err != nil {
			return err
		}
		g, err := t.changeOf(ctx, t.cur.RefreshToken, func(g *grant) { g.Accepted = here })
		if err == nil {
			t.set(g)
		}
		return moved(err) // by somebody who renewed them here
	})
}
