package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"balansd/config"
	"balansd/localapi"
	"balansd/problem"
	"balansd/service"

	"github.com/spf13/cobra"
)

func newConfigReloadCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use:   "reload",
		Short: "Have the running service read its configuration again",
		Long: `Have the running service read its configuration again. A file with mistakes
changes nothing. Where the state is, where copies of it go, where the local API
listens and where the log goes change only when the service is restarted; the
answer names such settings. A run that is under way is waited for.

Under systemd the secrets beside the configuration, such as the key of a renewed
certificate, are handed to the service anew; systemctl reload balansd does the
same.`,
		Example: "  balansd config reload",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.configToReload()
			if err != nil {
				return err
			}
			if err := service.HandOver(cfg.File()); err != nil {
				return err
			}
			client, err := app.dialDaemon(cmd.Context(), cfg)
			if errors.Is(err, localapi.ErrNoDaemon) {
				return problem.Wrap(err, problem.DaemonDown, "no daemon answers where the configuration says",
					"Where socket or data_dir was changed, the running one is still at the old place, and takes the new one at a restart: balansd service restart.")
			}
			if err != nil {
				return err
			}
			r, err := client.Reload(cmd.Context(), localapi.ReloadRequest{By: person()})
			if err != nil {
				return err
			}
			if app.asJSON {
				return app.print(r)
			}
			if len(r.Changed)+len(r.Restart) == 0 {
				app.printf("The configuration was read again; no setting changed.\n")
			}
			if len(r.Changed) > 0 {
				app.printf("In force now: %s.\n", strings.Join(r.Changed, ", "))
			}
			if len(r.Restart) > 0 {
				app.printf("In force after a restart (balansd service restart): %s.\n", strings.Join(r.Restart, ", "))
			}
			return nil
		},
	})
}

// configToReload reads the configuration as the service will: from the files of the
// secrets, not from the copies that it got when it started.
func (app *App) configToReload() (*config.Config, error) {
	environ := slices.DeleteFunc(slices.Clone(app.env.Environ), func(pair string) bool { return strings.HasPrefix(pair, "CREDENTIALS_DIRECTORY=") })
	return config.Load(config.LoadOptions{Path: app.configPath, Environ: environ, Also: clientMistakes})
}

// restartSettings are the settings, or sections ending in a dot, that a running daemon does
// not change before a restart.
var restartSettings = []string{"data_dir", "state_file", "key_file", "socket", "backup.", "portal.", "log.format", "log.file", "log.file_size", "log.files"}

func needsRestart(key string) bool {
	return slices.ContainsFunc(restartSettings, func(s string) bool {
		return key == s || strings.HasSuffix(s, ".") && strings.HasPrefix(key, s)
	})
}

// reload reads the configuration again and puts into force what can be without a restart.
// It waits until a run that is under way has ended, since that keeps the settings it began
// with.
func (p *daemonProcess) reload(ctx context.Context, by string) (r localapi.Reloaded, err error) {
	next, err := p.app.config()
	if err != nil {
		return r, err
	}
	// n.mu is not held meanwhile, since a run may take hours.
	p.reloading.Lock()
	defer p.reloading.Unlock()
	n := p.node
	before, old := n.current()
	r.Changed, r.Restart = []string{}, []string{}
	for _, key := range changes(before, next) {
		if !needsRestart(key) {
			r.Changed = append(r.Changed, key)
		}
	}
	for _, key := range changes(p.cfg, next) { // including those of an earlier reload
		if needsRestart(key) {
			r.Restart = append(r.Restart, key)
		}
	}
	same := *next
	same.StateFile = p.cfg.StateFile
	dc, sf, err := n.wire(&same)
	if err != nil {
		return r, err
	}
	// The old client saves the tokens that it is renewing before the new one reads them.
	if err := n.Reconfigure(ctx, dc, old.Close); err != nil {
		return r, err
	}
	n.mu.Lock()
	n.silverfin, n.cfg = sf, next
	n.mu.Unlock()
	if p.output != nil {
		_ = p.output.SetLevel(next.Log.Level) // checked with the rest
	}
	p.log.Info().Uint32(problem.NoticeKey, uint32(problem.ConfigReloaded)).Str("by", by).Strs("changed", r.Changed).
		Strs("restart", r.Restart).Msg("the configuration was read again")
	return r, nil
}

// changes returns the keys of the settings that differ, including secrets.
func changes(a, b *config.Config) []string {
	values := func(c *config.Config) map[string]string {
		m := map[string]string{}
		for _, s := range c.Settings() {
			m[s.Key] = s.Value
		}
		for key, secret := range c.Secrets() {
			m[key] = secret.Reveal()
		}
		return m
	}
	before, after := values(a), values(b)
	var keys []string
	for key, v := range after {
		if w, ok := before[key]; !ok || v != w {
			keys = append(keys, key)
		}
	}
	for key := range before {
		if _, ok := after[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
