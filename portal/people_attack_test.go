package portal

import (
	"fmt"
	"strings"
	"testing"
)

// anAndBen are people of whom An is an admin.
func anAndBen(t *testing.T, benIs Role) *People {
	t.Helper()
	p := newTestPeople(newMemoryShelf(), nil)
	for name, role := range map[string]Role{"An": Admin, "Ben": benIs} {
		i, err := p.Invite(t.Context(), name, role, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.accept(t.Context(), tokenOf(i), "", testWord); err != nil {
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
			if _, err := p.accept(t.Context(), tokenOf(i), "", testWord); err == nil {
				q, _, _ := p.find(t.Context(), keyOf("ben"))
				t.Errorf("the link makes Ben %s, kept out: %v", q.Role, q.Disabled)
			}
			// A link that is made afterwards is meant.
			if i, err = p.Invite(t.Context(), "Ben", Staff, "An"); err != nil {
				t.Fatal(err)
			}
			if _, err := p.accept(t.Context(), tokenOf(i), "", testWord); err != nil {
				t.Errorf("a new link: %v", err)
			}
		})
	}
}

// TestFirstAdminIsTheFirst: the link in the log works no more once there is an
// admin, however they came to be.
func TestFirstAdminIsTheFirst(t *testing.T) {
	p := newTestPeople(newMemoryShelf(), nil)
	logged, needed, err := p.FirstAdmin(t.Context())
	if err != nil || !needed {
		t.Fatal(needed, err)
	}
	i, _ := p.Invite(t.Context(), "An", Admin, "the command line")
	if _, err := p.accept(t.Context(), tokenOf(i), "", testWord); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := p.invited(t.Context(), tokenOf(logged)); ok {
		t.Error("the link still asks for a name")
	}
	if _, err := p.accept(t.Context(), tokenOf(logged), "Mallory", testWord); err == nil {
		t.Error("a reader of the log became an admin after the first")
	}
}

// TestNamesThatLookAlike refuses what nobody can see in a name: two people in
// the trail must not read as one.
func TestNamesThatLookAlike(t *testing.T) {
	for _, r := range []rune{0x00ad, 0x061c, 0x180e, 0x200b, 0x200f, 0x202e, 0x2060, 0x2066, 0x2069, 0xfeff, 0xe0041} {
		if checkName("An"+string(r)+" Peeters") == nil {
			t.Errorf("U+%04X is in a name", r)
		}
	}
	for _, name := range []string{"an@kantoor.example", "Zoë d'Hondt-Müller", "李雷", "زهرة"} {
		if err := checkName(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestThrottleIsBoundedForPairs: attempts count under an address and a name,
// and long names take no more memory than short ones.
func TestThrottleIsBoundedForPairs(t *testing.T) {
	p := newTestPeople(newMemoryShelf(), nil)
	for i := range throttleSize {
		p.throttle.attempt(tried{'a', fmt.Sprint(i)}, tried{'n', fmt.Sprint(i)})
	}
	if n := len(p.throttle.seen); n > throttleSize {
		t.Errorf("%d attempts are remembered", n)
	}
	_, _ = p.enter(t.Context(), attempt{name: strings.Repeat("x", 60_000), password: "x", from: "192.0.2.1"})
	for k := range p.throttle.seen {
		if len(k.value) > 100 {
			t.Fatalf("an attempt takes %d bytes", len(k.value))
		}
	}
}
