package localapi

import (
	"fmt"

	"balansd/problem"
)

// serviceAccount is the account of the service.
const serviceAccount = "balansd"

// foreignPeer returns the problem of a socket or pipe that another account answers on:
// who answers could show false links, and gets the codes of a sign-in.
func foreignPeer(path, account string) error {
	return problem.New(problem.NotAllowed, fmt.Sprintf("what answers on %s is no balansd of yours: it runs as %s", path, account),
		"Run the command as the account that the daemon runs as. If you started none, find out who put it there.")
}
