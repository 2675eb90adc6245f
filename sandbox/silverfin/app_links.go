package silverfin

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// AppLink is a link in the menus of Silverfin. Only its user sees it and can delete it.
type AppLink struct {
	ID        int64           `json:"id"`
	Firm      int64           `json:"firm"`
	User      string          `json:"user"`
	Name      string          `json:"name"`
	NameNL    string          `json:"name_nl,omitempty"`
	NameFR    string          `json:"name_fr,omitempty"`
	NameEN    string          `json:"name_en,omitempty"`
	TargetURL string          `json:"target_url"`
	Placement string          `json:"placement"`
	Options   json.RawMessage `json:"placement_options,omitempty"`
}

// appLinkRoutes are the calls about app links.
func (s *Silverfin) appLinkRoutes() []route {
	return []route{
		{"GET /app/links", all("links"), s.listAppLinks},
		{"POST /app/links", all("links"), s.addAppLink},
		{"DELETE /app/links/{link}", all("links"), s.removeAppLink},
	}
}

func (l AppLink) answer() map[string]any {
	return map[string]any{"id": l.ID, "name": l.Name, "name_nl": l.NameNL, "name_fr": l.NameFR, "name_en": l.NameEN, "name_da": nil,
		"target_url": l.TargetURL, "placement": l.Placement, "placement_options": l.Options}
}

// owns reports whether a link is of the user who makes the call.
func (c *call) owns(s *Silverfin, l AppLink) bool {
	return l.Firm == c.firm.ID && l.User == s.state.User
}

func (s *Silverfin) listAppLinks(c *call) response {
	out := []map[string]any{}
	for _, l := range s.state.AppLinks {
		if c.owns(s, l) {
			out = append(out, l.answer())
		}
	}
	return response{http.StatusOK, pageOf(c.r, out)}
}

func (s *Silverfin) addAppLink(c *call) response {
	l := AppLink{Firm: c.firm.ID, User: s.state.User, Name: c.body.text("name"), NameNL: c.body.text("name_nl"), NameFR: c.body.text("name_fr"),
		NameEN: c.body.text("name_en"), TargetURL: c.body.text("target_url"), Placement: c.body.text("placement"), Options: c.body["placement_options"]}
	if cmp.Or(l.Name, l.NameNL, l.NameFR, l.NameEN) == "" || !strings.HasPrefix(l.TargetURL, "http") || l.Placement == "" {
		return errorsResponse("name, target_url and placement can't be blank")
	}
	l.ID = s.newID("app_link")
	s.state.AppLinks = append(s.state.AppLinks, l)
	return response{http.StatusCreated, l.answer()}
}

func (s *Silverfin) removeAppLink(c *call) response {
	id, before := c.id("link"), len(s.state.AppLinks)
	s.state.AppLinks = slices.DeleteFunc(s.state.AppLinks, func(l AppLink) bool { return l.ID == id && c.owns(s, l) })
	if len(s.state.AppLinks) == before {
		return notFound("Link")
	}
	return response{http.StatusOK, nil}
}

// AppLinks lists the app links of all users, oldest first.
func (s *Silverfin) AppLinks() []AppLink {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state.AppLinks)
}

// SetUser has the calls from now on be those of another user, as when somebody else
// linked the firm.
func (s *Silverfin) SetUser(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.User = name
}
