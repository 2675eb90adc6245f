package cli

import (
	"cmp"
	"os"
	"os/user"
	"strings"
)

// person returns who acts, for the history and the audit log: the account on this server.
// Under sudo it includes who called sudo, as in "jan (root)".
func person() string {
	u, err := user.Current()
	if err != nil {
		return "a person on this server"
	}
	return personAs(u.Username, os.Geteuid() == 0, os.Getenv, loginAccount)
}

// personAs returns the name for an account. login returns the account that the session
// began with, or an empty string if it is not known.
func personAs(account string, root bool, env func(string) string, login func() string) string {
	if !root {
		return account
	}
	who := clean(cmp.Or(env("SUDO_USER"), env("DOAS_USER"), login()))
	if letters := []rune(who); len(letters) > maxAccount {
		who = string(letters[:maxAccount])
	}
	if who == "" || who == account {
		return account
	}
	return who + " (" + account + ")"
}

// maxAccount is the maximal length of an account's name in characters, as on Linux.
const maxAccount = 32

// loginAccount returns the account that signed in to this session, from the login id of
// the kernel's audit system, which su and sudo do not change.
func loginAccount() string {
	text, err := os.ReadFile("/proc/self/loginuid")
	if err != nil {
		return ""
	}
	u, err := user.LookupId(strings.TrimSpace(string(text)))
	if err != nil {
		return "" // nobody signed in: the id of a service is 4294967295
	}
	return u.Username
}
