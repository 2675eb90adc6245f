package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"balansd/problem"
)

// Refusal is an error that the pages answer with an HTTP status and a page in
// the reader's language.
type Refusal struct {
	Status int
	// Reason is the id of a message that says why; empty for the general words
	// about the status.
	Reason string
}

func (r Refusal) Error() string { return "refused: " + http.StatusText(r.Status) }

// refuse returns a Refusal with a cause for the log.
func refuse(status int, reason string, cause error) error {
	return fmt.Errorf("%w: %w", Refusal{Status: status, Reason: reason}, cause)
}

// TooManyAttempts is the error of an attempt to sign in that came too early.
type TooManyAttempts struct {
	Wait time.Duration // until the next attempt counts
}

func (TooManyAttempts) Error() string { return "too many attempts" }

// OutcomeOf returns the outcome that a Record has for err: empty for none, a
// message id for a refusal, or the code of a problem.
func OutcomeOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return string(problem.Stopped)
	}
	if r, ok := errors.AsType[Refusal](err); ok && r.Reason != "" {
		return r.Reason
	}
	if _, ok := errors.AsType[TooManyAttempts](err); ok {
		return "signin.wait"
	}
	return string(problem.Of(err).Code)
}
