package accounts

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"balansd/internal/clip"
	"balansd/keyvalue"
	"balansd/problem"
)

// invitationLifetime is how long the link of an invitation works.
const invitationLifetime = 24 * time.Hour

// invitation is an invitation that was not used yet. The secret of the link is
// saved as a hash: who reads the state file cannot use it.
type invitation struct {
	Hash string `json:"hash"`
	Name string `json:"name,omitempty"` // empty for the first admin, who chooses one
	Role Role   `json:"role"`
	By   string `json:"by,omitempty"`
	// Local is for a person who signs in with a password although a provider is
	// configured.
	Local bool `json:"local,omitempty"`
	// Inviter is the key of the admin who made it on the pages, and for as long
	// as they are one it works; empty for one that the command line made.
	Inviter string    `json:"inviter,omitempty"`
	Made    time.Time `json:"made,omitzero"`
	Expires time.Time `json:"expires"`
}

// Invitation is a new or pending invitation.
type Invitation struct {
	Name    string    `json:"name,omitempty"`
	Role    Role      `json:"role"`
	Link    string    `json:"link"`    // works once
	Expires time.Time `json:"expires"` // and no later
	// Again says that the person is there already: the link gives them a new
	// password.
	Again bool `json:"again,omitempty"`
}

// Invite creates a link with which a person of the name chooses a password. For
// an existing person it replaces a forgotten password; until the link is used the
// old one is valid. An earlier link for the same name is deleted.
func (p *People) Invite(ctx context.Context, name string, role Role, by string) (Invitation, error) {
	return p.inviteAs(ctx, invitation{Name: name, Role: role, By: by})
}

// InviteLocal is Invite for a person who signs in with a password although a provider is
// configured, which may be down.
func (p *People) InviteLocal(ctx context.Context, name string, role Role, by string) (Invitation, error) {
	return p.inviteAs(ctx, invitation{Name: name, Role: role, By: by, Local: true})
}

func (p *People) inviteAs(ctx context.Context, i invitation) (Invitation, error) {
	i.Name = strings.Join(strings.Fields(i.Name), " ")
	if err := CheckName(i.Name); err != nil {
		return Invitation{}, err
	}
	if i.Role != Admin && i.Role != Staff {
		return Invitation{}, problem.New(problem.Usage, "there is no such role", "It is admin or staff.")
	}
	return p.invite(ctx, i)
}

// FirstAdmin creates a link for the first admin. It returns false when there is an
// admin who can sign in, or a provider. The links that it returned before are
// deleted.
func (p *People) FirstAdmin(ctx context.Context) (Invitation, bool, error) {
	if p.Provider {
		return Invitation{}, false, nil
	}
	list, err := p.Accounts(ctx)
	if err != nil {
		return Invitation{}, false, err
	}
	for _, a := range list {
		if a.Role == Admin && a.State == stateActive && !a.Provider {
			return Invitation{}, false, nil
		}
	}
	i, err := p.invite(ctx, invitation{Role: Admin})
	return i, err == nil, err
}

func (p *People) invite(ctx context.Context, i invitation) (Invitation, error) {
	switch {
	case p.BaseURL == "":
		return Invitation{}, problem.New(problem.NotAllowed, "the web pages are turned off", "Set portal.listen in the configuration.")
	case p.Provider && !i.Local:
		return Invitation{}, problem.New(problem.NotAllowed, "an OpenID Connect provider signs people in, nobody is invited",
			"Put the person in one of the provider's groups that portal.oidc names. While it is down: balansd portal invite --local.")
	}
	token := rand.Text()
	i.Hash, i.Made = hashOf(token), p.Now().UTC().Truncate(time.Second)
	i.Expires = i.Made.Add(invitationLifetime)
	out := Invitation{Name: i.Name, Role: i.Role, Link: p.BaseURL + "/invite/" + token, Expires: i.Expires}
	err := p.KeyValue.Update(ctx, func(w keyvalue.Writer) error {
		waiting, err := keyvalue.All[invitation](w, invitationsNamespace)
		if err != nil {
			return err
		}
		over := confirmedTime(p.Now(), p.Confirmed)
		for _, old := range waiting {
			if keyOf(old.Name) == keyOf(i.Name) || !over.Before(old.Expires) {
				w.Delete(invitationsNamespace, old.Hash)
			}
		}
		inviter, _, err := keyvalue.Get[Person](w, peopleNamespace, keyOf(i.By))
		switch {
		case err != nil:
			return err
		case isLocalAdmin(inviter):
			i.Inviter = inviter.Key
		case callerOf(ctx) != nil: // an admin until a moment ago
			return Refusal{Status: 403}
		}
		if i.Name != "" {
			q, again, err := keyvalue.Get[Person](w, peopleNamespace, keyOf(i.Name))
			if err != nil {
				return err
			}
			if again {
				q.Role, q.Local = i.Role, q.Local || i.Local
				if err := lastAdmin(w, q); err != nil {
					return err
				}
			}
			out.Again = again
		}
		return keyvalue.Put(w, invitationsNamespace, i.Hash, i)
	})
	p.AuditLog.Record(ctx, Record{Who: i.By, What: "invite-" + string(i.Role), On: i.Name, Outcome: OutcomeOf(err)})
	if err != nil {
		return Invitation{}, err
	}
	return out, nil
}

// PendingInvitation returns the invitation of a link; false when the link is not, or no
// longer, valid.
func (p *People) PendingInvitation(ctx context.Context, token string) (out Invitation, ok bool, err error) {
	err = p.KeyValue.View(ctx, func(r keyvalue.Reader) error {
		var i invitation
		i, ok, err = p.validInvitation(r, token)
		out = Invitation{Name: i.Name, Role: i.Role, Expires: i.Expires}
		return err
	})
	return out, ok, err
}

// validInvitation loads the invitation of a link; false when it is not valid.
func (p *People) validInvitation(r keyvalue.Reader, token string) (invitation, bool, error) {
	i, ok, err := keyvalue.Get[invitation](r, invitationsNamespace, hashOf(token))
	if err != nil || !ok {
		return i, false, err
	}
	ok, err = p.valid(r, i)
	return i, ok, err
}

// valid reports whether an invitation can be used. One that an admin made cannot
// once they are no admin, nor one that was made in the future. The link for the
// first admin is in a log: once there is an admin, whoever reads it there cannot
// use it.
func (p *People) valid(r keyvalue.Reader, i invitation) (bool, error) {
	switch {
	case !p.Now().Before(i.Expires), isFuture(i.Made, p.Now()), p.Provider && !i.Local:
		return false, nil
	case i.Inviter != "":
		inviter, _, err := keyvalue.Get[Person](r, peopleNamespace, i.Inviter)
		return isLocalAdmin(inviter), err
	case i.Name != "":
		return true, nil
	}
	people, err := keyvalue.All[Person](r, peopleNamespace)
	return !slices.ContainsFunc(people, isLocalAdmin), err
}

// isLocalAdmin reports whether a person can sign in, without a provider, and manage
// the pages.
func isLocalAdmin(q Person) bool { return q.Role == Admin && !q.Disabled && !q.FromProvider() }

// Withdraw deletes the invitation of a name.
func (p *People) Withdraw(ctx context.Context, name string) error {
	return p.KeyValue.Update(ctx, func(w keyvalue.Writer) error {
		return withdraw(w, func(i invitation) bool { return keyOf(i.Name) == keyOf(name) })
	})
}

// invitationsOf selects the invitations for a person, and those that they made.
func invitationsOf(key string) func(invitation) bool {
	return func(i invitation) bool { return keyOf(i.Name) == key || i.Inviter == key }
}

// withdraw deletes the invitations that are selected.
func withdraw(w keyvalue.Writer, selected func(invitation) bool) error {
	waiting, err := keyvalue.All[invitation](w, invitationsNamespace)
	if err != nil {
		return err
	}
	for _, i := range waiting {
		if selected(i) {
			w.Delete(invitationsNamespace, i.Hash)
		}
	}
	return nil
}

// ErrLinkUsed is the refusal of a link that is not, or no longer, valid.
var ErrLinkUsed = Refusal{Status: 410, Reason: "invite.used"}

// Accept uses the link of an invitation: it saves the person, with the password.
// Of two who use it at once, one succeeds. The audit log records the role that
// the person has now, and whether it changed.
func (p *People) Accept(ctx context.Context, token, name, password string) (q Person, err error) {
	what := "accept"
	defer func() {
		p.AuditLog.Record(ctx, Record{Who: cmp.Or(q.Name, clip.Text(name)), Key: q.Key, What: what, Outcome: OutcomeOf(err)})
	}()
	hash, err := p.hashing.hash(ctx, password)
	if err != nil {
		return Person{}, err
	}
	err = p.KeyValue.Update(ctx, func(w keyvalue.Writer) error {
		i, ok, err := p.validInvitation(w, token)
		if err != nil {
			return err
		}
		if !ok {
			return ErrLinkUsed
		}
		w.Delete(invitationsNamespace, i.Hash)
		if i.Name != "" {
			name = i.Name
		}
		if err := CheckName(name); err != nil {
			return err
		}
		key := keyOf(name)
		var again bool
		if q, again, err = keyvalue.Get[Person](w, peopleNamespace, key); err != nil {
			return err
		}
		if again && i.Name == "" {
			return problem.New(problem.Conflict, fmt.Sprintf("there is a person called %s already", q.Name), "Choose another name.")
		}
		if !again {
			q = Person{Key: key, Name: name, Since: p.Now().UTC().Truncate(time.Second)}
		}
		what = acceptedAs(q.Role, i.Role)
		q.Role, q.Password, q.Disabled, q.Devices, q.Local = i.Role, hash, false, nil, q.Local || i.Local
		q.Epoch++
		if again {
			if err := lastAdmin(w, q); err != nil {
				return err
			}
		}
		return keyvalue.Put(w, peopleNamespace, key, q)
	})
	if err != nil {
		return Person{}, err
	}
	return q, nil
}

// acceptedAs returns what the audit log records: the new role, and whether the person had
// another one before.
func acceptedAs(before, after Role) string {
	switch {
	case before == "" || before == after:
		return "accept-" + string(after)
	case after == Admin:
		return "accept-raised"
	}
	return "accept-lowered"
}
