package portal

import (
	"net/http"
	"slices"

	"balansd/accounts"
	"balansd/internal/clip"
	"balansd/problem"
)

func (h *Handler) peopleRoutes() []route {
	routes := []route{
		{method: http.MethodGet, path: "/people", access: admin, handle: peoplePage, nav: "nav.people"},
		{method: http.MethodPost, path: "/people/role", access: admin, handle: setRole},
		{method: http.MethodPost, path: "/people/disabled", access: admin, handle: setDisabled},
		{method: http.MethodPost, path: "/people/remove", access: admin, handle: removePerson},
		{method: http.MethodPost, path: "/people/sign-out", access: admin, handle: signOutPerson},
	}
	if h.oidc == nil {
		routes = append(routes,
			route{method: http.MethodPost, path: "/people/invite", access: admin, handle: invitePerson},
			route{method: http.MethodPost, path: "/people/withdraw", access: admin, handle: withdrawInvite})
	}
	return append(routes, sheetRoutes("/people", admin, peopleSheet)...)
}

// peopleData is the data of the page of people.
type peopleData struct {
	Accounts   []accounts.Account
	Provider   bool
	Invitation *accounts.Invitation // a new one, whose link is shown this once
	// LastAdmin is the key of the only admin; empty where there are several.
	LastAdmin string
	Take      takeAlong
}

// lastAdmin returns the key of the only admin that can sign in; empty where there are
// several.
func lastAdmin(list []accounts.Account) (key string) {
	for _, a := range list {
		if a.Role != accounts.Admin || a.State != "active" || a.Local {
			continue
		}
		if key != "" {
			return ""
		}
		key = a.Key
	}
	return key
}

func (rq *request) showPeople(i *accounts.Invitation) error {
	list, err := rq.People.Accounts(rq.r.Context())
	if err != nil {
		return err
	}
	return rq.renderPage("people", peopleData{Accounts: list, Provider: rq.oidc != nil, Invitation: i, LastAdmin: lastAdmin(list), Take: newTakeAlong("/people", nil, false)})
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
	if problem.Is(err, problem.NotAllowed) {
		rq.flashWarning("people.last-admin", "Name", on)
		return rq.redirect("/people")
	}
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

// askSure answers with a page that asks before a person loses access, unless it was asked.
func (rq *request) askSure(what string) (asked bool, err error) {
	form := rq.r.PostForm
	if form.Get("sure") != "" {
		return false, nil
	}
	list, err := rq.People.Accounts(rq.r.Context())
	if err != nil {
		return true, err
	}
	i := slices.IndexFunc(list, func(a accounts.Account) bool { return a.Key != "" && a.Key == form.Get("person") })
	if i < 0 {
		return true, problem.New(problem.NotFound, "there is no such person", "See the list of people.")
	}
	if list[i].Key == lastAdmin(list) {
		rq.flashWarning("people.last-admin", "Name", list[i].Name)
		return true, rq.redirect("/people")
	}
	return true, rq.renderPage("peoplesure", struct {
		accounts.Account
		What, Path string
	}{list[i], what, rq.r.URL.Path})
}

// removePerson takes a person off the list, once that was confirmed.
func removePerson(rq *request) error {
	if asked, err := rq.askSure("remove"); asked {
		return err
	}
	q, err := rq.People.Remove(rq.r.Context(), rq.r.PostForm.Get("person"))
	return rq.recordPeopleChange("remove-person", q.Name, err)
}

func setDisabled(rq *request) error {
	out := rq.r.PostForm.Get("disabled") == "true"
	if out {
		if asked, err := rq.askSure("disable"); asked {
			return err
		}
	}
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
