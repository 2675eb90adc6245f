package cli

import (
	"context"
	"fmt"
	"time"

	"balansd/accounts"
	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/portal"
	"balansd/problem"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
)

func newPortalCommand(app *App) *cobra.Command {
	return group("portal", "Say who may sign in to the web pages", "  balansd portal invite --role admin an@kantoor.example\n  balansd portal people",
		newInviteCommand(app), newPeopleCommand(app), newEnableCommand(app))
}

func newInviteCommand(app *App) *cobra.Command {
	var role string
	c := app.withJSON(&cobra.Command{
		Use:   "invite NAME",
		Short: "Make a one-time link with which a person chooses a password",
		Long: `Make a link to the web pages with which a person chooses a password, and signs
in. It works once, within 24 hours; hand it to the person yourself. For a person
who is there already it is how a forgotten password is replaced: until then the
old one stays.`,
		Example: "  balansd portal invite --role admin an@kantoor.example",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if role != string(accounts.Admin) && role != string(accounts.Staff) {
				return usage(fmt.Errorf("--role %.40q is not known; it is admin or staff", role))
			}
			return app.withAPI(cmd.Context(), func(api localapi.API, cfg *config.Config) error {
				i, err := api.Invite(cmd.Context(), localapi.InviteRequest{Name: args[0], Role: accounts.Role(role), By: person()})
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(i)
				}
				does := "chooses a password"
				if i.Again {
					does = "is there already, and chooses a new password"
				}
				app.printf("With this link %s %s. It works once, until %s:\n%s\n", clean(i.Name), does,
					i.Expires.In(cfg.TimeZone).Format("2006-01-02 15:04"), i.Link)
				return nil
			})
		},
	})
	c.Flags().StringVar(&role, "role", string(accounts.Staff), "what the person may do: `admin or staff`")
	return c
}

func newPeopleCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use:     "people",
		Short:   "List who may sign in to the web pages",
		Example: "  balansd portal people",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, cfg *config.Config) error {
				list, err := api.People(cmd.Context())
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(list)
				}
				if len(list) == 0 {
					app.printf("Nobody may sign in yet. Invite the first admin: balansd portal invite --role admin NAME\n")
					return nil
				}
				t := newTable("name", "role", "state", "last signed in")
				for _, a := range list {
					seen := "never"
					if !a.SeenAt.IsZero() {
						seen = a.SeenAt.In(cfg.TimeZone).Format("2006-01-02 15:04")
					}
					name := a.Name
					if name == "" {
						name = "(the first admin)"
					}
					t.add(name, string(a.Role), a.State, seen)
				}
				app.show(t)
				return nil
			})
		},
	})
}

func newEnableCommand(app *App) *cobra.Command {
	return &cobra.Command{
		Use:   "enable NAME",
		Short: "Let a person in again whose access was taken away",
		Long: `Let a person in again whose access to the web pages was taken away. It is for
when nobody who could do it on the pages may sign in any more.`,
		Example: "  balansd portal enable an@kantoor.example",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				q, err := api.Enable(cmd.Context(), localapi.EnableRequest{Name: args[0], By: person()})
				if err != nil {
					return err
				}
				app.printf("%s (%s) may sign in.\n", clean(q.Name), q.Role)
				return nil
			})
		},
	}
}

// nodeAPI is the API of a node in this process.
type nodeAPI struct {
	daemon.API
	people *accounts.People
	reload reloader
}

// reloader reads the configuration again. by names who asked.
type reloader func(ctx context.Context, by string) (localapi.Reloaded, error)

// api returns the API of a node, with each change recorded in the audit log. reload is
// nil where no daemon runs.
func (n *node) api(cfg *config.Config, reload reloader) localapi.API {
	people, log := n.people(cfg)
	return localapi.Audited(nodeAPI{n, people, reload}, log)
}

// Reload is localapi.API's.
func (a nodeAPI) Reload(ctx context.Context, r localapi.ReloadRequest) (localapi.Reloaded, error) {
	if a.reload == nil {
		return localapi.Reloaded{}, problem.New(problem.DaemonDown, "no daemon runs here", "Start the service: balansd service start.")
	}
	return a.reload(ctx, r.By)
}

// People is localapi.API's.
func (a nodeAPI) People(ctx context.Context) ([]accounts.Account, error) {
	return a.people.Accounts(ctx)
}

// Invite is localapi.API's.
func (a nodeAPI) Invite(ctx context.Context, r localapi.InviteRequest) (accounts.Invitation, error) {
	return a.people.Invite(ctx, r.Name, r.Role, r.By)
}

// Enable is localapi.API's.
func (a nodeAPI) Enable(ctx context.Context, r localapi.EnableRequest) (localapi.Enabled, error) {
	q, err := a.people.Enable(ctx, r.Name, r.By)
	return localapi.Enabled{Name: q.Name, Role: q.Role}, err
}

// people returns who may sign in, and the audit log.
func (n *node) people(cfg *config.Config) (*accounts.People, *accounts.AuditLog) {
	o, kv := n.options, n.store.KeyValue()
	log := accounts.NewAuditLog(accounts.AuditLogConfig{KeyValue: kv, Now: o.now, Confirmed: n.confirmedTime, Log: o.log})
	base := ""
	if cfg.Portal.Listen != "" {
		base = pagesURL(cfg)
	}
	return accounts.NewPeople(accounts.PeopleConfig{KeyValue: kv, AuditLog: log, BaseURL: base,
		Provider: cfg.Portal.OIDC.Configured(), Now: o.now, Confirmed: n.confirmedTime}), log
}

func pagesURL(cfg *config.Config) string {
	return portal.BaseURL(cfg.Portal.Listen, cfg.Portal.Hostnames, cfg.Portal.CertificateFile != "")
}

// pages are the web pages of a running daemon, and what the local API needs of
// them.
type pages struct {
	api    localapi.API // of the node, with each change recorded
	people *accounts.People
	web    *portal.Handler // nil where the configuration has no pages
	cfg    config.Portal
	url    string
	log    zerolog.Logger
}

// newPages makes the web pages. It listens nowhere yet.
func (n *node) newPages(cfg *config.Config, reload reloader) (*pages, error) {
	people, log := n.people(cfg)
	p := &pages{api: localapi.Audited(nodeAPI{n, people, reload}, log), people: people, cfg: cfg.Portal, url: pagesURL(cfg), log: n.options.log}
	if cfg.Portal.Listen == "" {
		return p, nil
	}
	wc := portal.Config{
		API: p.api, People: people, AuditLog: log, Settings: n.settings, ConfigFile: cfg.File(),
		Listen: cfg.Portal.Listen, Hostnames: cfg.Portal.Hostnames, Secure: cfg.Portal.CertificateFile != "",
		Language: cfg.Language, Zone: cfg.TimeZone, SessionTime: cfg.Portal.SessionTime,
		MetricsToken: cfg.Portal.MetricsToken.Reveal(), StateSize: n.store.Size, Version: n.options.version,
		Now: n.options.now, Log: n.options.log,
	}
	if o := cfg.Portal.OIDC; o.Configured() {
		const timeout = 15 * time.Second // a person waits for it
		client, err := n.httpClient(cfg, timeout, o.Issuer)
		if err != nil {
			return nil, err
		}
		wc.OIDC = &accounts.OIDCConfig{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(),
			GroupsClaim: o.GroupsClaim, AdminGroups: o.AdminGroups, StaffGroups: o.StaffGroups,
			Redirect: p.url + "/oidc/callback", HTTP: client}
	}
	var err error
	p.web, err = portal.New(wc)
	return p, err
}

// settings lists the settings in force, secrets hidden.
func (n *node) settings() []portal.Setting {
	cfg, _ := n.inForce()
	list := cfg.Settings()
	out := make([]portal.Setting, len(list))
	for i, s := range list {
		out[i] = portal.Setting{Key: s.Key, Value: s.Value, Origin: s.Origin}
	}
	return out
}

// listenAgain is how long the pages wait before they try again to listen.
const listenAgain = time.Minute

// serve serves the pages until ctx ends. Where they cannot be, that is logged
// and tried again: the nights go on without them.
func (p *pages) serve(ctx context.Context) error {
	if p.web == nil {
		return nil
	}
	p.welcome(ctx)
	for {
		err := portal.Serve(ctx, portal.ServeConfig{Listen: p.cfg.Listen, CertificateFile: p.cfg.CertificateFile,
			KeyFile: p.cfg.KeyFile, Log: p.log}, p.web)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		pr := problem.Of(err)
		p.log.Error().Err(err).Str("code", string(pr.Code)).Str("next", pr.Next).Msg("the web pages cannot be served")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(listenAgain):
		}
	}
}

// welcome logs where the pages are, and while nobody manages them the link
// with which the first admin chooses a password. Who may read the log of the
// service may become that admin.
func (p *pages) welcome(ctx context.Context) {
	p.log.Info().Str("url", p.url).Msg("the web pages are here")
	i, needed, err := p.people.FirstAdmin(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		p.log.Error().Err(err).Msg("no link for the first admin could be made")
	case needed:
		p.log.Warn().Str("link", i.Link).Time("until", i.Expires).
			Msg("the web pages have no admin yet: open this link, once, to become the first")
	}
}
