package accounts

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"balansd/keyvalue"
)

// maxDevices is how many browsers of a person are remembered.
const maxDevices = 10

// Attempt is an attempt to sign in.
type Attempt struct {
	Name, Password string
	Address        string // the IP address
	Device         string // the device token of an earlier sign-in, empty for none
}

// SignedIn is a person who signed in.
type SignedIn struct {
	Person Person
	Device string // the device token to save in the browser
}

// ErrWrongPassword is the refusal of a name and a password that do not belong
// together; it does not say which of them is wrong.
var ErrWrongPassword = Refusal{Status: 401, Reason: "signin.wrong"}

// SignIn checks a name and a password. The result, and the time it takes, are
// the same for an unknown name, a wrong password and a disabled person. Too many
// attempts give TooManyAttempts.
func (p *People) SignIn(ctx context.Context, a Attempt) (SignedIn, error) {
	key := keyOf(a.Name)
	q, _, err := p.find(ctx, key)
	if err != nil {
		return SignedIn{}, err
	}
	// A browser in which the person signed in before is counted by itself, so that
	// others who try the name cannot make the person wait.
	keys := []throttleKey{addressKey(a.Address), {'n', hashOf(key)}} // a hash, since anybody may send a name of any length
	known := slices.ContainsFunc(q.Devices, func(d device) bool { return a.Device != "" && d.Hash == hashOf(a.Device) })
	if known {
		keys = []throttleKey{{'d', hashOf(a.Device)}}
	}
	if left := p.throttle.attempt(keys...); left > 0 {
		return SignedIn{}, TooManyAttempts{left}
	}
	ok, weak, err := p.hashing.check(ctx, a.Password, q.Password)
	if err != nil {
		return SignedIn{}, err
	}
	if !ok || q.Disabled || q.FromProvider() || !p.mayUse(q) {
		return SignedIn{}, ErrWrongPassword
	}
	p.throttle.reset(keys...)
	stronger := ""
	if weak {
		if stronger, err = p.hashing.hash(ctx, a.Password); err != nil {
			return SignedIn{}, err
		}
	}
	return p.RecordSignIn(ctx, q, a.Device, stronger)
}

// RecordSignIn saves the time of a sign-in, and the browser. checked is the person
// whose password was compared: that takes a while, and a person who was disabled
// or got another password meanwhile gets ErrWrongPassword. known is the device
// token of the browser, empty for a new one. stronger, unless empty, is a better
// hash of the same password.
func (p *People) RecordSignIn(ctx context.Context, checked Person, known, stronger string) (SignedIn, error) {
	out := SignedIn{Device: known}
	if out.Device == "" {
		out.Device = rand.Text()
	}
	var err error
	out.Person, err = p.update(ctx, checked.Key, func(_ keyvalue.Writer, q *Person) error {
		if !unchangedSince(*q, checked) {
			return ErrWrongPassword
		}
		if stronger != "" && q.Password == checked.Password {
			q.Password = stronger
		}
		q.SeenAt = p.Now().UTC().Truncate(time.Second)
		this := device{Hash: hashOf(out.Device), At: q.SeenAt}
		q.Devices = slices.DeleteFunc(slices.Clone(q.Devices), func(d device) bool { return d.Hash == this.Hash })
		q.Devices = append([]device{this}, q.Devices...)
		q.Devices = q.Devices[:min(len(q.Devices), maxDevices)]
		return nil
	})
	return out, err
}

// unchangedSince reports whether a password that was compared for checked is still valid
// for q. Whatever replaces a password, or ends sessions, raises the epoch; a stronger
// hash of the same password does not.
func unchangedSince(q, checked Person) bool { return q.Epoch == checked.Epoch && !q.Disabled }

// errWrongOldPassword says that the password that is to be replaced is not the
// person's.
var errWrongOldPassword = Refusal{Status: 403, Reason: "password.old"}

// ChangePassword sets a new password for a person who knows the old one. All
// their other sessions end.
func (p *People) ChangePassword(ctx context.Context, key, old, password, from string) (Person, error) {
	q, _, err := p.find(ctx, key)
	if err != nil {
		return Person{}, err
	}
	keys := []throttleKey{{'p', key}, addressKey(from)}
	if left := p.throttle.attempt(keys...); left > 0 {
		return Person{}, TooManyAttempts{left}
	}
	ok, _, err := p.hashing.check(ctx, old, q.Password)
	if err != nil {
		return Person{}, err
	}
	if !ok {
		return Person{}, errWrongOldPassword
	}
	p.throttle.reset(keys...)
	hash, err := p.hashing.hash(ctx, password)
	if err != nil {
		return Person{}, err
	}
	return p.update(ctx, key, func(_ keyvalue.Writer, now *Person) error {
		if !unchangedSince(*now, q) {
			return errWrongOldPassword
		}
		now.Password, now.Devices = hash, nil
		now.Epoch++
		return nil
	})
}

// EndSessionsWithoutRole ends the sessions of a person of the provider who has no role by
// their groups any more.
func (p *People) EndSessionsWithoutRole(ctx context.Context, who Identity) error {
	key := providerPrefix + hashOf(who.Subject)
	if who.Subject == "" || who.Role != "" {
		return nil
	}
	if _, ok, err := p.find(ctx, key); !ok || err != nil {
		return err
	}
	_, err := p.SignOutEverywhere(ctx, key)
	return err
}

// SignInFromProvider signs in a person of the provider, with the role that their
// groups give.
func (p *People) SignInFromProvider(ctx context.Context, who Identity) (Person, error) {
	key := providerPrefix + hashOf(who.Subject)
	var out Person
	err := p.KeyValue.Update(ctx, func(w keyvalue.Writer) error {
		q, ok, err := keyvalue.Get[Person](w, peopleNamespace, key)
		if err != nil {
			return err
		}
		now := p.Now().UTC().Truncate(time.Second)
		if !ok {
			q = Person{Key: key, Since: now}
		}
		if q.Disabled {
			return Refusal{Status: 403, Reason: "signin.disabled"}
		}
		q.ProviderName, q.Role, q.SeenAt, q.CheckedAt = cleanProviderName(who.Name), who.Role, now, now
		out, err = saveDistinctName(w, q)
		return err
	})
	if err == nil {
		p.keepRefreshToken(ctx, key, who.RefreshToken)
	}
	return out, err
}

// suffixLength is how many characters of a key tell two people of one name apart.
const suffixLength = 6

// cleanProviderName returns a name from a provider without brackets, which distinguish
// people of the same name.
func cleanProviderName(name string) string {
	return strings.NewReplacer("[", "(", "]", ")").Replace(strings.Join(strings.Fields(name), " "))
}

// saveDistinctName saves a person of the provider, and adds a suffix to the names of
// people who are called alike: the audit log and the history of an entry identify people
// by name. A name that is no longer ambiguous loses its suffix.
func saveDistinctName(w keyvalue.Writer, changed Person) (Person, error) {
	people, err := keyvalue.All[Person](w, peopleNamespace)
	if err != nil {
		return Person{}, err
	}
	people = slices.DeleteFunc(people, func(q Person) bool { return !q.FromProvider() || q.Key == changed.Key })
	people = append(people, changed)
	alike := map[string]int{}
	for i, q := range people {
		people[i].ProviderName = cmp.Or(q.ProviderName, q.Name) // a row of an earlier version has none
		alike[keyOf(people[i].ProviderName)]++
	}
	for _, q := range people {
		name := q.ProviderName
		if alike[keyOf(name)] > 1 {
			mark := " [" + q.Key[len(q.Key)-suffixLength:] + "]"
			letters := []rune(name)
			name = string(letters[:min(len(letters), maxName-len(mark))]) + mark
		}
		if name == q.Name && q.Key != changed.Key {
			continue
		}
		q.Name = name
		if err := keyvalue.Put(w, peopleNamespace, q.Key, q); err != nil {
			return Person{}, err
		}
		if q.Key == changed.Key {
			changed = q
		}
	}
	return changed, nil
}
