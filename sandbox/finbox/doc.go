// Package finbox is a Finbox in memory, as finbox/openapi.yaml describes it:
// environments, dossiers, social balances, the token endpoint and the settings
// page. It shares no code with balansd's client.
package finbox
