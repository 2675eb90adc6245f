// Package lab gives tests a real service manager to try balansd on: a systemd
// in a box of its own, and what Wine has of the service control manager.
//
// It holds no tests and is no part of the program. It must leave nothing behind
// on the machine that runs the tests.
package lab
