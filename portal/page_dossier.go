package portal

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"balansd/accounts"
	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) dossierRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/dossiers/{number}", access: staff, handle: dossierPage},
		{method: http.MethodGet, path: "/dossiers/{number}/others", access: staff, handle: versionsPage},
		{method: http.MethodGet, path: "/dossiers/{number}/document", access: staff, handle: downloadDocument},
		{method: http.MethodPost, path: "/dossiers/{number}/retry", access: staff, handle: retryEntry},
		{method: http.MethodPost, path: "/dossiers/{number}/dismiss", access: staff, handle: dismissEntry},
		{method: http.MethodPost, path: "/dossiers/{number}/link", access: staff, handle: linkDossier},
	}
}

// dossierData is what the page of one dossier shows.
type dossierData struct {
	Entry          entryView
	Connection     string // its name
	Firm           string // its name
	Events         []eventView
	Sections       []valueSection
	Decision       *decisionView // while it differs
	NewerDismissed bool          // a newer one took its place and was dismissed
	Conflict       *linkConflict // a link that was refused because the enterprise numbers differ
}

// linkConflict is a link whose two sides have different enterprise numbers.
type linkConflict struct {
	Address string // as it was pasted
	ledger.NumberDiffers
	WrongName bool // the name that was typed is another
	Admin     bool // may go on by typing the name
}

// eventView is one step of the story.
type eventView struct {
	ledger.Event
}

// Case names the message that tells the step.
func (s eventView) Case() string {
	switch s.Act {
	case ledger.ActRetry, ledger.ActDismiss, ledger.ActUseFinbox, ledger.ActKeepSilverfin, ledger.ActRecall, ledger.ActLink:
		return string(s.Act)
	}
	switch {
	case s.State == ledger.Done && s.Figures == 0:
		return "held"
	case s.State == ledger.Failed && s.FailClass == "":
		return "failed"
	case s.State == ledger.Waiting || s.State == ledger.Ignored || s.State == ledger.Failed:
		return caseOf(s.State, s.Reason, s.FailClass)
	}
	return stateKey(s.State)
}

// HasReason tells whether the message is that of a reason or a kind of failure.
func (s eventView) HasReason() bool {
	waits := s.State == ledger.Waiting || s.State == ledger.Ignored || s.State == ledger.Failed
	return waits && s.Act == "" && s.Case() != unknown && s.Case() != "failed"
}

// CountsFigures tells whether the message counts figures.
func (s eventView) CountsFigures() bool {
	switch s.Case() {
	case "sending", "done", "differs":
		return s.Figures > 0
	}
	return false
}

// Mark is the sign of the state.
func (s eventView) Mark() string { return stateMarks[s.State] }

// Class is the colour of the state.
func (s eventView) Class() string { return stateClass(s.State) }

// valueSection is one part of the form with its figures.
type valueSection struct {
	Label string
	Rows  []valueRow
}

// valueRow is one rubric: this year's figure and the previous one beside it.
type valueRow struct {
	Code, Label       string
	Current, Previous string
	Findings          bool // a check found something about it
}

// sections puts figures in the order of the form.
func sections(l balance.Lang, values map[string]string, findings []balance.Finding) (out []valueSection) {
	about := map[string]bool{}
	for _, f := range findings {
		if f.IsRemark() {
			continue // it is about how the document was read
		}
		for _, c := range f.Codes {
			about[c] = true
		}
	}
	for _, r := range balance.Rubrics() {
		c, p := balance.Cell{Code: r.Code}, balance.Cell{Code: r.Code, Previous: true}
		current, has := values[c.String()]
		previous, had := values[p.String()]
		if !has && !had {
			continue
		}
		if label := r.SectionLabel(l); len(out) == 0 || out[len(out)-1].Label != label {
			out = append(out, valueSection{Label: label})
		}
		s := &out[len(out)-1]
		s.Rows = append(s.Rows, valueRow{Code: r.Code, Label: r.Label(l), Current: figureText(l, c, current),
			Previous: figureText(l, p, previous), Findings: about[c.String()] || about[p.String()]})
	}
	return out
}

func dossierPage(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	return rq.showDossier(http.StatusOK, f, nil)
}

// showDossier shows the page of one dossier, with a link that was refused.
func (rq *request) showDossier(status int, f daemon.EntryDetail, stop *linkConflict) error {
	ctx := rq.r.Context()
	d := dossierData{Conflict: stop, Entry: rq.entry(f.Entry), Connection: f.Entry.Connection,
		Sections: sections(balance.Lang(rq.locale.Lang), f.Values, f.Entry.Findings)}
	for _, e := range f.History {
		d.Events = append(d.Events, eventView{e})
	}
	connections, err := rq.API.Connections(ctx)
	if err != nil {
		return err
	}
	for _, c := range connections {
		if c.ID == f.Entry.Connection && c.Name != "" {
			d.Connection = c.Name
		}
	}
	if f.Entry.Target != nil {
		firms, err := rq.API.Firms(ctx)
		if err != nil {
			return err
		}
		for _, firm := range firms {
			if firm.ID == f.Entry.Target.FirmID {
				d.Firm = firm.Name
			}
		}
	}
	if f.Entry.State == ledger.Differs {
		one, err := rq.decision(f)
		if err != nil {
			return err
		}
		d.Decision = &one
	}
	d.NewerDismissed, err = rq.newerDismissed(f.Entry)
	if err != nil {
		return err
	}
	return rq.renderPageStatus(status, "dossier", d)
}

// newerDismissed tells whether the balance that took an entry's place in the end
// was dismissed, so that the entry can have its place back.
func (rq *request) newerDismissed(e ledger.Entry) (bool, error) {
	for steps := 0; e.State == ledger.Superseded && steps < maxVersions; steps++ {
		f, err := rq.API.Show(rq.r.Context(), e.SupersededBy)
		if problem.Is(err, problem.NotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if e = f.Entry; e.State == ledger.Ignored {
			return true, nil
		}
	}
	return false, nil
}

// maxVersions bounds how many balances of one dossier are listed.
const maxVersions = 200

// versionsPage lists all balances of a dossier: other years, older revisions.
func versionsPage(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	var list []ledger.Entry
	for e, err := range rq.API.Entries(rq.r.Context(), ledger.Query{Connection: f.Entry.Connection, Dossier: f.Entry.Dossier.ID}) {
		if err != nil {
			return err
		}
		if e.Dossier.ID == f.Entry.Dossier.ID {
			list = append(list, e)
		}
		if len(list) == maxVersions {
			break
		}
	}
	return rq.renderPage("versions", struct {
		Entry entryView
		Rows  []entryView
	}{rq.entry(f.Entry), rq.entries(list)})
}

// downloadDocument gives the document as it came, to keep and never to be shown: a
// browser saves it under a name of ours.
func downloadDocument(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	d, err := rq.API.Document(rq.r.Context(), f.Entry.Number)
	if err != nil {
		return err
	}
	h := rq.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+documentName(f.Entry, d.Data)+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Length", strconv.Itoa(len(d.Data)))
	_, _ = rq.download().Write(d.Data)
	return nil
}

// documentName is made of what we know alone: a number, a year, and what the
// document looks like.
func documentName(e ledger.Entry, data []byte) string {
	ending := "csv"
	head := bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 512)], []byte("\ufeff")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("%PDF-")):
		ending = "pdf"
	case bytes.HasPrefix(head, []byte("<")):
		ending = "xbrl"
	case bytes.HasPrefix(head, []byte("{")):
		ending = "json"
	}
	name := "sociale-balans"
	if n := e.Dossier.EnterpriseNumber.String(); enterpriseNumber.MatchString(n) {
		name += "-" + n
	}
	if y := e.FiscalYear.End.Year; y > 1900 && y < 10_000 {
		name += fmt.Sprintf("-%d", y)
	}
	return fmt.Sprintf("%s-%d.%s", name, e.Number, ending)
}

var enterpriseNumber = regexp.MustCompile(`^[0-9]{10}$`)

func dossierPath(number uint64) string { return "/dossiers/" + strconv.FormatUint(number, 10) }

// retryEntry has an entry tried again; one that was held back for its findings
// is let go with them.
func retryEntry(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	held := f.Entry.Reason == ledger.HasFindings
	if _, err := rq.API.Retry(rq.r.Context(), f.Entry.Number, rq.person.Name); err != nil {
		return err
	}
	if held {
		rq.flash("dossier.released", "Name", rq.entry(f.Entry).Name())
	} else {
		rq.flash("dossier.retried", "Name", rq.entry(f.Entry).Name())
	}
	return rq.redirectBack(dossierPath(f.Entry.Number))
}

func dismissEntry(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	if _, err := rq.API.Dismiss(rq.r.Context(), f.Entry.Number, rq.person.Name); err != nil {
		return err
	}
	rq.flash("dossier.dismissed", "Name", rq.entry(f.Entry).Name())
	return rq.redirectBack(dossierPath(f.Entry.Number))
}

// redirectBack goes to the page of ours that the form names, else to another.
func (rq *request) redirectBack(other string) error {
	if to := rq.r.PostForm.Get("back"); to != "" {
		return rq.redirect(localPath(to))
	}
	return rq.redirect(other)
}

// silverfinAddress finds the firm and the dossier in an address of Silverfin.
var silverfinAddress = regexp.MustCompile(`/f/([0-9]{1,18})/([0-9]{1,18})(?:[/?#]|$)`)

// linkDossier ties a dossier to the one in Silverfin whose address a person
// pasted. Where the enterprise numbers differ, an admin must type the company's
// name.
func linkDossier(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	m := silverfinAddress.FindStringSubmatch(rq.r.PostForm.Get("address"))
	if m == nil {
		rq.flashWarning("dossier.link-wrong")
		return rq.redirect(dossierPath(f.Entry.Number))
	}
	firm, _ := strconv.ParseInt(m[1], 10, 64)
	company, _ := strconv.ParseInt(m[2], 10, 64)
	firms, err := rq.API.Firms(rq.r.Context())
	if err != nil {
		return err
	}
	known := false
	for _, one := range firms {
		known = known || one.ID == firm
	}
	if !known {
		rq.flashWarning("dossier.link-firm", "Firm", m[1])
		return rq.redirect(dossierPath(f.Entry.Number))
	}
	l := ledger.DossierLink{Connection: f.Entry.Connection, DossierID: f.Entry.Dossier.ID, FirmID: firm, CompanyID: company}
	if rq.person.Role == accounts.Admin {
		l.NumberDiffers.Company = rq.r.PostForm.Get("number_differs")
	}
	would, err := rq.API.Link(rq.r.Context(), l, rq.person.Name)
	if problem.Is(err, problem.NumberDiffers) {
		return rq.showDossier(http.StatusConflict, f, &linkConflict{Address: rq.r.PostForm.Get("address"), NumberDiffers: would.NumberDiffers,
			WrongName: l.NumberDiffers.Company != "", Admin: rq.person.Role == accounts.Admin})
	}
	if err != nil {
		return err
	}
	if _, err := rq.API.Retry(rq.r.Context(), f.Entry.Number, rq.person.Name); err != nil {
		return err
	}
	rq.flash("dossier.linked", "Name", rq.entry(f.Entry).Name())
	return rq.redirect(dossierPath(f.Entry.Number))
}

// decisionView is one entry that differs, with who wrote what when.
type decisionView struct {
	Entry     entryView
	WrittenAt time.Time // when balansd wrote there last; zero when it never did
	WrittenBy uint64    // the entry that it wrote then
	Run       uint64
}

// decision tells who wrote what when about an entry that differs.
func (rq *request) decision(f daemon.EntryDetail) (decisionView, error) {
	d := decisionView{Entry: rq.entry(f.Entry), WrittenBy: f.Written.By}
	if d.WrittenBy == 0 {
		return d, nil
	}
	story := f.History
	if d.WrittenBy != f.Entry.Number {
		wrote, err := rq.API.Show(rq.r.Context(), d.WrittenBy)
		if err != nil {
			return d, err
		}
		story = wrote.History
	}
	for _, e := range story {
		if e.State == ledger.Done {
			d.WrittenAt, d.Run = e.At, e.Run
		}
	}
	return d, nil
}
