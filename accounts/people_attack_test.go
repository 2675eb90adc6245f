package accounts

import (
	"fmt"
	"strings"
	"testing"

	"balansd/keyvalue/kvtest"
	"balansd/problem"
)

// anAndBen are people of whom An is an admin.
func anAndBen(t *testing.T, benIs Role) *People {
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

// TestAnOldLinkUndoesNothing: who has a link for a new password, and is kept
// out or loses a role before it is used, does not get back what was taken.
func TestAnOldLinkUndoesNothing(t *testing.T) {
	for name, take := range map[string]func(p *People) error{
		"kept out":   func(p *People) error { _, err := p.SetDisabled(t.Context(), keyOf("ben"), true); return err },
		"made staff": func(p *People) error { _, err := p.SetRole(t.Context(), keyOf("ben"), Staff); return err },
	} {
		t.Run(name, func(t *testing.T) {
			p := anAndBen(t, Admin)
			i, err := p.Invite(t.Context(), "Ben", Admin, "An")
			if err != nil {
				t.Fatal(err)
			}
			if err := take(p); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Accept(t.Context(), tokenOf(i), "", testPassword); err == nil {
				q, _, _ := p.find(t.Context(), keyOf("ben"))
				t.Errorf("the link makes Ben %s, kept out: %v", q.Role, q.Disabled)
			}
			// A link that is made afterwards is meant.
			if i, err = p.Invite(t.Context(), "Ben", Staff, "An"); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Accept(t.Context(), tokenOf(i), "", testPassword); err != nil {
				t.Errorf("a new link: %v", err)
			}
		})
	}
}

// TestFirstAdminIsTheFirst: the link in the log works no more once there is an
// admin, however they came to be.
func TestFirstAdminIsTheFirst(t *testing.T) {
	p := newTestPeople(kvtest.New(), nil)
	logged, needed, err := p.FirstAdmin(t.Context())
	if err != nil || !needed {
		t.Fatal(needed, err)
	}
	i, _ := p.Invite(t.Context(), "An", Admin, "the command line")
	if _, err := p.Accept(t.Context(), tokenOf(i), "", testPassword); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := p.Invited(t.Context(), tokenOf(logged)); ok {
		t.Error("the link still asks for a name")
	}
	if _, err := p.Accept(t.Context(), tokenOf(logged), "Mallory", testPassword); err == nil {
		t.Error("a reader of the log became an admin after the first")
	}
}

// TestNamesThatLookAlike refuses what nobody can see in a name: two people in
// the log must not read as one.
func TestNamesThatLookAlike(t *testing.T) {
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

// TestThrottleIsBoundedForPairs: attempts count under an address and a name,
// and long names take no more memory than short ones.
func TestThrottleIsBoundedForPairs(t *testing.T) {
	p := newTestPeople(kvtest.New(), nil)
	for i := range throttleSize {
		p.throttle.seen[tried{'a', fmt.Sprint(i)}] = misses{count: 1, last: p.throttle.now()}
	}
	for i := range 100 {
		p.throttle.attempt(tried{'b', fmt.Sprint(i)}, tried{'n', fmt.Sprint(i)})
	}
	if n := len(p.throttle.seen); n > throttleSize {
		t.Errorf("%d attempts are remembered", n)
	}
	_, _ = p.SignIn(t.Context(), Attempt{Name: strings.Repeat("x", 60_000), Password: "x", Address: "192.0.2.1"})
	for k := range p.throttle.seen {
		if len(k.value) > 100 {
			t.Fatalf("an attempt takes %d bytes", len(k.value))
		}
	}
}

// TestALinkIsWorthItsMaker: a link to become an admin works no more once the
// admin who made it is kept out, or is an admin no longer. One that was made on
// the command line is nobody's.
func TestALinkIsWorthItsMaker(t *testing.T) {
	for name, change := range map[string]func(p *People) error{
		"kept out":   func(p *People) error { _, err := p.SetDisabled(t.Context(), keyOf("ben"), true); return err },
		"made staff": func(p *People) error { _, err := p.SetRole(t.Context(), keyOf("ben"), Staff); return err },
		"reset as staff": func(p *People) error {
			i, err := p.Invite(t.Context(), "Ben", Staff, "An")
			if err == nil {
				_, err = p.Accept(t.Context(), tokenOf(i), "", testPassword)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := anAndBen(t, Admin)
			pages := WithCaller(t.Context(), &Caller{Address: "192.0.2.7"})
			bens, err := p.Invite(pages, "Cis", Admin, "Ben")
			if err != nil {
				t.Fatal(err)
			}
			roots, err := p.Invite(t.Context(), "Dirk", Staff, "root")
			if err != nil {
				t.Fatal(err)
			}
			if err := change(p); err != nil {
				t.Fatal(err)
			}
			if _, ok, _ := p.Invited(t.Context(), tokenOf(bens)); ok {
				t.Error("the page of the link still asks for a password")
			}
			if _, err := p.Accept(t.Context(), tokenOf(bens), "", testPassword); err == nil {
				t.Error("whoever Ben invited is an admin")
			}
			list, _ := p.Accounts(t.Context())
			for _, a := range list {
				if a.Name == "Cis" {
					t.Error("the list still has who was invited")
				}
			}
			if _, err := p.Invite(pages, "Eva", Admin, "Ben"); err == nil {
				t.Error("Ben still invites")
			}
			if _, err := p.Accept(t.Context(), tokenOf(roots), "", testPassword); err != nil {
				t.Errorf("the link of the command line: %v", err)
			}
			// Ben comes back: what he made before stays void.
			if _, err := p.SetDisabled(t.Context(), keyOf("ben"), false); err != nil {
				t.Fatal(err)
			}
			if _, err := p.SetRole(t.Context(), keyOf("ben"), Admin); err != nil {
				t.Fatal(err)
			}
			if _, ok, _ := p.Invited(t.Context(), tokenOf(bens)); ok {
				t.Error("the link works again")
			}
		})
	}
}

// TestTheLastAdminOfAProvider is not kept out: nobody could let them in again.
func TestTheLastAdminOfAProvider(t *testing.T) {
	p := newTestPeople(kvtest.New(), nil)
	p.Provider = true
	provided := func(subject, name string, r Role) Person {
		t.Helper()
		q, err := p.SignInProvided(t.Context(), Identity{subject, name, r})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	an := provided("iss 1", "An", Admin)
	provided("iss 2", "Bea", Staff)
	if _, err := p.SetDisabled(t.Context(), an.Key, true); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("the only admin is kept out: %v", err)
	}
	provided("iss 3", "Cis", Admin)
	if _, err := p.SetDisabled(t.Context(), an.Key, true); err != nil {
		t.Errorf("one of two admins: %v", err)
	}
	if _, err := p.SignInProvided(t.Context(), Identity{"iss 1", "An", Admin}); err == nil {
		t.Error("who is kept out signs in")
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

// TestTwoOfOneName: people of the provider choose what they are called, and the
// audit log knows people by their names. Two who are called alike are shown with
// a mark each, as long as they are.
func TestTwoOfOneName(t *testing.T) {
	p := newTestPeople(kvtest.New(), nil)
	p.Provider = true
	name := func(subject, called string) string {
		t.Helper()
		q, err := p.SignInProvided(t.Context(), Identity{subject, called, Staff})
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
	// A third copies the mark itself.
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
