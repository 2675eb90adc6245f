package sandbox

import (
	"cmp"
	"net/http"

	"balansd/balance"
)

// silverfinOrders adds what people do in Silverfin.
func (s *Sandbox) silverfinOrders(on ordering) {
	const period = "/silverfin/companies/{company}/periods/{period}"
	on("POST /silverfin/fill", "add many made-up companies to the first firm", func(r *http.Request) (any, error) {
		var order struct {
			Companies int `json:"companies"`
			Year      int `json:"year"`
		}
		if err := read(r, &order); err != nil {
			return nil, err
		}
		if order.Companies < 0 || order.Companies > 100_000 {
			return nil, badOrder("companies are from 0 to 100000")
		}
		return nil, s.FillWith(FillOptions{Companies: order.Companies, Year: order.Year})
	})
	on("GET /silverfin/firms", "list the firms", func(*http.Request) (any, error) { return s.Silverfin.Firms(), nil })
	on("POST /silverfin/firms", "add a firm", func(r *http.Request) (any, error) {
		var order struct {
			Name string `json:"name"`
		}
		if err := read(r, &order); err != nil {
			return nil, err
		}
		return map[string]int64{"id": s.Silverfin.AddFirm(order.Name)}, nil
	})
	on("POST /silverfin/firms/{firm}/revoke", "revoke the tokens of a firm", func(r *http.Request) (any, error) {
		firm, err := pathID(r, "firm")
		if err == nil {
			s.Silverfin.RevokeTokens(firm)
		}
		return nil, err
	})
	on("GET /silverfin/firms/{firm}/companies", "list the companies of a firm with their periods", s.orderCompanies)
	on("POST /silverfin/firms/{firm}/companies", "add a company, with a period and an open workflow where they are named", s.orderCompany)
	on("POST /silverfin/companies/{company}/archive", "archive a company", func(r *http.Request) (any, error) {
		id, err := pathID(r, "company")
		if err != nil {
			return nil, err
		}
		return nil, s.Silverfin.ArchiveCompany(id)
	})
	on("POST /silverfin/companies/{company}/periods", "add a period to a company", s.orderPeriod)
	on("GET "+period+"/custom", "list the custom properties of a period", s.atPeriod(func(_ *http.Request, company, p int64) (any, error) {
		return s.Silverfin.Custom(company, p), nil
	}))
	on("POST "+period+"/lock", "lock a period", s.atPeriod(func(_ *http.Request, company, p int64) (any, error) {
		return nil, s.Silverfin.Lock(company, p)
	}))
	on("POST "+period+"/unlock", "unlock a period", s.atPeriod(func(_ *http.Request, company, p int64) (any, error) {
		return nil, s.Silverfin.Unlock(company, p)
	}))
	on("POST "+period+"/workflow", "open, close, archive or reactivate a workflow in a period", s.atPeriod(s.orderWorkflow))
	on("POST "+period+"/set", "type a value by hand", s.atPeriod(s.orderSet))
}

// atPeriod reads the company and the period of the address first.
func (s *Sandbox) atPeriod(do func(r *http.Request, company, period int64) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		company, err := pathID(r, "company")
		if err != nil {
			return nil, err
		}
		period, err := pathID(r, "period")
		if err != nil {
			return nil, err
		}
		return do(r, company, period)
	}
}

// orderCompanies lists the companies of a firm with their periods.
func (s *Sandbox) orderCompanies(r *http.Request) (any, error) {
	firm, err := pathID(r, "firm")
	if err != nil {
		return nil, err
	}
	type withPeriods struct {
		Company
		Periods []CompanyPeriod `json:"periods"`
	}
	all := []withPeriods{}
	for _, c := range s.Silverfin.Companies(firm) {
		all = append(all, withPeriods{c, s.Silverfin.Periods(c.ID)})
	}
	return all, nil
}

// orderCompany adds a company; with a financial year also its period, and with
// a workflow name that workflow, open.
func (s *Sandbox) orderCompany(r *http.Request) (any, error) {
	firm, err := pathID(r, "firm")
	if err != nil {
		return nil, err
	}
	var order struct {
		Company
		FiscalYear balance.Period `json:"fiscal_year"`
		Workflow   string         `json:"workflow"`
	}
	if err := read(r, &order); err != nil {
		return nil, err
	}
	out := struct {
		ID       int64 `json:"id"`
		PeriodID int64 `json:"period_id,omitempty"`
	}{ID: s.Silverfin.AddCompany(firm, order.Company)}
	if out.ID == 0 {
		return nil, &orderError{http.StatusNotFound, "the sandbox has no such firm"}
	}
	if !order.FiscalYear.End.IsZero() {
		out.PeriodID = s.Silverfin.AddPeriod(out.ID, order.FiscalYear.Start, order.FiscalYear.End)
		if order.Workflow != "" {
			s.Silverfin.OpenWorkflow(out.ID, out.PeriodID, order.Workflow)
		}
	}
	return out, nil
}

func (s *Sandbox) orderPeriod(r *http.Request) (any, error) {
	company, err := pathID(r, "company")
	if err != nil {
		return nil, err
	}
	var year balance.Period
	if err := read(r, &year); err != nil {
		return nil, err
	}
	id := s.Silverfin.AddPeriod(company, year.Start, year.End)
	if id == 0 {
		return nil, &orderError{http.StatusNotFound, "the sandbox has no such company"}
	}
	return map[string]int64{"id": id}, nil
}

// orderWorkflow takes {"name": …, "do": open|close|archive|reactivate}.
func (s *Sandbox) orderWorkflow(r *http.Request, company, period int64) (any, error) {
	var order struct {
		Name string `json:"name"` // empty: the Dutch name
		Do   string `json:"do"`
	}
	if err := read(r, &order); err != nil {
		return nil, err
	}
	name := cmp.Or(order.Name, Workflow("nl"))
	switch order.Do {
	case "open":
		if s.Silverfin.OpenWorkflow(company, period, name) == 0 {
			return nil, &orderError{http.StatusNotFound, "the sandbox has no such company or period"}
		}
		return nil, nil
	case "close":
		return nil, s.Silverfin.CloseWorkflow(company, period, name)
	case "archive":
		return nil, s.Silverfin.ArchiveWorkflow(company, period, name)
	case "reactivate":
		return nil, s.Silverfin.ReactivateWorkflow(company, period, name)
	default:
		return nil, badOrder("do is open, close, archive or reactivate, not %.20q", order.Do)
	}
}

// orderSet types a value by hand; an empty value empties it.
func (s *Sandbox) orderSet(r *http.Request, company, period int64) (any, error) {
	var order struct {
		Namespace      string `json:"namespace"` // empty: where balansd writes by default
		Key            string `json:"key"`
		Value          string `json:"value"`
		Reconciliation int64  `json:"reconciliation"` // 0: the period itself
	}
	if err := read(r, &order); err != nil {
		return nil, err
	}
	if order.Key == "" {
		return nil, badOrder("the order names no key")
	}
	namespace := cmp.Or(order.Namespace, demoNamespace)
	if order.Value == "" && order.Reconciliation == 0 {
		return nil, s.Silverfin.Unset(company, period, namespace, order.Key)
	}
	return nil, s.Silverfin.SetIn(company, period, order.Reconciliation, namespace, order.Key, order.Value)
}
