package silverfin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"balansd/problem"
)

// grant is what the Vault keeps of one firm, as JSON.
type grant struct {
	Generation   uint64    `json:"generation"` // counts renewals
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Expires      time.Time `json:"expires"` // of the access token
	RenewedAt    time.Time `json:"renewed_at"`
	FirmName     string    `json:"firm_name,omitempty"`
	// Spending is set before the refresh token is posted: a record that still
	// has it belongs to a renewal whose outcome is not known.
	Spending time.Time `json:"spending,omitzero"`
	// Lost says why the refresh token is dead. It is never posted again.
	Lost string `json:"lost,omitempty"`
}

// next is the grant after a reply of the token endpoint. A reply without a
// refresh token leaves the old one in force (RFC 6749, section 6).
func (g grant) next(r tokenReply, now time.Time) *grant {
	g.Generation++
	g.AccessToken = r.AccessToken
	if r.RefreshToken != "" {
		g.RefreshToken = r.RefreshToken
	}
	g.Expires, g.RenewedAt = now.Add(r.lifetime()), now
	g.Spending, g.Lost = time.Time{}, ""
	return &g
}

func (t *tokens) key() string { return fmt.Sprintf("silverfin/firm/%d/tokens", t.firm) }

// stored reads the firm's grant from the Vault, nil when there is none.
func (t *tokens) stored(ctx context.Context) (*grant, error) {
	raw, err := t.client.cfg.Vault.Get(ctx, t.key())
	if err != nil {
		return nil, t.vaultProblem(err, "read")
	}
	if raw == nil {
		return nil, nil
	}
	var g grant
	if json.Unmarshal(raw, &g) != nil || g.RefreshToken == "" {
		// The cause is left out: it could quote the record.
		return nil, t.needsRelink("its stored tokens cannot be read")
	}
	return &g, nil
}

// save puts the grant in memory into the Vault.
func (t *tokens) save(ctx context.Context) error {
	if err := t.put(ctx, *t.cur); err != nil {
		return err
	}
	t.unsaved = false
	return nil
}

func (t *tokens) put(ctx context.Context, g grant) error {
	raw, err := json.Marshal(g)
	if err != nil {
		return problem.New(problem.Unexpected, "the tokens of "+t.label()+" cannot be written down", "")
	}
	if err := t.client.cfg.Vault.Put(ctx, t.key(), raw); err != nil {
		return t.vaultProblem(err, "saved")
	}
	return nil
}

func (t *tokens) remove(ctx context.Context) error {
	if err := t.client.cfg.Vault.Delete(ctx, t.key()); err != nil {
		return t.vaultProblem(err, "removed")
	}
	return nil
}

// vaultProblem says that the state file does not do its part. The Vault's own
// problem, such as a full disk, is kept.
func (t *tokens) vaultProblem(err error, what string) error {
	code, next := problem.StateUnwritable, "Make room on the disk or restore the rights on the state file; the next pass goes on by itself."
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		code, next = p.Code, p.Next
	}
	return problem.Wrap(err, code, fmt.Sprintf("the tokens of %s cannot be %s", t.label(), what), next)
}
