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
		routes = append(routes,
			route{method: http.MethodPost, path: "/oidc/begin", access: open, handle: startOIDC},
			route{method: http.MethodGet, path: "/oidc/callback", access: open, handle: oidcCallback},
			route{method: http.MethodPost, path: "/oidc/finish", access: open, handle: finishOIDC})
	}
	return append(routes,
		route{method: http.MethodPost, path: "/sign-in", access: open, handle: signIn},
		route{method: http.MethodGet, path: "/invite/{token}", access: open, handle: invitePage},
		route{method: http.MethodPost, path: "/invite/{token}", access: open, handle: acceptInvite})
}

// redirectToSignIn answers a request without a session. Who follows a link from another
// site, such as a mail, may have one: the strict cookie was not sent. The answer reloads
// itself from this site, with the cookie.
func (rq *request) redirectToSignIn() {
	next := rq.r.URL.RequestURI()
	kept := rq.keepForm()
	if kept != "" {
		next = kept
	}
	to := rq.base + "/sign-in?" + url.Values{"next": {next}}.Encode()
	switch {
	case rq.isPartial():
		rq.w.Header().Set("HX-Redirect", rq.base+"/sign-in")
		if kept != "" {
			rq.w.Header().Set("HX-Redirect", to)
		}
		rq.writePlainError(http.StatusUnauthorized)
	case kept != "":
		http.Redirect(rq.w, rq.r, to, http.StatusSeeOther) //nolint:gosec // a page of ours
	case rq.r.Method != http.MethodGet && rq.r.Method != http.MethodHead:
		rq.writeErrorPage(http.StatusUnauthorized, errorData{Status: http.StatusUnauthorized})
	case rq.r.Header.Get("Sec-Fetch-Site") == "cross-site":
		rq.w.Header().Set("Refresh", "0")
		rq.writePlainError(http.StatusUnauthorized)
	default:
		http.Redirect(rq.w, rq.r, to, http.StatusSeeOther) //nolint:gosec // a page of ours, by the configuration
	}
}

// signInData is the data of the sign-in page.
type signInData struct {
	Name, Next, MessageID string
	Wait                  time.Duration
	Provider              bool
	Password              bool // a person may sign in with one
}

// Seconds returns how long to wait, rounded up.
func (d signInData) Seconds() int { return int((d.Wait + time.Second - 1) / time.Second) }

func signInPage(rq *request) error {
	next := localPath(rq.r.URL.Query().Get("next"))
	if rq.person.Key != "" {
		return rq.redirect(next)
	}
	return rq.renderSignIn(http.StatusOK, signInData{Next: next})
}

// renderSignIn answers with the sign-in page.
func (rq *request) renderSignIn(status int, d signInData) error {
	d.Provider, d.Password = rq.oidc != nil, true
	if d.Provider {
		var err error
		if d.Password, err = rq.People.HasLocal(rq.r.Context()); err != nil {
			return err
		}
	}
	return rq.renderPageStatus(status, "signin", d)
}

func signIn(rq *request) error {
	form := rq.r.PostForm
	next := localPath(form.Get("next"))
	a := accounts.Attempt{Name: form.Get("name"), Password: form.Get("password"), Address: rq.caller.Address}
	if c, err := rq.r.Cookie(rq.cookieName("balansd-device")); err == nil {
		a.Device = c.Value
	}
	who, err := rq.People.SignIn(rq.r.Context(), a)
	record := accounts.Record{Who: cmp.Or(who.Person.Name, clip.Text(a.Name)), Key: who.Person.Key, What: "sign-in", From: rq.caller.Address, Outcome: accounts.OutcomeOf(err)}
	if w, wait := errors.AsType[accounts.TooManyAttempts](err); wait {
		rq.logRefusedSignIn(a.Name, "signin.wait")
		rq.w.Header().Set("Retry-After", "30")
		return rq.renderSignIn(http.StatusTooManyRequests, signInData{Name: a.Name, Next: next, Wait: w.Wait})
	}
	rq.recordSignIn(record)
	if errors.Is(err, accounts.ErrWrongPassword) {
		return rq.renderSignIn(http.StatusUnauthorized, signInData{Name: a.Name, Next: next, MessageID: accounts.ErrWrongPassword.Reason})
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

// recordSignIn adds an attempt to sign in to the audit log.
func (rq *request) recordSignIn(r accounts.Record) {
	if r.Outcome != "" {
		rq.logRefusedSignIn(r.Who, r.Outcome)
		rq.AuditLog.RecordRefused(rq.r.Context(), r)
		return
	}
	rq.AuditLog.Record(rq.r.Context(), r)
}

// logRefusedSignIn logs an attempt to sign in that failed. Programs such as fail2ban read
// the line from its start: the address comes before the name, which anybody may choose.
func (rq *request) logRefusedSignIn(name, reason string) {
	rq.Log.Info().Str("client", rq.caller.Address).Str("account", clip.Text(name)).Str("reason", reason).Msg("a sign-in was refused")
}

// setCookie sets a cookie that scripts and other sites cannot use.
func (rq *request) setCookie(name, value string, span time.Duration) {
	http.SetCookie(rq.w, &http.Cookie{ //nolint:gosec // over plain HTTP, on loopback, it cannot be Secure
		Name: rq.cookieName(name), Value: value, Path: rq.cookiePath(), MaxAge: int(span / time.Second),
		HttpOnly: true, Secure: rq.secure, SameSite: http.SameSiteStrictMode})
}

func signOut(rq *request) error {
	rq.AuditLog.Record(rq.r.Context(), accounts.Record{Who: rq.person.Name, What: "sign-out", From: rq.caller.Address})
	if err := rq.sessions.Destroy(rq.r.Context()); err != nil {
		return err
	}
	rq.setCookie(ownerCookie, "", -time.Second) // nothing is kept for who signs out
	return rq.redirect("/sign-in")
}
