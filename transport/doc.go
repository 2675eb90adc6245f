// Package transport provides the HTTP client for all outgoing requests: to
// hosts that the configuration names and to no other, over TLS 1.2 or better,
// with time limits, with retries of requests that are safe to repeat, and with a
// log that never holds a secret.
//
// New builds the client from decorators of http.RoundTripper. The package knows
// nothing of what is requested or answered: no service, no token, no document.
package transport
