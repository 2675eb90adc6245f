package cli

import (
	"os"

	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/notify"
	"balansd/portal"
	"balansd/problem"
	"balansd/transport"

	"github.com/spf13/cobra"
)

func newNotifyCommand(app *App) *cobra.Command {
	return group("notify", "Mails, webhooks and the heartbeat", "  balansd notify test", newNotifyTestCommand(app))
}

func newNotifyTestCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use:   "test",
		Short: "Send a test message to everybody who is told what needs a person",
		Long: `Send a test message to everybody who is told what needs a person: each recipient
of notify.mail and each of notify.webhooks. The heartbeat is not called, since it
says that a night was good. Exit code 1 says that a message could not be sent.`,
		Example: "  balansd notify test",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				tested, err := api.NotifyTest(cmd.Context(), daemon.NotifyRequest{By: person()})
				if err != nil {
					return err
				}
				if app.asJSON {
					err = app.print(tested)
				} else {
					app.notifyTestText(tested)
				}
				for _, c := range tested.Channels {
					if err == nil && c.Problem != "" {
						err = shownError{problem.New(problem.Unexpected, c.Problem, "")}
					}
				}
				return err
			})
		},
	})
}

func (app *App) notifyTestText(tested daemon.NotifyTested) {
	failed := false
	for _, c := range tested.Channels {
		if c.Problem == "" {
			app.printf("%s: sent\n", clean(c.Channel))
			continue
		}
		app.printf("%s: %s %s\n", clean(c.Channel), app.styled(app.env.Stdout, red, "NOT SENT:"), clean(c.Problem))
		failed = true
	}
	if failed {
		app.printf("→ Compare notify in the configuration with what that server offers; balansd doctor says what is in the way.\n")
	}
}

// notifier returns what tells people what needs them; nil if the configuration names
// nobody.
func (n *node) notifier(cfg *config.Config) (daemon.Notifier, error) {
	c := cfg.Notify
	if !c.Configured() {
		return nil, nil
	}
	caseTitle, problemTitle, err := portal.Titles()
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	nc := notify.Config{State: n.store.KeyValue(), ClientNames: c.ClientNames, Host: host, CaseTitle: caseTitle, ProblemTitle: problemTitle,
		Now: n.options.now, Log: n.options.log}
	if cfg.Portal.Listen != "" {
		nc.URL = pagesURL(cfg)
	}
	if nc.Channels, err = mailChannels(cfg); err != nil {
		return nil, err
	}
	for _, w := range c.Webhooks {
		client, err := n.quietClient(cfg, w.URL.Reveal())
		if err != nil {
			return nil, err
		}
		hook := notify.Webhook{URL: w.URL.Reveal(), Format: notify.Format(w.Format), Secret: w.Secret.Reveal(), HTTP: client}
		nc.Channels = append(nc.Channels, notify.Channel{ID: "webhook " + w.Name, Name: "webhook " + w.Name,
			Audience: notify.Audience(w.Role), Language: w.Language, Send: hook.Send})
	}
	if address := c.HeartbeatURL.Reveal(); address != "" {
		client, err := n.quietClient(cfg, address)
		if err != nil {
			return nil, err
		}
		nc.Heartbeat = notify.Heartbeat(client, address)
	}
	return notify.New(nc)
}

func mailChannels(cfg *config.Config) ([]notify.Channel, error) {
	m := cfg.Notify.Mail
	if m.Host == "" {
		return nil, nil
	}
	server, err := mailServer(cfg)
	if err != nil {
		return nil, err
	}
	var list []notify.Channel
	for _, to := range m.To {
		list = append(list, notify.Channel{ID: "mail " + to.Address, Name: to.Address,
			Audience: notify.Audience(to.Role), Language: to.Language, Send: server.Mail(to.Address)})
	}
	return list, nil
}

// mailServer returns the server that takes the mails of a configuration.
func mailServer(cfg *config.Config) (notify.MailServer, error) {
	m := cfg.Notify.Mail
	roots, err := transport.Roots(cfg.Network.CAFile)
	return notify.MailServer{Host: m.Host, Port: m.Port, Security: notify.Security(m.Security), User: m.User,
		Password: m.Password.Reveal(), From: m.From, Roots: roots}, err
}
