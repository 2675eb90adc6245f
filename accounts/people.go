package accounts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"balansd/internal/clip"
	"balansd/keyvalue"
	"balansd/problem"

	fold "golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Role is what a person may do.
type Role string

// The roles.
const (
	Admin Role = "admin" // all of it: connections, settings, people
	Staff Role = "staff" // see, sync, decide
)

// Person is somebody who may sign in. Passwords and devices are saved as hashes.
type Person struct {
	Key          string    `json:"key"`              // it never changes
	Name         string    `json:"name"`             // as it is shown, and typed to sign in
	ProviderName string    `json:"called,omitempty"` // by the provider, which may call two people alike
	Role         Role      `json:"role"`
	Language     string    `json:"language,omitempty"` // of the pages; empty for what the browser asks
	Password     string    `json:"password,omitempty"` // its hash; empty for who comes from a provider
	Disabled     bool      `json:"disabled,omitempty"`
	Epoch        int       `json:"epoch"` // sessions of another epoch count no more
	Since        time.Time `json:"since"`
	SeenAt       time.Time `json:"seen_at,omitzero"` // the newest sign-in
	// CheckedAt is when a provider was last asked for the role.
	CheckedAt time.Time `json:"checked_at,omitzero"`
	// Local is for who signs in with a password although a provider is configured.
	Local   bool     `json:"local,omitempty"`
	Devices []device `json:"devices,omitempty"`
}

// device is a browser in which a person has signed in before.
type device struct {
	Hash string    `json:"hash"`
	At   time.Time `json:"at"`
}

// FromProvider reports whether an OpenID Connect provider signs the person in.
func (p Person) FromProvider() bool { return strings.HasPrefix(p.Key, providerPrefix) }

// The key of a person is made of their name, or of the provider's subject.
const (
	namePrefix     = "name:"
	providerPrefix = "sub:"
)

// PeopleConfig is all that People needs.
type PeopleConfig struct {
	KeyValue keyvalue.Store
	AuditLog *AuditLog
	// BaseURL is the address of the pages, for the links of invitations.
	BaseURL string
	// Provider says that an OpenID Connect provider signs people in: then only the
	// command line invites somebody, for when the provider is down.
	Provider bool
	// Vault keeps the refresh tokens of people of the provider; nil for none.
	Vault Vault
	// Now is the clock; time.Now when nil. Confirmed is as in AuditLogConfig.
	Now       func() time.Time
	Confirmed func() time.Time
	// HashCost is the cost of the hashes of passwords; OWASP's when zero.
	HashCost HashCost
}

// People are those who may sign in. It is safe for concurrent use.
type People struct {
	PeopleConfig

	hashing  *hashing
	throttle *throttle
}

// NewPeople returns People. It starts nothing.
func NewPeople(cfg PeopleConfig) *People {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &People{PeopleConfig: cfg, hashing: newHashing(cmp.Or(cfg.HashCost, defaultHashCost)), throttle: newThrottle(cfg.Now)}
}

// maxName bounds a name, in characters: that of a mail address (RFC 5321, 4.5.3.1.3).
const maxName = 254

// keyOf returns the key of a person by name. Two names that a reader would take
// for one are one: capitals and ways to write an accent do not count.
func keyOf(name string) string {
	return namePrefix + fold.Fold().String(norm.NFKC.String(strings.Join(strings.Fields(name), " ")))
}

// CheckName refuses a name that cannot be read or typed.
func CheckName(name string) error {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return problem.New(problem.Usage, "a person needs a name", "Give the name with which they will sign in, such as an e-mail address.")
	case len([]rune(name)) > maxName:
		return problem.New(problem.Usage, fmt.Sprintf("the name is longer than %d characters", maxName), "Give a shorter one.")
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) || r == 0xfffd }):
		return problem.New(problem.Usage, "the name has characters that cannot be seen", "Type it again.")
	}
	return nil
}

// Account is a person as others see them.
type Account struct {
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	State    string    `json:"state"` // active, disabled or invited
	Provider bool      `json:"provider,omitempty"`
	Local    bool      `json:"local,omitempty"` // signs in with a password although a provider is configured
	Since    time.Time `json:"since,omitzero"`
	SeenAt   time.Time `json:"seen_at,omitzero"`
	Expires  time.Time `json:"expires,omitzero"` // of an invitation
	Key      string    `json:"-"`
}

// The states of an account.
const (
	stateActive   = "active"
	stateDisabled = "disabled"
	stateInvited  = "invited"
)

// Accounts lists people by name, and then the invitations that wait.
func (p *People) Accounts(ctx context.Context) ([]Account, error) {
	list := []Account{}
	err := p.KeyValue.View(ctx, func(r keyvalue.Reader) error {
		people, err := keyvalue.All[Person](r, peopleNamespace)
		if err != nil {
			return err
		}
		list = list[:0]
		for _, q := range people {
			state := stateActive
			if q.Disabled {
				state = stateDisabled
			}
			list = append(list, Account{Name: q.Name, Role: q.Role, State: state, Provider: q.FromProvider(), Local: q.Local,
				Since: q.Since, SeenAt: q.SeenAt, Key: q.Key})
		}
		invited, err := keyvalue.All[invitation](r, invitationsNamespace)
		if err != nil {
			return err
		}
		for _, i := range invited {
			works, err := p.valid(r, i)
			if err != nil {
				return err
			}
			if works {
				list = append(list, Account{Name: i.Name, Role: i.Role, State: stateInvited, Expires: i.Expires})
			}
		}
		return nil
	})
	return list, err
}

// mayUse reports whether a person signs in in a way that is configured.
func (p *People) mayUse(q Person) bool {
	return q.FromProvider() == p.Provider || p.Provider && q.Local
}

// HasLocal reports whether somebody may sign in with a password although a provider is
// configured.
func (p *People) HasLocal(ctx context.Context) (has bool, err error) {
	err = p.KeyValue.View(ctx, func(r keyvalue.Reader) error {
		people, err := keyvalue.All[Person](r, peopleNamespace)
		has = slices.ContainsFunc(people, func(q Person) bool { return q.Local && !q.Disabled })
		return err
	})
	return has, err
}

// find loads a person by key; false when there is none.
func (p *People) find(ctx context.Context, key string) (q Person, ok bool, err error) {
	err = p.KeyValue.View(ctx, func(r keyvalue.Reader) error {
		q, ok, err = keyvalue.Get[Person](r, peopleNamespace, key)
		return err
	})
	return q, ok, err
}

// update changes a person in a transaction, in which all others can be read.
func (p *People) update(ctx context.Context, key string, change func(w keyvalue.Writer, q *Person) error) (q Person, err error) {
	err = p.KeyValue.Update(ctx, func(w keyvalue.Writer) error {
		var ok bool
		if q, ok, err = keyvalue.Get[Person](w, peopleNamespace, key); err != nil {
			return err
		}
		if !ok {
			return problem.New(problem.NotFound, "there is no such person", "See the list of people.")
		}
		if err := change(w, &q); err != nil {
			return err
		}
		return keyvalue.Put(w, peopleNamespace, key, q)
	})
	return q, err
}

// SetRole makes a person an admin or staff. The last admin stays one. Links for
// the person are withdrawn, since they would restore the role that they were made
// with; so are those that the person made for others.
func (p *People) SetRole(ctx context.Context, key string, r Role) (Person, error) {
	if r != Admin && r != Staff {
		return Person{}, problem.New(problem.Usage, "there is no such role", "It is admin or staff.")
	}
	return p.update(ctx, key, func(w keyvalue.Writer, q *Person) error {
		if q.FromProvider() {
			return problem.New(problem.NotAllowed, "the groups of the provider say what this person may do", "Change their groups there.")
		}
		q.Role = r
		if err := withdraw(w, invitationsOf(q.Key)); err != nil {
			return err
		}
		return lastAdmin(w, *q)
	})
}

// SetDisabled disables a person, at once, or enables them. The last admin stays
// enabled. Links for the person are withdrawn, since they would enable them; so
// are those that the person made for others.
func (p *People) SetDisabled(ctx context.Context, key string, disabled bool) (Person, error) {
	return p.update(ctx, key, func(w keyvalue.Writer, q *Person) error {
		q.Disabled = disabled
		q.Epoch++
		if err := withdraw(w, invitationsOf(q.Key)); err != nil {
			return err
		}
		if !disabled {
			return nil
		}
		return lastAdmin(w, *q)
	})
}

// Enable enables a person by name, for the command line. by is who asks. An
// unknown name gives a NotFound problem; a person who is not disabled stays as
// they are.
func (p *People) Enable(ctx context.Context, name, by string) (Person, error) {
	list, err := p.Accounts(ctx)
	if err != nil {
		return Person{}, err
	}
	for _, a := range list {
		if a.State == stateInvited || !p.mayUse(Person{Key: a.Key, Local: a.Local}) || keyOf(a.Name) != keyOf(name) {
			continue
		}
		if a.State != stateDisabled {
			q, _, err := p.find(ctx, a.Key)
			return q, err
		}
		q, err := p.SetDisabled(ctx, a.Key, false)
		p.AuditLog.Record(ctx, Record{Who: by, What: "enable", On: a.Name, Outcome: OutcomeOf(err)})
		return q, err
	}
	return Person{}, problem.New(problem.NotFound, fmt.Sprintf("there is nobody called %s", clip.Text(name)),
		"See who there is: balansd portal people.")
}

// lastAdmin refuses a change that leaves nobody to manage the pages.
func lastAdmin(r keyvalue.Reader, changed Person) error {
	if changed.Local {
		return nil // the provider has the others
	}
	people, err := keyvalue.All[Person](r, peopleNamespace)
	if err != nil {
		return err
	}
	for _, q := range people {
		if q.Key == changed.Key {
			q = changed
		}
		if q.Role == Admin && !q.Disabled && q.FromProvider() == changed.FromProvider() {
			return nil
		}
	}
	if changed.FromProvider() {
		return problem.New(problem.NotAllowed, "this is the only admin left", "Have another admin of the provider's groups sign in first.")
	}
	return problem.New(problem.NotAllowed, "this is the only admin left", "Make another person an admin first.")
}

// SetLanguage sets the language of a person's pages.
func (p *People) SetLanguage(ctx context.Context, key, lang string) error {
	_, err := p.update(ctx, key, func(_ keyvalue.Writer, q *Person) error {
		q.Language = lang
		return nil
	})
	return err
}

// SignOutEverywhere ends all sessions of a person.
func (p *People) SignOutEverywhere(ctx context.Context, key string) (Person, error) {
	return p.update(ctx, key, func(_ keyvalue.Writer, q *Person) error {
		q.Epoch++
		q.Devices = nil
		return nil
	})
}

// Check reports whether the people can be read.
func (p *People) Check(ctx context.Context) error {
	_, _, err := p.find(ctx, "")
	return err
}
