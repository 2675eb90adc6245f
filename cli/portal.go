package cli

import (
	"fmt"

	"balansd/accounts"
	"balansd/config"
	"balansd/localapi"

	"github.com/spf13/cobra"
)

func newPortalCommand(app *App) *cobra.Command {
	return group("portal", "Say who may sign in to the web pages", "  balansd portal invite --role admin an@kantoor.example\n  balansd portal people",
		newPortalInviteCommand(app), newPortalPeopleCommand(app), newPortalEnableCommand(app))
}

func newPortalInviteCommand(app *App) *cobra.Command {
	var role string
	var local bool
	c := app.withJSON(&cobra.Command{
		Use:   "invite NAME",
		Short: "Make a one-time link with which a person chooses a password",
		Long: `Make a link to the web pages with which a person chooses a password, and signs
in. It works once, within 24 hours; hand it to the person yourself. For a person
who is there already it is how a forgotten password is replaced: until then the
old one stays.

Where an OpenID Connect provider signs people in, --local lets a person in with a
password all the same, for when that provider is down. Take the access away again
on the page Users.`,
		Example: "  balansd portal invite --role admin an@kantoor.example",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if role != string(accounts.Admin) && role != string(accounts.Staff) {
				return usage(fmt.Errorf("--role %.40q is not known; it is admin or staff", role))
			}
			return app.withAPI(cmd.Context(), func(api localapi.API, cfg *config.Config) error {
				i, err := api.Invite(cmd.Context(), localapi.InviteRequest{Name: args[0], Role: accounts.Role(role), By: person(), Local: local})
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
	c.Flags().BoolVar(&local, "local", false, "also where a provider signs people in: with a password, for when it is down")
	c.Flags().StringVar(&role, "role", string(accounts.Staff), "what the person may do: `admin or staff`")
	return c
}

func newPortalPeopleCommand(app *App) *cobra.Command {
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

func newPortalEnableCommand(app *App) *cobra.Command {
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

// people returns the people of the web pages, and the audit log.
func (n *node) people(cfg *config.Config) (*accounts.People, *accounts.AuditLog) {
	o, kv := n.options, n.store.KeyValue()
	log := accounts.NewAuditLog(accounts.AuditLogConfig{KeyValue: kv, Now: o.now, Confirmed: n.confirmedTime, Log: o.log})
	base := ""
	if cfg.Portal.Listen != "" {
		base = pagesURL(cfg)
	}
	return accounts.NewPeople(accounts.PeopleConfig{KeyValue: kv, AuditLog: log, BaseURL: base,
		Provider: cfg.Portal.OIDC.Configured(), Vault: n.store.Secrets(), Now: o.now, Confirmed: n.confirmedTime}), log
}
