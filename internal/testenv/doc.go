// Package testenv decides which tests run that need more than Go, and provides
// tests with a real service manager: systemd in a container, and what Wine has of
// the Windows service control manager.
//
// Only tests import it; it is no part of the program. It leaves nothing behind
// on the machine that runs the tests.
package testenv
