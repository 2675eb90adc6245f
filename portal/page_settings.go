package portal

import (
	"net/http"
	"strconv"

	"balansd/accounts"
)

func (h *Handler) settingsRoutes() []route {
	return []route{{method: http.MethodGet, path: "/settings", access: admin, handle: settingsPage, nav: "nav.settings"}}
}

// settingsSection is the settings of one section of the configuration.
type settingsSection struct {
	Name string // empty for those of no section
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

// groupBySection parts settings by the first word of their keys, in their order.
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

func (h *Handler) auditRoutes() []route {
	return []route{{method: http.MethodGet, path: "/audit", access: admin, handle: auditPage, nav: "nav.audit"}}
}

// auditPageSize is how many records one page shows.
const auditPageSize = 100

func auditPage(rq *request) error {
	before, _ := strconv.ParseUint(rq.r.URL.Query().Get("before"), 10, 64)
	list, older, err := rq.AuditLog.Page(rq.r.Context(), before, auditPageSize)
	if err != nil {
		return err
	}
	return rq.renderPage("audit", struct {
		Records []accounts.Record
		Older   uint64
		First   bool
		Size    int
	}{list, older, before == 0, rq.AuditLog.Size})
}
