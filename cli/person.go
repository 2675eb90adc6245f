package cli

import (
	"cmp"
	"os"
	"os/user"
	"strings"
)

// person names who acts, for the history: the account on this server. Behind
// sudo that is who called it, "jan (root)": each administrator is root there.
func person() string {
	u, err := user.Current()
	if err != nil {
		return "a person on this server"
	}
	return personAs(u.Username, os.Geteuid() == 0, os.Getenv, loginAccount)
}

// personAs is person for an account. login gives the account that the session
// began with, empty where that is not known.
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

// maxAccount bounds the name of an account, in characters, as Linux does for
// those that it makes.
const maxAccount = 32

// loginAccount is the account that signed in to this session, by what the
// kernel keeps for its audit: it stays the same through su and sudo.
func loginAccount() string {
	text, err := os.ReadFile("/proc/self/loginuid")
	if err != nil {
		return ""
	}
	u, err := user.LookupId(strings.TrimSpace(string(text)))
	if err != nil {
		return "" // none has signed in: it is 4294967295 for a service
	}
	return u.Username
}
