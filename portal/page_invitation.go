package portal

import (
	"net/http"
	"time"

	"balansd/accounts"
)

// inviteData is the data of the page of an invitation.
type inviteData struct {
	Name, MessageID string
	First           bool // the first admin, who chooses a name
	Role            accounts.Role
	Expires         time.Time
	Min             int
}

func invitePage(rq *request) error {
	i, ok, err := rq.People.PendingInvitation(rq.r.Context(), rq.r.PathValue("token"))
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
	i, ok, err := rq.People.PendingInvitation(ctx, token)
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
