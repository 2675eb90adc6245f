package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"balansd/balance"
	"balansd/config"
	"balansd/problem"
)

// Env is what a process has: all that the command line takes from outside.
// Several goroutines write to Stderr, where the log goes, at the same time; it
// must take that, as a file does.
type Env struct {
	Args    []string // without the program's name
	Environ []string // as os.Environ gives it
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Example []byte // config.example.yaml
	Version string // of a release; empty when it was built from source

	daemonWait time.Duration // how long to wait for a daemon; wordTime and answerTime when 0
}

// App is one run of the command line: the process's surroundings and the flags
// that all commands share.
type App struct {
	env        Env
	configPath string // --config
	lang       string // --lang
	asJSON     bool   // --json, of the commands that have it
	began      bool   // the arguments were right and the command runs
}

// Main runs the command line until it is done or ctx ends, shows an error to
// the person, and gives the exit code: 0 well, 1 error, 2 usage or
// configuration, 3 done but something needs a person.
func Main(ctx context.Context, env Env) int {
	app := &App{env: env}
	root := newRootCommand(app)
	root.SetArgs(slices.Clone(env.Args)) // nil would mean the process's own
	if env.Args == nil {
		root.SetArgs([]string{})
	}
	err := root.ExecuteContext(ctx)
	if err != nil && !app.began {
		// Whatever stops a command before it begins is in how it was called.
		err = usage(err)
	}
	return app.report(ctx, err)
}

// Root returns the tree of commands for those who describe it, as man pages and
// completions do. Main is what runs it.
func Root(env Env) *cobra.Command { return newRootCommand(&App{env: env}) }

// commands lists the commands, in the order of the help.
func commands(app *App) []*cobra.Command {
	return []*cobra.Command{
		newDemoCommand(app),
		newRunCommand(app),
		newServiceCommand(app),
		newSyncCommand(app),
		newStatusCommand(app),
		newLedgerCommand(app),
		newConnectCommand(app),
		newConnectionsCommand(app),
		newLinksCommand(app),
		newConfigCommand(app),
		newBackupCommand(app),
		newPortalCommand(app),
		newCheckCommand(app),
		newDoctorCommand(app),
		newBalanceCommand(app),
		newSandboxCommand(app),
		newVersionCommand(app),
	}
}

func newRootCommand(app *App) *cobra.Command {
	root := &cobra.Command{
		Use:   "balansd",
		Short: "Brings social balances from SD Worx Finbox into Silverfin, each night",
		Long: `balansd asks SD Worx Finbox each night which social balances are new, and
brings each into the matching Silverfin dossier, exactly once.`,
		Example:       "  balansd config init\n  balansd balance inspect FILE",
		SilenceErrors: true, // Main shows them
		SilenceUsage:  true,
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: true,
		},
	}
	root.SetIn(app.env.Stdin)
	root.SetOut(app.env.Stdout)
	root.SetErr(app.env.Stderr)
	root.PersistentFlags().StringVar(&app.configPath, "config", "", "the configuration `file`")
	root.PersistentFlags().StringVar(&app.lang, "lang", "", "`language` of rubric labels, of balance inspect and of exports: nl, fr, en or de (default: the configuration's)")
	root.AddCommand(commands(app)...)
	app.prepare(root)
	return root
}

// prepare has every command below c note that it begins, so that Main can tell
// a wrong call from an error.
func (app *App) prepare(c *cobra.Command) {
	for _, sub := range c.Commands() {
		app.prepare(sub)
	}
	run := c.RunE
	if run == nil {
		return
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if app.lang != "" && !slices.Contains(balance.Languages(), balance.Lang(app.lang)) {
			return fmt.Errorf("--lang %q is not known; it is nl, fr, en or de", app.lang)
		}
		app.began = true
		return run(cmd, args)
	}
}

// group makes a command that only holds others. Called alone it shows its
// help; a name that it does not hold is a usage error.
func group(use, short, example string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Example: example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
			cmd.SuggestionsMinimumDistance = 2
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				text += "; did you mean " + strings.Join(near, " or ") + "?"
			}
			return fmt.Errorf("%s", text)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(subs...)
	return c
}

// withJSON adds the flag --json to a command that prints data.
func (app *App) withJSON(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&app.asJSON, "json", false, "print JSON")
	return c
}

// usage makes a Usage problem of an error in how a command was called. Cobra
// spreads its suggestions over several lines.
func usage(err error) error {
	return problem.New(problem.Usage, strings.Join(strings.Fields(err.Error()), " "),
		"See how it is used with --help.")
}

// config reads the configuration that the person chose.
func (app *App) config() (*config.Config, error) {
	return config.Load(config.LoadOptions{Path: app.configPath, Environ: app.env.Environ, Also: moreMistakes})
}

// language is the language of rubric labels, of balance inspect and of exports: what --lang says, else the
// configuration, else Dutch. A configuration with mistakes does not stand in
// the way of a command that needs nothing else from it.
func (app *App) language() balance.Lang {
	if app.lang != "" {
		return balance.Lang(app.lang)
	}
	if c, err := app.config(); err == nil {
		return balance.Lang(c.Language)
	}
	return balance.Dutch
}
