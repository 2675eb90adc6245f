package cli

import (
	"os"
	"strings"
)

// machineID returns the id of this machine; empty if it has none.
func machineID() string {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
