package accounts

import (
	"context"
	"testing"
	"testing/synctest"

	"balansd/keyvalue"

	"golang.org/x/crypto/argon2"
)

// whileHashing starts do, calls meanwhile on the same state while do waits to hash a
// password, and returns the result of do.
func whileHashing(t *testing.T, p *People, do func() error, meanwhile func(other *People)) error {
	t.Helper()
	for range hashesAtOnce {
		p.hashing.running <- struct{}{}
	}
	ended := make(chan error, 1)
	go func() { ended <- do() }()
	synctest.Wait()
	meanwhile(newTestPeople(p.KeyValue, nil))
	for range hashesAtOnce {
		<-p.hashing.running
	}
	return <-ended
}

// resetPassword sets a new password with a link of an admin.
func resetPassword(t *testing.T, p *People, name, password string) {
	t.Helper()
	i, err := p.Invite(t.Context(), name, Admin, "")
	if err == nil {
		_, err = p.Accept(t.Context(), tokenOf(i), "", password)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// hasPassword reports whether a password is a person's.
func hasPassword(t *testing.T, p *People, name, password string) bool {
	t.Helper()
	q, _, err := p.find(t.Context(), keyOf(name))
	if err != nil {
		t.Fatal(err)
	}
	well, _, err := p.hashing.check(t.Context(), password, q.Password)
	if err != nil {
		t.Fatal(err)
	}
	return well
}

// TestSignInRace: when the sessions of a person end while a sign-in with their old
// password is checked, it fails and does not restore the old password.
func TestSignInRace(t *testing.T) {
	const fresh = "another good password"
	for name, tt := range map[string]struct {
		change   func(ctx context.Context, t *testing.T, other *People)
		password string // the person's afterwards
	}{
		"own page": {func(ctx context.Context, t *testing.T, other *People) {
			if _, err := other.ChangePassword(ctx, keyOf("An"), testPassword, fresh, "192.0.2.1"); err != nil {
				t.Error(err)
			}
		}, fresh},
		"reset link": {func(_ context.Context, t *testing.T, other *People) { resetPassword(t, other, "An", fresh) }, fresh},
		"disabled": {func(ctx context.Context, _ *testing.T, other *People) {
			_, _ = other.SetDisabled(ctx, keyOf("An"), true)
		}, testPassword},
		"signed out everywhere": {func(ctx context.Context, _ *testing.T, other *People) {
			_, _ = other.SignOutEverywhere(ctx, keyOf("An"))
		}, testPassword},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newAnAndBen(t, Admin)
				err := whileHashing(t, p, func() error {
					_, err := p.SignIn(t.Context(), Attempt{Name: "An", Password: testPassword, Address: "192.0.2.7"})
					return err
				}, func(other *People) { tt.change(t.Context(), t, other) })
				if err != ErrWrongPassword {
					t.Errorf("the sign-in gives %v", err)
				}
				if !hasPassword(t, p, "An", tt.password) {
					t.Error("the password that was set is not in force")
				}
			})
		})
	}
}

// TestChangePasswordRace: a change with the old password fails when another change or a
// link of an admin was faster.
func TestChangePasswordRace(t *testing.T) {
	const fresh, thiefs = "another good password", "the thief's own password"
	for name, meanwhile := range map[string]func(t *testing.T, other *People){
		"reset link": func(t *testing.T, other *People) { resetPassword(t, other, "An", fresh) },
		"own page": func(t *testing.T, other *People) {
			if _, err := other.ChangePassword(t.Context(), keyOf("An"), testPassword, fresh, "192.0.2.1"); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newAnAndBen(t, Admin)
				err := whileHashing(t, p, func() error {
					_, err := p.ChangePassword(t.Context(), keyOf("An"), testPassword, thiefs, "192.0.2.7")
					return err
				}, func(other *People) { meanwhile(t, other) })
				if no, ok := err.(Refusal); !ok || no.Reason != "password.old" {
					t.Errorf("the change gives %v", err)
				}
				if !hasPassword(t, p, "An", fresh) || hasPassword(t, p, "An", thiefs) {
					t.Error("the new password is not in force")
				}
			})
		})
	}
}

// TestRecordSignInOfDisabledPerson: a person who is disabled just after they used a link
// is not signed in.
func TestRecordSignInOfDisabledPerson(t *testing.T) {
	p := newAnAndBen(t, Staff)
	q, _, err := p.find(t.Context(), keyOf("Ben"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.SetDisabled(t.Context(), q.Key, true); err != nil {
		t.Fatal(err)
	}
	if _, err := p.RecordSignIn(t.Context(), q, "", ""); err != ErrWrongPassword {
		t.Errorf("a disabled person gets %v", err)
	}
}

// TestWeakHashIsReplaced: a sign-in replaces a weaker hash, and two at once both succeed.
func TestWeakHashIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newAnAndBen(t, Staff)
		p.hashing = newHashing(defaultHashCost)
		weaken := func(_ keyvalue.Writer, q *Person) error {
			c := HashCost{Memory: 4 << 10, Passes: 1, Threads: 1}
			salt := random(16)
			q.Password = encodeHash(c, salt, argon2.IDKey([]byte(testPassword), salt, c.Passes, c.Memory, c.Threads, 32))
			return nil
		}
		if _, err := p.update(t.Context(), keyOf("An"), weaken); err != nil {
			t.Fatal(err)
		}
		signIn := func(p *People) error {
			_, err := p.SignIn(t.Context(), Attempt{Name: "An", Password: testPassword, Address: "192.0.2.7"})
			return err
		}
		if err := whileHashing(t, p, func() error { return signIn(p) }, func(other *People) {
			if err := signIn(other); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Error(err)
		}
		q, _, _ := p.find(t.Context(), keyOf("An"))
		if well, weak, err := p.hashing.check(t.Context(), testPassword, q.Password); !well || weak || err != nil {
			t.Errorf("the hash is kept as it was: %v, %v, %v", well, weak, err)
		}
	})
}
