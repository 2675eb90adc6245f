package portal

import (
	"archive/zip"
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
)

// dossierSheet returns the list of dossiers, filtered and sorted as its page.
func dossierSheet(rq *request) (sheet, error) {
	q := dossierQuery(rq.r.URL.Query())
	// In one call: between two, a run could move a dossier from one part of the list to
	// the other.
	q.Offset, q.Limit = 0, 0
	page, err := rq.API.Dossiers(rq.r.Context(), q)
	if err != nil {
		return sheet{}, err
	}
	return rq.dossierSheet("dossiers", page.Entries, rq.r.URL.Query().Get("figures") != "")
}

// dossierSheet returns a list of dossiers, with a column for every rubric if figures is set.
func (rq *request) dossierSheet(name string, list []ledger.Entry, figures bool) (sheet, error) {
	ids := []string{"sheet.number", "entry.dossier", "sheet.enterprise", "sheet.affiliation", "sheet.year-start", "sheet.year-end", "sheet.model",
		"entry.state", "sheet.reason", "sheet.next", "sheet.company", "sheet.firm", "sheet.connection", "sheet.made", "sheet.changed", "sheet.address"}
	var cells []balance.Cell
	if figures {
		ids, cells = append(ids, "sheet.template"), balance.FormCells()
	}
	s := sheet{name: name}
	var err error
	if s.head, err = rq.texts(ids...); err != nil {
		return s, err
	}
	for _, c := range cells {
		s.head = append(s.head, c.String())
	}
	firms, connections, err := rq.placeNames()
	if err != nil {
		return s, err
	}
	s.rows = rowsOf(list, func(e ledger.Entry) ([]any, error) {
		row, err := rq.dossierRow(rq.entry(e), firms, connections)
		if err != nil || !figures {
			return row, err
		}
		f, err := rq.API.Show(rq.r.Context(), daemon.EntryRequest{Number: e.Number})
		if err != nil {
			return nil, err
		}
		template := ""
		if f.Shown != nil && e.State == ledger.Done {
			template = f.Shown.Template()
		}
		row = append(row, template)
		for _, c := range cells {
			row = append(row, numberOr(f.Values[c.String()]))
		}
		return row, nil
	})
	return s, nil
}

// placeNames returns the names of the firms and of the connections.
func (rq *request) placeNames() (firms map[int64]string, connections map[string]string, err error) {
	firms, connections = map[int64]string{}, map[string]string{}
	list, err := rq.API.Firms(rq.r.Context())
	if err != nil {
		return nil, nil, err
	}
	for _, f := range list {
		firms[f.ID] = f.Name
	}
	all, err := rq.API.Connections(rq.r.Context())
	for _, c := range all {
		connections[c.ID] = c.Name
	}
	return firms, connections, err
}

// dossierRow returns the row of a dossier, in the words of the page.
func (rq *request) dossierRow(e entryView, firms map[int64]string, connections map[string]string) ([]any, error) {
	words, err := rq.texts("state."+e.StateKey(), "case."+e.Case()+".title")
	if err != nil {
		return nil, err
	}
	state, reason, next := words[0], words[1], ""
	if e.HasNextStep() {
		if next, err = rq.locale.t("case." + e.Case() + ".next"); err != nil {
			return nil, err
		}
	}
	model, company, firm := "", "", ""
	if slices.Contains([]balance.Model{balance.Full, balance.Abbreviated, balance.Micro}, e.Model) {
		if model, err = rq.locale.t("sheet.model-" + string(e.Model)); err != nil {
			return nil, err
		}
	}
	if e.Target != nil {
		company, firm = e.Target.CompanyName, firms[e.Target.FirmID]
	}
	return []any{e.Number, e.Name(), enterpriseText(e.Dossier.EnterpriseNumber), e.Dossier.AffiliationNumber, e.FiscalYear.Start, e.FiscalYear.End, model, state, reason, next,
		company, firm, cmp.Or(connections[e.Connection], e.Connection), e.CreatedAt, e.UpdatedAt, e.InSilverfin()}, nil
}

// fileNameChars are what a name keeps in the name of a file.
var fileNameChars = regexp.MustCompile(`[^\pL\pN]+`)

// downloadReview answers with a ZIP that has a workbook for each firm, with the figures, for
// the annual review. What went to no firm yet is in one of its own.
func downloadReview(rq *request) error {
	q := dossierQuery(rq.r.URL.Query())
	q.Offset, q.Limit = 0, 0
	page, err := rq.API.Dossiers(rq.r.Context(), q)
	if err != nil {
		return err
	}
	firms, _, err := rq.placeNames()
	if err != nil {
		return err
	}
	without, err := rq.locale.t("sheet.no-firm")
	if err != nil {
		return err
	}
	byFirm := map[int64][]ledger.Entry{}
	for _, e := range page.Entries {
		id := int64(0)
		if e.Target != nil {
			id = e.Target.FirmID
		}
		byFirm[id] = append(byFirm[id], e)
	}
	var ids []int64
	for id := range byFirm {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	rq.attach("dossiers", "zip", "application/zip")
	if rq.r.Method == http.MethodHead {
		return nil
	}
	z := zip.NewWriter(rq.download())
	for _, id := range ids {
		name := without
		if id != 0 {
			name = fmt.Sprintf("%s-%d", firms[id], id)
		}
		if err := rq.addWorkbook(z, strings.Trim(fileNameChars.ReplaceAllString(name, "-"), "-"), byFirm[id]); err != nil {
			return rq.sent("dossiers", err)
		}
	}
	return rq.sent("dossiers", z.Close())
}

// addWorkbook adds a workbook of dossiers with their figures to a ZIP.
func (rq *request) addWorkbook(z *zip.Writer, name string, list []ledger.Entry) error {
	s, err := rq.dossierSheet(name, list, true)
	if err != nil {
		return err
	}
	w, err := z.CreateHeader(&zip.FileHeader{Name: name + "." + xlsxKind, Method: zip.Store, Modified: rq.Now()})
	if err != nil {
		return err
	}
	return s.write(w, xlsxKind, rq.Zone)
}
