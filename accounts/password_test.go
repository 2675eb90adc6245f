package accounts

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"balansd/problem"

	"golang.org/x/crypto/argon2"
)

func TestPasswordWeakness(t *testing.T) {
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
	// The same letters, decomposed, as other keyboards write them.
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

// TestHashingIsBounded: only so many hashes run at once, and callers beyond the queue get
// an error.
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
