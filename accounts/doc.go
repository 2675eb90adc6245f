// Package accounts is who may use the web pages, and what they did: people and
// their roles, invitations, passwords, sign-in through an OpenID Connect
// provider, sessions and the audit log. Secrets are saved as hashes alone.
//
// The package must not decide anything about social balances, show anything, or
// contact any other service than the OpenID Connect provider.
package accounts
