package silverfin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"balansd/problem"
)

// Vault stores secrets, encrypted. Implementations are safe for concurrent use.
type Vault interface {
	// Get returns the value under a name, nil when there is none.
	Get(ctx context.Context, name string) ([]byte, error)
	// Update replaces the value of a name by the result of change, in one
	// transaction; nil is no value. It is durable when Update returns. If change
	// returns an error, Update returns it and changes nothing. change may be called
	// more than once.
	Update(ctx context.Context, name string, change func(old []byte) ([]byte, error)) error
	// Put adds or replaces a value, whatever was there before; it is durable
	// when Put returns.
	Put(ctx context.Context, name string, value []byte) error
	// Delete removes a value; one that is absent is no error.
	Delete(ctx context.Context, name string) error
}

// errMoved says that the Vault holds another refresh token than the one that
// was loaded: another client renewed it, or a person signed in anew.
var errMoved = errors.New("the stored tokens are others by now")

func (t *tokens) key() string { return fmt.Sprintf("silverfin/firm/%d/tokens", t.firm) }

// stored reads the firm's grant from the Vault, nil when there is none.
func (t *tokens) stored(ctx context.Context) (*grant, error) {
	raw, err := t.client.cfg.Vault.Get(ctx, t.key())
	if err != nil {
		return nil, t.vaultProblem(err, "read")
	}
	return t.decode(raw)
}

func (t *tokens) decode(raw []byte) (*grant, error) {
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

// change replaces the stored grant by the result of with, and returns it; nil is no
// grant. An error of with changes nothing.
func (t *tokens) change(ctx context.Context, with func(*grant) (*grant, error)) (*grant, error) {
	var made *grant
	var refused error // of decode or with, which is no fault of the Vault
	err := t.client.cfg.Vault.Update(ctx, t.key(), func(old []byte) ([]byte, error) {
		made, refused = t.decode(old)
		if refused == nil {
			made, refused = with(made)
		}
		if refused != nil || made == nil {
			return nil, refused
		}
		return json.Marshal(made) //nolint:gosec // the Vault seals what it saves
	})
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, t.vaultProblem(err, "saved")
	}
	return made, nil
}

// changeOf is change, unless the stored refresh token is no longer the one that was
// loaded: then it returns errMoved.
func (t *tokens) changeOf(ctx context.Context, refreshToken string, with func(*grant)) (*grant, error) {
	return t.change(ctx, func(g *grant) (*grant, error) {
		if g == nil || g.RefreshToken != refreshToken {
			return nil, errMoved
		}
		with(g)
		return g, nil
	})
}

func (t *tokens) put(ctx context.Context, g grant) error {
	raw, err := json.Marshal(g) //nolint:gosec // the Vault seals what it saves
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
	code, next := problem.StateUnwritable, "Make room on the disk or restore the rights on the state file; the next run goes on by itself."
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		code, next = p.Code, p.Next
	}
	return problem.Wrap(err, code, fmt.Sprintf("the tokens of %s cannot be %s", t.label(), what), next)
}

// home is where the state is in use; the zero Home where that is not known.
func (t *tokens) home(ctx context.Context) (Home, error) {
	if t.client.cfg.Home == nil {
		return Home{}, nil
	}
	h, err := t.client.cfg.Home(ctx)
	if err != nil {
		return Home{}, t.vaultProblem(err, "read")
	}
	return h, nil
}
