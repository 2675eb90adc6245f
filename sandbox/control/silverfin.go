package control

import (
	"cmp"
	"net/http"

	"balansd/balance"
	"balansd/sandbox/madeup"
	"balansd/sandbox/silverfin"
)

// addSilverfin adds what people do in Silverfin.
func (c *Control) addSilverfin() {
	const period = "/silverfin/companies/{company}/periods/{period}"
	c.Add("GET /silverfin/firms", "list the firms", func(*http.Request) (any, error) { return c.silverfin.Firms(), nil })
	c.Add("POST /silverfin/firms", "add a firm", func(r *http.Request) (any, error) {
		var order struct {
			Name string `json:"name"`
		}
		if err := Read(r, &order); err != nil {
			return nil, err
		}
		return map[string]int64{"id": c.silverfin.AddFirm(order.Name)}, nil
	})
	c.Add("POST /silverfin/firms/{firm}/revoke", "revoke the tokens of a firm", func(r *http.Request) (any, error) {
		firm, err := pathID(r, "firm")
		if err == nil {
			c.silverfin.RevokeTokens(firm)
		}
		return nil, err
	})
	c.Add("GET /silverfin/firms/{firm}/companies", "list the companies of a firm with their periods", c.orderCompanies)
	c.Add("POST /silverfin/firms/{firm}/companies", "add a company, with a period and an open workflow where they are named", c.orderCompany)
	c.Add("POST /silverfin/companies/{company}/archive", "archive a company", func(r *http.Request) (any, error) {
		id, err := pathID(r, "company")
		if err != nil {
			return nil, err
		}
		return nil, c.silverfin.ArchiveCompany(id)
	})
	c.Add("POST /silverfin/companies/{company}/periods", "add a period to a company", c.orderPeriod)
	c.Add("POST "+period+"/year", "give the financial year of a period another start and end", c.atPeriod(func(r *http.Request, company, p int64) (any, error) {
		var year balance.Period
		if err := Read(r, &year); err != nil {
			return nil, err
		}
		return nil, c.silverfin.ChangeYear(company, p, year.Start, year.End)
	}))
	c.Add("GET "+period+"/custom", "list the custom properties of a period", c.atPeriod(func(_ *http.Request, company, p int64) (any, error) {
		return c.silverfin.Custom(company, p), nil
	}))
	c.Add("POST "+period+"/lock", "lock a period", c.atPeriod(func(_ *http.Request, company, p int64) (any, error) {
		return nil, c.silverfin.Lock(company, p)
	}))
	c.Add("POST "+period+"/unlock", "unlock a period", c.atPeriod(func(_ *http.Request, company, p int64) (any, error) {
		return nil, c.silverfin.Unlock(company, p)
	}))
	c.Add("POST "+period+"/workflow", "open, close, archive or reactivate a workflow in a period", c.atPeriod(c.orderWorkflow))
	c.Add("POST "+period+"/set", "type a value by hand", c.atPeriod(c.orderSet))
}

// atPeriod reads the company and the period of the address first.
func (c *Control) atPeriod(do func(r *http.Request, company, period int64) (any, error)) func(*http.Request) (any, error) {
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
func (c *Control) orderCompanies(r *http.Request) (any, error) {
	firm, err := pathID(r, "firm")
	if err != nil {
		return nil, err
	}
	type withPeriods struct {
		silverfin.Company
		Periods []silverfin.CompanyPeriod `json:"periods"`
	}
	all := []withPeriods{}
	for _, one := range c.silverfin.Companies(firm) {
		all = append(all, withPeriods{one, c.silverfin.Periods(one.ID)})
	}
	return all, nil
}

// orderCompany adds a company; with a financial year also its period, and with
// a workflow name that workflow, open.
func (c *Control) orderCompany(r *http.Request) (any, error) {
	firm, err := pathID(r, "firm")
	if err != nil {
		return nil, err
	}
	var order struct {
		silverfin.Company
		FiscalYear balance.Period `json:"fiscal_year"`
		Workflow   string         `json:"workflow"`
	}
	if err := Read(r, &order); err != nil {
		return nil, err
	}
	out := struct {
		ID       int64 `json:"id"`
		PeriodID int64 `json:"period_id,omitempty"`
	}{ID: c.silverfin.AddCompany(firm, order.Company)}
	if out.ID == 0 {
		return nil, &orderError{http.StatusNotFound, "the sandbox has no such firm"}
	}
	if !order.FiscalYear.End.IsZero() {
		out.PeriodID = c.silverfin.AddPeriod(out.ID, order.FiscalYear.Start, order.FiscalYear.End)
		if order.Workflow != "" {
			c.silverfin.OpenWorkflow(out.ID, out.PeriodID, order.Workflow)
		}
	}
	return out, nil
}

func (c *Control) orderPeriod(r *http.Request) (any, error) {
	company, err := pathID(r, "company")
	if err != nil {
		return nil, err
	}
	var year balance.Period
	if err := Read(r, &year); err != nil {
		return nil, err
	}
	id := c.silverfin.AddPeriod(company, year.Start, year.End)
	if id == 0 {
		return nil, &orderError{http.StatusNotFound, "the sandbox has no such company"}
	}
	return map[string]int64{"id": id}, nil
}

// orderWorkflow takes {"name": …, "do": open|close|archive|reactivate}.
func (c *Control) orderWorkflow(r *http.Request, company, period int64) (any, error) {
	var order struct {
		Name string `json:"name"` // empty: the Dutch name
		Do   string `json:"do"`
	}
	if err := Read(r, &order); err != nil {
		return nil, err
	}
	name := cmp.Or(order.Name, madeup.Workflow("nl"))
	switch order.Do {
	case "open":
		if c.silverfin.OpenWorkflow(company, period, name) == 0 {
			return nil, &orderError{http.StatusNotFound, "the sandbox has no such company or period"}
		}
		return nil, nil
	case "close":
		return nil, c.silverfin.CloseWorkflow(company, period, name)
	case "archive":
		return nil, c.silverfin.ArchiveWorkflow(company, period, name)
	case "reactivate":
		return nil, c.silverfin.ReactivateWorkflow(company, period, name)
	default:
		return nil, BadOrder("do is open, close, archive or reactivate, not %.20q", order.Do)
	}
}

// orderSet types a value by hand; an empty value empties it.
func (c *Control) orderSet(r *http.Request, company, period int64) (any, error) {
	var order struct {
		Namespace      string `json:"namespace"` // empty: where balansd writes by default
		Key            string `json:"key"`
		Value          string `json:"value"`
		Reconciliation int64  `json:"reconciliation"` // 0: the period itself
	}
	if err := Read(r, &order); err != nil {
		return nil, err
	}
	if order.Key == "" {
		return nil, BadOrder("the order names no key")
	}
	namespace := cmp.Or(order.Namespace, silverfin.Namespace)
	if order.Value == "" && order.Reconciliation == 0 {
		return nil, c.silverfin.Unset(company, period, namespace, order.Key)
	}
	return nil, c.silverfin.SetIn(company, period, order.Reconciliation, namespace, order.Key, order.Value)
}
