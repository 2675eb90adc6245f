package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"balansd/problem"
)

// confirm asks a yes-or-no question. Without a terminal it returns a Usage problem that
// names the flag --yes.
func (app *App) confirm(question string) (bool, error) {
	if !isTerminal(app.env.Stdin) {
		return false, problem.New(problem.Usage, "this needs a yes, and there is nobody at a terminal to give it",
			"Call it with --yes when you are sure.")
	}
	return app.ask(question)
}

// ask asks the question and reads the answer. Anything but a yes in English, Dutch or
// French is a no.
func (app *App) ask(question string) (bool, error) {
	_, _ = fmt.Fprintf(app.env.Stderr, "%s [y/N] ", question)
	line, err := bufio.NewReader(io.LimitReader(app.env.Stdin, 100)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	yes := []string{"y", "yes", "j", "ja", "o", "oui"}
	return slices.Contains(yes, strings.ToLower(strings.TrimSpace(line))), nil
}

// confirmWord asks to type a word that confirms what the text says.
func (app *App) confirmWord(word, text string) error {
	_, _ = fmt.Fprintf(app.env.Stderr, "%s\nType %s to confirm: ", text, word)
	line, err := bufio.NewReader(io.LimitReader(app.env.Stdin, 100)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != word {
		return problem.New(problem.Usage, "not confirmed; nothing was done", "")
	}
	return nil
}
