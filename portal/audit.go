package portal

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"
)

// How much of the trail is kept: the newest 20,000 records, none older than
// two years. A firm of twenty people makes some thousands a year.
const (
	trailSize = 20_000
	trailAge  = 2 * 366 * 24 * time.Hour
	// trailSweep is how many old records go at most with each new one.
	trailSweep = 20
	// refusedShare is which part of that is kept of failed attempts to sign in.
	refusedShare = 10
)

// Record is one thing that somebody did, or tried to.
type Record struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who,omitempty"`  // as they are called; empty where nobody was signed in
	Key  string    `json:"key,omitempty"`  // what they are kept under, which no change of name changes
	What string    `json:"what"`           // which kind, as "decide"; the messages audit.* name them
	On   string    `json:"on,omitempty"`   // to what: an entry, a connection, a person
	From string    `json:"from,omitempty"` // an address, or fromCommandLine
	// Outcome is empty when it succeeded, else why not: a problem's code or a
	// message.
	Outcome string `json:"outcome,omitempty"`
}

// fromCommandLine is where what came through the local API came from.
const fromCommandLine = "local"

// TrailConfig is all that a Trail needs.
type TrailConfig struct {
	Shelf Shelf
	Now   func() time.Time // time.Now when nil
	Log   zerolog.Logger
	// Size bounds the records; 0 for 20,000.
	Size int
	// Confirmed tells what time a service last said it is; nil, or the zero
	// time, where none has. No record is dropped for its age without it.
	Confirmed func() time.Time
}

// Trail records who did what, when and from where. It is safe for concurrent
// use.
type Trail struct{ TrailConfig }

// NewTrail makes a Trail.
func NewTrail(cfg TrailConfig) *Trail {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Size <= 0 {
		cfg.Size = trailSize
	}
	return &Trail{cfg}
}

// Note adds a record; its time is now, and its address the context's, unless
// it says otherwise. A record that cannot be kept is logged: what it tells of
// has happened already.
func (t *Trail) Note(ctx context.Context, r Record) { t.keep(ctx, shelfTrail, t.Size, r) }

// Refused is Note for who tried to sign in and did not succeed. Anybody can do
// that as often as they like: such records have a small place of their own, so
// that they push out nothing that people did.
func (t *Trail) Refused(ctx context.Context, r Record) {
	t.keep(ctx, shelfRefused, max(1, t.Size/refusedShare), r)
}

// kept is a record as it lies on the shelf.
type kept struct {
	Record

	// Nth counts the records of its place; 0 in one that is as old as that
	// there was one place alone, where it is the record's number.
	Nth uint64 `json:"nth,omitempty"`
}

func readKept(key string, text []byte) (k kept, number uint64, err error) {
	number = binary.BigEndian.Uint64([]byte(key))
	err = json.Unmarshal(text, &k)
	k.Nth = cmp.Or(k.Nth, number)
	return k, number, err
}

// keep adds a record to its place, and drops what is too many there, or surely
// too old: a clock that is ahead must not take the audit log away.
// The numbers go on through both places.
func (t *Trail) keep(ctx context.Context, place string, size int, r Record) {
	r.At = t.Now().UTC()
	if r.From == "" {
		r.From = originOf(ctx)
	}
	if v, ok := ctx.Value(visitKey{}).(*visit); ok && r.Key == "" {
		r.Key = v.person.Key
	}
	// The caller may be gone by now; what they did is recorded all the same.
	err := t.Shelf.Update(context.WithoutCancel(ctx), func(w ShelfWriter) error {
		next, one := uint64(1), kept{Record: r, Nth: 1}
		for _, p := range []string{shelfTrail, shelfRefused} {
			for key, text := range w.WalkBack(p, "") {
				newest, number, _ := readKept(key, text)
				next = max(next, number+1)
				if p == place {
					one.Nth = newest.Nth + 1
				}
				break
			}
		}
		if err := lay(w, place, trailKey(next), one); err != nil {
			return err
		}
		var old []string
		for key, text := range w.Walk(place, "") {
			first, _, _ := readKept(key, text)
			fresh := first.Nth+uint64(size) > one.Nth && certain(r.At, t.Confirmed).Sub(first.At) < trailAge
			if fresh || len(old) == trailSweep {
				break
			}
			old = append(old, key)
		}
		for _, key := range old {
			w.Delete(place, key)
		}
		return nil
	})
	if err != nil {
		t.Log.Error().Err(err).Str("what", r.What).Str("who", r.Who).Msg("the trail could not be kept")
	}
}

// Page gives records, newest first: at most n of those before a number, 0 for
// the newest. older is the number to go on with, 0 at the end.
func (t *Trail) Page(ctx context.Context, before uint64, n int) (list []Record, older uint64, err error) {
	type row struct {
		number uint64
		rec    Record
	}
	err = t.Shelf.View(ctx, func(r ShelfReader) error {
		list, older = nil, 0
		from := ""
		if before > 0 {
			from = trailKey(before)
		}
		var rows []row
		for _, place := range []string{shelfTrail, shelfRefused} {
			some := 0
			for key, text := range r.WalkBack(place, from) {
				k, number, err := readKept(key, text)
				if err != nil {
					return fmt.Errorf("a record of the trail cannot be read: %w", err)
				}
				rows = append(rows, row{number, k.Record})
				if some++; some > n {
					break
				}
			}
		}
		slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(b.number, a.number) })
		if len(rows) > n {
			rows, older = rows[:n], rows[n-1].number
		}
		for _, one := range rows {
			list = append(list, one.rec)
		}
		return nil
	})
	return list, older, err
}

func trailKey(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

type originKey struct{}

// withOrigin says where what is done in ctx comes from.
func withOrigin(ctx context.Context, from string) context.Context {
	return context.WithValue(ctx, originKey{}, from)
}

func originOf(ctx context.Context) string {
	if from, ok := ctx.Value(originKey{}).(string); ok {
		return from
	}
	return fromCommandLine
}
