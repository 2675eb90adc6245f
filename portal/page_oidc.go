package portal

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"balansd/accounts"
	"balansd/internal/clip"
)

// oidcCookie is the cookie of a pending sign-in at the provider.
const oidcCookie = "balansd-oidc"

func startOIDC(rq *request) error {
	address, cookie, err := rq.oidc.Begin(rq.r.Context(), localPath(rq.r.PostForm.Get("next")))
	if err != nil {
		return err
	}
	rq.setCookie(oidcCookie, cookie, accounts.PendingLifetime)
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
			rq.recordSignIn(accounts.Record{What: "sign-in", From: rq.caller.Address, Outcome: "oidc.refused"})
		}
		return accounts.Refusal{Status: http.StatusForbidden, Reason: "oidc.refused"}
	case !ok: // not recorded: anybody can send it
		return accounts.Refusal{Status: http.StatusBadRequest, Reason: "oidc.stale"}
	}
	who, err := rq.oidc.Finish(rq.r.Context(), b, form.Get("code"))
	var q accounts.Person
	if err == nil {
		q, err = rq.People.SignInFromProvider(rq.r.Context(), who)
	}
	rq.recordSignIn(accounts.Record{Who: clip.Text(cmp.Or(q.Name, who.Name)), Key: q.Key, What: "sign-in", From: rq.caller.Address, Outcome: accounts.OutcomeOf(err)})
	rq.setCookie(oidcCookie, "", -time.Second) // it is used up, however the sign-in ends
	if err != nil {
		return errors.Join(err, rq.People.EndSessionsWithoutRole(rq.r.Context(), who))
	}
	if err := rq.signIn(q); err != nil {
		return err
	}
	return rq.redirect(b.Next)
}
