package store

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// holder says who holds the state file. It stands beside the file, since the
// lock itself does not tell; one that was left by a crash is overwritten by
// the next holder.
type holder struct {
	PID     int    `json:"pid"`
	Process string `json:"process"`
}

func holderPath(path string) string { return path + ".pid" }

// writeHolder leaves word for other processes. It helps only their message, so
// it may fail.
func writeHolder(path, process string) {
	text, _ := json.Marshal(holder{os.Getpid(), process})
	_ = os.WriteFile(holderPath(path), append(text, '\n'), 0o600)
}

func removeHolder(path string) { _ = os.Remove(holderPath(path)) }

// readHolder names the holder for a message.
func readHolder(path string) string {
	var h holder
	text, err := os.ReadFile(holderPath(path))
	if err != nil || json.Unmarshal(text, &h) != nil || h.PID == 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d (%.80s)", h.PID, h.Process)
}

// processName says what this process is: the program and its command, without
// the arguments behind it.
func processName() string {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		name += " " + os.Args[1]
	}
	return name
}
