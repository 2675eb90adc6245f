package portal

import (
	"net/http"
)

func (h *Handler) settingsRoutes() []route {
	return []route{{method: http.MethodGet, path: "/settings", access: admin, handle: settingsPage, nav: "nav.settings"}}
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
	}{rq.ConfigFile, sections})
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
