package accounts

import (
	"context"
	"errors"
	"time"

	"balansd/keyvalue"
)

// Vault stores secrets, encrypted. Implementations are safe for concurrent use.
type Vault interface {
	// Get returns the value under a name, nil when there is none.
	Get(ctx context.Context, name string) ([]byte, error)
	// Put adds or replaces a value; it is durable when Put returns.
	Put(ctx context.Context, name string, value []byte) error
	// Delete removes a value; one that is absent is no error.
	Delete(ctx context.Context, name string) error
}

// refreshName is the name in the Vault of the refresh token of a person.
func refreshName(key string) string { return "oidc/refresh/" + key }

// keepRefreshToken saves the refresh token of a person. Without one, and without a Vault
// that works, the provider is asked with their browser, so that errors are no failure.
func (p *People) keepRefreshToken(ctx context.Context, key, token string) {
	if p.Vault != nil && token != "" {
		_ = p.Vault.Put(ctx, refreshName(key), []byte(token))
	}
}

// Membership says what is known of the role of a person of a provider.
type Membership int

// The values of Membership.
const (
	MemberKnown      Membership = iota // asked not long ago, or just now
	MemberAskBrowser                   // the provider must be asked with their browser
	MemberGone                         // they have no role any more; their sessions have ended
)

// postponement is how long nothing is asked about a person after the provider did not
// answer.
const postponement = time.Minute

// Membership asks the provider about a person whom it was not asked about for recheck, and
// saves their role. While the provider does not answer, what is known holds.
func (p *People) Membership(ctx context.Context, o *OIDC, q Person, recheck time.Duration) (Person, Membership, error) {
	now := p.Now()
	if !q.FromProvider() || recheck <= 0 || now.Sub(q.CheckedAt).Abs() < recheck || o.isPostponed(q.Key) {
		return q, MemberKnown, nil
	}
	// One call for all requests of a page: a refresh token may work once.
	type outcome struct {
		person Person
		what   Membership
	}
	answered := o.inFlight.DoChan("member "+q.Key, func() (any, error) {
		q, what, err := p.askAgain(context.WithoutCancel(ctx), o, q, recheck)
		return outcome{q, what}, err
	})
	select {
	case got := <-answered:
		out, _ := got.Val.(outcome)
		return out.person, out.what, got.Err
	case <-ctx.Done():
		return q, MemberKnown, ctx.Err()
	}
}

func (p *People) askAgain(ctx context.Context, o *OIDC, q Person, recheck time.Duration) (Person, Membership, error) {
	now, ok, err := p.find(ctx, q.Key)
	if err != nil || !ok || p.Now().Sub(now.CheckedAt).Abs() < recheck {
		return now, MemberKnown, err // another request was faster
	}
	var token []byte
	if p.Vault != nil {
		token, _ = p.Vault.Get(ctx, refreshName(q.Key)) // else the browser is asked
	}
	if token == nil {
		return q, MemberAskBrowser, nil
	}
	who, err := o.Refresh(ctx, string(token))
	p.keepRefreshToken(ctx, q.Key, who.RefreshToken)
	switch refusal, refused := errors.AsType[Refusal](err); {
	case errors.Is(err, errAskBrowser):
		return q, MemberAskBrowser, p.Vault.Delete(ctx, refreshName(q.Key))
	case refused && refusal.Status == 403: // no role any more
		return q, MemberGone, p.endMembership(ctx, q, err)
	case err != nil:
		o.postpone(q.Key)
		return q, MemberKnown, nil
	case providerPrefix+hashOf(who.Subject) != q.Key:
		return q, MemberGone, p.endMembership(ctx, q, Refusal{Status: 403, Reason: "oidc.refused"})
	}
	q, err = p.update(ctx, q.Key, func(_ keyvalue.Writer, q *Person) error {
		q.Role, q.CheckedAt = who.Role, p.Now().UTC().Truncate(time.Second)
		return nil
	})
	return q, MemberKnown, err
}

// endMembership ends all sessions of a person who has no role any more.
func (p *People) endMembership(ctx context.Context, q Person, why error) error {
	p.AuditLog.Record(ctx, Record{Who: q.Name, Key: q.Key, What: "sign-in", Outcome: OutcomeOf(why)})
	if p.Vault != nil {
		_ = p.Vault.Delete(ctx, refreshName(q.Key))
	}
	_, err := p.SignOutEverywhere(ctx, q.Key)
	return err
}

// isPostponed reports whether the provider did not answer about a person a moment ago.
func (o *OIDC) isPostponed(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	until, ok := o.postponed[key]
	if ok && !o.now().Before(until) {
		delete(o.postponed, key)
		return false
	}
	return ok
}

func (o *OIDC) postpone(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.postponed[key] = o.now().Add(postponement)
}
