package accounts

import "context"

// Caller describes who makes a request on the web pages. A context without a
// Caller is that of the command line.
type Caller struct {
	Address string // the IP address
	Key     string // of the person who is signed in, empty for none

	session string // the key of the session that the request came with
}

type callerKey struct{}

// WithCaller returns a context of a request of c. c may be changed while the
// request is handled, by one goroutine at a time.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// callerOf returns the Caller of ctx, nil for the command line.
func callerOf(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}
