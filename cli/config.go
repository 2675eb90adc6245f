package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"balansd/balance"
	"balansd/config"
	"balansd/finbox"
	"balansd/problem"
	"balansd/service"
	"balansd/transport"
)

func newConfigCommand(app *App) *cobra.Command {
	return group("config", "Write, check and show the configuration",
		"  balansd config init\n  balansd config check",
		newConfigInitCommand(app), newConfigCheckCommand(app), newConfigShowCommand(app), newConfigReloadCommand(app))
}

func newConfigInitCommand(app *App) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "init [FILE]",
		Short:   "Write a configuration with every setting explained",
		Long:    "Write a configuration with every setting explained, to FILE or else to where\nbalansd looks for it, and make the folder secrets beside it. An existing file is left alone unless --force is given.",
		Example: "  balansd config init\n  balansd config init ./balansd.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := app.configPath
			if len(args) == 1 {
				path = args[0]
			}
			if path == "" {
				path = app.getenv("BALANSD_CONFIG")
			}
			if path == "" {
				path = config.DefaultFile(app.env.Environ)
			}
			if err := writeExample(path, app.env.Example, force); err != nil {
				return err
			}
			app.printf("Wrote %s. Fill in what says CHANGE-ME, put the secrets into %s, then run: balansd config check --config %s\n",
				path, filepath.Join(filepath.Dir(path), config.SecretsFolder), path)
			return nil
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace an existing file")
	return c
}

// writeExample writes the example, readable by its owner alone, and makes the folder of the
// secrets that it names. It writes the whole file or nothing.
func writeExample(path string, example []byte, force bool) error {
	if _, err := os.Stat(path); err == nil && !force {
		return problem.New(problem.Conflict, fmt.Sprintf("the file %s exists already", path),
			"Name another file, or replace it with --force.")
	}
	err := os.MkdirAll(filepath.Dir(path), 0o750)
	if err == nil {
		err = os.Mkdir(filepath.Join(filepath.Dir(path), config.SecretsFolder), 0o700)
	}
	if err == nil || errors.Is(err, fs.ErrExist) {
		err = replaceFile(path, example)
	}
	if err != nil {
		return problem.Wrap(err, problem.NotAllowed, fmt.Sprintf("the file %s cannot be written", path),
			"Run this as the administrator, or name a file elsewhere: balansd config init ./balansd.yaml")
	}
	return nil
}

// replaceFile replaces a file atomically by one that only its owner can read.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".balansd-*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, ignoreNotExist(os.Remove(f.Name())))
	}
	return err
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func newConfigCheckCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use:     "check",
		Short:   "Report every mistake in the configuration",
		Long:    "Report every mistake in the configuration, each with its line: also in the\nprivate key, its certificate and the folders that it names, and in links of\nconnections and firms that do not exist. Nothing is written, and neither Finbox\nnor Silverfin is called. Where an OpenID Connect provider signs people in, it is\nasked which other hosts are called for that, and they are shown.",
		Example: "  balansd config check\n  balansd config check --config ./balansd.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var unread error
			var notes []string
			also := func(c *config.Config) []config.Mistake {
				list, err := app.linkMistakes(cmd.Context(), c)
				ended, soon := certificateMistakes(c, time.Now())
				unread, notes = err, soon
				return slices.Concat(allMistakes(c), list, ended)
			}
			c, err := config.Load(config.LoadOptions{Path: app.configPath, Environ: app.env.Environ, Also: also})
			if err != nil {
				return err
			}
			if c.File() == "" {
				return problem.New(problem.ConfigInvalid,
					fmt.Sprintf("there is no balansd.yaml in %s", strings.Join(config.SearchPath(app.env.Environ), " or ")),
					"Make one with \"balansd config init\", or name yours with --config.")
			}
			notes = append(c.Warnings(), notes...)
			if !service.ReadableByService(c.File()) {
				notes = append(notes, fmt.Sprintf("The account %s of the service may not read %s yet: sudo balansd service install lets it.", service.Account, c.File()))
			}
			if unread != nil {
				notes = append(notes, "Whether the connections and firms of the links exist could not be seen: "+problem.Of(unread).What+".")
			}
			notes = append(notes, app.providerNote(cmd.Context(), c)...)
			notes = append(notes, notifyNote(c)...)
			notes = append(notes, administrationNote(c)...)
			if app.asJSON {
				return app.print(struct {
					File  string   `json:"file"`
					Well  bool     `json:"well"`
					Notes []string `json:"notes"`
				}{c.File(), true, append([]string{}, notes...)})
			}
			app.printf("%s is well.\n", c.File())
			for _, n := range notes {
				app.printf("Note: %s\n", n)
			}
			return nil
		},
	})
}

// allMistakes returns the mistakes that config check finds besides those of package config.
func allMistakes(c *config.Config) []config.Mistake {
	return append(clientMistakes(c), machineMistakes(c)...)
}

// clientMistakes returns the mistakes that every command reports, and that only other
// packages than config can find.
func clientMistakes(c *config.Config) []config.Mistake {
	list := slices.Concat(filesOthersCanChange(c), targetMistakes(c), administrationMistakes(c))
	if err := transport.CheckProxy(c.Network.Proxy); err != nil {
		list = append(list, keyMistake(c, "network.proxy", err))
	}
	return list
}

// targetMistakes returns the mistakes of the targets, by the rules that a learnt one is
// checked by too.
func targetMistakes(c *config.Config) []config.Mistake {
	var list []config.Mistake
	check := func(section string, t config.Target) {
		for _, m := range target(t).Mistakes() {
			list = append(list, c.MistakeAt(section+"."+m.Setting, m.What, m.Right))
		}
	}
	check("silverfin.target", c.Silverfin.Target)
	for i, f := range c.Silverfin.Firms {
		check(fmt.Sprintf("silverfin.firms[%d].target", i), f.Target)
	}
	return list
}

// filesOthersCanChange returns as mistakes the files that decide where secrets are sent, if
// other accounts can change them.
func filesOthersCanChange(c *config.Config) []config.Mistake {
	var list []config.Mistake
	for key, path := range c.Trusted() {
		found, err := service.CheckFile(path)
		if err != nil {
			continue // an unreadable file is reported by its reader
		}
		if len(found) > 0 {
			list = append(list, c.MistakeAt(key, fmt.Sprintf("others can change the file %s: %s", path, strings.Join(found, "; ")),
				"take their right to write away, or put the file where administrators alone may write"))
		}
	}
	return list
}

// machineMistakes returns the mistakes in what the configuration names on this machine: the
// private key, its certificate, tables and folders. It changes nothing.
func machineMistakes(c *config.Config) []config.Mistake {
	var list []config.Mistake
	if f := c.Finbox; f.PrivateKeyFile != "" {
		if _, err := finbox.LoadKey(f.PrivateKeyFile, ""); err != nil {
			list = append(list, keyMistake(c, "finbox.private_key_file", err))
		} else if _, err := finbox.LoadKey(f.PrivateKeyFile, f.CertificateFile); err != nil {
			list = append(list, keyMistake(c, "finbox.certificate_file", err))
		}
	}
	return slices.Concat(list, membersTableMistakes(c), folderMistakes(c))
}

// membersTableMistakes returns the mistakes in a table of XBRL members, with their lines.
func membersTableMistakes(c *config.Config) []config.Mistake {
	file := c.Documents.CBSOTable
	text, err := os.ReadFile(file)
	if file == "" || err != nil {
		return nil // an unreadable file is reported already
	}
	_, wrong := balance.ParseMembers(file, text)
	list := make([]config.Mistake, len(wrong))
	for i, e := range wrong {
		list[i] = config.Mistake{File: file, Line: e.Line, Column: 1, Key: "documents.cbso_table", What: e.What, Right: "its form is in docs/cbso-table.md"}
	}
	return list
}

// keyMistake returns the problem of a setting as a mistake.
func keyMistake(c *config.Config, key string, err error) config.Mistake {
	p := problem.Of(err)
	what := p.What
	if p.Err != nil {
		what += ": " + cause(p.Err).Error()
	}
	next := strings.TrimSuffix(p.Next, ".")
	if first, rest, ok := strings.Cut(next, " "); ok {
		next = strings.ToLower(first) + " " + rest
	}
	return c.MistakeAt(key, what, next)
}

func newConfigShowCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use:     "show",
		Short:   "Show the settings in force and where each comes from",
		Long:    "Show the settings in force, secrets hidden, and where each comes from: the\ndefault, a line of the file, or a variable.",
		Example: "  balansd config show\n  balansd config show --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := app.config()
			if err != nil {
				return err
			}
			if app.asJSON {
				return app.print(struct {
					File     string           `json:"file"`
					Settings []config.Setting `json:"settings"`
				}{c.File(), c.Settings()})
			}
			text, err := c.Show()
			if err != nil {
				return err
			}
			app.printf("%s", text)
			return nil
		},
	})
}
