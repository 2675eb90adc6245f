package portal

import (
	"net/http"
	"slices"
	"strings"

	"balansd/daemon"
)

func (h *Handler) settingsRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/settings", access: admin, handle: settingsPage, nav: "nav.settings"},
		{method: http.MethodPost, path: "/settings/notify-test", access: admin, handle: notifyTest},
		{method: http.MethodPost, path: "/settings/try-credentials", access: admin, handle: tryCredentials},
	}
}

// settingsSection is a section of the configuration.
type settingsSection struct {
	Name string // empty for settings without a section
	List []Setting
}

func settingsPage(rq *request) error {
	var sections []settingsSection
	if rq.Settings != nil {
		sections = groupBySection(rq.Settings())
	}
	return rq.renderPage("settings", struct {
		File     string
		Sections []settingsSection
		Notifies bool // somebody is told what needs a person
	}{rq.ConfigFile, sections, rq.notifies()})
}

// notifies reports whether a test message can be sent.
func (rq *request) notifies() bool {
	if rq.Settings == nil {
		return false
	}
	return slices.ContainsFunc(rq.Settings(), func(s Setting) bool {
		return s.Key == "notify.mail.host" && s.Value != "" || strings.HasPrefix(s.Key, "notify.webhooks[")
	})
}

// notifyTest sends a test message to everybody who is told what needs a person.
func notifyTest(rq *request) error {
	tested, err := rq.API.NotifyTest(rq.r.Context(), daemon.NotifyRequest{By: rq.person.Name})
	if err != nil {
		return err
	}
	for _, c := range tested.Channels {
		if c.Problem != "" {
			rq.flashWarning("settings.notify-failed", "Channel", c.Channel, "Problem", c.Problem)
		} else {
			rq.flash("settings.notify-sent", "Channel", c.Channel)
		}
	}
	return rq.redirect("/settings")
}

// tryCredentials signs in at Finbox and renews the tokens of each firm.
func tryCredentials(rq *request) error {
	found, err := rq.API.TryCredentials(rq.r.Context(), daemon.CredentialsRequest{By: rq.person.Name})
	if err != nil {
		return err
	}
	for _, c := range found.Checks {
		if c.Well {
			rq.flash("settings.credentials-well", "Name", c.Name)
		} else {
			rq.flashWarning("settings.credentials-failed", "Name", c.Name, "Problem", c.Text)
		}
	}
	return rq.redirect("/settings")
}

// groupBySection groups settings by the first word of their keys, in their order.
func groupBySection(list []Setting) (out []settingsSection) {
	for _, s := range list {
		name := ""
		for i, r := range s.Key {
			if r == '.' || r == '[' {
				name = s.Key[:i]
				break
			}
		}
		if n := len(out); n == 0 || out[n-1].Name != name {
			out = append(out, settingsSection{Name: name})
		}
		out[len(out)-1].List = append(out[len(out)-1].List, s)
	}
	return out
}

// setting returns the value of a setting; empty when unknown.
func (rq *request) setting(key string) string {
	if rq.Settings == nil {
		return ""
	}
	for _, s := range rq.Settings() {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
