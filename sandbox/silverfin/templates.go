package silverfin

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// The kinds of template, named as in the API's paths.
var sfTemplateKinds = []string{"reconciliations", "account_templates", "export_files", "shared_parts"}

// A Template is a reconciliation template of a firm. All that the sandbox has
// by itself are made up.
type Template struct {
	Handle      string `json:"handle"`
	Name        string `json:"name,omitempty"` // empty: made of the handle
	Text        string `json:"text,omitempty"`
	Marketplace int64  `json:"marketplace,omitempty"` // id in the marketplace; 0 for the firm's own
	Hidden      bool   `json:"hidden,omitempty"`      // the API does not show the code
}

// AddTemplate gives a firm a reconciliation template and its id; 0 when there
// is no such firm. A handle may occur twice.
func (s *Silverfin) AddTemplate(firmID int64, t Template) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.index.firms[firmID]
	if f == nil {
		return 0
	}
	return s.addTemplate(f, t)
}

// TemplateText gives the code of a reconciliation template; empty when there
// is no such template.
func (s *Silverfin) TemplateText(firmID, templateID int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.index.firms[firmID]; f != nil {
		if t := f.template("reconciliations", templateID); t != nil {
			text, _ := t.Attributes["text"].(string)
			return text
		}
	}
	return ""
}

func (s *Silverfin) addTemplate(f *sfFirm, t Template) int64 {
	if t.Name == "" {
		t.Name = strings.ReplaceAll(t.Handle, "_", " ")
	}
	attributes := map[string]any{
		"handle": t.Handle, "text": t.Text, "text_parts": []any{}, "tests": "", "marketplace_template_id": nil,
		"reconciliation_type": "can_be_reconciled_without_data", "virtual_account_number": "", "auto_hide_formula": "",
		"public": false, "allow_duplicate_reconciliations": false, "is_active": true, "externally_managed": false,
		"published": true, "hide_code": t.Hidden, "use_full_width": false, "downloadable_as_docx": false, "test_firm_id": nil,
	}
	if t.Marketplace != 0 {
		attributes["marketplace_template_id"] = t.Marketplace
	}
	for _, lang := range []string{"en", "nl", "fr", "de", "da", "se", "fi"} {
		attributes["name_"+lang], attributes["description_"+lang] = "", ""
	}
	for _, lang := range []string{"en", "nl", "fr"} {
		attributes["name_"+lang] = t.Name
	}
	return s.keepTemplate(f, "reconciliations", &sfTemplate{Hidden: t.Hidden, Attributes: attributes})
}

func (s *Silverfin) keepTemplate(f *sfFirm, kind string, t *sfTemplate) int64 {
	t.ID = s.newID("template")
	if f.Templates == nil {
		f.Templates = map[string][]*sfTemplate{}
	}
	f.Templates[kind] = append(f.Templates[kind], t)
	return t.ID
}

func (f *sfFirm) template(kind string, id int64) *sfTemplate {
	for _, t := range f.Templates[kind] {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// templateID finds a reconciliation template by handle; 0 when there is none.
func (f *sfFirm) templateID(handle string) int64 {
	for _, t := range f.Templates["reconciliations"] {
		if t.Attributes["handle"] == handle {
			return t.ID
		}
	}
	return 0
}

// templateRoutes are the calls about the firm's own templates, which
// Silverfin's command-line client uses.
func (s *Silverfin) templateRoutes() []sfRoute {
	read, write := all("administration:read"), all("administration:write")
	var routes []sfRoute
	for _, kind := range sfTemplateKinds {
		routes = append(routes,
			sfRoute{"GET /" + kind, read, func(c *sfCall) sfAnswer { return listTemplates(c, kind) }},
			sfRoute{"POST /" + kind, write, func(c *sfCall) sfAnswer { return s.createTemplate(c, kind) }},
			sfRoute{"GET /" + kind + "/{template}", read, func(c *sfCall) sfAnswer { return getTemplate(c, kind) }},
			sfRoute{"POST /" + kind + "/{template}", write, func(c *sfCall) sfAnswer { return updateTemplate(c, kind) }},
		)
		if kind != "shared_parts" {
			routes = append(routes,
				sfRoute{"POST /" + kind + "/{template}/shared_parts/{part}", write, func(c *sfCall) sfAnswer { return linkPart(c, kind, true) }},
				sfRoute{"DELETE /" + kind + "/{template}/shared_parts/{part}", write, func(c *sfCall) sfAnswer { return linkPart(c, kind, false) }},
			)
		}
	}
	return routes
}

// show is a template as the API shows it: a hidden one comes without its
// code, so without the text key.
func (t *sfTemplate) show(f *sfFirm, kind string) map[string]any {
	out := maps.Clone(t.Attributes)
	if out == nil {
		out = map[string]any{}
	}
	out["id"] = t.ID
	if t.Hidden {
		for _, key := range []string{"text", "text_parts", "tests"} {
			delete(out, key)
		}
	}
	if kind == "shared_parts" {
		used := []map[string]any{}
		for _, k := range sfTemplateKinds {
			for _, o := range f.Templates[k] {
				if slices.Contains(o.Parts, t.ID) {
					used = append(used, map[string]any{"id": o.ID, "type": strings.TrimSuffix(k, "s")})
				}
			}
		}
		out["used_in"] = used
	}
	return out
}

func listTemplates(c *sfCall, kind string) sfAnswer {
	out := []map[string]any{}
	for _, t := range pageOf(c.r, c.firm.Templates[kind]) {
		out = append(out, t.show(c.firm, kind))
	}
	return sfAnswer{http.StatusOK, out}
}

func getTemplate(c *sfCall, kind string) sfAnswer {
	t := c.firm.template(kind, c.id("template"))
	if t == nil {
		return sfNotFound("Template")
	}
	return sfAnswer{http.StatusOK, t.show(c.firm, kind)}
}

func (s *Silverfin) createTemplate(c *sfCall, kind string) sfAnswer {
	name := "name_nl"
	switch kind {
	case "reconciliations":
		name = "handle"
	case "shared_parts":
		name = "name"
	}
	if c.body.text(name) == "" {
		return sfErrors(name + " can't be blank")
	}
	t := &sfTemplate{Attributes: map[string]any{"marketplace_template_id": nil, "text": "", "text_parts": []any{}}}
	if wrong := t.take(c.body); wrong != nil {
		return *wrong
	}
	s.keepTemplate(c.firm, kind, t)
	return sfAnswer{http.StatusCreated, t.show(c.firm, kind)}
}

func updateTemplate(c *sfCall, kind string) sfAnswer {
	t := c.firm.template(kind, c.id("template"))
	if t == nil {
		return sfNotFound("Template")
	}
	if t.Hidden {
		return sfError(http.StatusUnprocessableEntity, "The template is managed by a partner and cannot be changed")
	}
	if wrong := t.take(c.body); wrong != nil {
		return *wrong
	}
	return sfAnswer{http.StatusOK, t.show(c.firm, kind)}
}

// take copies attributes; the id and the comment of the version are no
// attributes of the template.
func (t *sfTemplate) take(body sfBody) *sfAnswer {
	attributes := maps.Clone(t.Attributes)
	for name, raw := range body {
		if name == "id" || name == "version_comment" || name == "version_significant_change" {
			continue
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			wrong := sfErrors(name + " is invalid")
			return &wrong
		}
		attributes[name] = value
	}
	t.Attributes = attributes
	return nil
}

func linkPart(c *sfCall, kind string, link bool) sfAnswer {
	t, part := c.firm.template(kind, c.id("template")), c.firm.template("shared_parts", c.id("part"))
	if t == nil || part == nil {
		return sfNotFound("Template")
	}
	t.Parts = slices.DeleteFunc(t.Parts, func(id int64) bool { return id == part.ID })
	if !link {
		return sfAnswer{http.StatusOK, nil}
	}
	t.Parts = append(t.Parts, part.ID)
	return sfAnswer{http.StatusCreated, nil}
}
