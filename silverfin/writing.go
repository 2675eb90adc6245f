package silverfin

import (
	"context"
	"net/http"
	"time"

	"balansd/problem"
)

// writing is what the writes of one turn of a company have in common: of figures, and of
// its name and address.
type writing struct {
	*Firm
	refusals int
	refused  string // the token that a write was refused for
	failed   error  // of a write whose outcome is not known
}

// handleRefusal deals with a write that was not accepted. A nil error has it begun
// again from reading: Silverfin wants another token, or asks for a rest, or did
// not say whether it stored what was sent.
func (w *writing) handleRefusal(ctx context.Context, c call, token string, ans answer, err error) error {
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		w.failed = err
		return nil
	case ans.status == http.StatusUnauthorized && w.refused != "":
		return w.tokens.refuse(ctx, token)
	case ans.status == http.StatusUnauthorized:
		w.refused = token
		_, err := w.tokens.access(ctx, token)
		return err
	}
	_, err = w.bodyOrError(c, ans, token)
	switch {
	case ans.status == http.StatusTooManyRequests:
		w.refusals++
		if w.refusals < maxRefusals && retryAfter(ans.header, time.Now()) <= maxWait {
			return nil
		}
	case problem.Is(err, problem.SilverfinDown):
		w.failed = err
		return nil
	}
	return err
}
