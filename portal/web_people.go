package portal

import (
	"errors"
	"net/http"
	"time"

	"balansd/accounts"
	"balansd/internal/clip"
)

func (w *Web) peopleRoutes() []route {
	routes := []route{
		{method: http.MethodGet, path: "/people", may: admin, do: peoplePage, nav: "nav.people"},
		{method: http.MethodPost, path: "/people/role", may: admin, do: setRole},
		{method: http.MethodPost, path: "/people/disabled", may: admin, do: setDisabled},
		{method: http.MethodPost, path: "/people/sign-out", may: admin, do: signOutPerson},
	}
	if w.oidc == nil {
		routes = append(routes,
			route{method: http.MethodPost, path: "/people/invite", may: admin, do: invitePerson},
			route{method: http.MethodPost, path: "/people/withdraw", may: admin, do: withdrawInvite})
	}
	return routes
}

// peopleData is what the page of people shows.
type peopleData struct {
	Accounts   []accounts.Account
	Provider   bool
	Invitation *accounts.Invitation // just made: its link is shown this once
}

func (v *visit) showPeople(i *accounts.Invitation) error {
	list, err := v.People.Accounts(v.r.Context())
	if err != nil {
		return err
	}
	return v.page("people", peopleData{Accounts: list, Provider: v.oidc != nil, Invitation: i})
}

func peoplePage(v *visit) error { return v.showPeople(nil) }

// invitePerson answers with the page itself, not with a redirect: the link is
// shown once and kept nowhere.
func invitePerson(v *visit) error {
	form := v.r.PostForm
	i, err := v.People.Invite(v.r.Context(), form.Get("name"), accounts.Role(form.Get("role")), v.person.Name)
	if err != nil {
		return err
	}
	return v.showPeople(&i)
}

func withdrawInvite(v *visit) error {
	name := v.r.PostForm.Get("name")
	err := v.People.Withdraw(v.r.Context(), name)
	return v.changed("withdraw", name, err)
}

// changed records a change of people and shows the list again.
func (v *visit) changed(what, on string, err error) error {
	v.AuditLog.Record(v.r.Context(), accounts.Record{Who: v.person.Name, What: what, On: clip.Text(on), From: v.from(), Outcome: accounts.OutcomeOf(err)})
	if err != nil {
		return err
	}
	v.say("people.changed", "Name", on)
	return v.redirect("/people")
}

func setRole(v *visit) error {
	role := accounts.Role(v.r.PostForm.Get("role"))
	q, err := v.People.SetRole(v.r.Context(), v.r.PostForm.Get("person"), role)
	what := "role-staff"
	if role == accounts.Admin {
		what = "role-admin"
	}
	return v.changed(what, q.Name, err)
}

func setDisabled(v *visit) error {
	out := v.r.PostForm.Get("disabled") == "true"
	q, err := v.People.SetDisabled(v.r.Context(), v.r.PostForm.Get("person"), out)
	what := "enable"
	if out {
		what = "disable"
	}
	return v.changed(what, q.Name, err)
}

func signOutPerson(v *visit) error {
	q, err := v.People.SignOutEverywhere(v.r.Context(), v.r.PostForm.Get("person"))
	return v.changed("sign-out-all", q.Name, err)
}

func (w *Web) accountRoutes() []route {
	routes := []route{
		{method: http.MethodGet, path: "/account", may: staff, do: accountPage},
		{method: http.MethodPost, path: "/account/sign-out-everywhere", may: staff, do: signOutEverywhere},
	}
	if w.oidc == nil {
		routes = append(routes, route{method: http.MethodPost, path: "/account/password", may: staff, do: changeOwnPassword})
	}
	return routes
}

// accountData is what a person's own page shows.
type accountData struct {
	Sessions []accounts.Session
	Why      string
	Wait     int // seconds
	Min      int
	Until    time.Time
}

func (v *visit) showAccount(status int, d accountData) (err error) {
	if d.Sessions, err = v.sessions.List(v.r.Context(), v.r.UserAgent()); err != nil {
		return err
	}
	d.Min, d.Until = accounts.MinPassword, v.sessions.Deadline(v.r.Context())
	return v.sheet(status, "account", d)
}

func accountPage(v *visit) error { return v.showAccount(http.StatusOK, accountData{}) }

func changeOwnPassword(v *visit) error {
	ctx, form := v.r.Context(), v.r.PostForm
	why := accounts.PasswordWeakness(form.Get("password"), v.person.Name)
	if form.Get("password") != form.Get("again") {
		why = "password.twice"
	}
	if why != "" {
		return v.showAccount(http.StatusUnprocessableEntity, accountData{Why: why})
	}
	q, err := v.People.ChangePassword(ctx, v.person.Key, form.Get("old"), form.Get("password"), v.from())
	v.AuditLog.Record(ctx, accounts.Record{Who: v.person.Name, What: "password", From: v.from(), Outcome: accounts.OutcomeOf(err)})
	if w, wait := errors.AsType[accounts.TooManyAttempts](err); wait {
		return v.showAccount(http.StatusTooManyRequests, accountData{Why: "signin.wait", Wait: signInData{Wait: w.Wait}.Seconds()})
	}
	if no, ok := err.(accounts.Refusal); ok { //nolint:errorlint // changePassword wraps none
		return v.showAccount(no.Status, accountData{Why: no.Reason})
	}
	if err != nil {
		return err
	}
	if err := v.signIn(q); err != nil {
		return err
	}
	v.say("account.password-changed")
	return v.redirect("/account")
}

func signOutEverywhere(v *visit) error {
	_, err := v.People.SignOutEverywhere(v.r.Context(), v.person.Key)
	v.AuditLog.Record(v.r.Context(), accounts.Record{Who: v.person.Name, What: "sign-out-all", On: v.person.Name, From: v.from(), Outcome: accounts.OutcomeOf(err)})
	if err == nil {
		err = v.sessions.Destroy(v.r.Context())
	}
	if err != nil {
		return err
	}
	return v.redirect("/sign-in")
}
