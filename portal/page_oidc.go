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

// errAskProvider has the browser ask the provider about the person of the session.
var errAskProvider = errors.New("the provider is to be asked again")

// checkMembership has the provider asked again about a person whom it was not asked about
// for Config.Recheck. Where that needs their browser, a page is interrupted for it. What is
// not a page, such as a form, goes on for as long again.
func (rq *request) checkMembership() error {
	if rq.oidc == nil || rq.person.Key == "" {
		return nil
	}
	q, what, err := rq.People.Membership(rq.r.Context(), rq.oidc, rq.person, rq.Recheck)
	if err != nil {
		return err
	}
	switch what {
	case accounts.MemberGone:
		rq.setPerson(accounts.Person{})
		return rq.sessions.Destroy(rq.r.Context())
	case accounts.MemberAskBrowser:
		if rq.r.Method == http.MethodGet && !rq.isPartial() {
			return errAskProvider
		}
		if rq.Now().Sub(q.CheckedAt) >= 2*rq.Recheck {
			return errSignIn
		}
	default:
		rq.setPerson(q)
	}
	return nil
}

// askProvider sends the browser to the provider, which sends it back to the page without
// a question to the person.
func (rq *request) askProvider() error {
	address, cookie, err := rq.oidc.BeginSilently(rq.r.Context(), rq.person, localPath(rq.r.URL.RequestURI()))
	if err != nil {
		return err
	}
	rq.setCookie(oidcCookie, cookie, accounts.PendingLifetime)
	return rq.redirectExternal(address)
}

func oidcCallback(rq *request) error {
	return rq.relayCallback("/oidc/finish", "state", "code", "error")
}

// notAMember ends the session of a person about whom the provider, asked again, says
// nothing without a question to them.
func (rq *request) notAMember(b accounts.PendingSignIn) error {
	rq.setCookie(oidcCookie, "", -time.Second)
	if rq.person.Key == b.Key {
		if err := rq.sessions.Destroy(rq.r.Context()); err != nil {
			return err
		}
	}
	return rq.redirect("/sign-in?" + url.Values{"next": {b.Next}}.Encode())
}

func finishOIDC(rq *request) error {
	form := rq.r.PostForm
	cookie := ""
	if c, err := rq.r.Cookie(rq.cookieName(oidcCookie)); err == nil {
		cookie = c.Value
	}
	b, ok := rq.oidc.Resume(form.Get("state"), cookie)
	switch {
	case ok && b.Key != "" && form.Get("error") != "":
		return rq.notAMember(b)
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
