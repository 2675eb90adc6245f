// Package kvtest has a keyvalue.Store in memory, for the tests of packages that
// save rows.
package kvtest
