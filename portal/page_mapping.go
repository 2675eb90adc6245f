package portal

import (
	"context"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"

	"balansd/balance"
	"balansd/daemon"
)

func (h *Handler) mappingRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/mapping", access: admin, handle: mappingPage, nav: "nav.mapping"},
		{method: http.MethodGet, path: "/mapping/{firm}", access: admin, handle: mappingTablePage},
		{method: http.MethodGet, path: "/mapping/{firm}/csv", access: admin, handle: mappingCSV},
		{method: http.MethodPost, path: "/mapping/{firm}/learn", access: admin, handle: learnMapping},
		{method: http.MethodPost, path: "/mapping/{firm}/use", access: admin, handle: useMapping},
		{method: http.MethodPost, path: "/mapping/{firm}/forget", access: admin, handle: forgetMapping},
		{method: http.MethodPost, path: "/mapping/{firm}/check", access: admin, handle: checkMapping},
		{method: http.MethodPost, path: "/mapping/{firm}/try", access: admin, handle: tryMapping},
	}
}

// mappingData is the data of the page of mappings: each firm's, and the result of what was
// asked last.
type mappingData struct {
	Firms   []daemon.FirmMapping
	Error   *problemView
	Numbers []int // of the fields for dossiers
	Learnt  *learntView
	Checks  []daemon.MappingCheck
	Place   *daemon.TrialRequest // a trial that waits for a confirmation
	Trial   *daemon.Trial        // what it changes, or what it showed
	Table   *mappingTable
}

// mappingTable lists where each rubric of a firm goes.
type mappingTable struct {
	Firm daemon.FirmMapping
	Rows []mappingRow
}

type mappingRow struct {
	Cell            balance.Cell
	Label, Property string // the property is empty where the mapping leaves the rubric out
	Seen            bool
}

func mappingPage(rq *request) error { return rq.showMapping(http.StatusOK, mappingData{}) }

// showMapping answers with the page of mappings.
func (rq *request) showMapping(status int, d mappingData) (err error) {
	if d.Firms, err = rq.API.Mappings(rq.r.Context(), daemon.FirmRequest{}); err != nil {
		return err
	}
	d.Numbers = []int{1, 2, 3}
	return rq.renderPageStatus(status, "mapping", d)
}

// showMappingProblem answers with the page of mappings and a problem.
func (rq *request) showMappingProblem(err error) error {
	v := viewProblem(err)
	return rq.showMapping(v.Code.HTTPStatus(), mappingData{Error: v})
}

// firmID returns the firm that the path names.
func (rq *request) firmID() int64 {
	id, _ := strconv.ParseInt(rq.r.PathValue("firm"), 10, 64) // none: the API refuses it
	return id
}

// mappingTable returns where each rubric goes, of the firm that the path names.
func (rq *request) mappingTable() (*mappingTable, error) {
	list, err := rq.API.Mappings(rq.r.Context(), daemon.FirmRequest{FirmID: rq.firmID()})
	if err != nil {
		return nil, err
	}
	t := &mappingTable{Firm: list[0]}
	lang := balance.Lang(rq.locale.Lang)
	add := func(c balance.Cell) {
		row := mappingRow{Cell: c, Label: c.Label(lang), Seen: t.Firm.Use.Uses(c)}
		if p, ok := t.Firm.Target.Property(c); ok {
			row.Property = p.String()
		}
		t.Rows = append(t.Rows, row)
	}
	for _, r := range balance.Rubrics() {
		add(balance.Cell{Code: r.Code})
		if r.HasPrevious() {
			add(balance.Cell{Code: r.Code, Previous: true})
		}
	}
	return t, nil
}

func mappingTablePage(rq *request) error {
	t, err := rq.mappingTable()
	if err != nil {
		return err
	}
	return rq.showMapping(http.StatusOK, mappingData{Table: t})
}

// mappingCSV answers with the table as a file.
func mappingCSV(rq *request) error {
	t, err := rq.mappingTable()
	if err != nil {
		return err
	}
	var text strings.Builder
	w := csv.NewWriter(&text)
	_ = w.Write([]string{"rubric", "label", "level", "handle", "property", "seen"}) // a strings.Builder takes all
	for _, r := range t.Rows {
		_ = w.Write([]string{r.Cell.String(), r.Label, t.Firm.Target.Level, t.Firm.Target.Handle, r.Property, strconv.FormatBool(r.Seen)})
	}
	w.Flush()
	rq.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	rq.w.Header().Set("Content-Disposition", `attachment; filename="mapping.csv"`)
	_, err = rq.w.Write([]byte(text.String()))
	return err
}

// forgetMapping forgets the mapping that was saved for the firm.
func forgetMapping(rq *request) error {
	return rq.setMapping(daemon.MappingChange{FirmID: rq.firmID(), Forget: true, By: rq.person.Name}, "mapping.forgotten")
}

func (rq *request) setMapping(change daemon.MappingChange, message string) error {
	now, err := rq.API.SetMapping(rq.r.Context(), change)
	if err != nil {
		return rq.showMappingProblem(err)
	}
	rq.flash(message, "Name", now.FirmName)
	return rq.redirect("/mapping")
}

// checkMapping compares the mapping of the firm with its templates.
func checkMapping(rq *request) error {
	r := daemon.MappingCheckRequest{FirmID: rq.firmID(), Dossier: strings.TrimSpace(rq.r.PostForm.Get("dossier")), By: rq.person.Name}
	return rq.runTask(func(ctx context.Context) func(*request) error {
		checks, err := rq.API.CheckMapping(ctx, r)
		return func(rq *request) error {
			if err != nil {
				return rq.showMappingProblem(err)
			}
			return rq.showMapping(http.StatusOK, mappingData{Checks: checks})
		}
	})
}

// tryMapping shows what a trial changes, and has it done once the person confirmed the
// company and the period.
func tryMapping(rq *request) error {
	id := func(name string) int64 {
		n, _ := strconv.ParseInt(rq.r.PostForm.Get(name), 10, 64) // none: nothing is confirmed
		return n
	}
	r := daemon.TrialRequest{Dossier: strings.TrimSpace(rq.r.PostForm.Get("dossier")), CompanyID: id("company"), PeriodID: id("period"), By: rq.person.Name}
	return rq.runTask(func(ctx context.Context) func(*request) error {
		trial, err := rq.API.TryMapping(ctx, r)
		return func(rq *request) error {
			if err != nil {
				return rq.showMappingProblem(err)
			}
			d := mappingData{Trial: &trial}
			if !r.Confirmed() {
				r = r.Confirm(trial.Place)
				d.Place = &r
			}
			return rq.showMapping(http.StatusOK, d)
		}
	})
}
