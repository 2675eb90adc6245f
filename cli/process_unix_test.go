//go:build unix

package cli

import (
	"os"
	"os/signal"
	"strconv"

	"golang.org/x/sys/unix"
)

// fullDiskEnv makes the disk full for the process, as far as it can be told
// from within: no file may grow beyond so many bytes.
const fullDiskEnv = "BALANSD_CLI_TEST_FILE_LIMIT"

// prepareTestProcess sets a balansd that is a process of its own up as the test
// wants it.
func prepareTestProcess() error {
	text := os.Getenv(fullDiskEnv)
	if text == "" {
		return nil
	}
	limit, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return err
	}
	signal.Ignore(unix.SIGXFSZ) // a write beyond the limit gives EFBIG then
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: limit})
}
