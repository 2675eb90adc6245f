package silverfin

import (
	"encoding/json"
	"fmt"
	"slices"

	"balansd/balance"
)

// A Firm is one Silverfin firm: an accounting office.
type Firm struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// A Company is one client file of a firm.
type Company struct {
	ID             int64  `json:"id"` // given by AddCompany
	Name           string `json:"name"`
	VAT            string `json:"vat,omitempty"` // as the firm typed it: any spelling, or none
	FileCode       string `json:"file_code,omitempty"`
	Language       string `json:"language,omitempty"` // nl, fr or en; the API does not show it
	Street         string `json:"street,omitempty"`   // with number and box
	PostalCode     string `json:"postal_code,omitempty"`
	City           string `json:"city,omitempty"`
	LegalForm      string `json:"legal_form,omitempty"`       // empty means BV
	PeriodsPerYear int    `json:"periods_per_year,omitempty"` // 1, 4 or 12; 0 means 1
	Archived       bool   `json:"-"`                          // returned by Companies; set by ArchiveCompany
}

// A CompanyPeriod is one period of a client file, called a ledger on screen.
type CompanyPeriod struct {
	ID         int64          `json:"id"`
	End        balance.Date   `json:"end"`
	FiscalYear balance.Period `json:"fiscal_year"`
	Locked     bool           `json:"locked,omitempty"`
	Workflows  []string       `json:"workflows,omitempty"` // open and not archived
}

// noSuch is the error for an id that is not there.
func noSuch(what string, id any) error { return fmt.Errorf("the sandbox has no %s %v", what, id) }

// AddFirm adds a firm and returns its id. The firm gets made-up templates, among
// them one handle that occurs twice and two templates whose code is hidden, as
// firms with marketplace templates have.
func (s *Silverfin) AddFirm(name string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &firm{ID: s.newID("firm"), Name: name, Templates: map[string][]*reconciliationTemplate{}}
	s.state.Firms = append(s.state.Firms, f)
	s.index.firms[f.ID] = f
	s.addMadeUpTemplate(f, "social_balance", "", 77)
	s.addMadeUpTemplate(f, "social_balance", "{% comment %}social balance{% endcomment %}", 0)
	s.addMadeUpTemplate(f, "annual_accounts_cover", "", 78)
	return f.ID
}

// Firms lists the firms in the order in which they were added.
func (s *Silverfin) Firms() []Firm {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Firm, len(s.state.Firms))
	for i, f := range s.state.Firms {
		out[i] = Firm{f.ID, f.Name}
	}
	return out
}

// AddCompany adds a client file to a firm and returns its id; 0 when there is no
// such firm.
func (s *Silverfin) AddCompany(firmID int64, c Company) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.index.firms[firmID]
	if f == nil {
		return 0
	}
	c.ID = s.newID("company")
	if c.PeriodsPerYear == 0 {
		c.PeriodsPerYear = 1
	}
	s.state.Companies[c.ID] = &company{Company: c, FirmID: firmID, Created: s.now()}
	f.Companies = append(f.Companies, c.ID)
	return c.ID
}

// Companies lists the client files of a firm, archived ones too.
func (s *Silverfin) Companies(firmID int64) []Company {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.index.firms[firmID]
	if f == nil {
		return nil
	}
	out := make([]Company, 0, len(f.Companies))
	for _, id := range f.Companies {
		c := s.state.Companies[id].Company
		c.Archived = s.state.Companies[id].Archived
		out = append(out, c)
	}
	return out
}

// SetVAT sets the text of a company's field for the VAT number.
func (s *Silverfin) SetVAT(companyID int64, vat string) error {
	return s.withCompany(companyID, func(c *company) error {
		c.VAT = vat
		return nil
	})
}

// ArchiveCompany takes a client file out of the firm's list, as Silverfin does
// with archived files.
func (s *Silverfin) ArchiveCompany(companyID int64) error {
	return s.withCompany(companyID, func(c *company) error {
		c.Archived = true
		return nil
	})
}

// UnarchiveCompany undoes ArchiveCompany.
func (s *Silverfin) UnarchiveCompany(companyID int64) error {
	return s.withCompany(companyID, func(c *company) error {
		c.Archived = false
		return nil
	})
}

// Periods lists the periods of a client file, newest first.
func (s *Silverfin) Periods(companyID int64) []CompanyPeriod {
	var out []CompanyPeriod
	_ = s.withCompany(companyID, func(c *company) error {
		for _, p := range c.Periods {
			v := CompanyPeriod{ID: p.ID, End: p.End, FiscalYear: p.FiscalYear, Locked: p.Locked}
			for _, w := range p.Open {
				if !w.Archived {
					v.Workflows = append(v.Workflows, s.workflowName(c, w.ID))
				}
			}
			out = append(out, v)
		}
		return nil
	})
	return out
}

// Lock locks a period: nothing in it can be changed, not by a person either.
func (s *Silverfin) Lock(companyID, periodID int64) error {
	return s.withPeriod(companyID, periodID, func(_ *company, p *period) error {
		p.Locked = true
		return nil
	})
}

// Unlock undoes Lock.
func (s *Silverfin) Unlock(companyID, periodID int64) error {
	return s.withPeriod(companyID, periodID, func(_ *company, p *period) error {
		p.Locked = false
		return nil
	})
}

// OpenWorkflow shows a workflow in a period and returns the workflow's id, which
// is the same in every period of the file; 0 when company or period are
// unknown. A workflow that the firm does not have yet is made. Opening twice
// changes nothing.
func (s *Silverfin) OpenWorkflow(companyID, periodID int64, name string) int64 {
	var id int64
	_ = s.withPeriod(companyID, periodID, func(c *company, p *period) error {
		f := s.index.firms[c.FirmID]
		fw := f.workflowNamed(name)
		if fw == nil {
			f.Workflows = append(f.Workflows, firmWorkflow{s.newID("firm_workflow"), name})
			fw = &f.Workflows[len(f.Workflows)-1]
		}
		id = s.openIn(c, p, fw.ID)
		return nil
	})
	return id
}

// openIn shows a firm's workflow in one period, adding it to the file first.
func (s *Silverfin) openIn(c *company, p *period, firmWorkflow int64) int64 {
	id := c.workflowID(firmWorkflow)
	if id == 0 {
		id = s.newID("workflow")
		c.Workflows = append(c.Workflows, workflow{id, firmWorkflow})
	}
	if p.open(id) == nil {
		p.Open = append(p.Open, openWorkflow{ID: id})
	}
	return id
}

// CloseWorkflow takes a workflow out of a period.
func (s *Silverfin) CloseWorkflow(companyID, periodID int64, name string) error {
	return s.withWorkflow(companyID, periodID, name, func(p *period, w *openWorkflow) {
		id := w.ID // w lies in the slice that is about to shift
		p.Open = slices.DeleteFunc(p.Open, func(o openWorkflow) bool { return o.ID == id })
	})
}

// ArchiveWorkflow archives a workflow that is open in a period. It stays in
// the list and is marked, unless HideArchived is set.
func (s *Silverfin) ArchiveWorkflow(companyID, periodID int64, name string) error {
	return s.withWorkflow(companyID, periodID, name, func(_ *period, w *openWorkflow) { w.Archived = true })
}

// ReactivateWorkflow undoes ArchiveWorkflow.
func (s *Silverfin) ReactivateWorkflow(companyID, periodID int64, name string) error {
	return s.withWorkflow(companyID, periodID, name, func(_ *period, w *openWorkflow) { w.Archived = false })
}

// AddReconciliation adds a template to a company, for all periods in which the named
// workflow is open, or for every period if workflow is empty. It returns the id, which
// is the same in every period; 0 if there is no such company. A template with that
// handle is added to the firm if there is none.
func (s *Silverfin) AddReconciliation(companyID int64, handle, workflow string) int64 {
	var id int64
	_ = s.withCompany(companyID, func(c *company) error {
		f := s.index.firms[c.FirmID]
		template := f.templateID(handle)
		if template == 0 {
			template = s.addMadeUpTemplate(f, handle, "{% comment %}"+handle+"{% endcomment %}", 0)
		}
		id = s.newID("reconciliation")
		c.Reconciliations = append(c.Reconciliations,
			reconciliation{ID: id, Template: template, Handle: handle, Workflow: workflow})
		return nil
	})
	return id
}

// AddReconciliationOf is AddReconciliation for one template of the firm, by its id:
// a handle alone does not tell two templates apart. An unstarred one is left out of the
// annual accounts.
func (s *Silverfin) AddReconciliationOf(companyID, template int64, workflow string, starred bool) (int64, error) {
	var id int64
	err := s.withCompany(companyID, func(c *company) error {
		t := s.index.firms[c.FirmID].template(template)
		if t == nil {
			return noSuch("template", template)
		}
		handle, _ := t.Attributes["handle"].(string)
		id = s.newID("reconciliation")
		c.Reconciliations = append(c.Reconciliations, reconciliation{
			ID: id, Template: template, Handle: handle, Workflow: workflow, Unstarred: !starred})
		return nil
	})
	return id, err
}

// SetResultLag makes the results of a firm's templates lag: after a change, that many
// calls for them still return the old ones. 0 ends it.
func (s *Silverfin) SetResultLag(firmID int64, calls int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.index.firms[firmID]
	if f == nil {
		return noSuch("firm", firmID)
	}
	f.ResultLag = calls
	return nil
}

func (s *Silverfin) withCompany(id int64, do func(*company) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.state.Companies[id]
	if c == nil {
		return noSuch("company", id)
	}
	return do(c)
}

func (s *Silverfin) withPeriod(companyID, periodID int64, do func(*company, *period) error) error {
	return s.withCompany(companyID, func(c *company) error {
		p := c.period(periodID)
		if p == nil {
			return noSuch("period", periodID)
		}
		return do(c, p)
	})
}

func (s *Silverfin) withWorkflow(companyID, periodID int64, name string, do func(*period, *openWorkflow)) error {
	return s.withPeriod(companyID, periodID, func(c *company, p *period) error {
		for i := range p.Open {
			if s.workflowName(c, p.Open[i].ID) == name {
				do(p, &p.Open[i])
				return nil
			}
		}
		return noSuch("open workflow", name)
	})
}

// workflowName names a workflow of a file by the id that it has there.
func (s *Silverfin) workflowName(c *company, id int64) string {
	for _, w := range c.Workflows {
		if w.ID == id {
			if fw := s.index.firms[c.FirmID].workflow(w.FirmWorkflow); fw != nil {
				return fw.Name
			}
		}
	}
	return ""
}

// plain turns JSON text of a custom value into what a person sees: the text of
// a string, else the JSON.
func plain(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}
