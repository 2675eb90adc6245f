package portal

import (
	"crypto/rand"
	"testing"
)

// address gives the name of a pipe that does not exist yet.
func address(*testing.T) string { return pipes + "balansd-test-" + rand.Text() }
