// Package oidctest has an OpenID Connect provider for the tests of sign-in.
package oidctest
