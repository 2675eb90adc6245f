package portal

import (
	"errors"
	"net/http"
	"time"

	"balansd/accounts"
	"balansd/internal/clip"
)

func (h *Handler) peopleRoutes() []route {
	routes := []route{
		{method: http.MethodGet, path: "/people", access: admin, handle: peoplePage, nav: "nav.people"},
		{method: http.MethodPost, path: "/people/role", access: admin, handle: setRole},
		{method: http.MethodPost, path: "/people/disabled", access: admin, handle: setDisabled},
		{method: http.MethodPost, path: "/people/sign-out", access: admin, handle: signOutPerson},
	}
	if h.oidc == nil {
		routes = append(routes,
			route{method: http.MethodPost, path: "/people/invite", access: admin, handle: invitePerson},
			route{method: http.MethodPost, path: "/people/withdraw", access: admin, handle: withdrawInvite})
	}
	return routes
}

// peopleData is what the page of people shows.
type peopleData struct {
	Accounts   []accounts.Account
	Provider   bool
	Invitation *accounts.Invitation // just made: its link is shown this once
}

func (rq *request) showPeople(i *accounts.Invitation) error {
	list, err := rq.People.Accounts(rq.r.Context())
	if err != nil {
		return err
	}
	return rq.renderPage("people", peopleData{Accounts: list, Provider: rq.oidc != nil, Invitation: i})
}

func peoplePage(rq *request) error { return rq.showPeople(nil) }

// invitePerson answers with the page itself, not with a redirect: the link is
// shown once and kept nowhere.
func invitePerson(rq *request) error {
	form := rq.r.PostForm
	i, err := rq.People.Invite(rq.r.Context(), form.Get("name"), accounts.Role(form.Get("role")), rq.person.Name)
	if err != nil {
		return err
	}
	return rq.showPeople(&i)
}

func withdrawInvite(rq *request) error {
	name := rq.r.PostForm.Get("name")
	err := rq.People.Withdraw(rq.r.Context(), name)
	return rq.recordPeopleChange("withdraw", name, err)
}

// recordPeopleChange records a change of people and shows the list again.
func (rq *request) recordPeopleChange(what, on string, err error) error {
	rq.AuditLog.Record(rq.r.Context(), accounts.Record{Who: rq.person.Name, What: what, On: clip.Text(on), From: rq.clientIP(), Outcome: accounts.OutcomeOf(err)})
	if err != nil {
		return err
	}
	rq.flash("people.changed", "Name", on)
	return rq.redirect("/people")
}

func setRole(rq *request) error {
	role := accounts.Role(rq.r.PostForm.Get("role"))
	q, err := rq.People.SetRole(rq.r.Context(), rq.r.PostForm.Get("person"), role)
	what := "role-staff"
	if role == accounts.Admin {
		what = "role-admin"
	}
	return rq.recordPeopleChange(what, q.Name, err)
}

func setDisabled(rq *request) error {
	out := rq.r.PostForm.Get("disabled") == "true"
	q, err := rq.People.SetDisabled(rq.r.Context(), rq.r.PostForm.Get("person"), out)
	what := "enable"
	if out {
		what = "disable"
	}
	return rq.recordPeopleChange(what, q.Name, err)
}

func signOutPerson(rq *request) error {
	q, err := rq.People.SignOutEverywhere(rq.r.Context(), rq.r.PostForm.Get("person"))
	return rq.recordPeopleChange("sign-out-all", q.Name, err)
}

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

// accountData is what a person's own page shows.
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
	q, err := rq.People.ChangePassword(ctx, rq.person.Key, form.Get("old"), form.Get("password"), rq.clientIP())
	rq.AuditLog.Record(ctx, accounts.Record{Who: rq.person.Name, What: "password", From: rq.clientIP(), Outcome: accounts.OutcomeOf(err)})
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
	rq.AuditLog.Record(rq.r.Context(), accounts.Record{Who: rq.person.Name, What: "sign-out-all", On: rq.person.Name, From: rq.clientIP(), Outcome: accounts.OutcomeOf(err)})
	if err == nil {
		err = rq.sessions.Destroy(rq.r.Context())
	}
	if err != nil {
		return err
	}
	return rq.redirect("/sign-in")
}
