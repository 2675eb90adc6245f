// Package accounts manages the people who may use the web pages, and the audit log of
// what they did: roles, invitations, passwords, sign-in through an OpenID Connect
// provider, and sessions. Secrets are saved as hashes alone.
//
// The package must not decide anything about social balances, show anything, or
// contact any other service than the OpenID Connect provider.
package accounts
