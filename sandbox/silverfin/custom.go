package silverfin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// maxProperties is how many properties one call may send.
const maxProperties = 100

// customRoutes are the calls about reconciliations of a period and about
// custom properties at every level.
func (s *Silverfin) customRoutes() []route {
	const (
		company        = "/companies/{company}"
		period         = company + "/periods/{period}"
		reconciliation = period + "/reconciliations/{reconciliation}"
	)
	return []route{
		{"GET " + reconciliation, all("financials:read"), s.getReconciliation},
		{"GET " + reconciliation + "/results", all("financials:read"), s.getResults},
		{"GET " + company + "/custom", all("administration:read"), s.getCustom},
		{"POST " + company + "/custom", all("administration:write"), s.postCustom},
		{"GET " + period + "/custom", all("administration:read"), s.getCustom},
		{"POST " + period + "/custom", all("administration:write"), s.postCustom},
		{"GET " + reconciliation + "/custom", all("financials:read"), s.getCustom},
		{"POST " + reconciliation + "/custom", all("financials:write"), s.postCustom},
	}
}

// target finds what the path names; the second result says what is missing.
func (s *Silverfin) target(c *call) (t target, missing string) {
	if c.r.PathValue("period") == "" {
		if t.company = s.company(c); t.company == nil {
			return t, "Company"
		}
		return t, ""
	}
	t.company, t.period, missing = s.at(c)
	if missing != "" || c.r.PathValue("reconciliation") == "" {
		return t, missing
	}
	r := t.company.reconciliation(c.id("reconciliation"))
	if r == nil || !s.shown(t.company, t.period, *r) {
		return t, "Reconciliation"
	}
	t.reconciliation = r
	return t, ""
}

// shown reports whether a reconciliation is in a period: its workflow is there,
// archived or not, since custom belongs to the reconciliation and outlives the
// workflow's archiving.
func (s *Silverfin) shown(company *company, p *period, r reconciliation) bool {
	if r.Workflow == "" {
		return true
	}
	for _, w := range p.Open {
		if s.workflowName(company, w.ID) == r.Workflow {
			return true
		}
	}
	return false
}

func (s *Silverfin) showReconciliation(company *company, r reconciliation) map[string]any {
	out := map[string]any{"id": r.ID, "handle": r.Handle, "template_id": r.Template, "starred": !r.Unstarred}
	if t := s.index.firms[company.FirmID].template(r.Template); t != nil {
		for _, lang := range []string{"en", "nl", "fr"} {
			out["name_"+lang] = t.Attributes["name_"+lang]
		}
	}
	return out
}

func (s *Silverfin) getReconciliation(c *call) response {
	t, missing := s.target(c)
	if missing != "" {
		return notFound(missing)
	}
	return response{http.StatusOK, s.showReconciliation(t.company, *t.reconciliation)}
}

// customJSON is one custom property in the API.
type customJSON struct {
	Namespace string          `json:"namespace"`
	Key       string          `json:"key"`
	Value     json.RawMessage `json:"value"`
}

func (s *Silverfin) getCustom(c *call) response {
	t, missing := s.target(c)
	if missing != "" {
		return notFound(missing)
	}
	custom := t.custom()
	out := []customJSON{}
	for _, n := range pageOf(c.r, s.sorted(custom)) {
		p := s.state.Properties[n]
		out = append(out, customJSON{p.Namespace, p.Key, json.RawMessage(custom[n])})
	}
	return response{http.StatusOK, out}
}

// postCustom sets, changes or destroys properties: all of them or, when one
// is not right, none. A period takes them as a list, a company one by one: the
// newest source of Silverfin's command-line client says that a list sent to a
// company is answered with 400. The text of that answer is made up.
func (s *Silverfin) postCustom(c *call) response {
	t, missing := s.target(c)
	if missing != "" {
		return notFound(missing)
	}
	list, single, wrong := c.properties()
	switch {
	case !single && t.period == nil:
		return errorResponse(http.StatusBadRequest, "namespace is missing, key is missing, value is missing")
	case wrong != nil:
		return errorsResponse(wrong...)
	case single && t.period != nil && t.reconciliation == nil:
		return errorResponse(http.StatusUnprocessableEntity, "properties is missing")
	case len(list) > maxProperties:
		return errorResponse(http.StatusUnprocessableEntity, "At most %d properties can be sent at once", maxProperties)
	case t.period != nil && t.period.Locked:
		return errorResponse(s.options.LockedStatus, "%v", lockedError(t.period.ID))
	}
	by := c.by(s.options.ClientID)
	for i := range list {
		value := string(list[i].Value)
		if value == "null" {
			value = ""
		}
		s.put(&t, by, s.property(list[i].Namespace, list[i].Key), value)
	}
	if single {
		return response{http.StatusCreated, list[0]}
	}
	return response{http.StatusCreated, list}
}

// properties reads either form of the body and lists what is wrong with it.
func (c *call) properties() (list []customJSON, single bool, wrong []string) {
	raw, many := c.body["properties"]
	if many {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, false, []string{"properties is invalid"}
		}
		if len(list) == 0 {
			return nil, false, []string{"properties is empty"}
		}
	} else {
		list = []customJSON{{c.body.text("namespace"), c.body.text("key"), c.body["value"]}}
	}
	for i := range list {
		p := &list[i]
		where := ""
		if many {
			where = fmt.Sprintf("properties[%d] ", i)
		}
		if p.Namespace == "" {
			wrong = append(wrong, where+"namespace can't be blank")
		}
		if p.Key == "" {
			wrong = append(wrong, where+"key can't be blank")
		}
		value, err := stored(p.Value)
		if err != nil {
			wrong = append(wrong, where+err.Error())
		}
		p.Value = value
	}
	return list, !many, wrong
}

// stored returns a value in the form that Silverfin stores: text, or an object. Numbers
// and bools become text; null, which deletes the property, stays.
func stored(value json.RawMessage) (json.RawMessage, error) {
	value = bytes.TrimSpace(value)
	switch {
	case len(value) == 0:
		return nil, fmt.Errorf("value is missing")
	case string(value) == "null":
		return value, nil
	case value[0] == '[':
		return nil, fmt.Errorf("value is invalid")
	case value[0] == '{':
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return nil, fmt.Errorf("value is invalid")
		}
		return compact.Bytes(), nil
	}
	return json.RawMessage(jsonText(plain(string(value)))), nil
}
