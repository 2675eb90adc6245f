package silverfin

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"balansd/problem"
)

// refusedRest is how long no refresh token is spent to replace an access token
// that Silverfin refused although it had just given it.
const refusedRest = time.Hour

// tokens owns the tokens of one firm. Everything is done under one lock, except
// secrets, which must not wait for a renewal.
//
// Silverfin's refresh tokens work once, and the old one is revoked when the new
// access token is first used. So the order is: an intent in the Vault (which also
// shows that it can be written), one post, the new pair in the Vault, and only then
// the new access token is used. Whatever fails in between, the Vault has a refresh
// token that works; only a server that revokes at once and whose reply is lost makes
// a new sign-in necessary.
//
// Another client may use the same Vault. Intent, pair and loss are written only if
// the stored refresh token is still the one that was loaded; a pair that comes second
// is stored beside the first.
type tokens struct {
	client *Client
	firm   int64
	lock   chan struct{} // holds one value while locked

	cur     *grant // as last read or received; nil when not loaded; changed by set alone
	unsaved bool   // cur did not reach the Vault: it must, before it is used
	from    string // the refresh token that an unsaved cur was received for

	refused   string    // the access token that Silverfin refused although it was new
	refusedAt time.Time // when

	inMemory atomic.Pointer[grant] // the same as cur, for reading without the lock
}

func newTokens(c *Client, firm int64) *tokens {
	return &tokens{client: c, firm: firm, lock: make(chan struct{}, 1)}
}

// set makes a grant the one in memory, nil for none. The grant does not change
// any more. The caller holds the lock.
func (t *tokens) set(g *grant) {
	t.cur = g
	t.inMemory.Store(g)
}

// access returns an access token that may be used now. rejected is the token that
// Silverfin just refused, empty when none: it is not given again.
func (t *tokens) access(ctx context.Context, rejected string) (string, error) {
	var token string
	err := t.run(ctx, func() bool {
		ok := t.ready(rejected)
		if ok {
			token = t.cur.AccessToken
		}
		return ok
	}, func(ctx context.Context) error {
		var err error
		token, err = t.secure(ctx, rejected)
		return err
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// run calls quick under the lock and, if that returns false, slow. slow continues
// after ctx ends, so that a renewal that was sent is also saved.
func (t *tokens) run(ctx context.Context, quick func() bool, slow func(context.Context) error) error {
	select {
	case t.lock <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if quick() {
		<-t.lock
		return nil
	}
	done := make(chan error, 1)
	t.client.renewals.Go(func() {
		err := slow(context.WithoutCancel(ctx))
		<-t.lock
		done <- err
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ready reports whether the token in memory may be used as it is.
func (t *tokens) ready(rejected string) bool {
	return t.cur != nil && !t.unsaved && t.cur.Lost == "" && t.cur.Spending.IsZero() &&
		t.cur.AccessToken != rejected &&
		t.cur.AccessToken != "" && t.client.cfg.Now().Before(t.cur.usableUntil())
}

// secure makes sure that there is an access token, by renewing if need be.
func (t *tokens) secure(ctx context.Context, rejected string) (string, error) {
	if err := t.load(ctx); err != nil {
		return "", err
	}
	if t.ready(rejected) {
		return t.cur.AccessToken, nil
	}
	if rejected != "" && rejected == t.refused && rejected == t.cur.AccessToken && t.recent(t.refusedAt, refusedRest) {
		return "", t.refusesRenewed()
	}
	if err := t.renew(ctx); err != nil {
		return "", err
	}
	return t.cur.AccessToken, nil
}

// load brings the firm's grant into memory as the Vault has it, after saving
// what could not be saved before. A firm without a usable grant is a
// NeedsRelink problem.
func (t *tokens) load(ctx context.Context) error {
	if t.unsaved {
		if err := t.save(ctx); err != nil {
			return err
		}
	}
	g, err := t.stored(ctx)
	switch {
	case err != nil:
		return err
	case g == nil:
		t.set(nil)
		return t.needsRelink("it is not linked")
	}
	t.set(g)
	if g.Lost != "" {
		return t.needsRelink(g.Lost)
	}
	return nil
}

// replace saves the tokens of a new sign-in as the firm's, and returns a function that
// restores those before.
func (t *tokens) replace(ctx context.Context, r tokenReply) (undo func(context.Context) error, err error) {
	var prior *grant
	signIn := rand.Text()
	nothing := func() bool { return false }
	err = t.run(ctx, nothing, func(ctx context.Context) error {
		prior = t.cur
		if !t.unsaved {
			g, err := t.stored(ctx)
			if err != nil && !problem.Is(err, problem.NeedsRelink) { // damaged tokens are what a sign-in repairs
				return err
			}
			prior = g
		}
		here, err := t.home(ctx)
		if err != nil {
			return err
		}
		base := grant{}
		if prior != nil {
			base = grant{Generation: prior.Generation, FirmName: prior.FirmName}
		}
		g := base.next(r, t.client.cfg.Now())
		g.SignIn, g.Home = signIn, here
		if err := t.put(ctx, *g); err != nil {
			return err
		}
		t.set(g)
		t.unsaved = false
		return nil
	})
	return func(ctx context.Context) error {
		return t.run(ctx, nothing, func(ctx context.Context) error {
			t.set(nil)
			t.unsaved = false
			_, err := t.change(ctx, func(g *grant) (*grant, error) {
				if g != nil && g.SignIn != signIn { // of another sign-in, which came later
					return g, nil
				}
				return prior, nil
			})
			return err
		})
	}, err
}

// rename saves the firm's name with its tokens, for messages.
func (t *tokens) rename(ctx context.Context, name string) error {
	return t.run(ctx, func() bool { return t.cur != nil && t.cur.FirmName == name }, func(ctx context.Context) error {
		if err := t.load(ctx); err != nil {
			return err
		}
		g, err := t.changeOf(ctx, t.cur.RefreshToken, func(g *grant) { g.FirmName = name })
		if err == nil {
			t.set(g)
		}
		return moved(err) // the name is only for messages
	})
}

// forget removes the tokens.
func (t *tokens) forget(ctx context.Context) error {
	return t.run(ctx, func() bool { return false }, func(ctx context.Context) error {
		t.set(nil)
		t.unsaved = false
		return t.remove(ctx)
	})
}

// refuse records that Silverfin refused a token that it had just issued, and returns
// the problem for it. The grant is valid, so no person is needed: each later call tries
// the token again. For refusedRest no further refresh token is used, or a run would
// use one for each call.
func (t *tokens) refuse(ctx context.Context, token string) error {
	var refused error
	err := t.run(ctx, func() bool {
		t.refused, t.refusedAt = token, t.client.cfg.Now()
		refused = t.refusesRenewed()
		return true
	}, nil)
	if err != nil {
		return err
	}
	return refused
}

// recent reports whether a moment is less than age ago. One in the future comes
// from a clock that was ahead, and is not recent: it would stay so for too long.
func (t *tokens) recent(at time.Time, age time.Duration) bool {
	ago := t.client.cfg.Now().Sub(at)
	return ago >= 0 && ago < age
}

func (t *tokens) refusesRenewed() error {
	return problem.New(problem.SilverfinSignIn, fmt.Sprintf("Silverfin refuses renewed tokens of firm %d for now", t.firm),
		fmt.Sprintf("If it stays so for days, link the firm again: balansd connect silverfin --firm %d.", t.firm))
}

// save stores the grant in memory in the Vault, in place of the one that it was
// received for. If another client was first, its grant stays, the refresh token in
// memory is stored beside it, and cur becomes the stored grant.
func (t *tokens) save(ctx context.Context) error {
	mine := *t.cur
	stored, err := t.change(ctx, func(g *grant) (*grant, error) {
		switch {
		case g == nil: // the firm was removed meanwhile
		case g.RefreshToken == t.from, g.RefreshToken == mine.RefreshToken:
			kept := mine
			kept.FirmName = cmp.Or(g.FirmName, mine.FirmName)
			return &kept, nil
		case g.SignIn == mine.SignIn:
			g.addOther(mine.RefreshToken)
		}
		return g, nil
	})
	if err != nil {
		return err
	}
	t.set(stored)
	t.unsaved = false
	if stored == nil {
		return t.needsRelink("it is not linked")
	}
	return nil
}

func (t *tokens) needsRelink(why string) error {
	return problem.New(problem.NeedsRelink, fmt.Sprintf("%s must be linked again: %s", t.label(), why),
		fmt.Sprintf("Link it again: balansd connect silverfin --firm %d.", t.firm))
}

// label names the firm. The caller holds the lock, or knows that it was set.
func (t *tokens) label() string {
	if t.cur != nil && t.cur.FirmName != "" {
		return fmt.Sprintf("Silverfin firm %d (%s)", t.firm, t.cur.FirmName)
	}
	return fmt.Sprintf("Silverfin firm %d", t.firm)
}

// renewOlder renews when the last renewal is long ago, or was cut off.
func (t *tokens) renewOlder(ctx context.Context, age time.Duration) (bool, error) {
	renewed := false
	err := t.run(ctx, func() bool { return false }, func(ctx context.Context) error {
		if err := t.load(ctx); err != nil {
			return err
		}
		if t.cur.Spending.IsZero() && t.recent(t.cur.RenewedAt, age) {
			return nil
		}
		renewed = true
		return t.renew(ctx)
	})
	if err != nil {
		return false, err
	}
	return renewed, nil
}

// secrets are the tokens in memory, for taking them out of foreign texts. It
// takes no lock: a refused call would wait for a renewal, even when stopped.
func (t *tokens) secrets() []string {
	if g := t.inMemory.Load(); g != nil {
		return []string{g.AccessToken, g.RefreshToken}
	}
	return nil
}
