// Package silverfin is the Silverfin client: sign-in and tokens, companies,
// periods, workflows, reconciliations and custom properties.
//
// It follows Silverfin's public API, version 4. Where that is silent it is
// lenient: it decodes only what it needs, and what is not documented (fields
// of a lock, names of workflows, where figures land) is configuration.
//
// It never deletes anything in Silverfin, never repeats a write whose outcome
// it does not know, and never puts a token, a secret or a figure in an error or
// a log. It knows no database: tokens go to a Vault.
package silverfin
