// Package daemontest has a daemon.API for the tests of what is built on it.
package daemontest
