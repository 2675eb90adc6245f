package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"balansd/balance"
	"balansd/config"
	"balansd/documentreader"
	"balansd/problem"
)

// Env is the environment of a process: all that the command line gets from outside.
// Stderr, where the log goes, must be safe for concurrent writes, as a file is.
type Env struct {
	Args    []string // without the program's name
	Environ []string // as os.Environ returns it
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Example []byte // config.example.yaml
	Version string // of a release; empty if built from source

	daemonTimeout  time.Duration // replaces answerTimeout and startTimeout, unless 0
	passphraseWork int           // scrypt's work factor of recovery files; the usual one if 0
	machine        string        // replaces machineID, unless empty
}

// machine returns the id of this machine, empty if it has none.
func (app *App) machine() string { return cmp.Or(app.env.machine, machineID()) }

// App is one execution of the command line: its environment and the flags that commands
// share.
type App struct {
	env        Env
	configPath string // --config
	lang       string // --lang
	failOn     string // --fail-on, of the commands that have it
	asJSON     bool   // --json, of the commands that have it
	started    bool   // the arguments were valid and the command runs
}

// Main runs the command line until it is done or ctx ends, prints its error, and returns
// the exit code: 0 for success, 1 for an error, 2 for a mistake in the arguments or the
// configuration, 3 if it is done but something needs a person.
func Main(ctx context.Context, env Env) int {
	if slices.Equal(env.Args, []string{readDocumentCommand}) {
		return documentreader.Serve(env.Stdin, env.Stdout, nil)
	}
	app := &App{env: env}
	root := newRootCommand(app)
	root.SetArgs(slices.Clone(env.Args)) // cobra takes nil for os.Args
	if env.Args == nil {
		root.SetArgs([]string{})
	}
	err := root.ExecuteContext(ctx)
	if err != nil && !app.started {
		// A command that did not start was called with wrong arguments.
		err = usage(err)
	}
	return app.report(ctx, err)
}

// Root returns the tree of commands, to generate man pages and completions from. Main runs
// it.
func Root(env Env) *cobra.Command { return newRootCommand(&App{env: env}) }

// commands lists the commands, in the order of the help.
func commands(app *App) []*cobra.Command {
	return []*cobra.Command{
		newDemoCommand(app),
		newRunCommand(app),
		newServiceCommand(app),
		newSyncCommand(app),
		newAddCommand(app),
		newStatusCommand(app),
		newLedgerCommand(app),
		newConnectCommand(app),
		newSyncsCommand(app, "syncs"),
		newSyncsCommand(app, "connections"),
		newLinksCommand(app),
		newAdministrationCommand(app),
		newMappingCommand(app),
		newConfigCommand(app),
		newBackupCommand(app),
		newKeyCommand(app),
		newPortalCommand(app),
		newCheckCommand(app),
		newDoctorCommand(app),
		newNotifyCommand(app),
		newSupportBundleCommand(app),
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
	app.trackStart(root)
	return root
}

// trackStart has each command below c set started when it runs, so that Main can tell wrong
// arguments from other errors.
func (app *App) trackStart(c *cobra.Command) {
	for _, sub := range c.Commands() {
		app.trackStart(sub)
	}
	run := c.RunE
	if run == nil {
		return
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if app.lang != "" && !slices.Contains(balance.Languages(), balance.Lang(app.lang)) {
			return fmt.Errorf("--lang %q is not known; it is nl, fr, en or de", app.lang)
		}
		app.started = true
		return run(cmd, args)
	}
}

// group returns a command that only has subcommands. Without one it prints its help; an
// unknown one is a usage error.
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

// usage returns a Usage problem for an error in the arguments, on one line: cobra's
// suggestions have several.
func usage(err error) error {
	return problem.New(problem.Usage, strings.Join(strings.Fields(err.Error()), " "),
		"See how it is used with --help.")
}

// config reads the configuration that --config or the environment names.
func (app *App) config() (*config.Config, error) {
	return config.Load(config.LoadOptions{Path: app.configPath, Environ: app.env.Environ, Also: clientMistakes})
}

// language returns the language of rubric labels, of balance inspect and of exports: that
// of --lang, else of the configuration, else Dutch. Mistakes in the configuration are
// ignored, as commands that need nothing else of it call this.
func (app *App) language() balance.Lang {
	if app.lang != "" {
		return balance.Lang(app.lang)
	}
	if c, err := app.config(); err == nil {
		return balance.Lang(c.Language)
	}
	return balance.Dutch
}
