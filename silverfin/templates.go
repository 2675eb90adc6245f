package silverfin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"
)

// Templates lists the reconciliation templates of the firm, with the text of those that
// show it: one of the marketplace usually hides it. A handle may occur twice.
func (f *Firm) Templates(ctx context.Context) ([]mapping.Template, error) {
	c := call{path: "/reconciliations", doing: "listing the templates", scope: "administration:read"}
	pages, err := f.list(ctx, f.do, c, nil)
	if err != nil {
		return nil, err
	}
	var all []mapping.Template
	seen := map[int64]bool{}
	for _, items := range pages {
		for _, item := range items {
			r := readRecord(item)
			id, ok := r.id()
			if !ok || seen[id] {
				continue
			}
			seen[id] = true
			t := mapping.Template{ID: id, Handle: r.words("handle"), Names: r.names(), Marketplace: truthy(r["marketplace_template_id"])}
			if _, t.Readable = valueText(r["text"]); t.Readable {
				t.Text = r.words("text") + "\n" + partsText(r["text_parts"])
			}
			all = append(all, t)
		}
	}
	return all, nil
}

// partsText returns the contents of the parts of a template's text, a list or an object.
func partsText(raw json.RawMessage) string {
	var list []struct {
		Content string `json:"content"`
	}
	if json.Unmarshal(raw, &list) == nil {
		var all []string
		for _, part := range list {
			all = append(all, part.Content)
		}
		return strings.Join(all, "\n")
	}
	var named map[string]string
	if json.Unmarshal(raw, &named) != nil {
		return ""
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(named)) {
		all = append(all, named[name])
	}
	return strings.Join(all, "\n")
}

// names lists the names of an item, in each language, without repeating one.
func (r record) names() []string {
	var all []string
	fields := []string{"name", "name_nl", "name_fr", "name_en"}
	for _, field := range slices.Sorted(maps.Keys(r)) {
		if strings.HasPrefix(field, "name_") && !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	for _, field := range fields {
		if name := strings.TrimSpace(r.words(field)); name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// Filled reads what the period of a company for a financial year has, or the period that
// a person tied a balance to: its custom properties, and the reconciliations of its
// annual-accounts workflows with theirs and their results. It may be locked. at is the
// period. It returns a *ledger.WaitingError when there is no such period, or none of these
// workflows is open.
func (f *Firm) Filled(ctx context.Context, company ledger.Company, year balance.Period, tie *ledger.PeriodTie) (out mapping.Filled, at ledger.Target, err error) {
	var p ledger.CompanyPeriod
	if tie == nil {
		p, err = f.period(ctx, company, year)
	} else {
		p, err = f.tiedPeriod(ctx, company, *tie)
	}
	if err != nil {
		return out, at, err
	}
	workflows, err := f.openWorkflows(ctx, company, p, true)
	if err != nil {
		return out, at, err
	}
	at = ledger.Target{FirmID: f.id, CompanyID: company.ID, CompanyName: company.Name, PeriodID: p.ID, PeriodEnd: p.End}
	out.Name = company.Name
	if out.Period, err = f.customValues(ctx, at); err != nil {
		return out, at, err
	}
	if out.Reconciliations, err = f.reconciliations(ctx, company, p, workflows); err != nil {
		return out, at, err
	}
	for i := range out.Reconciliations {
		r, in := &out.Reconciliations[i], at
		in.ReconciliationID = r.ID
		if r.Custom, err = f.customValues(ctx, in); err != nil {
			return out, at, err
		}
		if r.Results, err = f.results(ctx, in); err != nil {
			return out, at, err
		}
	}
	return out, at, nil
}

// reconciliations lists the reconciliations of workflows, in Silverfin's order, without
// what they hold.
func (f *Firm) reconciliations(ctx context.Context, company ledger.Company, p ledger.CompanyPeriod, workflows []int64) ([]mapping.Reconciliation, error) {
	var all []mapping.Reconciliation
	seen := map[int64]bool{}
	for _, workflow := range workflows {
		c := call{path: fmt.Sprintf("/companies/%d/periods/%d/workflows/%d/reconciliations", company.ID, p.ID, workflow),
			company: company.ID, doing: "reading the templates of " + dossier(company), scope: "financials:read"}
		pages, err := f.list(ctx, f.do, c, nil)
		if err != nil {
			return nil, err
		}
		for _, items := range pages {
			for _, item := range items {
				r := readRecord(item)
				if id, ok := r.id(); ok && !seen[id] {
					seen[id] = true
					all = append(all, mapping.Reconciliation{ID: id, Handle: r.words("handle"), Names: r.names(), Starred: truthy(r["starred"])})
				}
			}
		}
	}
	return all, nil
}

// customValues lists the custom properties of a period, or of a reconciliation in it.
func (f *Firm) customValues(ctx context.Context, at ledger.Target) ([]mapping.Value, error) {
	c, err := f.customCall(at, "GET")
	if err != nil {
		return nil, err
	}
	pages, err := f.list(ctx, f.do, c, nil)
	if err != nil {
		return nil, err
	}
	var all []mapping.Value
	seen := map[mapping.Property]bool{}
	for _, items := range pages {
		properties, err := f.properties(c, items)
		if err != nil {
			return nil, err
		}
		for _, p := range properties {
			if p.present && !seen[p.Property] {
				seen[p.Property] = true
				all = append(all, mapping.Value{Property: p.Property, Text: p.value})
			}
		}
	}
	return all, nil
}

// results returns the results of a reconciliation by name; those that are nothing are
// left out.
func (f *Firm) results(ctx context.Context, at ledger.Target) (map[string]string, error) {
	c := call{path: fmt.Sprintf("/companies/%d/periods/%d/reconciliations/%d/results", at.CompanyID, at.PeriodID, at.ReconciliationID),
		company: at.CompanyID, doing: "reading the results of a template", scope: "financials:read"}
	body, err := f.do(ctx, c)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for name, raw := range readRecord(body) {
		if text, ok := valueText(raw); ok {
			all[name] = text
		}
	}
	return all, nil
}
