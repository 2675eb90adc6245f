package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"balansd/keyvalue"
	"balansd/keyvalue/kvtest"
	"balansd/problem"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"
)

func TestPasswords(t *testing.T) {
	for password, want := range map[string]string{
		"short":                    "password.short",
		"elf tekens!":              "password.short",
		strings.Repeat("ab ", 90):  "password.long",
		"aaaaaaaaaaaaaaaa":         "password.common",
		"123456789012":             "password.common",
		"Wachtwoord2026!":          "password.common",
		"p@ssw0rdP@ssw0rd":         "password.common",
		"M0tDePasse!!2026":         "password.common",
		"An@kantoor.example":       "password.name",
		"an.peeters-2026":          "",
		"vier paarden eten soep":   "",
		"ÿ is een ÿ met 2 punten":  "",
		"correct horse batt. stap": "",
	} {
		if got := PasswordWeakness(password, "an@kantoor.example"); got != want {
			t.Errorf("%q: %q, not %q", password, got, want)
		}
	}
	if got := PasswordWeakness("annpeeters2026!", "Ann Peeters"); got != "password.name" {
		t.Errorf("one's own name is %q", got)
	}
}

func TestHashes(t *testing.T) {
	h := newHashing(defaultHashCost)
	hash, err := h.hash(t.Context(), testPassword)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, testPassword) {
		t.Errorf("the hash is %s", hash)
	}
	check := func(password, hash string, well, weak bool) {
		t.Helper()
		w, k, err := h.check(t.Context(), password, hash)
		if err != nil || w != well || k != weak {
			t.Errorf("%q against %q: %v, %v, %v", password, hash, w, k, err)
		}
	}
	check(testPassword, hash, true, false)
	check(testPassword+" ", hash, false, false)
	check("", "", false, false)
	check(testPassword, "", false, false)
	// The same letters, composed otherwise, as other keyboards write them.
	accent, _ := h.hash(t.Context(), "caf\u00e9 caf\u00e9 caf\u00e9")
	check("cafe\u0301 cafe\u0301 cafe\u0301", accent, true, false)
	old := HashCost{Memory: 4 << 10, Passes: 1, Threads: 1}
	salt := []byte("0123456789abcdef")
	check(testPassword, encodeHash(old, salt, argon2.IDKey([]byte(testPassword), salt, 1, 4<<10, 1, 32)), true, true)
	for _, damaged := range []string{"x", "$argon2id$v=19$m=4294967295,t=2,p=1$YQ$YQ", "$argon2i$v=19$m=1,t=1,p=1$YQ$YQ", hash[:40], hash + "$"} {
		if _, _, err := h.check(t.Context(), testPassword, damaged); err == nil {
			t.Errorf("%q is taken for a hash", damaged)
		}
	}
}

// TestHashingIsBounded: no more hashes at once than memory is meant for, and
// who comes when all seats are taken hears so at once.
func TestHashingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashing(defaultHashCost)
		for range hashesAtOnce {
			h.running <- struct{}{}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range hashesQueued {
			wg.Go(func() {
				if _, err := h.hash(ctx, "x"); !errors.Is(err, context.Canceled) {
					t.Errorf("a hash was made: %v", err)
				}
			})
		}
		synctest.Wait()
		if _, err := h.hash(ctx, "x"); !problem.Is(err, problem.Busy) {
			t.Errorf("one more gives %v", err)
		}
		cancel()
		wg.Wait()
	})
}

func newTestPeople(kv keyvalue.Store, now func() time.Time) *People {
	return NewPeople(PeopleConfig{KeyValue: kv, BaseURL: "http://127.0.0.1:8417", Now: now,
		AuditLog: NewAuditLog(AuditLogConfig{KeyValue: kv, Now: now, Log: zerolog.Nop()}), HashCost: lowestCost})
}

// testPassword is everybody's, hashed at the lowest cost that argon2 has.
const testPassword = "vier paarden eten soep"

var lowestCost = HashCost{Memory: 8, Passes: 1, Threads: 1}

func tokenOf(i Invitation) string { return i.Link[strings.LastIndexByte(i.Link, '/')+1:] }

func TestInvitationWorksOnceAndForADay(t *testing.T) {
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
		time.Sleep(invitationLife)
		if _, ok, _ := p.Invited(t.Context(), tokenOf(late)); ok {
			t.Error("a link works after its time")
		}
		if _, err := p.Accept(t.Context(), tokenOf(late), "", testPassword); !errors.Is(err, ErrLinkUsed) {
			t.Errorf("a late link gives %v", err)
		}
		first, _ := p.Invite(t.Context(), "Cis", Staff, "")
		second, _ := p.Invite(t.Context(), "CIS", Admin, "")
		if _, ok, _ := p.Invited(t.Context(), tokenOf(first)); ok {
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
	if _, ok, _ := p.Invited(t.Context(), tokenOf(before)); ok {
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
		"kept out":   func() error { _, err := p.SetDisabled(t.Context(), key, true); return err },
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

func TestNames(t *testing.T) {
	for _, same := range [][2]string{{"An", "AN"}, {"Zoë", "zoe\u0308"}, {" a  b ", "A B"}, {"ﬁn", "fin"}, {"Straße", "STRASSE"}} {
		if keyOf(same[0]) != keyOf(same[1]) {
			t.Errorf("%q and %q are two", same[0], same[1])
		}
	}
	for _, bad := range []string{"", "  ", strings.Repeat("x", 65), "a\x00b", "a\u202eb", "a\u200bb", "a\nb"} {
		if CheckName(bad) == nil {
			t.Errorf("%q is a name", bad)
		}
	}
}

// TestGuessingSlowsDown walks through any series of wrong attempts: each wait
// is no shorter than the one before, and none is longer than its bound.
func TestGuessingSlowsDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		th := newThrottle(func() time.Time { return now })
		key := rapid.SampledFrom([]tried{{'a', "x"}, {'n', "x"}, {'d', "x"}}).Draw(t, "key")
		var last time.Duration
		for n := range rapid.IntRange(freeAttempts, 40).Draw(t, "attempts") {
			if left := th.attempt(key); left != 0 {
				t.Fatalf("attempt %d waits %v", n, left)
			}
			wait := th.attempt(key) // at once: it does not count while one must wait
			if n+1 < freeAttempts {
				if wait != 0 {
					t.Fatalf("attempt %d of those that are free makes one wait %v", n, wait)
				}
				th.seen[key] = misses{count: n + 1, last: now} // undo it
				continue
			}
			if wait < last || wait > key.longest() || wait < firstWait {
				t.Fatalf("attempt %d makes one wait %v after %v", n, wait, last)
			}
			last = wait
			now = now.Add(wait)
		}
		now = now.Add(forgiven)
		for range freeAttempts {
			if th.attempt(key) != 0 {
				t.Fatal("nothing is forgotten")
			}
		}
	})
}

func TestThrottleIsBounded(t *testing.T) {
	th := newThrottle(time.Now)
	for i := range throttleSize + 100 {
		th.attempt(tried{'n', fmt.Sprint(i)})
	}
	if len(th.seen) > throttleSize {
		t.Errorf("%d attempts are remembered", len(th.seen))
	}
	if fromAddress("2001:db8::1") != fromAddress("2001:db8::ffff:1%eth0") || fromAddress("2001:db8:0:1::1") == fromAddress("2001:db8::1") ||
		fromAddress("192.0.2.1") == fromAddress("192.0.2.2") {
		t.Error("networks are mistaken")
	}
}

// TestStrangersCannotKeepAPersonOut: while strangers try a name from
// everywhere, who has signed in with their browser before gets in at once.
func TestStrangersCannotKeepAPersonOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPeople(kvtest.New(), nil)
		i, _ := p.Invite(t.Context(), "An", Admin, "")
		if _, err := p.Accept(t.Context(), tokenOf(i), "", testPassword); err != nil {
			t.Fatal(err)
		}
		in, err := p.SignIn(t.Context(), Attempt{Name: "an", Password: testPassword, Address: "192.0.2.1"})
		if err != nil || in.Device == "" {
			t.Fatal(in, err)
		}
		for n := range 12 {
			_, err := p.SignIn(t.Context(), Attempt{Name: "AN", Password: "a guess of theirs", Address: fmt.Sprintf("198.51.100.%d", n)})
			if err == nil {
				t.Fatal("a guess gets in")
			}
		}
		if _, err := p.SignIn(t.Context(), Attempt{Name: "An", Password: testPassword, Address: "203.0.113.9"}); !isWait(err) {
			t.Errorf("an unknown browser gets %v", err)
		}
		if _, err := p.SignIn(t.Context(), Attempt{Name: "An", Password: testPassword, Address: "192.0.2.1", Device: in.Device}); err != nil {
			t.Errorf("the person's own browser gets %v", err)
		}
		time.Sleep(longestForName)
		if _, err := p.SignIn(t.Context(), Attempt{Name: "An", Password: testPassword, Address: "203.0.113.9"}); err != nil {
			t.Errorf("after the longest wait for a name: %v", err)
		}
	})
}

func isWait(err error) bool { _, wait := errors.AsType[TooManyAttempts](err); return wait }
