package portal

import (
	"net/http"

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

// peopleData is the data of the page of people.
type peopleData struct {
	Accounts   []accounts.Account
	Provider   bool
	Invitation *accounts.Invitation // a new one, whose link is shown this once
}

func (rq *request) showPeople(i *accounts.Invitation) error {
	list, err := rq.People.Accounts(rq.r.Context())
	if err != nil {
		return err
	}
	return rq.renderPage("people", peopleData{Accounts: list, Provider: rq.oidc != nil, Invitation: i})
}

func peoplePage(rq *request) error { return rq.showPeople(nil) }

// invitePerson answers with the page itself instead of a redirect: the link is shown
// once and saved nowhere.
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

// recordPeopleChange adds a change to the audit log and redirects to the list.
func (rq *request) recordPeopleChange(what, on string, err error) error {
	rq.AuditLog.Record(rq.r.Context(), accounts.Record{Who: rq.person.Name, What: what, On: clip.Text(on), From: rq.caller.Address, Outcome: accounts.OutcomeOf(err)})
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
