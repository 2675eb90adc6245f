package portal

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"time"

	"balansd/accounts"
	"balansd/internal/clip"
)

func (h *Handler) signInRoutes() []route {
	routes := []route{
		{method: http.MethodPost, path: "/sign-out", access: staff, handle: signOut},
		{method: http.MethodPost, path: "/language", access: open, handle: setLanguage},
		{method: http.MethodGet, path: "/sign-in", access: open, handle: signInPage},
	}
	if h.oidc != nil {
		return append(routes,
			route{method: http.MethodPost, path: "/oidc/begin", access: open, handle: startOIDC},
			route{method: http.MethodGet, path: "/oidc/callback", access: open, handle: oidcCallback},
			route{method: http.MethodPost, path: "/oidc/finish", access: open, handle: finishOIDC})
	}
	return append(routes,
		route{method: http.MethodPost, path: "/sign-in", access: open, handle: signIn},
		route{method: http.MethodGet, path: "/invite/{token}", access: open, handle: invitePage},
		route{method: http.MethodPost, path: "/invite/{token}", access: open, handle: acceptInvite})
}

// redirectToSignIn answers who is not signed in. A person who follows a link from
// another site, such as a mail, may well be: their strict cookie was not sent
// along. The page that they get fetches itself again from here, with the
// cookie.
func (rq *request) redirectToSignIn() {
	to := "/sign-in?" + url.Values{"next": {rq.r.URL.RequestURI()}}.Encode()
	switch {
	case rq.isPartial():
		rq.w.Header().Set("HX-Redirect", "/sign-in")
		rq.writePlainError(http.StatusUnauthorized)
	case rq.r.Method != http.MethodGet && rq.r.Method != http.MethodHead:
		rq.writeErrorPage(http.StatusUnauthorized, errorData{Status: http.StatusUnauthorized})
	case rq.r.Header.Get("Sec-Fetch-Site") == "cross-site":
		rq.w.Header().Set("Refresh", "0")
		rq.writePlainError(http.StatusUnauthorized)
	default:
		http.Redirect(rq.w, rq.r, to, http.StatusSeeOther)
	}
}

// signInData is what the page to sign in shows.
type signInData struct {
	Name, Next, MessageID string
	Wait                  time.Duration
	Provider              bool
}

// Seconds is how long to wait, rounded up.
func (d signInData) Seconds() int { return int((d.Wait + time.Second - 1) / time.Second) }

func signInPage(rq *request) error {
	next := localPath(rq.r.URL.Query().Get("next"))
	if rq.person.Key != "" {
		return rq.redirect(next)
	}
	return rq.renderPage("signin", signInData{Next: next, Provider: rq.oidc != nil})
}

func signIn(rq *request) error {
	form := rq.r.PostForm
	next := localPath(form.Get("next"))
	a := accounts.Attempt{Name: form.Get("name"), Password: form.Get("password"), Address: rq.clientIP()}
	if c, err := rq.r.Cookie(rq.cookieName("balansd-device")); err == nil {
		a.Device = c.Value
	}
	who, err := rq.People.SignIn(rq.r.Context(), a)
	record := accounts.Record{Who: clip.Text(a.Name), Key: who.Person.Key, What: "sign-in", From: rq.clientIP(), Outcome: accounts.OutcomeOf(err)}
	if w, wait := errors.AsType[accounts.TooManyAttempts](err); wait {
		rq.w.Header().Set("Retry-After", "30")
		return rq.renderPageStatus(http.StatusTooManyRequests, "signin", signInData{Name: a.Name, Next: next, Wait: w.Wait})
	}
	rq.recordSignIn(record)
	if errors.Is(err, accounts.ErrWrongPassword) {
		return rq.renderPageStatus(http.StatusUnauthorized, "signin", signInData{Name: a.Name, Next: next, MessageID: accounts.ErrWrongPassword.Reason})
	}
	if err != nil {
		return err
	}
	if err := rq.signIn(who.Person); err != nil {
		return err
	}
	rq.setCookie("balansd-device", who.Device, 180*24*time.Hour)
	return rq.redirect(next)
}

// recordSignIn notes an attempt to sign in.
func (rq *request) recordSignIn(r accounts.Record) {
	if r.Outcome != "" {
		rq.AuditLog.RecordRefused(rq.r.Context(), r)
		return
	}
	rq.AuditLog.Record(rq.r.Context(), r)
}

// setCookie sets a cookie that no script and no other site can use.
func (rq *request) setCookie(name, value string, span time.Duration) {
	http.SetCookie(rq.w, &http.Cookie{ //nolint:gosec // over plain HTTP, on loopback, it cannot be Secure
		Name: rq.cookieName(name), Value: value, Path: "/", MaxAge: int(span / time.Second),
		HttpOnly: true, Secure: rq.Secure, SameSite: http.SameSiteStrictMode})
}

func signOut(rq *request) error {
	rq.AuditLog.Record(rq.r.Context(), accounts.Record{Who: rq.person.Name, What: "sign-out", From: rq.clientIP()})
	if err := rq.sessions.Destroy(rq.r.Context()); err != nil {
		return err
	}
	return rq.redirect("/sign-in")
}

// setLanguage chooses the language of the pages in this browser, and for good
// for who is signed in.
func setLanguage(rq *request) error {
	lang := rq.r.PostForm.Get("language")
	if rq.locales[lang] == nil {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	http.SetCookie(rq.w, &http.Cookie{ //nolint:gosec // over plain HTTP, on loopback, it cannot be Secure
		Name: languageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: rq.Secure, SameSite: http.SameSiteLaxMode})
	if rq.person.Key != "" {
		if err := rq.People.SetLanguage(rq.r.Context(), rq.person.Key, lang); err != nil {
			return err
		}
	}
	return rq.redirect(localPath(rq.r.PostForm.Get("next")))
}

// inviteData is what the page of an invitation shows.
type inviteData struct {
	Name, MessageID string
	First           bool // the first admin, who chooses a name
	Role            accounts.Role
	Expires         time.Time
	Min             int
}

func invitePage(rq *request) error {
	i, ok, err := rq.People.Invited(rq.r.Context(), rq.r.PathValue("token"))
	if err != nil {
		return err
	}
	if !ok {
		return accounts.ErrLinkUsed
	}
	return rq.renderPage("invite", inviteData{Name: i.Name, First: i.Name == "", Role: i.Role, Expires: i.Expires, Min: accounts.MinPassword})
}

func acceptInvite(rq *request) error {
	ctx, form := rq.r.Context(), rq.r.PostForm
	token := rq.r.PathValue("token")
	i, ok, err := rq.People.Invited(ctx, token)
	if err != nil {
		return err
	}
	if !ok {
		return accounts.ErrLinkUsed
	}
	data := inviteData{Name: i.Name, First: i.Name == "", Role: i.Role, Expires: i.Expires, Min: accounts.MinPassword}
	if data.First {
		data.Name = form.Get("name")
	}
	switch {
	case accounts.CheckName(data.Name) != nil:
		data.MessageID = "invite.name-wrong"
	case form.Get("password") != form.Get("again"):
		data.MessageID = "password.twice"
	default:
		data.MessageID = accounts.PasswordWeakness(form.Get("password"), data.Name)
	}
	if data.MessageID != "" {
		return rq.renderPageStatus(http.StatusUnprocessableEntity, "invite", data)
	}
	who, err := rq.People.Accept(rq.r.Context(), token, data.Name, form.Get("password"))
	if err != nil {
		return err
	}
	in, err := rq.People.RecordSignIn(ctx, who, "", "")
	if err != nil {
		return err
	}
	if err := rq.signIn(in.Person); err != nil {
		return err
	}
	rq.setCookie("balansd-device", in.Device, 180*24*time.Hour)
	rq.flash("invite.welcome", "Name", in.Person.Name)
	return rq.redirect("/")
}

// oidcCookie binds a sign-in at the provider to this browser.
const oidcCookie = "balansd-oidc"

func startOIDC(rq *request) error {
	address, cookie, err := rq.oidc.Begin(rq.r.Context(), localPath(rq.r.PostForm.Get("next")))
	if err != nil {
		return err
	}
	rq.setCookie(oidcCookie, cookie, accounts.PendingLife)
	return rq.redirectExternal(address)
}

func oidcCallback(rq *request) error {
	return rq.relayCallback("/oidc/finish", "state", "code", "error")
}

func finishOIDC(rq *request) error {
	form := rq.r.PostForm
	cookie := ""
	if c, err := rq.r.Cookie(rq.cookieName(oidcCookie)); err == nil {
		cookie = c.Value
	}
	b, ok := rq.oidc.Resume(form.Get("state"), cookie)
	switch {
	case form.Get("error") != "":
		if ok {
			rq.recordSignIn(accounts.Record{What: "sign-in", From: rq.clientIP(), Outcome: "oidc.refused"})
		}
		return accounts.Refusal{Status: http.StatusForbidden, Reason: "oidc.refused"}
	case !ok: // anybody may send anything here: it is not worth a record
		return accounts.Refusal{Status: http.StatusBadRequest, Reason: "oidc.stale"}
	}
	who, err := rq.oidc.Finish(rq.r.Context(), b, form.Get("code"))
	var q accounts.Person
	if err == nil {
		q, err = rq.People.SignInProvided(rq.r.Context(), who)
	}
	rq.recordSignIn(accounts.Record{Who: clip.Text(cmp.Or(q.Name, who.Name)), Key: q.Key, What: "sign-in", From: rq.clientIP(), Outcome: accounts.OutcomeOf(err)})
	rq.setCookie(oidcCookie, "", -time.Second) // it works once, however it ends
	if err != nil {
		return errors.Join(err, rq.People.EndWithoutRole(rq.r.Context(), who))
	}
	if err := rq.signIn(q); err != nil {
		return err
	}
	return rq.redirect(b.Next)
}
