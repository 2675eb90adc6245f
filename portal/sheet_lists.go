package portal

import (
	"cmp"
	"strings"

	"balansd/accounts"
	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
)

// decisionSheet returns what differs, a row for each figure.
func decisionSheet(rq *request) (sheet, error) {
	q := decisionQuery(rq.r.URL.Query())
	q.Offset, q.Limit = 0, 0
	page, err := rq.API.Dossiers(rq.r.Context(), q)
	if err != nil {
		return sheet{}, err
	}
	s := sheet{name: "decisions"}
	s.head, err = rq.texts("sheet.number", "entry.dossier", "sheet.enterprise", "sheet.year-end", "sheet.rubric", "entry.rubric", "sheet.source", "sheet.silverfin", "decisions.ours", "sheet.address")
	if err != nil {
		return s, err
	}
	type figure struct {
		entryView
		ledger.Difference
	}
	var list []figure
	for _, e := range page.Entries {
		for _, d := range e.Differences {
			list = append(list, figure{rq.entry(e), d})
		}
	}
	lang := balance.Lang(rq.locale.Lang)
	s.rows = rowsOf(list, func(f figure) ([]any, error) {
		label := f.Cell.String()
		if _, ok := balance.RubricOf(f.Cell.Code); ok {
			label = f.Cell.Label(lang)
		}
		return []any{f.Number, f.Name(), enterpriseText(f.Dossier.EnterpriseNumber), f.FiscalYear.End, f.Cell.String(), label,
			numberOr(f.Finbox), typedNumber(f.Silverfin), typedNumber(f.Ours), f.InSilverfin()}, nil
	})
	return s, nil
}

// typedNumber returns what stands in a template as a number, where it can be read in one
// way only.
func typedNumber(text string) any {
	if r := balance.Readings(text); len(r) == 1 {
		return r[0]
	}
	return text
}

func enterpriseText(n balance.EnterpriseNumber) string {
	if n == "" {
		return ""
	}
	return "BE " + n.Pretty() // Excel would take 0443.246.943 for a figure
}

// linkSheet returns the links that people set.
func linkSheet(rq *request) (sheet, error) {
	ctx := rq.r.Context()
	s := sheet{name: "links"}
	links, err := rq.API.Links(ctx)
	if err != nil {
		return s, err
	}
	page, err := rq.API.Dossiers(ctx, daemon.DossierQuery{})
	if err != nil {
		return s, err
	}
	type key struct{ connection, id string }
	known := map[key]entryView{}
	for _, e := range page.Entries {
		for _, ref := range e.Dossier.References() {
			known[key{e.Connection, ref}] = rq.entry(e)
		}
	}
	firms, connections, err := rq.placeNames()
	if err != nil {
		return s, err
	}
	if s.head, err = rq.texts("entry.dossier", "sheet.reference", "sheet.connection", "sheet.company", "sheet.firm", "link.from", "links.paused", "link.note", "sheet.set-by", "sheet.changed"); err != nil {
		return s, err
	}
	words, err := rq.texts("link.from-all", "link.from-activation", "links.paused", "link.by-number")
	if err != nil {
		return s, err
	}
	s.rows = rowsOf(links, func(l ledger.DossierLink) ([]any, error) {
		e, name, company := known[key{l.Connection, l.DossierID}], l.DossierID, words[3]
		if e.Number != 0 {
			name = e.Name()
		}
		if l.CompanyID != 0 {
			company = linkRow{DossierLink: l}.Place()
			if t := e.Target; t != nil && t.CompanyID == l.CompanyID && t.FirmID == l.FirmID {
				company = t.CompanyName
			}
		}
		var from any = l.From
		switch {
		case l.All:
			from = words[0]
		case l.From.IsZero():
			from = words[1]
		}
		paused := ""
		if l.Paused {
			paused = words[2]
		}
		return []any{name, l.DossierID, cmp.Or(connections[l.Connection], l.Connection), company, firms[l.FirmID], from, paused, l.Note, l.SetBy, l.SetAt}, nil
	})
	return s, nil
}

// runSheet returns the runs, with how many balances ended in each state.
func runSheet(rq *request) (sheet, error) {
	s := sheet{name: "runs"}
	h, err := rq.API.History(rq.r.Context(), daemon.HistoryQuery{Limit: runsRead})
	if err != nil {
		return s, err
	}
	ids := []string{"sheet.number", "runs.when", "sheet.end", "sheet.kind", "runs.went", "sheet.by", "sheet.new"}
	for _, state := range ledger.States() {
		ids = append(ids, "state."+stateKey(state))
	}
	if s.head, err = rq.texts(append(ids, "sheet.problems")...); err != nil {
		return s, err
	}
	s.rows = rowsOf(h.Runs, func(r ledger.Run) ([]any, error) {
		v := rq.runView(r)
		words, err := rq.texts("run.trigger-"+v.TriggerKey(), "run.kind-"+v.Kind())
		if err != nil {
			return nil, err
		}
		row := []any{r.Number, r.Start, r.End, words[0], words[1], r.By, r.New}
		for _, state := range ledger.States() {
			row = append(row, r.Outcome[state])
		}
		var problems []string
		for _, p := range v.KnownProblems() {
			text, err := rq.locale.t("problem." + p.Code + ".title")
			if err != nil {
				return nil, err
			}
			if !p.Backup() {
				text = p.About + ": " + text
			}
			problems = append(problems, text)
		}
		return append(row, strings.Join(problems, "; ")), nil
	})
	return s, nil
}

// peopleSheet returns who may sign in.
func peopleSheet(rq *request) (sheet, error) {
	s := sheet{name: "people"}
	list, err := rq.People.Accounts(rq.r.Context())
	if err != nil {
		return s, err
	}
	if s.head, err = rq.texts("people.name", "people.role", "people.state", "sheet.since", "people.seen"); err != nil {
		return s, err
	}
	s.rows = rowsOf(list, func(a accounts.Account) ([]any, error) {
		words, err := rq.texts("role."+string(a.Role), "people.state-"+a.State)
		if err != nil {
			return nil, err
		}
		return []any{a.Name, words[0], words[1], a.Since, a.SeenAt}, nil
	})
	return s, nil
}
