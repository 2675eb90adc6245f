package portal

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"balansd/internal/clip"
	"balansd/problem"
)

// inviteTime is how long the link of an invitation works.
const inviteTime = 24 * time.Hour

// invite is an invitation that waits. The link's own secret is kept as a hash:
// who reads the state file cannot use it.
type invite struct {
	Hash string `json:"hash"`
	Name string `json:"name,omitempty"` // empty for the first admin, who chooses one
	Role Role   `json:"role"`
	By   string `json:"by,omitempty"`
	// Inviter is the key of the admin who made it on the pages, and for as long
	// as they are one it works; empty for one that the command line made.
	Inviter string    `json:"inviter,omitempty"`
	Made    time.Time `json:"made,omitzero"`
	Expires time.Time `json:"expires"`
}

// Invitation is what who invites hands on.
type Invitation struct {
	Name    string    `json:"name,omitempty"`
	Role    Role      `json:"role"`
	Link    string    `json:"link"`    // works once
	Expires time.Time `json:"expires"` // and no later
	// Again says that the person is there already: the link gives them a new
	// password.
	Again bool `json:"again,omitempty"`
}

// Invite makes a link with which a person of the name chooses a password. For
// a person who is there already it is how a forgotten password is replaced:
// until then the old one stays. An earlier link for the same name works no
// more.
func (p *People) Invite(ctx context.Context, name string, role Role, by string) (Invitation, error) {
	name = strings.Join(strings.Fields(name), " ")
	if err := checkName(name); err != nil {
		return Invitation{}, err
	}
	if role != Admin && role != Staff {
		return Invitation{}, problem.New(problem.Usage, "there is no such role", "It is admin or staff.")
	}
	return p.invite(ctx, invite{Name: name, Role: role, By: by})
}

// FirstAdmin makes a link for the first admin. It gives false when there is an
// admin who can sign in, or a provider that makes them. The links that it gave
// before work no more.
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
	i, err := p.invite(ctx, invite{Role: Admin})
	return i, err == nil, err
}

func (p *People) invite(ctx context.Context, i invite) (Invitation, error) {
	switch {
	case p.BaseURL == "":
		return Invitation{}, problem.New(problem.NotAllowed, "the web pages are turned off", "Set portal.listen in the configuration.")
	case p.Provider:
		return Invitation{}, problem.New(problem.NotAllowed, "an OpenID Connect provider signs people in, nobody is invited",
			"Put the person in one of the provider's groups that portal.oidc names.")
	}
	token := rand.Text()
	i.Hash, i.Made = hashOf(token), p.Now().UTC().Truncate(time.Second)
	i.Expires = i.Made.Add(inviteTime)
	out := Invitation{Name: i.Name, Role: i.Role, Link: p.BaseURL + "/invite/" + token, Expires: i.Expires}
	err := p.Shelf.Update(ctx, func(w ShelfWriter) error {
		waiting, err := all[invite](w, shelfInvites)
		if err != nil {
			return err
		}
		over := certain(p.Now(), p.Confirmed)
		for _, old := range waiting {
			if keyOf(old.Name) == keyOf(i.Name) || !over.Before(old.Expires) {
				w.Delete(shelfInvites, old.Hash)
			}
		}
		inviter, _, err := take[Person](w, shelfPeople, keyOf(i.By))
		switch {
		case err != nil:
			return err
		case manages(inviter):
			i.Inviter = inviter.Key
		case originOf(ctx) != fromCommandLine: // who was an admin a moment ago
			return denied{status: 403}
		}
		if i.Name != "" {
			q, again, err := take[Person](w, shelfPeople, keyOf(i.Name))
			if err != nil {
				return err
			}
			if again {
				q.Role = i.Role
				if err := lastAdmin(w, q); err != nil {
					return err
				}
			}
			out.Again = again
		}
		return lay(w, shelfInvites, i.Hash, i)
	})
	p.record(ctx, Record{Who: i.By, What: "invite-" + string(i.Role), On: i.Name, Outcome: outcomeOf(err)})
	if err != nil {
		return Invitation{}, err
	}
	return out, nil
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// invited gives the invitation of a link; false when it does not work, or no
// longer.
func (p *People) invited(ctx context.Context, token string) (i invite, ok bool, err error) {
	err = p.Shelf.View(ctx, func(r ShelfReader) error {
		i, ok, err = p.works(r, token)
		return err
	})
	return i, ok, err
}

// works gives the invitation of a link; false when it does not work.
func (p *People) works(r ShelfReader, token string) (invite, bool, error) {
	i, ok, err := take[invite](r, shelfInvites, hashOf(token))
	if err != nil || !ok {
		return i, false, err
	}
	ok, err = p.holds(r, i)
	return i, ok, err
}

// holds tells whether an invitation is in force. One that an admin made is not
// once they are none, nor one of a time that is still to come. The link for the first admin stands in a log: once there
// is an admin, it is worth nothing to who reads it.
func (p *People) holds(r ShelfReader, i invite) (bool, error) {
	switch {
	case !p.Now().Before(i.Expires), madeLater(i.Made, p.Now()):
		return false, nil
	case i.Inviter != "":
		inviter, _, err := take[Person](r, shelfPeople, i.Inviter)
		return manages(inviter), err
	case i.Name != "":
		return true, nil
	}
	people, err := all[Person](r, shelfPeople)
	return !slices.ContainsFunc(people, manages), err
}

// manages tells whether somebody can sign in, without a provider, and manage
// the pages.
func manages(q Person) bool { return q.Role == Admin && !q.Disabled && !q.FromProvider() }

// Withdraw makes the invitation of a name void.
func (p *People) Withdraw(ctx context.Context, name string) error {
	return p.Shelf.Update(ctx, func(w ShelfWriter) error {
		return withdraw(w, func(i invite) bool { return keyOf(i.Name) == keyOf(name) })
	})
}

// about selects the invitations for a person, and those that they made.
func about(key string) func(invite) bool {
	return func(i invite) bool { return keyOf(i.Name) == key || i.Inviter == key }
}

// withdraw makes the invitations void that are selected.
func withdraw(w ShelfWriter, selected func(invite) bool) error {
	waiting, err := all[invite](w, shelfInvites)
	if err != nil {
		return err
	}
	for _, i := range waiting {
		if selected(i) {
			w.Delete(shelfInvites, i.Hash)
		}
	}
	return nil
}

// errLinkUsed says that a link works no more.
var errLinkUsed = denied{status: 410, why: "invite.used"}

// accept uses up the link of an invitation: the person exists from then on,
// with the password. Of two who use it at once, one succeeds. The audit log
// says what the link made of them.
func (p *People) accept(ctx context.Context, token, name, password string) (q Person, err error) {
	what := "accept"
	defer func() {
		p.record(ctx, Record{Who: cmp.Or(q.Name, clip.Text(name)), Key: q.Key, What: what, Outcome: outcomeOf(err)})
	}()
	hash, err := p.hashing.hash(ctx, password)
	if err != nil {
		return Person{}, err
	}
	err = p.Shelf.Update(ctx, func(w ShelfWriter) error {
		i, ok, err := p.works(w, token)
		if err != nil {
			return err
		}
		if !ok {
			return errLinkUsed
		}
		w.Delete(shelfInvites, i.Hash)
		if i.Name != "" {
			name = i.Name
		}
		if err := checkName(name); err != nil {
			return err
		}
		key := keyOf(name)
		var again bool
		if q, again, err = take[Person](w, shelfPeople, key); err != nil {
			return err
		}
		if again && i.Name == "" {
			return problem.New(problem.Conflict, fmt.Sprintf("there is a person called %s already", q.Name), "Choose another name.")
		}
		if !again {
			q = Person{Key: key, Name: name, Since: p.Now().UTC().Truncate(time.Second)}
		}
		what = acceptedAs(q.Role, i.Role)
		q.Role, q.Password, q.Disabled, q.Devices = i.Role, hash, false, nil
		q.Epoch++
		if again {
			if err := lastAdmin(w, q); err != nil {
				return err
			}
		}
		return lay(w, shelfPeople, key, q)
	})
	if err != nil {
		return Person{}, err
	}
	return q, nil
}

// acceptedAs names what an invitation makes of a person: their role, and whether
// it was another one before.
func acceptedAs(before, after Role) string {
	switch {
	case before == "" || before == after:
		return "accept-" + string(after)
	case after == Admin:
		return "accept-raised"
	}
	return "accept-lowered"
}

// record notes a change of people in the audit log.
func (p *People) record(ctx context.Context, r Record) {
	if p.Trail != nil {
		p.Trail.Note(ctx, r)
	}
}
