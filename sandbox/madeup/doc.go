// Package madeup makes up companies that do not exist, their social balances
// and the documents that hold these. The same seed gives the same result.
package madeup
