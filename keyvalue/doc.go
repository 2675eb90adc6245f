// Package keyvalue states what a package that saves rows of its own needs of the
// state: ordered keys in namespaces, read and changed in transactions. Package
// store implements it; what the rows are is known to their owner alone.
//
// The package must not know what is saved, nor where.
package keyvalue
