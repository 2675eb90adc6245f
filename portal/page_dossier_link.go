package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) dossierLinkRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/dossiers/{number}/link", access: staff, handle: dossierLinkPage},
		{method: http.MethodPost, path: "/dossiers/{number}/link", access: staff, handle: linkDossier},
		{method: http.MethodPost, path: "/dossiers/{number}/unlink", access: staff, handle: unlinkDossier},
	}
}

// silverfinAddress matches the address of a dossier in Silverfin: the firm, the company.
var silverfinAddress = regexp.MustCompile(`/f/([0-9]{1,18})/([0-9]{1,18})(?:[/?#]|$)`)

// maxCandidates bounds how many companies the page of a link lists.
const maxCandidates = 30

// linkData is the data of the page of a dossier's link.
type linkData struct {
	Entry     entryView
	Link      ledger.DossierLink // as it is now, zero for none
	Firm      string             // the name of its firm
	Search    string
	Found     []linkCandidate
	More      bool // there are more than Found
	Form      linkForm
	Preview   *daemon.LinkPreview // of what the form says; nil before it says anything
	Balances  []linkedBalance
	WrongName bool // another name than the company's was typed
	Changed   bool // what the page showed was no longer true
	Admin     bool
}

// linkCandidate is a company that a dossier may go to.
type linkCandidate struct {
	daemon.Client

	Why string // the message that says why; empty for no reason
}

// linkForm is what a person wants of a link.
type linkForm struct {
	FirmID, CompanyID int64
	From              string // activation, all or date
	Date              string // for the date
	Paused            bool
	Note              string
}

// linkedBalance is a balance in the preview of a link.
type linkedBalance struct {
	entryView

	Outlook *daemon.UploadOutlook
}

// OutlookKey returns the message that says what would become of it.
func (b linkedBalance) OutlookKey() string {
	if b.Outlook == nil {
		return "link.stays"
	}
	if b.Outlook.Kind == daemon.OutlookWaits {
		return "case." + caseOf(ledger.Waiting, b.Outlook.Reason, "") + ".title"
	}
	if b.Outlook.Kind == daemon.OutlookDiffers {
		return "link.differs"
	}
	return cmp.Or(outlookMessages[b.Outlook.Kind], "upload.outlook-unknown")
}

// OutlookClass returns the CSS class of the outlook.
func (b linkedBalance) OutlookClass() string {
	switch {
	case b.Outlook == nil, b.Outlook.Kind == daemon.OutlookEqual, b.Outlook.Kind == daemon.OutlookEmpty, b.Outlook.Kind == daemon.OutlookOurs:
		return "well"
	default:
		return "warn"
	}
}

// dossierLinkPage shows the link of a dossier, the companies that it may go to, and,
// once one is chosen, both sides and what would be written.
func dossierLinkPage(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	q := rq.r.URL.Query()
	if address := q.Get("address"); address != "" {
		m := silverfinAddress.FindStringSubmatch(address)
		if m == nil {
			rq.flashWarning("dossier.link-wrong")
			return rq.redirect(linkPath(f.Entry.Number))
		}
		if known, err := rq.isFirm(m[1]); err != nil || !known {
			rq.flashWarning("dossier.link-firm", "Firm", m[1])
			return cmp.Or(err, rq.redirect(linkPath(f.Entry.Number)))
		}
		q.Set("firm", m[1])
		q.Set("company", m[2])
	}
	return rq.showLink(http.StatusOK, f, q, nil)
}

// isFirm reports whether a firm of Silverfin is linked.
func (rq *request) isFirm(id string) (bool, error) {
	firms, err := rq.API.Firms(rq.r.Context())
	return slices.ContainsFunc(firms, func(f ledger.Firm) bool { return strconv.FormatInt(f.ID, 10) == id }), err
}

// showLink answers with the page of a link. What values say of it is previewed; refused
// is why it could not be set.
func (rq *request) showLink(status int, f daemon.EntryDetail, values url.Values, refused error) error {
	ctx := rq.r.Context()
	d := linkData{Entry: rq.entry(f.Entry), Search: strings.TrimSpace(values.Get("q")), Admin: rq.person.Role == accounts.Admin,
		WrongName: problem.Is(refused, problem.NumberDiffers) && values.Get("number_differs") != "", Changed: problem.Is(refused, problem.Conflict)}
	var err error
	if d.Link, err = rq.linkOf(f.Entry); err != nil {
		return err
	}
	firms, err := rq.API.Firms(ctx)
	if err != nil {
		return err
	}
	for _, firm := range firms {
		if firm.ID == d.Link.FirmID {
			d.Firm = firm.Name
		}
	}
	l, changed := formLink(d.Link, values)
	d.Form = formOf(l)
	if changed {
		p, err := rq.API.PreviewLink(ctx, daemon.LinkRequest{DossierLink: l, By: rq.person.Name})
		if err != nil {
			return err
		}
		d.Preview = &p
		for _, b := range p.Balances {
			d.Balances = append(d.Balances, linkedBalance{rq.entry(b.Entry), b.Outlook})
		}
	}
	dossier := f.Entry.Dossier
	if !d.Link.Configured && d.Preview == nil {
		found, err := rq.API.Clients(ctx, daemon.ClientQuery{Search: d.Search, Limit: maxCandidates, InSilverfin: true,
			For: daemon.ClientTraits{Name: dossier.Name, EnterpriseNumber: dossier.EnterpriseNumber, Reference: dossier.ID}})
		if err != nil {
			return err
		}
		d.More = found.Total > len(found.Clients)
		for _, c := range found.Clients {
			d.Found = append(d.Found, linkCandidate{c, suggestionMessage(c.Suggestion)})
		}
	}
	return rq.renderPageStatus(status, "link", d)
}

// suggestionMessage returns the message that says why a client is suggested; empty for
// none.
func suggestionMessage(s *daemon.Suggestion) string {
	if s == nil {
		return ""
	}
	return map[daemon.SuggestionReason]string{daemon.SameNumber: "link.why-same_number", daemon.NumberSlip: "link.why-number_slip",
		daemon.SimilarName: "link.why-similar_name"}[s.Why]
}

// linkOf returns the link of an entry's dossier as it is now; without a company where
// there is none.
func (rq *request) linkOf(e ledger.Entry) (ledger.DossierLink, error) {
	links, err := rq.API.Links(rq.r.Context())
	for _, l := range links {
		if l.Connection == e.Connection && e.Dossier.IsNamed(l.DossierID) {
			return l, err
		}
	}
	return ledger.DossierLink{Connection: e.Connection, DossierID: e.Dossier.ID}, err
}

// formLink returns a link with what values say of it, and whether they say anything.
func formLink(l ledger.DossierLink, values url.Values) (_ ledger.DossierLink, says bool) {
	l.NumberDiffers = ledger.NumberDiffers{}
	if values.Has("company") {
		l.FirmID, _ = strconv.ParseInt(values.Get("firm"), 10, 64)
		l.CompanyID, _ = strconv.ParseInt(values.Get("company"), 10, 64)
		says = true
	}
	if values.Has("from") {
		from := values.Get("from")
		if from == "date" {
			from = values.Get("date")
		}
		l.From, l.All, _ = ledger.ParseFrom(from)
		l.Paused, l.Note = values.Get("paused") != "", strings.TrimSpace(values.Get("note"))
		says = true
	}
	return l, says
}

// formOf returns the form that says what a link says.
func formOf(l ledger.DossierLink) linkForm {
	f := linkForm{l.FirmID, l.CompanyID, l.FromText(), "", l.Paused, l.Note}
	if f.From != ledger.FromAll && f.From != ledger.FromActivation {
		f.From, f.Date = "date", f.From
	}
	return f
}

// linkDossier sets the link that a person has seen both sides of. Where the enterprise
// numbers differ, an admin must type the company's name.
func linkDossier(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	form := rq.r.PostForm
	if form.Get("seen") == "" { // the page that shows both sides comes first
		return rq.redirect(linkPath(f.Entry.Number) + "?" + url.Values{"address": {form.Get("address")}}.Encode())
	}
	stored, err := rq.linkOf(f.Entry)
	if err != nil {
		return err
	}
	l, _ := formLink(stored, form)
	if rq.person.Role == accounts.Admin {
		l.NumberDiffers.Company = form.Get("number_differs")
	}
	_, err = rq.API.Link(rq.r.Context(), daemon.LinkRequest{DossierLink: l, Seen: form.Get("seen"), By: rq.person.Name})
	if problem.Is(err, problem.NumberDiffers) || problem.Is(err, problem.Conflict) {
		return rq.showLink(http.StatusConflict, f, form, err)
	}
	if err != nil {
		return err
	}
	if !l.Paused && rq.entry(f.Entry).CanRetry() && f.Entry.Reason != ledger.Dismissed {
		if _, err := rq.API.Retry(rq.r.Context(), daemon.EntryRequest{Number: f.Entry.Number, By: rq.person.Name}); err != nil {
			return err
		}
	}
	j, r := rq.dossierSync(f.Entry, daemon.SyncRequest{By: rq.person.Name, Wait: true})
	if l.Paused {
		rq.flash("dossier.link-paused", "Name", j.Name)
		return rq.redirect(dossierPath(f.Entry.Number))
	}
	rq.flash("dossier.linked", "Name", j.Name)
	return rq.redirect(dossierPath(f.Entry.Number) + "?job=" + rq.startJob(rq.r.Context(), j, r))
}

// unlinkDossier removes the link of a dossier.
func unlinkDossier(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	l, err := rq.linkOf(f.Entry)
	if err != nil {
		return err
	}
	if _, err := rq.API.Unlink(rq.r.Context(), daemon.UnlinkRequest{Connection: l.Connection, DossierID: l.DossierID, By: rq.person.Name}); err != nil {
		return err
	}
	rq.flash("link.removed", "Name", rq.entry(f.Entry).Name())
	return rq.redirect(linkPath(f.Entry.Number))
}

func linkPath(number uint64) string { return dossierPath(number) + "/link" }
