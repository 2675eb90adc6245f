package accounts

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balansd/keyvalue/kvtest"
	"balansd/problem"
)

// TestInvitationOfDemotedPerson: an old link restores nothing to a person who was
// disabled or demoted since.
func TestInvitationOfDemotedPerson(t *testing.T) {
	for name, take := range map[string]func(p *People) error{
		"disabled":   func(p *People) error { _, err := p.SetDisabled(t.Context(), keyOf("ben"), true); return err },
		"made staff": func(p *People) error { _, err := p.SetRole(t.Context(), keyOf("ben"), Staff); return err },
	} {
		t.Run(name, func(t *testing.T) {
			p := newAnAndBen(t, Admin)
			i, err := p.Invite(t.Context(), "Ben", Admin, "An")
			if err != nil {
				t.Fatal(err)
			}
			if err := take(p); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Accept(t.Context(), tokenOf(i), "", testPassword); err == nil {
				q, _, _ := p.find(t.Context(), keyOf("ben"))
				t.Errorf("the link makes Ben %s, disabled: %v", q.Role, q.Disabled)
			}
			// A link that is made afterwards works.
			if i, err = p.Invite(t.Context(), "Ben", Staff, "An"); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Accept(t.Context(), tokenOf(i), "", testPassword); err != nil {
				t.Errorf("a new link: %v", err)
			}
		})
	}
}

// TestFirstAdminLinkExpires: the link in the log is invalid once there is an admin.
func TestFirstAdminLinkExpires(t *testing.T) {
	p := newTestPeople(kvtest.New(), nil)
	logged, needed, err := p.FirstAdmin(t.Context())
	if err != nil || !needed {
		t.Fatal(needed, err)
	}
	i, _ := p.Invite(t.Context(), "An", Admin, "the command line")
	if _, err := p.Accept(t.Context(), tokenOf(i), "", testPassword); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := p.PendingInvitation(t.Context(), tokenOf(logged)); ok {
		t.Error("the link still asks for a name")
	}
	if _, err := p.Accept(t.Context(), tokenOf(logged), "Mallory", testPassword); err == nil {
		t.Error("a reader of the log became an admin after the first")
	}
}

// TestInvitationByFormerAdmin: a link is invalid once the admin who made it is disabled or
// demoted. One from the command line stays valid.
func TestInvitationByFormerAdmin(t *testing.T) {
	for name, change := range map[string]func(p *People) error{
		"disabled":   func(p *People) error { _, err := p.SetDisabled(t.Context(), keyOf("ben"), true); return err },
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
			p := newAnAndBen(t, Admin)
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
			if _, ok, _ := p.PendingInvitation(t.Context(), tokenOf(bens)); ok {
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
			// Enabling Ben again does not restore his links.
			if _, err := p.SetDisabled(t.Context(), keyOf("ben"), false); err != nil {
				t.Fatal(err)
			}
			if _, err := p.SetRole(t.Context(), keyOf("ben"), Admin); err != nil {
				t.Fatal(err)
			}
			if _, ok, _ := p.PendingInvitation(t.Context(), tokenOf(bens)); ok {
				t.Error("the link works again")
			}
		})
	}
}

func TestInvitation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := kvtest.New()
		p := newTestPeople(kv, nil)
		i, err := p.Invite(t.Context(), "  An   Peeters ", Staff, "Bea")
		if err != nil || i.Name != "An Peeters" || !strings.HasPrefix(i.Link, "http://127.0.0.1:8417/invite/") || i.Again {
			t.Fatalf("%+v, %v", i, err)
		}
		if kv.Contains(tokenOf(i)) {
			t.Error("the state holds the link itself")
		}
		results := make(chan error, 5)
		for range cap(results) { // at once
			go func() {
				_, err := p.Accept(t.Context(), tokenOf(i), "", testPassword)
				results <- err
			}()
		}
		well := 0
		for range cap(results) {
			if err := <-results; err == nil {
				well++
			} else if !errors.Is(err, ErrLinkUsed) {
				t.Error(err)
			}
		}
		if well != 1 {
			t.Errorf("%d used one link", well)
		}
		if kv.Contains(testPassword) {
			t.Error("the state holds a password")
		}
		late, _ := p.Invite(t.Context(), "Laat", Staff, "")
		time.Sleep(invitationLifetime)
		if _, ok, _ := p.PendingInvitation(t.Context(), tokenOf(late)); ok {
			t.Error("a link works after its time")
		}
		if _, err := p.Accept(t.Context(), tokenOf(late), "", testPassword); !errors.Is(err, ErrLinkUsed) {
			t.Errorf("a late link gives %v", err)
		}
		first, _ := p.Invite(t.Context(), "Cis", Staff, "")
		second, _ := p.Invite(t.Context(), "CIS", Admin, "")
		if _, ok, _ := p.PendingInvitation(t.Context(), tokenOf(first)); ok {
			t.Error("a replaced link works")
		}
		if q, err := p.Accept(t.Context(), tokenOf(second), "", testPassword); err != nil || q.Role != Admin {
			t.Errorf("%+v, %v", q, err)
		}
	})
}

func TestFirstAdmin(t *testing.T) {
	p := newTestPeople(kvtest.New(), nil)
	before, needed, err := p.FirstAdmin(t.Context())
	if err != nil || !needed {
		t.Fatalf("%v, %v", needed, err)
	}
	i, _, _ := p.FirstAdmin(t.Context())
	if _, ok, _ := p.PendingInvitation(t.Context(), tokenOf(before)); ok {
		t.Error("the link of the start before works")
	}
	if _, err := p.Accept(t.Context(), tokenOf(i), "An", testPassword); err != nil {
		t.Fatal(err)
	}
	if _, needed, _ := p.FirstAdmin(t.Context()); needed {
		t.Error("another first admin is asked for")
	}
	key := keyOf("an")
	for name, change := range map[string]func() error{
		"made staff": func() error { _, err := p.SetRole(t.Context(), key, Staff); return err },
		"disabled":   func() error { _, err := p.SetDisabled(t.Context(), key, true); return err },
		"reinvited":  func() error { _, err := p.Invite(t.Context(), "An", Staff, ""); return err },
	} {
		if err := change(); !problem.Is(err, problem.NotAllowed) {
			t.Errorf("the last admin is %s: %v", name, err)
		}
	}
	if q, _, _ := p.find(t.Context(), key); q.Role != Admin || q.Disabled {
		t.Errorf("the last admin is %+v", q)
	}
}

// TestInvitationsFromFuture: links that were made while the clock was ahead are invalid
// once it is right; earlier ones stay valid.
func TestInvitationsFromFuture(t *testing.T) {
	c := &fakeClock{now: time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)}
	p := newTestPeople(kvtest.New(), c.Now)
	invite := func(name string) Invitation {
		t.Helper()
		i, err := p.Invite(t.Context(), name, Admin, "")
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	works := func(i Invitation) bool {
		t.Helper()
		_, ok, err := p.PendingInvitation(t.Context(), tokenOf(i))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	before := invite("An")
	c.now = c.now.Add(years)
	ahead := invite("Bea")
	if !works(ahead) {
		t.Error("a link that was just made does not work")
	}
	c.now = c.now.Add(-years)
	if works(ahead) {
		t.Error("a link of a time to come works")
	}
	if !works(before) {
		t.Error("a link of today was taken away by the clock")
	}
	c.now = c.now.Add(-clockSlack)
	if !works(before) {
		t.Error("a clock that is set right by minutes takes a link away")
	}
}
