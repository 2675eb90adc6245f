// Package recovery writes and reads the files from which a server is restored: the data
// key, alone or with a backup of the state, the configuration and the files that it
// names, all under a passphrase. It is a tar archive encrypted with age, so that other
// programs can open it too.
package recovery
