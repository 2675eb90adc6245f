//go:build unix

package cli

import (
	"os"
	"os/signal"
	"strconv"

	"golang.org/x/sys/unix"
)

// fullDiskEnv simulates a full disk for the process: no file may grow beyond this size.
const fullDiskEnv = "BALANSD_CLI_TEST_FILE_LIMIT"

// prepareTestProcess sets up a balansd that runs in another process.
func prepareTestProcess() error {
	text := os.Getenv(fullDiskEnv)
	if text == "" {
		return nil
	}
	limit, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return err
	}
	signal.Ignore(unix.SIGXFSZ) // so that a write beyond the limit returns EFBIG
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: limit})
}
