package portal

import (
	"context"
	"crypto/rand"
	"slices"
	"time"
)

// maxDevices is how many browsers of a person are remembered.
const maxDevices = 10

// attempt is one try to sign in.
type attempt struct {
	name, password string
	from           string // the address
	device         string // what the browser kept from an earlier sign-in
}

// entered is who signed in.
type entered struct {
	person Person
	device string // what the browser is to keep
}

// waits says that too many attempts were made.
type waits struct{ left time.Duration }

func (waits) Error() string { return "too many attempts" }

// errWrong says that name and password do not belong together, whichever of
// them it is.
var errWrong = denied{status: 401, why: "signin.wrong"}

// enter checks a name and a password. What it answers, and how long it takes,
// is the same for a name that there is not, for a wrong password and for who
// is kept out.
func (p *People) enter(ctx context.Context, a attempt) (entered, error) {
	key := keyOf(a.name)
	q, _, err := p.find(ctx, key)
	if err != nil {
		return entered{}, err
	}
	// Who has signed in with this browser before is counted apart, so that
	// strangers who try the name cannot hold them up.
	keys := []tried{fromAddress(a.from), {'n', hashOf(key)}} // a hash, since anybody may send a name of any length
	known := slices.ContainsFunc(q.Devices, func(d device) bool { return a.device != "" && d.Hash == hashOf(a.device) })
	if known {
		keys = []tried{{'d', hashOf(a.device)}}
	}
	if left := p.throttle.attempt(keys...); left > 0 {
		return entered{}, waits{left}
	}
	well, weak, err := p.hashing.check(ctx, a.password, q.Password)
	if err != nil {
		return entered{}, err
	}
	if !well || q.Disabled || q.FromProvider() {
		return entered{}, errWrong
	}
	p.throttle.well(keys...)
	hash := q.Password
	if weak {
		if hash, err = p.hashing.hash(ctx, a.password); err != nil {
			return entered{}, err
		}
	}
	return p.welcome(ctx, key, a.device, func(q *Person) { q.Password = hash })
}

// welcome notes a sign-in, and the browser.
func (p *People) welcome(ctx context.Context, key, known string, more func(*Person)) (entered, error) {
	out := entered{device: known}
	if out.device == "" {
		out.device = rand.Text()
	}
	var err error
	out.person, err = p.change(ctx, key, func(_ ShelfWriter, q *Person) error {
		q.SeenAt = p.Now().UTC().Truncate(time.Second)
		more(q)
		this := device{Hash: hashOf(out.device), At: q.SeenAt}
		q.Devices = slices.DeleteFunc(slices.Clone(q.Devices), func(d device) bool { return d.Hash == this.Hash })
		q.Devices = append([]device{this}, q.Devices...)
		q.Devices = q.Devices[:min(len(q.Devices), maxDevices)]
		return nil
	})
	return out, err
}

// changePassword sets a new password for a person who knows the old one. All
// their other sessions end.
func (p *People) changePassword(ctx context.Context, key, old, password, from string) (Person, error) {
	q, _, err := p.find(ctx, key)
	if err != nil {
		return Person{}, err
	}
	keys := []tried{{'p', key}, fromAddress(from)}
	if left := p.throttle.attempt(keys...); left > 0 {
		return Person{}, waits{left}
	}
	well, _, err := p.hashing.check(ctx, old, q.Password)
	if err != nil {
		return Person{}, err
	}
	if !well {
		return Person{}, denied{status: 403, why: "password.old"}
	}
	p.throttle.well(keys...)
	hash, err := p.hashing.hash(ctx, password)
	if err != nil {
		return Person{}, err
	}
	return p.change(ctx, key, func(_ ShelfWriter, q *Person) error {
		q.Password, q.Devices = hash, nil
		q.Epoch++
		return nil
	})
}

// lost ends the sessions of a person whom the provider vouches for, and who has
// no role by their groups any more.
func (p *People) lost(ctx context.Context, who vouched) error {
	key := providerPrefix + hashOf(who.subject)
	if who.subject == "" || who.role != "" {
		return nil
	}
	if _, ok, err := p.find(ctx, key); !ok || err != nil {
		return err
	}
	_, err := p.SignOutEverywhere(ctx, key)
	return err
}

// provided signs in a person whom the provider vouches for, with the role that
// their groups give.
func (p *People) provided(ctx context.Context, subject, name string, role Role) (Person, error) {
	key := providerPrefix + hashOf(subject)
	var out Person
	err := p.Shelf.Update(ctx, func(w ShelfWriter) error {
		q, ok, err := take[Person](w, shelfPeople, key)
		if err != nil {
			return err
		}
		now := p.Now().UTC().Truncate(time.Second)
		if !ok {
			q = Person{Key: key, Since: now}
		}
		if q.Disabled {
			return denied{status: 403, why: "signin.disabled"}
		}
		q.Name, q.Role, q.SeenAt = name, role, now
		out = q
		return lay(w, shelfPeople, key, q)
	})
	return out, err
}
