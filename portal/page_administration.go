package portal

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"balansd/accounts"
	"balansd/administration"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) administrationRoutes() []route {
	const company = "/administration/{firm}/{company}"
	return []route{
		{method: http.MethodGet, path: "/administration", access: staff, handle: administrationPage, nav: "nav.administration"},
		{method: http.MethodPost, path: "/administration", access: staff, handle: decideAdministration},
		{method: http.MethodPost, path: "/administration/sync", access: staff, handle: syncAdministration},
		{method: http.MethodGet, path: company, access: staff, handle: companyAdministrationPage},
		{method: http.MethodPost, path: company + "/pick", access: staff, handle: pickReference},
	}
}

// administrationOnPage is how many companies a page of administration data has.
const administrationOnPage = 25

// administrationData is the data of the page of names and addresses.
type administrationData struct {
	Sources []daemon.AdministrationSource
	List    []administrationView
	Numbers []daemon.NumberFinding
	Search  string
	All     bool // companies without differences too
	Total   int
	Open    int
	Next    string // the address of the next page; empty at the end
	Back    string // this page
}

// administrationView adds to what is known of a company what the templates need.
type administrationView struct {
	ledger.Administration
}

// Label returns the name of the company, or what there is in its place.
func (a administrationView) Label() string {
	for _, name := range []string{a.Company, a.Stated[administration.Name], a.EnterpriseNumber.Pretty()} {
		if name != "" {
			return name
		}
	}
	return a.Key()
}

// Path returns the address of the company's page.
func (a administrationView) Path() string { return "/administration/" + a.Key() }

// Form returns what identifies the company, as the person sees it, in a form.
func (a administrationView) Form() string { return fmt.Sprintf("%s/%d", a.Key(), a.Version) }

// Rows returns the differences that nobody decided about.
func (a administrationView) Rows() (rows []differenceView) {
	for _, d := range a.Open() {
		rows = append(rows, differenceView{Difference: d, Form: a.Form() + ":" + string(d.Field), CanUse: daemon.CanUse(d)})
	}
	return rows
}

// CanUse reports whether something can be written.
func (a administrationView) CanUse() bool {
	return slices.ContainsFunc(a.Open(), daemon.CanUse)
}

// differenceView is a difference with what a form needs.
type differenceView struct {
	administration.Difference

	Form   string
	CanUse bool
}

// administrationPage lists the companies with what a source states otherwise.
func administrationPage(rq *request) error {
	ctx, values := rq.r.Context(), rq.r.URL.Query()
	d := administrationData{Search: strings.TrimSpace(values.Get("q")), All: values.Get("all") != "", Back: rq.r.URL.RequestURI()}
	skip, _ := strconv.Atoi(values.Get("skip"))
	skip = max(0, skip)
	page, err := rq.API.ListAdministration(ctx, daemon.AdministrationQuery{Search: d.Search, Open: !d.All, Skip: skip, Limit: administrationOnPage})
	if err != nil {
		return err
	}
	d.Sources, d.Total, d.Open = page.Sources, page.Total, page.Open
	for _, a := range page.Companies {
		d.List = append(d.List, administrationView{a})
	}
	if next := skip + administrationOnPage; next < page.Total {
		values.Set("skip", strconv.Itoa(next))
		d.Next = "/administration?" + values.Encode()
	}
	if skip == 0 && d.Search == "" && len(d.Sources) > 0 {
		numbers, err := rq.API.NumberFindings(ctx, daemon.NumberQuery{Limit: administrationOnPage})
		if err != nil {
			return err
		}
		d.Numbers = numbers.Findings
	}
	return rq.renderPage("administration", d)
}

// companyAdministrationData is the data of the page of one company.
type companyAdministrationData struct {
	administrationView

	Firm        string
	Others      []daemon.StatedBy
	Sources     []daemon.AdministrationSource
	All         []comparedField // every field that one of the sides has
	References  []daemon.AdministrationReference
	More        int // references that are not shown
	Search      string
	Back        string
	Unavailable []string
}

// comparedField is a field with what both sides have.
type comparedField struct {
	Field           administration.Field
	Stated, Held    string
	Differs, CanUse bool
	Kept            *ledger.KeptValue
}

func (rq *request) companyOfPath() (daemon.AdministrationRequest, error) {
	firm, firmErr := strconv.ParseInt(rq.r.PathValue("firm"), 10, 64)
	company, err := strconv.ParseInt(rq.r.PathValue("company"), 10, 64)
	if err != nil || firmErr != nil || firm <= 0 || company <= 0 {
		return daemon.AdministrationRequest{}, accounts.Refusal{Status: http.StatusNotFound}
	}
	return daemon.AdministrationRequest{FirmID: firm, CompanyID: company}, nil
}

// companyAdministrationPage shows everything that is known of the name and address of one
// company, and searches the references of the sources.
func companyAdministrationPage(rq *request) error {
	r, err := rq.companyOfPath()
	if err != nil {
		return err
	}
	ctx := rq.r.Context()
	a, err := rq.API.ShowAdministration(ctx, r)
	if err != nil {
		return err
	}
	d := companyAdministrationData{administrationView: administrationView{a.Administration}, Firm: a.Firm, Others: a.Others, Unavailable: a.Unavailable,
		All: comparedFields(a.Administration), Search: strings.TrimSpace(rq.r.URL.Query().Get("q")), Back: rq.r.URL.Path}
	page, err := rq.API.ListAdministration(ctx, daemon.AdministrationQuery{Limit: 1})
	if err != nil {
		return err
	}
	d.Sources = page.Sources
	search := d.Search
	if search == "" {
		search = a.Company
	}
	refs, err := rq.API.References(ctx, daemon.ReferenceQuery{Search: search, Limit: administrationOnPage})
	if err != nil {
		return err
	}
	d.References, d.More = refs.References, refs.Total-len(refs.References)
	return rq.renderPage("companyadministration", d)
}

// comparedFields returns every field that a source or Silverfin has.
func comparedFields(a ledger.Administration) (rows []comparedField) {
	for _, f := range administration.Fields() {
		stated, states := a.Stated[f]
		held, has := a.Held[f]
		if !states && !has {
			continue
		}
		row := comparedField{Field: f, Stated: stated, Held: held}
		if d, differs := a.Difference(f); differs {
			row.CanUse, row.Differs = daemon.CanUse(d), slices.Contains(a.Open(), d)
			if k, kept := a.Kept[f]; kept && !row.Differs {
				row.Kept = &k
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// readAdministrationDecisions reads the form: the choice of the button, for the one company
// that it names, else for the companies and fields that are ticked.
func readAdministrationDecisions(form url.Values, by string) (list []daemon.AdministrationDecision, ok bool) {
	what, one, single := strings.Cut(form.Get("do"), ":")
	choice := daemon.AdministrationChoice(what)
	if choice != daemon.UseSource && choice != daemon.KeepCompanies {
		return nil, false
	}
	add := func(text string, fields ...administration.Field) bool {
		var c daemon.SeenAdministration
		if n, err := fmt.Sscanf(text, "%d/%d/%d", &c.FirmID, &c.CompanyID, &c.Version); err != nil || n != 3 {
			return false
		}
		for i := range list {
			if list[i].Companies[0] == c {
				list[i].Fields = append(list[i].Fields, fields...)
				return true
			}
		}
		list = append(list, daemon.AdministrationDecision{Companies: []daemon.SeenAdministration{c}, Fields: fields, Choice: choice, By: by})
		return true
	}
	if single {
		return list, add(one)
	}
	whole := map[string]bool{}
	for _, text := range form["company"] {
		if whole[text] = true; !add(text) {
			return nil, false
		}
	}
	for _, text := range form["field"] {
		company, field, _ := strings.Cut(text, ":")
		if !whole[company] && !add(company, administration.Field(field)) {
			return nil, false
		}
	}
	return list, true
}

// decideAdministration carries out decisions about names and addresses.
func decideAdministration(rq *request) error {
	list, ok := readAdministrationDecisions(rq.r.PostForm, rq.person.Name)
	switch {
	case !ok:
		return accounts.Refusal{Status: http.StatusBadRequest}
	case len(list) == 0:
		rq.flashWarning("administration.nothing")
		return rq.redirectBack("/administration")
	}
	back := rq.r.PostForm.Get("back")
	return rq.runTask(func(ctx context.Context) func(*request) error {
		done, changed, refused, err := 0, false, "", error(nil)
		for _, one := range list {
			_, failed := rq.API.DecideAdministration(ctx, one)
			switch {
			case failed == nil:
				done++
			case problem.Is(failed, problem.Conflict), problem.Is(failed, problem.NotAllowed), problem.Is(failed, problem.Busy):
				changed = true // the others are decided all the same
			case problem.Is(failed, problem.SilverfinRefused):
				refused = problem.Of(failed).What
			default:
				err = failed
			}
		}
		return func(rq *request) error {
			if done > 0 {
				rq.flash("administration.done")
			}
			if changed {
				rq.flashWarning("administration.changed")
			}
			if refused != "" {
				rq.flashWarning("administration.refused")
			}
			if err != nil {
				return err
			}
			return rq.redirect(localPath(cmp.Or(back, "/administration")))
		}
	})
}

// syncAdministration lists the sources and compares: all companies, or the one of the form.
func syncAdministration(rq *request) error {
	form := rq.r.PostForm
	r := daemon.AdministrationSync{By: rq.person.Name}
	if text := form.Get("company"); text != "" {
		if n, err := fmt.Sscanf(text, "%d/%d", &r.FirmID, &r.CompanyID); err != nil || n != 2 {
			return accounts.Refusal{Status: http.StatusBadRequest}
		}
	}
	back := form.Get("back")
	return rq.runTask(func(ctx context.Context) func(*request) error {
		out, err := rq.API.SyncAdministration(ctx, r)
		return func(rq *request) error {
			if err != nil {
				return err
			}
			if len(out.Problems) > 0 {
				rq.flashWarning("administration.not-all")
			} else {
				rq.flash("administration.compared")
			}
			return rq.redirect(localPath(cmp.Or(back, "/administration")))
		}
	})
}

// pickReference picks the reference of a company, or takes the pick away.
func pickReference(rq *request) error {
	r, err := rq.companyOfPath()
	if err != nil {
		return err
	}
	source, reference, _ := strings.Cut(rq.r.PostForm.Get("reference"), "\n")
	_, err = rq.API.PickReference(rq.r.Context(), daemon.PickRequest{FirmID: r.FirmID, CompanyID: r.CompanyID, Source: strings.TrimSpace(source),
		Reference: strings.TrimSpace(reference), By: rq.person.Name})
	if err != nil {
		return err
	}
	rq.flash("administration.picked")
	return rq.redirect("/administration/" + ledger.AdministrationKey(r.FirmID, r.CompanyID))
}

// addAdministration adds to the page of a dossier what is known of the name and address of its
// company, and of its enterprise number.
func (rq *request) addAdministration(d *dossierData, f daemon.EntryDetail) (err error) {
	if d.Numbers = f.Numbers; f.Entry.Reason == ledger.NoCompany && f.Entry.State == ledger.Waiting {
		d.Registered = f.Registered
	}
	d.Administration, err = rq.administrationOf(f.Entry)
	return err
}

// administrationOf returns what is known of the company of an entry; nil for nothing.
func (rq *request) administrationOf(e ledger.Entry) (*administrationView, error) {
	if e.Target == nil || e.Target.CompanyID == 0 {
		return nil, nil
	}
	a, err := rq.API.ShowAdministration(rq.r.Context(), daemon.AdministrationRequest{FirmID: e.Target.FirmID, CompanyID: e.Target.CompanyID})
	if problem.Is(err, problem.NotFound) {
		return nil, nil
	}
	return &administrationView{a.Administration}, err
}

// administrationFieldKey returns the message of a field; one that this version does not know
// has a general one.
func administrationFieldKey(f administration.Field) string {
	if !slices.Contains(administration.Fields(), f) {
		return "administration.field-other"
	}
	return "administration.field-" + string(f)
}

// administrationActKey returns the message of an event; one that this version does not know
// has a general one.
func administrationActKey(a ledger.AdministrationAct) string {
	if !slices.Contains(ledger.AdministrationActs(), a) {
		return "administration.act-other"
	}
	return "administration.act-" + string(a)
}
