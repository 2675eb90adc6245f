package portal

import (
	"net/http"
	"strconv"

	"balansd/accounts"
)

func (w *Web) settingsRoutes() []route {
	return []route{{method: http.MethodGet, path: "/settings", may: admin, do: settingsPage, nav: "nav.settings"}}
}

// settingsSection is the settings of one section of the configuration.
type settingsSection struct {
	Name string // empty for those of no section
	List []Setting
}

func settingsPage(v *visit) error {
	var sections []settingsSection
	if v.Settings != nil {
		sections = bySection(v.Settings())
	}
	return v.page("settings", struct {
		File     string
		Sections []settingsSection
	}{v.ConfigFile, sections})
}

// bySection parts settings by the first word of their keys, in their order.
func bySection(list []Setting) (out []settingsSection) {
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

func (w *Web) trailRoutes() []route {
	return []route{{method: http.MethodGet, path: "/audit", may: admin, do: trailPage, nav: "nav.audit"}}
}

// trailPageSize is how many records one page shows.
const trailPageSize = 100

func trailPage(v *visit) error {
	before, _ := strconv.ParseUint(v.r.URL.Query().Get("before"), 10, 64)
	list, older, err := v.AuditLog.Page(v.r.Context(), before, trailPageSize)
	if err != nil {
		return err
	}
	return v.page("audit", struct {
		Records []accounts.Record
		Older   uint64
		First   bool
		Size    int
	}{list, older, before == 0, v.AuditLog.Size})
}
