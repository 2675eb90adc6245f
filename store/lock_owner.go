package store

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// lockOwner names the process that has the state file open, in a file beside it,
// because the lock itself does not. After a crash the next owner overwrites it.
type lockOwner struct {
	PID     int    `json:"pid"`
	Process string `json:"process"`
}

func lockOwnerPath(path string) string { return path + ".pid" }

// writeLockOwner writes the name of this process for the messages of others. Errors
// are ignored.
func writeLockOwner(path, process string) {
	text, _ := json.Marshal(lockOwner{os.Getpid(), process})
	_ = os.WriteFile(lockOwnerPath(path), append(text, '\n'), 0o600)
}

func removeLockOwner(path string) { _ = os.Remove(lockOwnerPath(path)) }

// readLockOwner returns the name of the owner, for a message.
func readLockOwner(path string) string {
	var h lockOwner
	text, err := os.ReadFile(lockOwnerPath(path))
	if err != nil || json.Unmarshal(text, &h) != nil || h.PID == 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d (%.80s)", h.PID, h.Process)
}

// processName returns the program and its command, without arguments.
func processName() string {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		name += " " + os.Args[1]
	}
	return name
}
