package portal

import (
	"net/http"
	"strconv"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) dossierRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/dossiers/{number}", access: staff, handle: dossierPage},
		{method: http.MethodGet, path: "/dossiers/{number}/others", access: staff, handle: versionsPage},
		{method: http.MethodPost, path: "/dossiers/{number}/group", access: staff, handle: groupDossiers},
		{method: http.MethodPost, path: "/dossiers/{number}/ungroup", access: staff, handle: ungroupDossiers},
		{method: http.MethodGet, path: "/dossiers/{number}/document", access: staff, handle: downloadDocument},
		{method: http.MethodPost, path: "/dossiers/{number}/retry", access: staff, handle: retryEntry},
		{method: http.MethodPost, path: "/dossiers/{number}/dismiss", access: staff, handle: dismissEntry},
	}
}

// dossierData is the data of the page of a dossier.
type dossierData struct {
	Entry          entryView
	Connection     string // its name
	Firm           string // its name
	Shown          string // the template that was seen to show its figures; empty for none
	Unseen         bool   // no template of the firm was seen to use the mapping
	Events         []eventView
	Sections       []valueSection
	YearBefore     ledger.Entry // of the financial year before; zero for none
	Jumps          int          // how many figures changed much since then
	Action         dossierAction
	Decision       *decisionView // while it differs
	NewerDismissed bool          // it was superseded by one that was dismissed
	Doubts         []doubtView   // what a person is to settle
	Page           int           // of the original that is shown beside the doubts; 0 for none
	Accepted       []acceptedView
	Job            string // the sync whose progress is shown
	Administration *administrationView
	Numbers        []daemon.NumberFinding
	Registered     []daemon.RegisteredName // what the sources call the number of a dossier without a company
}

// eventView adds to an event of the history what the templates need.
type eventView struct {
	ledger.Event
}

// Case returns the last part of the message id of the event.
func (s eventView) Case() string {
	switch s.Act {
	case ledger.ActRetry, ledger.ActDismiss, ledger.ActUseFinbox, ledger.ActKeepSilverfin, ledger.ActRecall, ledger.ActCountsAgain, ledger.ActLink, ledger.ActRelink, ledger.ActUnlink, ledger.ActAccept, ledger.ActUpload, ledger.ActSum, ledger.ActTie, ledger.ActUntie,
		ledger.ActArchived, ledger.ActUnarchived, ledger.ActFollow:
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

// HasReason reports whether the message is that of a reason or a kind of failure.
func (s eventView) HasReason() bool {
	waits := s.State == ledger.Waiting || s.State == ledger.Ignored || s.State == ledger.Failed
	return waits && s.Act == "" && s.Case() != unknown && s.Case() != "failed"
}

// CountsFigures reports whether the message has a number of figures.
func (s eventView) CountsFigures() bool {
	switch s.Case() {
	case "sending", "done", "differs":
		return s.Figures > 0
	}
	return false
}

// Mark returns the symbol of the state.
func (s eventView) Mark() string { return stateMarks[s.State] }

// Class returns the CSS class of the state.
func (s eventView) Class() string { return stateClass(s.State) }

func dossierPage(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	return rq.showDossier(http.StatusOK, f, nil)
}

// showDossier answers with the page of a dossier. wrong are the answers of a form about
// doubts that cannot be used, by code; nil for none.
func (rq *request) showDossier(status int, f daemon.EntryDetail, wrong map[string]bool) (err error) {
	ctx := rq.r.Context()
	d := dossierData{Job: rq.jobHere(false), Entry: rq.entry(f.Entry)}
	before, err := rq.yearBefore(f.Entry)
	if err != nil {
		return err
	}
	d.YearBefore = before.Entry
	d.Sections = sections(balance.Lang(rq.locale.Lang), f.Values, before.Values, f.Entry.Findings)
	for _, s := range d.Sections {
		d.Jumps += s.Jumps
	}
	for _, e := range f.History {
		d.Events = append(d.Events, eventView{e})
	}
	if d.Connection, err = rq.connectionName(f.Entry); err != nil {
		return err
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
	if d.Unseen = f.Unseen; f.Shown != nil && f.Entry.State == ledger.Done {
		d.Shown = f.Shown.Template()
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
	if d.Doubts, err = rq.doubts(f.Entry, wrong); err != nil {
		return err
	}
	if d.Accepted, err = rq.acceptedReadings(f.Entry); err != nil {
		return err
	}
	if err := rq.addAdministration(&d, f); err != nil {
		return err
	}
	if d.Page = firstPage(d.Doubts); d.Page > 0 {
		rq.w.Header().Set("Content-Security-Policy", pagePolicy+"; frame-src 'self'") // for the original
	}
	d.Action = d.action(rq.person.Role)
	return rq.renderPageStatus(status, "dossier", d)
}

// yearBefore returns the balance of the dossier of the financial year before; the zero
// EntryDetail where there is none.
func (rq *request) yearBefore(e ledger.Entry) (daemon.EntryDetail, error) {
	if e.FiscalYear.End.IsZero() {
		return daemon.EntryDetail{}, nil
	}
	for o, err := range rq.API.Entries(rq.r.Context(), ledger.Query{Connection: e.Connection, DossierID: e.Dossier.ID}) {
		if err != nil {
			return daemon.EntryDetail{}, err
		}
		if o.FiscalYear.End.Year == e.FiscalYear.End.Year-1 && o.State != ledger.Superseded && o.State != ledger.Ignored {
			return rq.API.Show(rq.r.Context(), daemon.EntryRequest{Number: o.Number})
		}
	}
	return daemon.EntryDetail{}, nil
}

// connectionName returns how the page calls the connection of an entry.
func (rq *request) connectionName(e ledger.Entry) (string, error) {
	if len(e.Parts) > 0 {
		return rq.locale.t("group.sum")
	}
	connections, err := rq.API.Connections(rq.r.Context())
	if err != nil {
		return "", err
	}
	for _, c := range connections {
		if c.ID == e.Connection && c.Name != "" {
			return c.Name, nil
		}
	}
	return e.Connection, nil
}

// newerDismissed reports whether the balance that in the end superseded e was dismissed,
// so that e can be used again.
func (rq *request) newerDismissed(e ledger.Entry) (bool, error) {
	for steps := 0; e.State == ledger.Superseded && steps < maxVersions; steps++ {
		f, err := rq.API.Show(rq.r.Context(), daemon.EntryRequest{Number: e.SupersededBy})
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

// maxVersions bounds how many balances of a dossier are listed.
const maxVersions = 200

// versionsPage lists all balances of a dossier: other years and older revisions, and
// the dossiers that they are added up with.
func versionsPage(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	var list []ledger.Entry
	for e, err := range rq.API.Entries(rq.r.Context(), ledger.Query{Connection: f.Entry.Connection, DossierID: f.Entry.Dossier.ID}) {
		if err != nil {
			return err
		}
		list = append(list, e)
		if len(list) == maxVersions {
			break
		}
	}
	group, err := rq.grouping(f.Entry)
	if err != nil {
		return err
	}
	return rq.renderPage("versions", struct {
		Entry entryView
		Rows  []entryView
		Group groupView
	}{rq.entry(f.Entry), rq.entries(list), group})
}

func dossierPath(number uint64) string { return "/dossiers/" + strconv.FormatUint(number, 10) }

// retryEntry has an entry tried again. One that waits because of its findings is sent
// in spite of them.
func retryEntry(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	held := f.Entry.Reason == ledger.HasFindings
	if _, err := rq.API.Retry(rq.r.Context(), daemon.EntryRequest{Number: f.Entry.Number, By: rq.person.Name}); err != nil {
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
	if _, err := rq.API.Dismiss(rq.r.Context(), daemon.EntryRequest{Number: f.Entry.Number, By: rq.person.Name}); err != nil {
		return err
	}
	rq.flash("dossier.dismissed", "Name", rq.entry(f.Entry).Name())
	return rq.redirectBack(dossierPath(f.Entry.Number))
}
