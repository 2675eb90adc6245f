package service

import (
	"os"

	"github.com/coreos/go-systemd/v22/activation"
)

// PassedSocket returns the socket that systemd handed over to this process, as
// balansd.socket has it (sd_listen_fds(3)); nil when there is none. It is for one call: the
// variables that say so are removed.
func PassedSocket() *os.File {
	if files := activation.Files(true); len(files) > 0 {
		return files[0]
	}
	return nil
}
