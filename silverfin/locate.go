package silverfin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/internal/clip"
	"balansd/ledger"
	"balansd/mapping"
)

// Locate finds where a company takes the balance of a financial year: the
// period that ends with the year and whose own financial year is the same one, unlocked,
// with the annual-accounts workflow open in it, and the reconciliation of that
// workflow that the mapping names. Anything missing is a *ledger.WaitingError. It makes
// two calls, three with a reconciliation, more only for lists over 200 items or for
// several annual-accounts workflows.
func (f *Firm) Locate(ctx context.Context, c ledger.Company, year balance.Period, to mapping.Target) (ledger.Target, error) {
	p, err := f.period(ctx, c, year)
	if err != nil {
		return ledger.Target{}, err
	}
	return f.locateIn(ctx, c, p, to)
}

// LocateTied is Locate for a balance that a person tied to a period. Where the period
// is no longer as the person saw it, it is a *ledger.WaitingError.
func (f *Firm) LocateTied(ctx context.Context, c ledger.Company, tie ledger.PeriodTie, to mapping.Target) (ledger.Target, error) {
	p, err := f.tiedPeriod(ctx, c, tie)
	if err != nil {
		return ledger.Target{}, err
	}
	return f.locateIn(ctx, c, p, to)
}

// locateIn finds where a period takes a balance.
func (f *Firm) locateIn(ctx context.Context, c ledger.Company, p ledger.CompanyPeriod, to mapping.Target) (ledger.Target, error) {
	if p.Lock != "" {
		return ledger.Target{}, &ledger.WaitingError{Reason: ledger.PeriodLocked, Detail: fmt.Sprintf(
			"the period of %s that ends on %s is locked in Silverfin (%s)", dossier(c), p.End, p.Lock)}
	}
	open, err := f.openWorkflows(ctx, c, p, to.Level == mapping.LevelReconciliation)
	if err != nil {
		return ledger.Target{}, err
	}
	target := ledger.Target{
		FirmID: f.id, CompanyID: c.ID, CompanyName: c.Name, PeriodID: p.ID, PeriodEnd: p.End,
		URL: fmt.Sprintf("%s/f/%d/%d/ledgers/%d/workflows/%d", f.client.base, f.id, c.ID, p.ID, open[0]),
	}
	if to.Level != mapping.LevelReconciliation {
		return target, nil
	}
	workflow, reconciliation, err := f.reconciliation(ctx, c, p, open, to)
	if err != nil {
		return ledger.Target{}, err
	}
	target.ReconciliationID = reconciliation
	target.URL = fmt.Sprintf("%s/f/%d/%d/ledgers/%d/workflows/%d/reconciliation_texts/%d",
		f.client.base, f.id, c.ID, p.ID, workflow, reconciliation)
	return target, nil
}

// lockField names the field that says that an item is locked, empty when none.
func (f *Firm) lockField(r record) string {
	for _, name := range f.client.cfg.Lock.Fields {
		if truthy(r[name]) {
			return name
		}
	}
	return ""
}

// openWorkflows finds the annual-accounts workflows of a period that are not
// archived, at least one; all of them if the caller wants them, for a
// reconciliation may be in any. Silverfin knows no other way of being closed: a workflow
// is not added to the file, or archived, or there.
func (f *Firm) openWorkflows(ctx context.Context, company ledger.Company, p ledger.CompanyPeriod, all bool) ([]int64, error) {
	c := call{path: fmt.Sprintf("/companies/%d/periods/%d/workflows", company.ID, p.ID), company: company.ID,
		doing: "reading the workflows of " + dossier(company), scope: "workflows:read"}
	var open []int64
	archived, odd := "", ""
	_, err := f.list(ctx, f.do, c, func(items listPage) bool {
		for _, item := range items {
			r := readRecord(item)
			title := f.annualAccounts(r)
			id, ok := r.id()
			switch {
			case title == "":
			case isArchived(r):
				archived = title
			case !ok:
				odd = r.label()
			case !slices.Contains(open, id):
				open = append(open, id)
			}
		}
		return len(open) > 0 && !all
	})
	closed := func(detail string, args ...any) error {
		return &ledger.WaitingError{Reason: ledger.WorkflowClosed, Detail: fmt.Sprintf(detail, args...)}
	}
	switch {
	case err != nil:
		return nil, err
	case len(open) > 0:
		return open, nil
	case odd != "":
		return nil, closed("what Silverfin gives for the annual-accounts workflow in the period of %s that ends on %s cannot be read: %s",
			dossier(company), p.End, odd)
	case archived != "":
		return nil, closed("the workflow %q is archived in the period of %s that ends on %s", archived, dossier(company), p.End)
	default:
		return nil, closed("the annual-accounts workflow is not added to the period of %s that ends on %s", dossier(company), p.End)
	}
}

// annualAccounts returns the name by which a workflow is the annual-accounts
// one, empty when it is another. Names come as name and name_nl, name_fr, …
func (f *Firm) annualAccounts(fields record) string {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if field != "name" && !strings.HasPrefix(field, "name_") {
			continue
		}
		text, _ := valueText(fields[field])
		for _, re := range f.client.workflows {
			if re.MatchString(text) {
				return clip.Line(text)
			}
		}
	}
	return ""
}

func isArchived(fields record) bool {
	status, _ := valueText(fields["status"])
	return truthy(fields["archived"]) || truthy(fields["archived_at"]) || strings.EqualFold(status, "archived")
}

// reconciliation finds the template of a mapping through the workflows of the period: a
// handle may occur more than once in a firm, so the firm's list of templates does not
// say which one the dossier uses.
func (f *Firm) reconciliation(ctx context.Context, company ledger.Company, p ledger.CompanyPeriod, open []int64, to mapping.Target) (workflow, id int64, err error) {
	var there []ledger.TemplateName
	missing := "the template %q is not in the annual-accounts workflow of %s for the period that ends on %s"
	for _, workflow := range open {
		c := call{path: fmt.Sprintf("/companies/%d/periods/%d/workflows/%d/reconciliations", company.ID, p.ID, workflow),
			company: company.ID, doing: "reading the templates of " + dossier(company), scope: "financials:read"}
		var found int64
		_, err := f.list(ctx, f.do, c, func(items listPage) bool {
			for _, item := range items {
				r := readRecord(item)
				id, ok := r.id()
				handle, _ := valueText(r["handle"])
				if handle != to.Handle {
					there = append(there, ledger.TemplateName{Handle: clip.Line(handle), Name: clip.Line(mapping.NameOf(handle, r.names()))})
				}
				if handle != to.Handle || found != 0 {
					continue
				}
				switch {
				case !ok:
					missing = "what Silverfin gives for the template %q cannot be read in the annual-accounts workflow of %s for the period that ends on %s"
				case to.RequireStarred && !truthy(r["starred"]):
					missing = "the template %q is not starred in the annual-accounts workflow of %s for the period that ends on %s"
				default:
					found = id
				}
			}
			return found != 0
		})
		if err != nil || found != 0 {
			return workflow, found, err
		}
	}
	return 0, 0, &ledger.WaitingError{Reason: ledger.TemplateMissing, Detail: fmt.Sprintf(missing, to.Handle, dossier(company), p.End), Templates: there}
}

// dossier names a company for people.
func dossier(c ledger.Company) string {
	if c.Name == "" {
		return fmt.Sprintf("company %d", c.ID)
	}
	return fmt.Sprintf("dossier %q", clip.Line(c.Name))
}

// truthy reports whether a field that may be a yes or no, a date or a kind says
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
