package cli

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"balansd/config"
	"balansd/problem"
	"balansd/service"

	"github.com/spf13/cobra"
)

// serviceCommand is what the service commands share: functions of this machine, which
// tests replace.
type serviceCommand struct {
	app        *App
	manager    func() (service.Manager, error)
	executable func() (string, error)
}

func newServiceCommand(app *App) *cobra.Command {
	return newServiceCommandWith(&serviceCommand{
		app:        app,
		manager:    func() (service.Manager, error) { return service.New(service.Options{Log: app.log(config.Default())}) },
		executable: os.Executable,
	})
}

// newServiceCommandWith returns the service command with other functions than those of
// this machine, for tests.
func newServiceCommandWith(s *serviceCommand) *cobra.Command {
	return group("service", "Install, control and remove balansd as a service of this machine",
		"  sudo balansd service install\n  balansd service status",
		newServiceInstallCommand(s), newServiceUninstallCommand(s),
		newServiceControlCommand(s, "start", "Start the service, and wait until it runs", "The service runs.", service.Manager.Start),
		newServiceControlCommand(s, "stop", "Stop the service, and wait until it is gone", "The service is stopped.", service.Manager.Stop),
		newServiceControlCommand(s, "restart", "Stop the service and start it again", "The service runs anew.", service.Manager.Restart),
		newServiceStatusCommand(s),
	)
}

func newServiceInstallCommand(s *serviceCommand) *cobra.Command {
	dry, idle := false, false
	c := &cobra.Command{
		Use:   "install",
		Short: "Install balansd as a service, or mend what is installed",
		Long: `Install this program as a service that starts with the machine, under an account
that may do nothing else, with the configuration that is named with
--config, that the service has already, or that is found. Then start it.

Installing again mends: it takes up a new place of the program, of the
configuration or of what that names, and the rights of the service. It keeps all
data.`,
		Example: "  sudo balansd service install --config /etc/balansd/balansd.yaml\n  balansd service install --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := s.manager()
			if err == nil && !dry {
				err = m.Rights() // first, since reading the configuration may need the same rights
			}
			if err != nil {
				return err
			}
			path := s.app.configPath
			if path == "" {
				// Installing again keeps the configuration of the service.
				if st, err := m.Status(cmd.Context()); err == nil {
					path = st.Config
				}
			}
			spec, err := s.spec(cmd.Context(), path)
			if err != nil {
				return err
			}
			steps, err := m.Install(spec)
			if err != nil {
				return err
			}
			if !idle {
				steps = append(steps, service.Step{What: "start the service, anew if it runs", Do: m.Restart})
			}
			if err := s.runSteps(cmd.Context(), steps, dry); err != nil || dry {
				return err
			}
			s.app.printf("balansd is installed as a service. How it stands: balansd service status\n")
			return nil
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "show what would be done, and do nothing")
	c.Flags().BoolVar(&idle, "no-start", false, "do not start the service")
	return c
}

// runSteps runs the steps and prints each; with dry it only prints them.
func (s *serviceCommand) runSteps(ctx context.Context, steps []service.Step, dry bool) error {
	if dry {
		s.app.printf("This would be done:\n")
	}
	for _, step := range steps {
		if !dry {
			if err := step.Do(ctx); err != nil {
				return err
			}
		}
		s.app.printf("- %s\n", clean(step.What))
	}
	return nil
}

// spec returns what to install: this program, with the configuration at path or at the
// usual place. The environment of the person who installs is not used.
func (s *serviceCommand) spec(ctx context.Context, path string) (service.Spec, error) {
	exe, err := s.executable()
	if err != nil {
		return service.Spec{}, err
	}
	if rel, err := filepath.Rel(os.TempDir(), exe); err == nil && filepath.IsLocal(rel) {
		return service.Spec{}, problem.New(problem.Usage, "this program is in a folder for temporary files: "+exe,
			"Copy it to where it shall stay, such as /usr/local/bin, and call it there.")
	}
	cfg, err := s.app.serviceConfig(path)
	if err != nil {
		return service.Spec{}, err
	}
	if cfg.File() == "" {
		file := config.DefaultFile(s.app.env.Environ)
		return service.Spec{}, problem.New(problem.ConfigInvalid, "there is no configuration yet",
			fmt.Sprintf("Write it with balansd config init %s, fill it in, and install again.", file))
	}
	spec := serviceSpec(cfg, exe)
	added, err := s.app.addedFolders(ctx, cfg)
	if err != nil { // an installation mends, too
		s.app.printStderr("The connections in the state cannot be read, so folders that were added there are left out: %s.\n", problem.Of(err).What)
	}
	for _, f := range added {
		if f.Path != "" && !slices.Contains(spec.Readable, f.Path) {
			spec.Readable = append(spec.Readable, f.Path)
		}
	}
	return spec, nil
}

// serviceConfig reads the configuration as the service does: the file at path or at the
// usual place, without the environment of the person's terminal.
func (app *App) serviceConfig(path string) (*config.Config, error) {
	return app.serviceConfigWith(path, targetMistakes)
}

func (app *App) serviceConfigWith(path string, also func(*config.Config) []config.Mistake) (*config.Config, error) {
	environ := slices.DeleteFunc(slices.Clone(app.env.Environ), func(pair string) bool {
		return strings.HasPrefix(strings.ToUpper(pair), "BALANSD_")
	})
	return config.Load(config.LoadOptions{Path: path, Environ: environ, Also: also})
}

// serviceSpec returns which files and folders the service needs to access.
func serviceSpec(cfg *config.Config, executable string) service.Spec {
	spec := service.Spec{Executable: executable, Config: cfg.File(), DataDir: cfg.DataDir, Socket: lowPort(cfg.Portal.Listen)}
	read := func(path string) {
		if path != "" && !slices.Contains(spec.Readable, path) {
			spec.Readable = append(spec.Readable, path)
		}
	}
	write := func(dir string) {
		if rel, err := filepath.Rel(cfg.DataDir, dir); err == nil && filepath.IsLocal(rel) {
			return
		}
		if !slices.Contains(spec.Writable, dir) {
			spec.Writable = append(spec.Writable, dir)
		}
	}
	write(cfg.Backup.Folder)
	write(filepath.Dir(cfg.StateFile))
	if cfg.Log.File != "" {
		write(filepath.Dir(cfg.Log.File))
	}
	if runtime.GOOS != "windows" { // there it is a pipe
		write(filepath.Dir(cfg.Socket))
	}
	if _, err := os.Stat(cfg.KeyFile); err == nil {
		if filepath.Dir(cfg.KeyFile) != cfg.DataDir {
			read(cfg.KeyFile)
		}
	} else {
		write(filepath.Dir(cfg.KeyFile)) // created at the first start
	}
	for _, f := range cfg.Folders {
		read(f.Path)
	}
	for _, l := range cfg.Administration.Lists {
		read(filepath.Dir(l.File)) // each export replaces the file
	}
	read(cfg.Administration.KBO.Folder)
	for _, file := range readFiles(cfg) {
		read(file)
	}
	return spec
}

// lowPort returns an address whose port only a privileged program may open; else "".
func lowPort(address string) string {
	const firstOpen = 1024
	_, port, err := net.SplitHostPort(address)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n == 0 || n >= firstOpen {
		return ""
	}
	return address
}

// readFiles returns the files that the configuration names to be read.
func readFiles(cfg *config.Config) []string {
	files := []string{cfg.Finbox.CertificateFile, cfg.Network.CAFile, cfg.Network.ClientCertificateFile, cfg.Documents.CBSOTable, cfg.Portal.CertificateFile}
	return append(files, slices.DeleteFunc(cfg.SecretFiles(), func(path string) bool { return path == cfg.KeyFile })...)
}

func newServiceUninstallCommand(s *serviceCommand) *cobra.Command {
	dry, purge, yes := false, false, false
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "Stop and remove the service; data stays",
		Long: `Stop the service, remove it, and wait until it is gone. The configuration, the
state, its copies and the log stay, so that installing again goes on where this
ended.

With --purge the configuration, the state and the log are deleted for good, too,
once you have typed the word purge, or called it with --yes. Copies of the state
that the configuration puts into another folder stay in any case.`,
		Example: "  sudo balansd service uninstall\n  sudo balansd service uninstall --purge",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := s.manager()
			if err == nil && !dry {
				err = m.Rights()
			}
			if err != nil {
				return err
			}
			removal := service.Removal{Shown: dry}
			if purge {
				if removal.Purge, err = s.purgePaths(cmd.Context(), m); err != nil {
					return err
				}
			}
			steps, err := m.Uninstall(removal)
			if err != nil {
				return err
			}
			if purge && !dry && !yes {
				if err := s.confirmPurge(removal.Purge); err != nil {
					return err
				}
			}
			if err := s.runSteps(cmd.Context(), steps, dry); err != nil || dry {
				return err
			}
			s.app.printf("The service is removed.\n")
			return nil
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "show what would be done, and do nothing")
	c.Flags().BoolVar(&purge, "purge", false, "delete configuration, state and log for good")
	c.Flags().BoolVar(&yes, "yes", false, "with --purge: do not ask")
	return c
}

// purgePaths returns what --purge deletes: what the configuration of the installed service
// names, or else the defaults.
func (s *serviceCommand) purgePaths(ctx context.Context, m service.Manager) ([]string, error) {
	st, err := m.Status(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := s.app.serviceConfig(cmp.Or(s.app.configPath, st.Config))
	if err != nil {
		return nil, problem.Wrap(err, problem.ConfigInvalid, "the configuration does not say what is to be deleted",
			"Mend it; or uninstall without --purge, and delete by hand what stays.")
	}
	var paths []string
	add := func(path string) {
		inside := func(dir string) bool {
			rel, err := filepath.Rel(dir, path)
			return err == nil && filepath.IsLocal(rel)
		}
		if _, err := os.Lstat(path); err == nil && !slices.ContainsFunc(paths, inside) {
			paths = append(paths, path)
		}
	}
	add(cfg.DataDir)
	add(cfg.StateFile)
	add(cfg.KeyFile)
	if file := cfg.File(); file != "" {
		if own := filepath.Dir(config.DefaultFile(s.app.env.Environ)); filepath.Dir(file) == own {
			add(own)
		}
		add(file)
		add(filepath.Join(filepath.Dir(file), config.SecretsFolder))
	}
	if runtime.GOOS == "linux" {
		add("/var/log/balansd")
	}
	return paths, nil
}

// confirmPurge asks to type a word, since a yes is typed too easily.
func (s *serviceCommand) confirmPurge(paths []string) error {
	app := s.app
	if !isTerminal(app.env.Stdin) {
		return problem.New(problem.Usage, "deleting data needs a person who confirms it, and there is nobody at a terminal",
			"Call it with --yes when you are sure.")
	}
	return app.confirmWord("purge", "This deletes for good:\n  "+strings.Join(paths, "\n  "))
}

// newServiceControlCommand returns a command that controls the service, and then prints done.
func newServiceControlCommand(s *serviceCommand, use, short, done string, do func(service.Manager, context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: "  sudo balansd service " + use, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := s.manager()
			if err == nil && use == "restart" {
				err = s.lookBeforeRestart(cmd.Context(), m)
			}
			if err == nil {
				err = do(m, cmd.Context())
			}
			if err == nil {
				s.app.printf("%s\n", done)
			}
			return err
		},
	}
}

// lookBeforeRestart refuses a restart after which the service would not run: with a
// configuration that has mistakes. The running service stays as it is.
func (s *serviceCommand) lookBeforeRestart(ctx context.Context, m service.Manager) error {
	st, err := m.Status(ctx)
	if err != nil || st.State == service.NotInstalled {
		return err // the restart says what is wrong
	}
	_, err = s.app.serviceConfigWith(cmp.Or(s.app.configPath, st.Config), clientMistakes)
	if p := problem.Of(err); err != nil {
		return problem.Wrap(p.Err, p.Code, "the service is not restarted, since it would not start again: "+p.What, p.Next)
	}
	return nil
}
