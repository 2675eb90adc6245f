package silverfin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// Locate finds where a company takes the balance of a financial year: the
// period that ends with the year, unlocked, with the annual-accounts workflow
// open in it, and the configured reconciliation of that workflow where figures
// land in one. Anything missing is a *ledger.NotYet. It makes two calls, three
// with a reconciliation, more only for lists over 200 items or for several
// annual-accounts workflows.
func (f *Firm) Locate(ctx context.Context, c ledger.Company, year balance.Period) (ledger.Place, error) {
	p, err := f.period(ctx, c, year.End)
	if err != nil {
		return ledger.Place{}, err
	}
	open, err := f.openWorkflows(ctx, c, p)
	if err != nil {
		return ledger.Place{}, err
	}
	place := ledger.Place{
		FirmID: f.id, CompanyID: c.ID, CompanyName: c.Name, PeriodID: p.ID, PeriodEnd: year.End,
		URL: fmt.Sprintf("%s/f/%d/%d/ledgers/%d/workflows/%d", f.client.base, f.id, c.ID, p.ID, open[0]),
	}
	if f.client.cfg.Target.Level != LevelReconciliation {
		return place, nil
	}
	workflow, reconciliation, err := f.reconciliation(ctx, c, p, open)
	if err != nil {
		return ledger.Place{}, err
	}
	place.ReconciliationID = reconciliation
	place.URL = fmt.Sprintf("%s/f/%d/%d/ledgers/%d/workflows/%d/reconciliation_texts/%d",
		f.client.base, f.id, c.ID, p.ID, workflow, reconciliation)
	return place, nil
}

// period is one period, which people see as a ledger.
type period struct {
	ID         int64  `json:"id"`
	EndDate    string `json:"end_date"`
	FiscalYear struct {
		EndDate string `json:"end_date"`
	} `json:"fiscal_year"`
}

// period finds the period that ends on a day and is not locked. Silverfin
// lists periods newest first; of a year in quarters the last one matches.
func (f *Firm) period(ctx context.Context, company ledger.Company, end balance.Date) (period, error) {
	c := call{path: fmt.Sprintf("/companies/%d/periods", company.ID), company: company.ID,
		doing: "reading the periods of " + dossier(company), scope: "financials:read communication:read"}
	var found *period
	var yearEnds []string
	err := f.list(ctx, c, false, func(items []json.RawMessage) (bool, error) {
		for _, item := range items {
			var p period
			if err := f.decode(c, item, &p); err != nil {
				return false, err
			}
			if e := p.FiscalYear.EndDate; balanceDate(e) && !slices.Contains(yearEnds, e) {
				yearEnds = append(yearEnds, e)
			}
			if found != nil || end.IsZero() || p.EndDate != end.String() {
				continue
			}
			if field := f.lockField(item); field != "" {
				return false, &ledger.NotYet{Reason: ledger.PeriodLocked, Detail: fmt.Sprintf(
					"the period of %s that ends on %s is locked in Silverfin (%s)", dossier(company), end, field)}
			}
			found = &p
		}
		return found == nil, nil
	})
	if err != nil {
		return period{}, err
	}
	if found == nil {
		return period{}, noPeriod(company, end, yearEnds)
	}
	return *found, nil
}

// noPeriod says which year-ends there are instead of the one looked for.
func noPeriod(company ledger.Company, end balance.Date, yearEnds []string) error {
	const shown = 5
	slices.Sort(yearEnds)
	slices.Reverse(yearEnds)
	there := "it has no financial years yet"
	if len(yearEnds) > 0 {
		there = "its financial years end on " + strings.Join(yearEnds[:min(shown, len(yearEnds))], ", ")
		if len(yearEnds) > shown {
			there += " and earlier"
		}
	}
	looked := "no period in Silverfin that ends on " + end.String()
	if end.IsZero() {
		looked = "no period that can be found, for the balance does not say its financial year"
	}
	return &ledger.NotYet{Reason: ledger.NoPeriod, Detail: fmt.Sprintf("%s has %s; %s", dossier(company), looked, there)}
}

// lockField names the field that says that an item is locked, empty when none.
func (f *Firm) lockField(item json.RawMessage) string {
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(item, &fields) != nil {
		return ""
	}
	for _, name := range f.client.cfg.Lock.Fields {
		if truthy(fields[name]) {
			return name
		}
	}
	return ""
}

// openWorkflows finds the annual-accounts workflows of a period that are not
// archived, at least one. Silverfin knows no other way of being closed: a
// workflow is not added to the file, or archived, or there.
func (f *Firm) openWorkflows(ctx context.Context, company ledger.Company, p period) ([]int64, error) {
	c := call{path: fmt.Sprintf("/companies/%d/periods/%d/workflows", company.ID, p.ID), company: company.ID,
		doing: "reading the workflows of " + dossier(company), scope: "workflows:read"}
	var open []int64
	archived := ""
	err := f.list(ctx, c, false, func(items []json.RawMessage) (bool, error) {
		for _, item := range items {
			fields := map[string]json.RawMessage{}
			var w struct {
				ID int64 `json:"id"`
			}
			if err := f.decode(c, item, &fields); err != nil {
				return false, err
			}
			if err := f.decode(c, item, &w); err != nil {
				return false, err
			}
			title := f.annualAccounts(fields)
			switch {
			case title == "":
			case isArchived(fields):
				archived = title
			default:
				open = append(open, w.ID)
			}
		}
		return true, nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(open) > 0:
		return open, nil
	case archived != "":
		return nil, &ledger.NotYet{Reason: ledger.WorkflowClosed, Detail: fmt.Sprintf(
			"the workflow %q is archived in the period of %s that ends on %s", archived, dossier(company), p.EndDate)}
	default:
		return nil, &ledger.NotYet{Reason: ledger.WorkflowClosed, Detail: fmt.Sprintf(
			"the annual-accounts workflow is not added to the period of %s that ends on %s", dossier(company), p.EndDate)}
	}
}

// annualAccounts gives the name by which a workflow is the annual-accounts
// one, empty when it is another. Names come as name and name_nl, name_fr, …
func (f *Firm) annualAccounts(fields map[string]json.RawMessage) string {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if field != "name" && !strings.HasPrefix(field, "name_") {
			continue
		}
		text, _ := valueText(fields[field])
		for _, re := range f.client.workflows {
			if re.MatchString(text) {
				return clip(text)
			}
		}
	}
	return ""
}

func isArchived(fields map[string]json.RawMessage) bool {
	status, _ := valueText(fields["status"])
	return truthy(fields["archived"]) || truthy(fields["archived_at"]) || strings.EqualFold(status, "archived")
}

// reconciliation finds the configured template through the workflows of the
// period: a handle may occur more than once in a firm, so that the firm's list
// of templates cannot tell which one the dossier uses.
func (f *Firm) reconciliation(ctx context.Context, company ledger.Company, p period, open []int64) (workflow, id int64, err error) {
	target := f.client.cfg.Target
	unstarred := false
	for _, workflow := range open {
		c := call{path: fmt.Sprintf("/companies/%d/periods/%d/workflows/%d/reconciliations", company.ID, p.ID, workflow),
			company: company.ID, doing: "reading the templates of " + dossier(company), scope: "financials:read"}
		var found int64
		err := f.list(ctx, c, false, func(items []json.RawMessage) (bool, error) {
			for _, item := range items {
				var r struct {
					ID      int64           `json:"id"`
					Handle  string          `json:"handle"`
					Starred json.RawMessage `json:"starred"`
				}
				if err := f.decode(c, item, &r); err != nil {
					return false, err
				}
				if r.Handle != target.Handle {
					continue
				}
				if target.RequireStarred && !truthy(r.Starred) {
					unstarred = true
					continue
				}
				found = r.ID
				return false, nil
			}
			return true, nil
		})
		if err != nil || found != 0 {
			return workflow, found, err
		}
	}
	detail := "the template %q is not in the annual-accounts workflow of %s for the period that ends on %s"
	if unstarred {
		detail = "the template %q is not starred in the annual-accounts workflow of %s for the period that ends on %s"
	}
	return 0, 0, &ledger.NotYet{Reason: ledger.TemplateMissing, Detail: fmt.Sprintf(detail, target.Handle, dossier(company), p.EndDate)}
}

// custom is the call to the custom properties of a place.
func (f *Firm) custom(p ledger.Place, method string) (call, error) {
	if p.FirmID != f.id {
		return call{}, problem.New(problem.Unexpected, fmt.Sprintf("a place of firm %d was taken to firm %d", p.FirmID, f.id), "")
	}
	c := call{method: method, company: p.CompanyID, path: fmt.Sprintf("/companies/%d/periods/%d", p.CompanyID, p.PeriodID)}
	rights := "administration"
	if p.ReconciliationID != 0 {
		rights = "financials"
		c.path += fmt.Sprintf("/reconciliations/%d", p.ReconciliationID)
	}
	c.path += "/custom"
	of := fmt.Sprintf("the figures of %s for %s", dossier(ledger.Company{ID: p.CompanyID, Name: p.CompanyName}), p.PeriodEnd)
	c.doing, c.scope = "reading "+of, rights+":read"
	if method == http.MethodPost {
		c.doing, c.scope = "writing "+of, rights+":write"
	}
	return c, nil
}

// dossier names a company for people.
func dossier(c ledger.Company) string {
	if c.Name == "" {
		return fmt.Sprintf("company %d", c.ID)
	}
	return fmt.Sprintf("dossier %q", clip(c.Name))
}

func balanceDate(s string) bool {
	_, err := balance.ParseDate(s)
	return err == nil
}

// truthy tells whether a field that may be a yes or no, a date or a kind says
// yes.
func truthy(raw json.RawMessage) bool {
	text, _ := valueText(raw)
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "0", "false", "no", "none", "unlocked", "{}", "[]":
		return false
	default:
		return true
	}
}
