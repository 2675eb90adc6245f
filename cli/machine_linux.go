package cli

import (
	"os"
	"strings"
)

// machineID tells this computer from others; empty where it has no id.
func machineID() string {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
