// Package silverfin is a Silverfin in memory: sign-in, tokens that rotate, and
// the part of its public API that concerns social balances. It shares no code
// with balansd's client.
package silverfin
