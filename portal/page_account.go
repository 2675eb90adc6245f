package portal

import (
	"errors"
	"net/http"
	"time"

	"balansd/accounts"
)

func (h *Handler) accountRoutes() []route {
	routes := []route{
		{method: http.MethodGet, path: "/account", access: staff, handle: accountPage},
		{method: http.MethodPost, path: "/account/sign-out-everywhere", access: staff, handle: signOutEverywhere},
	}
	if h.oidc == nil {
		routes = append(routes, route{method: http.MethodPost, path: "/account/password", access: staff, handle: changeOwnPassword})
	}
	return routes
}

// accountData is the data of a person's own page.
type accountData struct {
	Sessions  []accounts.Session
	MessageID string
	Wait      int // seconds
	Min       int
	Until     time.Time
}

func (rq *request) showAccount(status int, d accountData) (err error) {
	if d.Sessions, err = rq.sessions.List(rq.r.Context(), rq.r.UserAgent()); err != nil {
		return err
	}
	d.Min, d.Until = accounts.MinPassword, rq.sessions.Deadline(rq.r.Context())
	return rq.renderPageStatus(status, "account", d)
}

func accountPage(rq *request) error { return rq.showAccount(http.StatusOK, accountData{}) }

func changeOwnPassword(rq *request) error {
	ctx, form := rq.r.Context(), rq.r.PostForm
	why := accounts.PasswordWeakness(form.Get("password"), rq.person.Name)
	if form.Get("password") != form.Get("again") {
		why = "password.twice"
	}
	if why != "" {
		return rq.showAccount(http.StatusUnprocessableEntity, accountData{MessageID: why})
	}
	q, err := rq.People.ChangePassword(ctx, rq.person.Key, form.Get("old"), form.Get("password"), rq.caller.Address)
	rq.AuditLog.Record(ctx, accounts.Record{Who: rq.person.Name, What: "password", From: rq.caller.Address, Outcome: accounts.OutcomeOf(err)})
	if w, wait := errors.AsType[accounts.TooManyAttempts](err); wait {
		return rq.showAccount(http.StatusTooManyRequests, accountData{MessageID: "signin.wait", Wait: signInData{Wait: w.Wait}.Seconds()})
	}
	if no, ok := err.(accounts.Refusal); ok { //nolint:errorlint // changePassword wraps none
		return rq.showAccount(no.Status, accountData{MessageID: no.Reason})
	}
	if err != nil {
		return err
	}
	if err := rq.signIn(q); err != nil {
		return err
	}
	rq.flash("account.password-changed")
	return rq.redirect("/account")
}

func signOutEverywhere(rq *request) error {
	_, err := rq.People.SignOutEverywhere(rq.r.Context(), rq.person.Key)
	rq.AuditLog.Record(rq.r.Context(), accounts.Record{Who: rq.person.Name, What: "sign-out-all", On: rq.person.Name, From: rq.caller.Address, Outcome: accounts.OutcomeOf(err)})
	if err == nil {
		err = rq.sessions.Destroy(rq.r.Context())
	}
	if err != nil {
		return err
	}
	return rq.redirect("/sign-in")
}
