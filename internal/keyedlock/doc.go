// Package keyedlock provides a lock that has one holder a key.
package keyedlock
