package cli

import (
	"fmt"
	"os"
	"unicode/utf8"

	"balansd/config"
	"balansd/problem"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// minPassphrase is the least length of a new passphrase, in characters.
const minPassphrase = 12

// passphraseFlag adds the flag that names a file with the passphrase.
func passphraseFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "passphrase-file", "", "read the passphrase from this `file`; without it it is asked")
}

// askPassphrase returns the passphrase in a file, or asks for it at the terminal: twice if
// it is a new one, which must not be too short.
func (app *App) askPassphrase(file string, isNew bool) (string, error) {
	text, err := "", error(nil)
	if file != "" {
		text, err = config.ReadSecret(file)
	} else {
		text, err = app.typePassphrase(isNew)
	}
	if err == nil && isNew && utf8.RuneCountInString(text) < minPassphrase {
		err = problem.New(problem.Usage, fmt.Sprintf("the passphrase has fewer than %d characters", minPassphrase),
			"Take several words: who has the file can try passphrases without end.")
	}
	return text, err
}

func (app *App) typePassphrase(isNew bool) (string, error) {
	in, _ := app.env.Stdin.(*os.File)
	if !isTerminal(app.env.Stdin) {
		return "", problem.New(problem.Usage, "a passphrase is needed, and there is nobody at a terminal to type it",
			"Put it into a file that only you can read, and name that with --passphrase-file.")
	}
	read := func(prompt string) (string, error) {
		_, _ = fmt.Fprint(app.env.Stderr, prompt)
		text, err := term.ReadPassword(int(in.Fd()))
		_, _ = fmt.Fprintln(app.env.Stderr)
		return string(text), err
	}
	text, err := read("Passphrase: ")
	if err != nil || !isNew {
		return text, err
	}
	again, err := read("The same again: ")
	if err == nil && again != text {
		err = problem.New(problem.Usage, "the two are not the same; nothing was done", "")
	}
	return text, err
}
