package portal

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strings"
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
	stronger := ""
	if weak {
		if stronger, err = p.hashing.hash(ctx, a.password); err != nil {
			return entered{}, err
		}
	}
	return p.welcome(ctx, q, a.device, stronger)
}

// welcome records a sign-in, and the browser. checked is the person whose
// password was compared: that takes a while, and whoever was kept out or got
// another password meanwhile gets errWrong. stronger, unless empty, is a better
// hash of the same password.
func (p *People) welcome(ctx context.Context, checked Person, known, stronger string) (entered, error) {
	out := entered{device: known}
	if out.device == "" {
		out.device = rand.Text()
	}
	var err error
	out.person, err = p.change(ctx, checked.Key, func(_ ShelfWriter, q *Person) error {
		if !stillAs(*q, checked) {
			return errWrong
		}
		if stronger != "" && q.Password == checked.Password {
			q.Password = stronger
		}
		q.SeenAt = p.Now().UTC().Truncate(time.Second)
		this := device{Hash: hashOf(out.device), At: q.SeenAt}
		q.Devices = slices.DeleteFunc(slices.Clone(q.Devices), func(d device) bool { return d.Hash == this.Hash })
		q.Devices = append([]device{this}, q.Devices...)
		q.Devices = q.Devices[:min(len(q.Devices), maxDevices)]
		return nil
	})
	return out, err
}

// stillAs tells whether a password that was compared for checked still lets q
// in. Whatever replaces a password, or ends sessions, raises the epoch; a
// stronger hash of the same password does not.
func stillAs(q, checked Person) bool { return q.Epoch == checked.Epoch && !q.Disabled }

// errOldPassword says that the password that is to be replaced is not the
// person's.
var errOldPassword = denied{status: 403, why: "password.old"}

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
		return Person{}, errOldPassword
	}
	p.throttle.well(keys...)
	hash, err := p.hashing.hash(ctx, password)
	if err != nil {
		return Person{}, err
	}
	return p.change(ctx, key, func(_ ShelfWriter, now *Person) error {
		if !stillAs(*now, q) {
			return errOldPassword
		}
		now.Password, now.Devices = hash, nil
		now.Epoch++
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
		q.Called, q.Role, q.SeenAt = providerName(name), role, now
		out, err = callApart(w, q)
		return err
	})
	return out, err
}

// markLength is how many characters of a key tell two people of one name apart.
const markLength = 6

// providerName is a name as a provider gives it, without what our own marks are
// made of.
func providerName(name string) string {
	return strings.NewReplacer("[", "(", "]", ")").Replace(strings.Join(strings.Fields(name), " "))
}

// callApart saves a person of the provider, and gives those who are called alike
// a mark each behind their names: the audit log and the history of an entry know
// people by name. Whoever is called alike no longer loses the mark.
func callApart(w ShelfWriter, changed Person) (Person, error) {
	people, err := all[Person](w, shelfPeople)
	if err != nil {
		return Person{}, err
	}
	people = slices.DeleteFunc(people, func(q Person) bool { return !q.FromProvider() || q.Key == changed.Key })
	people = append(people, changed)
	alike := map[string]int{}
	for i, q := range people {
		people[i].Called = cmp.Or(q.Called, q.Name) // a row of an earlier version has none
		alike[keyOf(people[i].Called)]++
	}
	for _, q := range people {
		name := q.Called
		if alike[keyOf(name)] > 1 {
			mark := " [" + q.Key[len(q.Key)-markLength:] + "]"
			letters := []rune(name)
			name = string(letters[:min(len(letters), maxName-len(mark))]) + mark
		}
		if name == q.Name && q.Key != changed.Key {
			continue
		}
		q.Name = name
		if err := lay(w, shelfPeople, q.Key, q); err != nil {
			return Person{}, err
		}
		if q.Key == changed.Key {
			changed = q
		}
	}
	return changed, nil
}
