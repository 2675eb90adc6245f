// Package transport is how HTTP leaves the machine: to hosts that the
// configuration names and to no other, over TLS 1.2 or better, with time
// limits, with retries of what is safe to send twice, and with a log that
// never holds a secret.
//
// It is made of decorators of http.RoundTripper, put together in New. It must
// not know what is asked or answered: no service, no token, no document.
package transport
