package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/accounts"
	"balansd/balance"
	"balansd/daemon"
	"balansd/internal/clip"
	"balansd/internal/loopback"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) connectionRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/connection", access: admin, handle: connectionPage, nav: "nav.connection"},
		{method: http.MethodPost, path: "/connection/finbox", access: admin, handle: validateConnection},
		{method: http.MethodPost, path: "/connection/set", access: admin, handle: setConnection},
		{method: http.MethodPost, path: "/connection/silverfin", access: admin, handle: startSilverfinSignIn},
		{method: http.MethodGet, path: silverfinCallbackPath, access: open, handle: silverfinCallbackPage},
		{method: http.MethodPost, path: "/connection/silverfin/end", access: admin, handle: finishSilverfinSignIn},
		{method: http.MethodPost, path: "/connection/silverfin/remove", access: admin, handle: removeFirm},
		{method: http.MethodGet, path: "/step/{step}", access: staff, handle: taskPage},
	}
}

// silverfinCallbackPath is the path to which Silverfin sends the browser back.
const silverfinCallbackPath = "/silverfin/callback"

// Session keys of a pending sign-in to Silverfin.
const (
	silverfinState = "silverfin-state"
	silverfinFirm  = "silverfin-firm" // the firm that was chosen
)

// connectionData is the data of the page of connections.
type connectionData struct {
	Job         string // the sync whose progress is shown
	Catalogue   []catalogueGroup
	Transports  []transportView // to Finbox and Silverfin
	Services    []serviceStatus
	StateFile   string
	Connections []connectionView
	Removed     []connectionView
	Firms       []firmView
	SubmittedID string          // the connection id that could not be validated
	ErrorCode   string          // the code of the problem
	Reason      problem.Reason  // empty when unknown
	ErrorText   string          // of the problem, in English
	Validated   *connectionView // the one that was just validated
	Code        *codeView       // a pending sign-in with a code
	Callback    bool            // Silverfin can send the browser back
	Today       balance.Date
}

// transportView describes how a service is reached.
type transportView struct {
	Name, Host string
	Secure     bool // by TLS
	Local      bool // stays on this server
}

// Secure reports whether all traffic is encrypted or stays on this server.
func (d connectionData) Secure() bool {
	return !slices.ContainsFunc(d.Transports, func(l transportView) bool { return !l.Secure && !l.Local })
}

// Linked reports whether balances can be delivered: there is an active connection, and
// a firm that accepts the tokens.
func (d connectionData) Linked() bool {
	return slices.ContainsFunc(d.Connections, func(c connectionView) bool { return c.Status == ledger.Active }) &&
		slices.ContainsFunc(d.Firms, func(f firmView) bool { return !f.Fails() })
}

// connectionView adds to a connection what the templates need.
type connectionView struct {
	ledger.Connection

	Today      balance.Date
	SourceName string // in the catalogue; empty where it says nothing
}

// Testable reports whether there is anything to ask.
func (c connectionView) Testable() bool { return c.Kind != ledger.Upload }

// Removable reports whether it is removed here.
func (c connectionView) Removable() bool { return c.Kind != ledger.Upload && !c.Configured() }

// StatusKey returns the last part of the message id of the status.
func (c connectionView) StatusKey() string {
	switch c.Status {
	case ledger.Active, ledger.Paused, ledger.Deactivated, ledger.Removed:
		return string(c.Status)
	}
	return unknown
}

// Class returns the CSS class of the status.
func (c connectionView) Class() string {
	switch {
	case c.Status == ledger.Active && c.Problem == "":
		return "well"
	case c.Status == ledger.Paused, c.Status == ledger.Active:
		return "warn"
	}
	return "bad"
}

// StartsOtherDay reports whether there is a start date other than today.
func (c connectionView) StartsOtherDay() bool { return !c.StartDate.IsZero() && c.StartDate != c.Today }

// ReasonKey is the message of what is in the way of the connection; empty where that
// is not known.
func (c connectionView) ReasonKey() string {
	if r := problem.Reason(c.ProblemReason); slices.Contains(problem.Reasons(), r) {
		return "reason." + string(r)
	}
	return ""
}

// IsFolder reports whether it is a folder, or the uploads: neither has an id to show.
func (c connectionView) IsFolder() bool { return c.Kind == ledger.Folder || c.Kind == ledger.Upload }

// KindKey returns the message that says what it is.
func (c connectionView) KindKey() string {
	if c.Kind == ledger.Upload {
		return "upload.connection"
	}
	return "connection.folder"
}

// firmView adds to a firm what the templates need.
type firmView struct {
	ledger.Firm

	Days  int    // since its tokens were renewed
	Shown string // the template that was seen to use its mapping; empty for none
}

// codeView is a pending sign-in that is finished by pasting a code.
type codeView struct {
	URL, Host string
	Firm      string
}

func connectionPage(rq *request) error {
	return rq.showConnection(http.StatusOK, connectionData{})
}

// showConnection adds the state of connections and firms to d and answers with the page.
func (rq *request) showConnection(status int, d connectionData) error {
	ctx := rq.r.Context()
	s, err := rq.API.Status(ctx)
	if err != nil {
		return err
	}
	list, err := rq.API.Catalogue(ctx)
	if err != nil {
		return err
	}
	d.Job, d.StateFile, d.Catalogue = rq.jobHere(true), s.StateFile, rq.groupCatalogue(list)
	d.Today = balance.DateOf(rq.Now().In(rq.Zone))
	d.Transports, d.Services = rq.transports(), rq.serviceStatuses(s)
	validated := rq.r.URL.Query().Get("validated")
	for _, c := range s.Connections {
		one := connectionView{Connection: c, Today: d.Today}
		if i := slices.IndexFunc(list, func(e ledger.CatalogueEntry) bool { return e.ID == c.Source && e.Group != ledger.AnyFolder }); i >= 0 {
			one.SourceName = list[i].Name
		}
		switch {
		case c.Status == ledger.Removed:
			d.Removed = append(d.Removed, one)
		default:
			d.Connections = append(d.Connections, one)
		}
		if c.ID == validated && validated != "" && c.Status == ledger.Active {
			d.Validated = &one
		}
	}
	for _, f := range s.Firms {
		one := firmView{Firm: f}
		if !slices.Contains(s.Unseen, f.ID) {
			one.Shown = f.Use.Template()
		}
		if !f.RenewedAt.IsZero() {
			one.Days = max(0, int(rq.Now().Sub(f.RenewedAt)/(24*time.Hour)))
		}
		d.Firms = append(d.Firms, one)
	}
	d.Callback = rq.redirectURL() != ""
	return rq.renderPageStatus(status, "connection", d)
}

// transports describes how Finbox and Silverfin are reached, by the configuration.
func (rq *request) transports() (list []transportView) {
	for _, one := range []struct{ name, key string }{{"Finbox", "finbox.base_url"}, {"Silverfin", "silverfin.base_url"}} {
		address := rq.setting(one.key)
		if address == "" {
			continue
		}
		host, secure := hostOf(address)
		name := host
		if u, err := url.Parse(address); err == nil {
			name = u.Hostname()
		}
		list = append(list, transportView{Name: one.name, Host: host, Secure: secure, Local: loopback.IsHost(name)})
	}
	return list
}

// validateConnection asks Finbox about a connection id, and saves the connection.
func validateConnection(rq *request) error {
	id := strings.TrimSpace(rq.r.PostForm.Get("id"))
	by := rq.person.Name
	return rq.runTask(func(ctx context.Context) func(*request) error {
		linked, err := rq.API.ConnectFinbox(ctx, daemon.ConnectionRequest{ID: id, By: by})
		rq.recordContact(finboxService, err)
		return func(rq *request) error {
			if err != nil {
				p := problem.Of(err)
				return rq.showConnection(p.Code.HTTPStatus(), connectionData{SubmittedID: clip.Text(id), ErrorCode: string(p.Code), Reason: p.Reason, ErrorText: p.What})
			}
			return rq.redirectToSync("step1", "validated", linked.Connection.ID)
		}
	})
}

// setConnection pauses, resumes or removes a connection. Its ledger entries stay.
func setConnection(rq *request) error {
	id, status := rq.r.PostForm.Get("id"), ledger.ConnectionStatus(rq.r.PostForm.Get("status"))
	c, err := rq.API.SetConnection(rq.r.Context(), daemon.ConnectionRequest{ID: id, Status: status, By: rq.person.Name})
	if err != nil {
		return err
	}
	switch c.Status {
	case ledger.Paused:
		rq.flash("connection.paused", "Name", c.Name)
	case ledger.Removed:
		rq.flash("connection.removed", "Name", c.Name)
	default:
		rq.flash("connection.resumed", "Name", c.Name)
	}
	return rq.redirect("/connection")
}

// redirectURL returns the address to which Silverfin can send the browser back; empty
// where it cannot, and a person pastes a code. It is on loopback, or the address that is
// registered with Silverfin when it is one of the pages'.
func (rq *request) redirectURL() string {
	switch configured := rq.setting("silverfin.redirect"); configured {
	case "oob":
		return ""
	case "", "auto":
		host, _, _ := strings.Cut(rq.r.Host, ":")
		if rq.secure || !loopback.IsHost(host) && !strings.HasPrefix(rq.r.Host, "[::1]") {
			return ""
		}
		return "http://" + rq.r.Host + silverfinCallbackPath
	default:
		u, err := url.Parse(configured)
		if err != nil || u.Path != rq.base+silverfinCallbackPath || !rq.hosts.allow(u.Host) {
			return ""
		}
		return configured
	}
}

// startSilverfinSignIn redirects to Silverfin's sign-in, or shows the form for its code.
func startSilverfinSignIn(rq *request) error {
	form := rq.r.PostForm
	var firm int64
	if text := strings.TrimSpace(form.Get("firm")); text != "" {
		var err error
		if firm, err = parseFirmID(text); err != nil {
			rq.flashWarning("connection.firm-wrong")
			return rq.redirect("/connection#step2")
		}
	}
	redirect := rq.redirectURL()
	if form.Get("code") != "" || redirect == "" {
		redirect = ""
		if firm == 0 {
			rq.flashWarning("connection.firm-needed")
			return rq.redirect("/connection#step2")
		}
	}
	s, err := rq.API.BeginSilverfin(rq.r.Context(), daemon.SignInRequest{FirmID: firm, Redirect: redirect})
	if err != nil {
		return err
	}
	rq.sessions.Put(rq.r.Context(), silverfinState, s.State)
	rq.sessions.Put(rq.r.Context(), silverfinFirm, strconv.FormatInt(firm, 10))
	if redirect != "" {
		return rq.redirectExternal(s.URL)
	}
	host, secure := hostOf(s.URL)
	if u, err := url.Parse(s.URL); err != nil || !secure && !loopback.IsHost(u.Hostname()) {
		return accounts.Refusal{Status: http.StatusBadGateway}
	}
	return rq.showConnection(http.StatusOK, connectionData{Code: &codeView{URL: s.URL, Host: host, Firm: strconv.FormatInt(firm, 10)}})
}

// parseFirmID reads a firm's number, alone or in an address of Silverfin.
func parseFirmID(text string) (int64, error) {
	if _, after, ok := strings.Cut(text, "/f/"); ok {
		text = after
		if i := strings.IndexAny(text, "/?#"); i >= 0 {
			text = text[:i]
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && n <= 0 {
		err = strconv.ErrRange
	}
	return n, err
}

func silverfinCallbackPage(rq *request) error {
	return rq.relayCallback("/connection/silverfin/end", "state", "code", "authorized_firm_id", "error")
}

// oauthErrors are the error codes of a sign-in besides access_denied (RFC 6749, section
// 4.1.2.1). Any other text is not shown: anybody can write it.
var oauthErrors = []string{"invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope",
	"server_error", "temporarily_unavailable"}

// finishSilverfinSignIn links the firm that was granted. The sign-in must be the one that
// this session started, and works once. A callback with another state changes nothing:
// anybody can send a person such a link.
func finishSilverfinSignIn(rq *request) error {
	ctx, form := rq.r.Context(), rq.r.PostForm
	state, wanted := rq.sessions.GetString(ctx, silverfinState), rq.sessions.GetString(ctx, silverfinFirm)
	pasted := form.Get("pasted") != ""
	own := state != "" && (pasted || accounts.SameSecret(form.Get("state"), state))
	if own {
		rq.sessions.Remove(ctx, silverfinState)
		rq.sessions.Remove(ctx, silverfinFirm)
	}
	switch code := form.Get("error"); {
	case !own:
		rq.flashWarning("connection.stale")
		return rq.redirect("/connection#step2")
	case code == "access_denied":
		rq.flashWarning("connection.refused")
		return rq.redirect("/connection#step2")
	case slices.Contains(oauthErrors, code):
		rq.flashWarning("connection.sign-in-failed", "Error", code)
		return rq.redirect("/connection#step2")
	case code != "":
		rq.flashWarning("connection.sign-in-failed", "Error", "error")
		return rq.redirect("/connection#step2")
	}
	granted, _ := strconv.ParseInt(form.Get("authorized_firm_id"), 10, 64)
	if pasted {
		granted, _ = strconv.ParseInt(wanted, 10, 64)
	}
	code, by := form.Get("code"), rq.person.Name
	return rq.runTask(func(ctx context.Context) func(*request) error {
		linked, err := rq.API.EndSilverfin(ctx, daemon.GrantRequest{State: state, Code: code, FirmID: granted, By: by})
		rq.recordContact(silverfinService, err)
		return func(rq *request) error {
			if err != nil {
				p := problem.Of(err)
				return rq.showConnection(p.Code.HTTPStatus(), connectionData{ErrorCode: string(p.Code), Reason: p.Reason, ErrorText: p.What})
			}
			f := linked.Firm
			rq.flash("connection.linked", "Firm", f.Name)
			if asked, _ := strconv.ParseInt(wanted, 10, 64); asked != 0 && asked != f.ID {
				rq.flashWarning("connection.other-firm", "Firm", f.Name, "Asked", wanted)
			}
			return rq.redirectToSync("step2")
		}
	})
}

func removeFirm(rq *request) error {
	id, err := strconv.ParseInt(rq.r.PostForm.Get("firm"), 10, 64)
	if err != nil {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	if err := rq.API.RemoveFirm(rq.r.Context(), daemon.FirmRequest{FirmID: id, By: rq.person.Name}); err != nil {
		return err
	}
	rq.flash("connection.firm-removed")
	return rq.redirect("/connection#step2")
}

// hostOf returns the host of an address, and whether it is reached under TLS.
func hostOf(address string) (host string, secure bool) {
	u, err := url.Parse(address)
	if err != nil {
		return "", false
	}
	return u.Host, u.Scheme == "https"
}
