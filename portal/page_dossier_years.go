package portal

import (
	"net/http"
	"slices"
	"strconv"

	"balansd/accounts"
	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) yearRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/dossiers/{number}/years", access: staff, handle: yearsPage},
		{method: http.MethodPost, path: "/dossiers/{number}/tie", access: staff, handle: tiePeriod},
	}
}

// yearsData is the data of the financial years of a dossier in Silverfin.
type yearsData struct {
	Entry       entryView
	Year        string // of the balance; empty where it is not known yet
	Company     string
	Rows        []yearRow
	TiedTo      string // the financial year that a person chose
	Unavailable bool   // Silverfin cannot be asked now
	Gone        bool   // the company is archived there, or gone
}

// yearRow is a financial year in Silverfin.
type yearRow struct {
	ID              int64
	Year            string
	Entries         []entryView
	Own, Near, Tied bool
	CanTie          bool // the balance may go there, by a person's word
}

// yearsPage lists the financial years of a dossier in Silverfin, with the balances that
// are in them. htmx puts it into the page of the dossier, which does not wait for
// Silverfin.
func yearsPage(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	d := yearsData{Entry: rq.entry(f.Entry)}
	list, err := rq.API.Periods(rq.r.Context(), daemon.EntryRequest{Number: f.Entry.Number})
	switch {
	case err != nil && !rq.isPartial():
		return err
	case err != nil:
		d.Gone = problem.Is(err, problem.SilverfinRefused)
		d.Unavailable = !d.Gone
		return rq.render(http.StatusOK, "years", "years", d)
	}
	if err := rq.fillYears(&d, list); err != nil {
		return err
	}
	if rq.isPartial() {
		return rq.render(http.StatusOK, "years", "years", d)
	}
	return rq.renderPage("years", d)
}

// fillYears adds the financial years to d. Interim periods are left out: no balance goes
// there.
func (rq *request) fillYears(d *yearsData, list daemon.CompanyPeriods) (err error) {
	if d.Year, err = rq.yearText(list.Year); err != nil {
		return err
	}
	if t := d.Entry.Tie; t != nil {
		if d.TiedTo, err = rq.yearText(t.Period.Year()); err != nil {
			return err
		}
	}
	d.Company = list.Company
	movable := d.Entry.MovedTo == 0 && !list.Year.End.IsZero() &&
		!slices.Contains([]ledger.State{ledger.Sending, ledger.Superseded, ledger.Ignored}, d.Entry.State)
	for _, p := range list.Periods {
		if p.Interim {
			continue
		}
		taken := slices.ContainsFunc(p.Entries, func(e ledger.Entry) bool {
			return e.Number != d.Entry.Number && e.FiscalYear.End != list.Year.End
		})
		row := yearRow{ID: p.ID, Entries: rq.entries(p.Entries), Own: p.Own, Near: p.Near, Tied: p.Tied,
			CanTie: movable && !p.Own && !p.Tied && !taken}
		if row.Year, err = rq.yearText(p.Year()); err != nil {
			return err
		}
		d.Rows = append(d.Rows, row)
	}
	return nil
}

// yearText names a financial year by its days, as far as they are known.
func (rq *request) yearText(year balance.Period) (string, error) {
	if year.End.IsZero() {
		return "", nil
	}
	end, err := rq.locale.day(year.End)
	if err != nil {
		return "", err
	}
	if year.Start.IsZero() {
		return rq.locale.t("years.to", "End", end)
	}
	start, err := rq.locale.day(year.Start)
	if err != nil {
		return "", err
	}
	return rq.locale.t("years.span", "Start", start, "End", end)
}

// tiePeriod has a balance go into the financial year that a person chose, or into its own
// again.
func tiePeriod(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	r := daemon.TieRequest{Number: f.Entry.Number, By: rq.person.Name}
	period, err := strconv.ParseInt(rq.r.PostForm.Get("period"), 10, 64)
	if err == nil {
		r.Seen, err = strconv.ParseUint(rq.r.PostForm.Get("seen"), 10, 64)
	}
	if err != nil || period < 0 {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	r.PeriodID = period
	e, err := rq.API.Tie(rq.r.Context(), r)
	switch {
	case problem.Is(err, problem.Conflict), problem.Is(err, problem.NotAllowed):
		rq.flashWarning("years.changed")
	case err != nil:
		return err
	case period == 0:
		rq.flash("years.untied", "Name", rq.entry(e).Name())
	default:
		rq.flash("years.tied-now", "Name", rq.entry(e).Name())
	}
	return rq.redirect(dossierPath(f.Entry.Number))
}
