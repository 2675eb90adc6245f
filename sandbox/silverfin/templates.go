package silverfin

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
)

// reconciliations is the one kind of template that is simulated, named as in
// the API's paths and in the saved state.
const reconciliations = "reconciliations"

// A Template is a made-up reconciliation template. Its text says which results it
// computes; see results.
type Template struct {
	Handle      string
	Names       map[string]string // by language, en, nl or fr; a language that is left out has the handle
	Text        string
	Marketplace int64 // the template's id on the marketplace, which hides the text; 0 for the firm's own
}

// AddTemplate adds a reconciliation template to a firm and returns its id; 0 when there
// is no such firm. A handle may occur more than once.
func (s *Silverfin) AddTemplate(firmID int64, t Template) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.index.firms[firmID]
	if f == nil {
		return 0
	}
	id := s.addMadeUpTemplate(f, t.Handle, t.Text, t.Marketplace)
	for lang, name := range t.Names {
		f.template(id).Attributes["name_"+lang] = name
	}
	return id
}

func (f *firm) addTemplate(t *reconciliationTemplate) {
	if f.Templates == nil {
		f.Templates = map[string][]*reconciliationTemplate{}
	}
	f.Templates[reconciliations] = append(f.Templates[reconciliations], t)
}

// addMadeUpTemplate adds a reconciliation template, of the marketplace unless
// marketplace is 0. The API hides the code of a marketplace template.
func (s *Silverfin) addMadeUpTemplate(f *firm, handle, text string, marketplace int64) int64 {
	name := strings.ReplaceAll(handle, "_", " ")
	hidden := marketplace != 0
	attributes := map[string]any{
		"handle": handle, "text": text, "text_parts": []any{}, "tests": "", "marketplace_template_id": nil,
		"reconciliation_type": "can_be_reconciled_without_data", "virtual_account_number": "", "auto_hide_formula": "",
		"public": false, "allow_duplicate_reconciliations": false, "is_active": true, "externally_managed": false,
		"published": true, "hide_code": hidden, "use_full_width": false, "downloadable_as_docx": false, "test_firm_id": nil,
	}
	if hidden {
		attributes["marketplace_template_id"] = marketplace
	}
	for _, lang := range []string{"en", "nl", "fr", "de", "da", "se", "fi"} {
		attributes["name_"+lang], attributes["description_"+lang] = "", ""
	}
	for _, lang := range []string{"en", "nl", "fr"} {
		attributes["name_"+lang] = name
	}
	t := &reconciliationTemplate{ID: s.newID("template"), Hidden: hidden, Attributes: attributes}
	f.addTemplate(t)
	return t.ID
}

func (f *firm) template(id int64) *reconciliationTemplate {
	for _, t := range f.Templates[reconciliations] {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// templateID returns the id of the first reconciliation template with a handle;
// 0 when there is none.
func (f *firm) templateID(handle string) int64 {
	for _, t := range f.Templates[reconciliations] {
		if t.Attributes["handle"] == handle {
			return t.ID
		}
	}
	return 0
}

// templateRoutes are the calls about the firm's own templates, which
// Silverfin's command-line client uses.
func (s *Silverfin) templateRoutes() []route {
	read, write := all("administration:read"), all("administration:write")
	return []route{
		{"GET /reconciliations", read, listTemplates},
		{"POST /reconciliations", write, s.createTemplate},
		{"GET /reconciliations/{template}", read, getTemplate},
		{"POST /reconciliations/{template}", write, updateTemplate},
	}
}

// show returns a template as the API shows it: a hidden one comes without its
// code, so without the text key.
func (t *reconciliationTemplate) show() map[string]any {
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
	return out
}

func listTemplates(c *call) response {
	out := []map[string]any{}
	for _, t := range pageOf(c.r, c.firm.Templates[reconciliations]) {
		out = append(out, t.show())
	}
	return response{http.StatusOK, out}
}

func getTemplate(c *call) response {
	t := c.firm.template(c.id("template"))
	if t == nil {
		return notFound("Template")
	}
	return response{http.StatusOK, t.show()}
}

func (s *Silverfin) createTemplate(c *call) response {
	if c.body.text("handle") == "" {
		return errorsResponse("handle can't be blank")
	}
	t := &reconciliationTemplate{Attributes: map[string]any{"marketplace_template_id": nil, "text": "", "text_parts": []any{}}}
	if wrong := t.set(c.body); wrong != nil {
		return *wrong
	}
	t.ID = s.newID("template")
	c.firm.addTemplate(t)
	return response{http.StatusCreated, t.show()}
}

func updateTemplate(c *call) response {
	t := c.firm.template(c.id("template"))
	if t == nil {
		return notFound("Template")
	}
	if t.Hidden {
		return errorResponse(http.StatusUnprocessableEntity, "The template is managed by a partner and cannot be changed")
	}
	if wrong := t.set(c.body); wrong != nil {
		return *wrong
	}
	return response{http.StatusOK, t.show()}
}

// set copies attributes; the id and the comment of the version are no
// attributes of the template.
func (t *reconciliationTemplate) set(body requestBody) *response {
	attributes := maps.Clone(t.Attributes)
	for name, raw := range body {
		if name == "id" || name == "version_comment" || name == "version_significant_change" {
			continue
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			wrong := errorsResponse(name + " is invalid")
			return &wrong
		}
		attributes[name] = value
	}
	t.Attributes = attributes
	return nil
}
