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

func (w *Web) signInRoutes() []route {
	routes := []route{
		{method: http.MethodPost, path: "/sign-out", may: staff, do: signOut},
		{method: http.MethodPost, path: "/language", may: open, do: setLanguage},
		{method: http.MethodGet, path: "/sign-in", may: open, do: signInPage},
	}
	if w.oidc != nil {
		return append(routes,
			route{method: http.MethodPost, path: "/oidc/begin", may: open, do: oidcBegin},
			route{method: http.MethodGet, path: "/oidc/callback", may: open, do: oidcCallback},
			route{method: http.MethodPost, path: "/oidc/finish", may: open, do: oidcFinish})
	}
	return append(routes,
		route{method: http.MethodPost, path: "/sign-in", may: open, do: signIn},
		route{method: http.MethodGet, path: "/invite/{token}", may: open, do: invitePage},
		route{method: http.MethodPost, path: "/invite/{token}", may: open, do: acceptInvite})
}

// askToSignIn answers who is not signed in. A person who follows a link from
// another site, such as a mail, may well be: their strict cookie was not sent
// along. The page that they get fetches itself again from here, with the
// cookie.
func (v *visit) askToSignIn() {
	to := "/sign-in?" + url.Values{"next": {v.r.URL.RequestURI()}}.Encode()
	switch {
	case v.partial():
		v.w.Header().Set("HX-Redirect", "/sign-in")
		v.bare(http.StatusUnauthorized)
	case v.r.Method != http.MethodGet && v.r.Method != http.MethodHead:
		v.trouble(http.StatusUnauthorized, troubleData{Status: http.StatusUnauthorized})
	case v.r.Header.Get("Sec-Fetch-Site") == "cross-site":
		v.w.Header().Set("Refresh", "0")
		v.bare(http.StatusUnauthorized)
	default:
		http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	}
}

// signInData is what the page to sign in shows.
type signInData struct {
	Name, Next, Why string
	Wait            time.Duration
	Provider        bool
}

// Seconds is how long to wait, rounded up.
func (d signInData) Seconds() int { return int((d.Wait + time.Second - 1) / time.Second) }

func signInPage(v *visit) error {
	next := local(v.r.URL.Query().Get("next"))
	if v.person.Key != "" {
		return v.redirect(next)
	}
	return v.page("signin", signInData{Next: next, Provider: v.oidc != nil})
}

func signIn(v *visit) error {
	form := v.r.PostForm
	next := local(form.Get("next"))
	a := accounts.Attempt{Name: form.Get("name"), Password: form.Get("password"), Address: v.from()}
	if c, err := v.r.Cookie(v.cookieName("balansd-device")); err == nil {
		a.Device = c.Value
	}
	who, err := v.People.SignIn(v.r.Context(), a)
	record := accounts.Record{Who: clip.Text(a.Name), Key: who.Person.Key, What: "sign-in", From: v.from(), Outcome: accounts.OutcomeOf(err)}
	if w, wait := errors.AsType[accounts.TooManyAttempts](err); wait {
		v.w.Header().Set("Retry-After", "30")
		return v.sheet(http.StatusTooManyRequests, "signin", signInData{Name: a.Name, Next: next, Wait: w.Wait})
	}
	v.recordSignIn(record)
	if errors.Is(err, accounts.ErrWrongPassword) {
		return v.sheet(http.StatusUnauthorized, "signin", signInData{Name: a.Name, Next: next, Why: accounts.ErrWrongPassword.Reason})
	}
	if err != nil {
		return err
	}
	if err := v.signIn(who.Person); err != nil {
		return err
	}
	v.keep("balansd-device", who.Device, 180*24*time.Hour)
	return v.redirect(next)
}

// recordSignIn notes an attempt to sign in.
func (v *visit) recordSignIn(r accounts.Record) {
	if r.Outcome != "" {
		v.AuditLog.RecordRefused(v.r.Context(), r)
		return
	}
	v.AuditLog.Record(v.r.Context(), r)
}

// keep sets a cookie that no script and no other site can use.
func (v *visit) keep(name, value string, span time.Duration) {
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // over plain HTTP, on loopback, it cannot be Secure
		Name: v.cookieName(name), Value: value, Path: "/", MaxAge: int(span / time.Second),
		HttpOnly: true, Secure: v.Secure, SameSite: http.SameSiteStrictMode})
}

func signOut(v *visit) error {
	v.AuditLog.Record(v.r.Context(), accounts.Record{Who: v.person.Name, What: "sign-out", From: v.from()})
	if err := v.sessions.Destroy(v.r.Context()); err != nil {
		return err
	}
	return v.redirect("/sign-in")
}

// setLanguage chooses the language of the pages in this browser, and for good
// for who is signed in.
func setLanguage(v *visit) error {
	lang := v.r.PostForm.Get("language")
	if v.tongues[lang] == nil {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // over plain HTTP, on loopback, it cannot be Secure
		Name: languageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: v.Secure, SameSite: http.SameSiteLaxMode})
	if v.person.Key != "" {
		if err := v.People.SetLanguage(v.r.Context(), v.person.Key, lang); err != nil {
			return err
		}
	}
	return v.redirect(local(v.r.PostForm.Get("next")))
}

// inviteData is what the page of an invitation shows.
type inviteData struct {
	Name, Why string
	First     bool // the first admin, who chooses a name
	Role      accounts.Role
	Expires   time.Time
	Min       int
}

func invitePage(v *visit) error {
	i, ok, err := v.People.Invited(v.r.Context(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	if !ok {
		return accounts.ErrLinkUsed
	}
	return v.page("invite", inviteData{Name: i.Name, First: i.Name == "", Role: i.Role, Expires: i.Expires, Min: accounts.MinPassword})
}

func acceptInvite(v *visit) error {
	ctx, form := v.r.Context(), v.r.PostForm
	token := v.r.PathValue("token")
	i, ok, err := v.People.Invited(ctx, token)
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
		data.Why = "invite.name-wrong"
	case form.Get("password") != form.Get("again"):
		data.Why = "password.twice"
	default:
		data.Why = accounts.PasswordWeakness(form.Get("password"), data.Name)
	}
	if data.Why != "" {
		return v.sheet(http.StatusUnprocessableEntity, "invite", data)
	}
	who, err := v.People.Accept(v.r.Context(), token, data.Name, form.Get("password"))
	if err != nil {
		return err
	}
	in, err := v.People.RecordSignIn(ctx, who, "", "")
	if err != nil {
		return err
	}
	if err := v.signIn(in.Person); err != nil {
		return err
	}
	v.keep("balansd-device", in.Device, 180*24*time.Hour)
	v.say("invite.welcome", "Name", in.Person.Name)
	return v.redirect("/")
}

// oidcCookie binds a sign-in at the provider to this browser.
const oidcCookie = "balansd-oidc"

func oidcBegin(v *visit) error {
	address, cookie, err := v.oidc.Begin(v.r.Context(), local(v.r.PostForm.Get("next")))
	if err != nil {
		return err
	}
	v.keep(oidcCookie, cookie, accounts.PendingLife)
	return v.leave(address)
}

func oidcCallback(v *visit) error { return v.handBack("/oidc/finish", "state", "code", "error") }

func oidcFinish(v *visit) error {
	form := v.r.PostForm
	cookie := ""
	if c, err := v.r.Cookie(v.cookieName(oidcCookie)); err == nil {
		cookie = c.Value
	}
	b, ok := v.oidc.Resume(form.Get("state"), cookie)
	switch {
	case form.Get("error") != "":
		if ok {
			v.recordSignIn(accounts.Record{What: "sign-in", From: v.from(), Outcome: "oidc.refused"})
		}
		return accounts.Refusal{Status: http.StatusForbidden, Reason: "oidc.refused"}
	case !ok: // anybody may send anything here: it is not worth a record
		return accounts.Refusal{Status: http.StatusBadRequest, Reason: "oidc.stale"}
	}
	who, err := v.oidc.Finish(v.r.Context(), b, form.Get("code"))
	var q accounts.Person
	if err == nil {
		q, err = v.People.SignInProvided(v.r.Context(), who)
	}
	v.recordSignIn(accounts.Record{Who: clip.Text(cmp.Or(q.Name, who.Name)), Key: q.Key, What: "sign-in", From: v.from(), Outcome: accounts.OutcomeOf(err)})
	v.keep(oidcCookie, "", -time.Second) // it works once, however it ends
	if err != nil {
		return errors.Join(err, v.People.EndWithoutRole(v.r.Context(), who))
	}
	if err := v.signIn(q); err != nil {
		return err
	}
	return v.redirect(b.Next)
}
