package cli

import (
	"fmt"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"

	"github.com/spf13/cobra"
)

// attention says what needs a person, as the JSON of sync and status has it. A cron job
// that watches the server need not be told of each dossier that waits in a busy month.
type attention struct {
	Services bool `json:"services"` // a service refuses us, or the server itself needs something
	Dossiers bool `json:"dossiers"` // balances wait for an answer or a figure
}

// add counts something that needs a person.
func (a *attention) add(c ledger.Condition) {
	if c.Kind.OfBalance() && c.Role != ledger.Admin {
		a.Dossiers = true
	} else {
		a.Services = true
	}
}

// attentionOf returns what needs a person by a status.
func attentionOf(s daemon.Status) (a attention) {
	a.Services = len(s.Unsent) > 0
	for _, c := range s.Conditions {
		a.add(c)
	}
	return a
}

// The values of --fail-on.
const (
	failOnAnything = "anything"
	failOnServices = "services"
)

// withFailOn adds the flag --fail-on to a command whose exit code says that something
// needs a person.
func (app *App) withFailOn(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&app.failOn, "fail-on", failOnAnything,
		"for what the exit code is 3: `anything` that needs a person, or services: a service that refuses, or the server itself, but no dossier that waits")
	run := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if app.failOn != failOnAnything && app.failOn != failOnServices {
			return usage(fmt.Errorf("--fail-on %q is not known; it is anything or services", app.failOn))
		}
		return run(cmd, args)
	}
	return c
}

// attentionError returns the error for the exit code 3, nil if nobody is needed.
func (app *App) attentionError(a attention) error {
	if a.Services || a.Dossiers && app.failOn != failOnServices {
		return shownError{problem.New(problem.NeedsPerson, "something needs a person", "")}
	}
	return nil
}
