package daemon

import (
	"context"
	"fmt"

	"balansd/ledger"
	"balansd/problem"
)

// CredentialsRequest asks for the credentials to be tried.
type CredentialsRequest struct {
	By string `json:"by,omitempty"`
}

// TryCredentials asks Finbox for a token, and renews those of each firm: what was stored
// before would hide that a new secret is wrong until the night.
func (d *Daemon) TryCredentials(ctx context.Context, r CredentialsRequest) (Examination, error) {
	cfg := d.config()
	firms, err := cfg.Store.Firms(ctx)
	if err != nil {
		return Examination{}, err
	}
	list := []Check{}
	if cfg.TryFinbox != nil {
		list = append(list, NewCheck("sign-in Finbox", "Finbox gave a token for the client id and its key or secret", cfg.TryFinbox(ctx)))
	}
	for _, f := range firms {
		name := "sign-in " + f.Name
		if f.Relink != "" {
			list = append(list, NewCheck(name, "", problem.New(problem.NeedsRelink, f.Relink, relinkNext(f))))
			continue
		}
		err := d.renewNow(ctx, f)
		if ctx.Err() != nil {
			return Examination{list}, err
		}
		list = append(list, NewCheck(name, "Silverfin renewed the tokens with the client id and its secret, and they work", err))
	}
	d.log().Info().Str("by", r.By).Int("firms", len(firms)).Msg("the credentials were tried")
	return Examination{list}, nil
}

// renewNow renews the tokens of a firm, however young they are. They are saved before they
// are used.
func (d *Daemon) renewNow(ctx context.Context, f ledger.Firm) error {
	cfg := d.config()
	renewed, err := cfg.Linker.Renew(ctx, f.ID, 0)
	now := cfg.Now()
	saveErr := cfg.Store.UpdateFirm(ctx, f.ID, func(stored *ledger.Firm) {
		switch {
		case problem.Is(err, problem.NeedsRelink) && stored.LinkedAt.Equal(f.LinkedAt):
			stored.Relink = problem.Of(err).What
		case renewed:
			stored.RenewedAt = now
		}
	})
	if err != nil {
		p := problem.Of(err)
		if p.Code == problem.NeedsRelink {
			return problem.Wrap(p.Err, p.Code, p.What, relinkNext(f))
		}
		return err
	}
	return saveErr
}

func relinkNext(f ledger.Firm) string {
	return fmt.Sprintf("Link it again: balansd connect silverfin --firm %d.", f.ID)
}
