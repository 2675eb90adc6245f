package accounts

import (
	"context"
	"crypto/subtle"
	_ "embed" // for the list of common passwords
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"

	"balansd/problem"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// HashCost is the cost of a hash of a password with argon2id.
type HashCost struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// How many passwords are hashed at once, and how many callers may wait for
// that. Each takes 19 MiB while it lasts: many sign-ins at once must not
// exhaust the memory of the server.
const (
	hashesAtOnce = 2
	hashesQueued = 32
)

// hashing makes and checks hashes of passwords. It is safe for concurrent use.
type hashing struct {
	cost    HashCost // of the hashes that it makes
	queue   chan struct{}
	running chan struct{}
	decoy   string // a hash that no password has
}

// defaultHashCost is the cost that OWASP's Password Storage Cheat Sheet asks for.
var defaultHashCost = HashCost{Memory: 19 << 10, Passes: 2, Threads: 1}

func newHashing(c HashCost) *hashing {
	return &hashing{cost: c, queue: make(chan struct{}, hashesQueued), running: make(chan struct{}, hashesAtOnce),
		decoy: encodeHash(c, random(16), random(32))}
}

// hash makes the hash of a password, in the form that other argon2 programs
// write.
func (h *hashing) hash(ctx context.Context, password string) (string, error) {
	salt := random(16)
	key, err := h.derive(ctx, password, h.cost, salt, 32)
	if err != nil {
		return "", err
	}
	return encodeHash(h.cost, salt, key), nil
}

// check reports whether hash is that of password. weak says that it was made at a
// lower cost than h's. An empty hash takes as long and matches no password.
func (h *hashing) check(ctx context.Context, password, hash string) (ok, weak bool, err error) {
	known := hash != ""
	if !known {
		hash = h.decoy
	}
	c, salt, want, err := decodeHash(hash)
	if err != nil {
		return false, false, err
	}
	got, err := h.derive(ctx, password, c, salt, uint32(len(want)))
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(got, want) == 1 && known
	return ok, c.Memory < h.cost.Memory || c.Passes < h.cost.Passes, nil
}

func (h *hashing) derive(ctx context.Context, password string, c HashCost, salt []byte, length uint32) ([]byte, error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, problem.New(problem.Busy, "too many people are signing in at this moment", "Try again in a minute.")
	}
	defer func() { <-h.queue }()
	select {
	case h.running <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.running }()
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, c.Passes, c.Memory, c.Threads, length), nil
}

func encodeHash(c HashCost, salt, key []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, c.Threads,
		b.EncodeToString(salt), b.EncodeToString(key))
}

func decodeHash(hash string) (c HashCost, salt, key []byte, err error) {
	var version int
	parts := strings.Split(hash, "$")
	wrong := fmt.Errorf("a password's hash cannot be read")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return c, nil, nil, wrong
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return c, nil, nil, wrong
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Passes, &c.Threads); err != nil {
		return c, nil, nil, wrong
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	// Bounds, so that a damaged row cannot take all memory.
	if err1 != nil || err2 != nil || len(key) < 16 || c.Memory > 1<<20 || c.Passes > 64 || c.Passes == 0 || c.Threads == 0 {
		return c, nil, nil, wrong
	}
	return c, salt, key, nil
}

// The limits of a password.
const (
	MinPassword = 12 // in characters
	maxPassword = 256
)

// commonWords are the words that the most common passwords in Belgium, and of
// this program's users, are made of; one a line.
//
//go:embed common_passwords.txt
var commonWords string

// PasswordWeakness returns the id of the message that says why a password is
// refused; empty when it is not.
func PasswordWeakness(password, name string) string {
	password = norm.NFC.String(password)
	n := len([]rune(password))
	switch {
	case n < MinPassword:
		return "password.short"
	case n > maxPassword:
		return "password.long"
	}
	folded := strings.ToLower(password)
	letters := lettersOf(folded)
	kinds := map[rune]bool{}
	for _, r := range folded {
		kinds[r] = true
	}
	own := strings.ToLower(strings.TrimSpace(name))
	account, _, _ := strings.Cut(own, "@")
	switch {
	case len(kinds) < 5, strings.Contains("0123456789012345678901234567890", folded):
		return "password.common"
	case own != "" && (folded == own || letters != "" && (letters == lettersOf(own) || letters == lettersOf(account))):
		return "password.name"
	}
	for word := range strings.FieldsSeq(commonWords) {
		if letters == word || letters == word+word {
			return "password.common"
		}
	}
	return ""
}

// lettersOf drops what people put around a word to satisfy a rule.
func lettersOf(s string) string {
	leet := strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t")
	s = strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, leet.Replace(s))
}
