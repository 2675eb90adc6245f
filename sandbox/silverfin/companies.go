package silverfin

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"balansd/balance"
)

// companyRoutes are the calls about the person, the firm, client files, their
// periods and workflows.
func (s *Silverfin) companyRoutes() []route {
	// Silverfin's pages name both scopes for periods, yet its own command-line
	// client reads periods with the second alone.
	periods := either("communication:read", "financials:read")
	if s.options.StrictPeriodScopes {
		periods = all("communication:read", "financials:read")
	}
	const period = "/companies/{company}/periods/{period}"
	return []route{
		{"GET /user", all("user:profile"), s.getUser},
		{"GET /user/firm", nil, func(c *call) response {
			return response{http.StatusOK, map[string]any{"id": c.firm.ID, "name": c.firm.Name}}
		}},
		{"GET /companies", all("administration:read"), s.listCompanies},
		{"GET /companies/{company}", all("administration:read"), s.getCompany},
		{"POST /companies/{company}", all("administration:write"), s.updateCompany},
		{"GET /companies/{company}/people", all("administration:read"), s.listPeople},
		{"GET /companies/{company}/periods", periods, s.listPeriods},
		{"GET " + period, periods, s.getPeriod},
		{"GET " + period + "/workflows", all("workflows:read"), s.listWorkflows},
		{"GET " + period + "/workflows/{workflow}/reconciliations", all("financials:read"), s.workflowReconciliations},
	}
}

func (s *Silverfin) getUser(*call) response {
	return response{http.StatusOK, map[string]any{
		"id": 501, "name": "Integration User", "username": "integration", "created_at": "2024-01-01T00:00:00.000Z",
		"external": false, "email": "integration@example.test", "staff_access": false, "email_notification_frequency": "daily", "locale": "en",
	}}
}

// companyJSON is a client file as the API shows it.
type companyJSON struct {
	ID                int64   `json:"id"`
	Name              string  `json:"name"`
	CreatedAt         string  `json:"created_at"`
	OrganisationForm  string  `json:"organisation_form"`
	Country           string  `json:"country"`
	City              string  `json:"city"`
	Street            string  `json:"street"`
	PostalCode        string  `json:"postalcode"`
	FileCode          string  `json:"file_code"`
	CompanyType       string  `json:"company_type"`
	PeriodsPerYear    int     `json:"periods_per_year"`
	SyncReference     *string `json:"sync_reference"`
	AccountancySync   *string `json:"accountancy_synchronisation_reference"`
	AccountancyEntity *int64  `json:"accountancy_synchronisation_entity_id"`
	AccountancyType   *string `json:"accountancy_synchronisation_entity_type"`
	MappingList       *int64  `json:"account_mapping_list_id"`
	AdminSync         *string `json:"administration_synchronisation_reference"`
	VAT               *string `json:"vat"`
	Currency          string  `json:"currency"`
	Visible           bool    `json:"visible_for_contributors"`
}

func (c *company) show() companyJSON {
	out := companyJSON{
		ID: c.ID, Name: c.Name, CreatedAt: c.Created.Format(time.RFC3339), OrganisationForm: cmp.Or(c.LegalForm, "BV"), Country: "BE",
		City: c.City, Street: c.Street, PostalCode: c.PostalCode, FileCode: c.FileCode, PeriodsPerYear: c.PeriodsPerYear, Currency: "EUR", Visible: true,
	}
	if c.VAT != "" {
		out.VAT = &c.VAT
	}
	return out
}

func (s *Silverfin) listCompanies(c *call) response {
	query := c.r.URL.Query()
	var ids []int64
	for _, id := range c.firm.Companies {
		company := s.state.Companies[id]
		if !company.Archived && (!query.Has("file_code") || company.FileCode == query.Get("file_code")) {
			ids = append(ids, id)
		}
	}
	out := []companyJSON{}
	for _, id := range pageOf(c.r, ids) {
		out = append(out, s.state.Companies[id].show())
	}
	return response{http.StatusOK, out}
}

// company finds the file that the path names; nil when the firm has none.
func (s *Silverfin) company(c *call) *company {
	company := s.state.Companies[c.id("company")]
	if company == nil || company.FirmID != c.firm.ID {
		return nil
	}
	return company
}

// at finds company and period of the path; the second result says what is
// missing.
func (s *Silverfin) at(c *call) (company *company, period *period, missing string) {
	if company = s.company(c); company == nil {
		return nil, nil, "Company"
	}
	if period = company.period(c.id("period")); period == nil {
		return nil, nil, "Period"
	}
	return company, period, ""
}

func (s *Silverfin) getCompany(c *call) response {
	company := s.company(c)
	if company == nil {
		return notFound("Company")
	}
	return response{http.StatusOK, company.show()}
}

func (s *Silverfin) listPeriods(c *call) response {
	company := s.company(c)
	if company == nil {
		return notFound("Company")
	}
	out := []map[string]any{}
	for _, p := range company.Periods {
		public, err := strconv.ParseBool(c.r.URL.Query().Get("public"))
		if err == nil && public != p.Public {
			continue
		}
		out = append(out, s.showPeriod(p))
	}
	return response{http.StatusOK, pageOf(c.r, out)}
}

func (s *Silverfin) getPeriod(c *call) response {
	_, p, missing := s.at(c)
	if missing != "" {
		return notFound(missing)
	}
	return response{http.StatusOK, s.showPeriod(p)}
}

// showPeriod is a period as the API shows it. How a lock shows is not
// published, so the field has the name that the options give; locking_type is
// a word that Silverfin's vocabulary knows, and holds text.
func (s *Silverfin) showPeriod(p *period) map[string]any {
	out := map[string]any{
		"id": p.ID, "end_date": p.End, "public": p.Public, "extra_data_headers": []string{},
	}
	switch s.options.YearFields {
	case YearEnd:
		out["fiscal_year"] = map[string]balance.Date{"end_date": p.FiscalYear.End}
	case NoYear:
	default:
		out["fiscal_year"] = map[string]balance.Date{"start_date": p.FiscalYear.Start, "end_date": p.FiscalYear.End}
	}
	switch field := s.options.LockField; {
	case field == "locking_type" && p.Locked:
		out[field] = "locked"
	case field == "locking_type":
		out[field] = nil
	case field != "-":
		out[field] = p.Locked
	}
	return out
}

func (s *Silverfin) listWorkflows(c *call) response {
	company, p, missing := s.at(c)
	if missing != "" {
		return notFound(missing)
	}
	out := []map[string]any{}
	for _, w := range p.Open {
		if !w.Archived || !s.options.HideArchived {
			out = append(out, s.showWorkflow(company, w))
		}
	}
	return response{http.StatusOK, pageOf(c.r, out)}
}

func (s *Silverfin) showWorkflow(company *company, w openWorkflow) map[string]any {
	out := map[string]any{"id": w.ID, "name": s.workflowName(company, w.ID), "default": false, "archived": w.Archived}
	for _, known := range company.Workflows {
		if known.ID == w.ID {
			out["firm_workflow_id"] = known.FirmWorkflow
		}
	}
	return out
}

func (s *Silverfin) workflowReconciliations(c *call) response {
	company, p, missing := s.at(c)
	if missing != "" {
		return notFound(missing)
	}
	w := p.open(c.id("workflow"))
	if w == nil {
		return notFound("Workflow")
	}
	name := s.workflowName(company, w.ID)
	out := []map[string]any{}
	for _, r := range company.Reconciliations {
		if r.Workflow == name {
			out = append(out, s.showReconciliation(company, r))
		}
	}
	return response{http.StatusOK, pageOf(c.r, out)}
}
