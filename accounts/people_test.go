package accounts

import (
	"strings"
	"testing"
	"time"

	"balansd/keyvalue"
	"balansd/keyvalue/kvtest"
	"balansd/problem"

	"github.com/rs/zerolog"
)

func newTestPeople(kv keyvalue.Store, now func() time.Time) *People {
	return NewPeople(PeopleConfig{KeyValue: kv, BaseURL: "http://127.0.0.1:8417", Now: now,
		AuditLog: NewAuditLog(AuditLogConfig{KeyValue: kv, Now: now, Log: zerolog.Nop()}), HashCost: lowestCost})
}

// testPassword is the password of all people, hashed at the lowest cost of argon2.
const testPassword = "vier paarden eten soep"

var lowestCost = HashCost{Memory: 8, Passes: 1, Threads: 1}

func tokenOf(i Invitation) string { return i.Link[strings.LastIndexByte(i.Link, '/')+1:] }

func TestKeyOf(t *testing.T) {
	for _, same := range [][2]string{{"An", "AN"}, {"Zoë", "zoe\u0308"}, {" a  b ", "A B"}, {"ﬁn", "fin"}, {"Straße", "STRASSE"}} {
		if keyOf(same[0]) != keyOf(same[1]) {
			t.Errorf("%q and %q are two", same[0], same[1])
		}
	}
	for _, bad := range []string{"", "  ", strings.Repeat("x", maxName+1), "a\x00b", "a\u202eb", "a\u200bb", "a\nb"} {
		if CheckName(bad) == nil {
			t.Errorf("%q is a name", bad)
		}
	}
	if longest := strings.Repeat("x", maxName); CheckName(longest) != nil {
		t.Errorf("%q is no name: %v", longest, CheckName(longest))
	}
}

// newAnAndBen returns People with An, an admin, and Ben.
func newAnAndBen(t *testing.T, benIs Role) *People {
	t.Helper()
	p := newTestPeople(kvtest.New(), nil)
	for name, role := range map[string]Role{"An": Admin, "Ben": benIs} {
		i, err := p.Invite(t.Context(), name, role, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Accept(t.Context(), tokenOf(i), "", testPassword); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestCheckNameRefusesInvisible: two names must not look the same in the audit log.
func TestCheckNameRefusesInvisible(t *testing.T) {
	for _, r := range []rune{0x00ad, 0x061c, 0x180e, 0x200b, 0x200f, 0x202e, 0x2060, 0x2066, 0x2069, 0xfeff, 0xe0041} {
		if CheckName("An"+string(r)+" Peeters") == nil {
			t.Errorf("U+%04X is in a name", r)
		}
	}
	for _, name := range []string{"an@kantoor.example", "Zoë d'Hondt-Müller", "李雷", "زهرة"} {
		if err := CheckName(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLastProviderAdmin: the last admin cannot be disabled.
func TestLastProviderAdmin(t *testing.T) {
	p := newTestPeople(kvtest.New(), nil)
	p.Provider = true
	provided := func(subject, name string, r Role) Person {
		t.Helper()
		q, err := p.SignInFromProvider(t.Context(), Identity{subject, name, r, ""})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	an := provided("iss 1", "An", Admin)
	provided("iss 2", "Bea", Staff)
	if _, err := p.SetDisabled(t.Context(), an.Key, true); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("the only admin is disabled: %v", err)
	}
	provided("iss 3", "Cis", Admin)
	if _, err := p.SetDisabled(t.Context(), an.Key, true); err != nil {
		t.Errorf("one of two admins: %v", err)
	}
	if _, err := p.SignInFromProvider(t.Context(), Identity{"iss 1", "An", Admin, ""}); err == nil {
		t.Error("a disabled person signs in")
	}
	if q, err := p.Enable(t.Context(), "an", "root"); err != nil || q.Name != "An" {
		t.Errorf("%+v, %v", q, err)
	}
	provided("iss 1", "An", Admin)
	if _, err := p.Enable(t.Context(), "Nobody", "root"); !problem.Is(err, problem.NotFound) {
		t.Errorf("a name that there is not: %v", err)
	}
	if list, _, _ := p.AuditLog.Page(t.Context(), 0, 10); len(list) != 1 || list[0].What != "enable" || list[0].Who != "root" || list[0].On != "An" {
		t.Errorf("the audit log has %+v", list)
	}
}

// TestProviderNamesAreDistinct: people whom the provider calls alike get a suffix, for as
// long as they are.
func TestProviderNamesAreDistinct(t *testing.T) {
	p := newTestPeople(kvtest.New(), nil)
	p.Provider = true
	name := func(subject, called string) string {
		t.Helper()
		q, err := p.SignInFromProvider(t.Context(), Identity{subject, called, Staff, ""})
		if err != nil {
			t.Fatal(err)
		}
		return q.Name
	}
	names := func() map[string]int {
		t.Helper()
		list, err := p.Accounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]int{}
		for _, a := range list {
			out[keyOf(a.Name)]++
		}
		return out
	}
	if got := name("iss 1", "An Peeters"); got != "An Peeters" {
		t.Errorf("alone it is %q", got)
	}
	second := name("iss 2", "an  peeters")
	if len(names()) != 2 || !strings.HasPrefix(second, "an peeters [") {
		t.Errorf("two of one name: %v, %q", names(), second)
	}
	first := name("iss 1", "An Peeters")
	// A third one copies the suffix.
	if got := name("iss 3", first); got == first || len(names()) != 3 {
		t.Errorf("a copied mark gives %q of %v", got, names())
	}
	name("iss 3", "Cis")
	name("iss 2", "Bea")
	if got := name("iss 1", "An Peeters"); got != "An Peeters" {
		t.Errorf("alone again it is %q", got)
	}
	if got := name("iss 4", strings.Repeat("x", maxName)) + name("iss 5", strings.Repeat("x", maxName)); len(names()) != 5 {
		t.Errorf("long names: %q", got)
	}
}
