package portal

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
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
)

// Record is one thing that somebody did, or tried to.
type Record struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who,omitempty"`  // as they are called; empty where nobody was signed in
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
func (t *Trail) Note(ctx context.Context, r Record) {
	r.At = t.Now().UTC()
	if r.From == "" {
		r.From = originOf(ctx)
	}
	// The caller may be gone by now; what they did is recorded all the same.
	err := t.Shelf.Update(context.WithoutCancel(ctx), func(w ShelfWriter) error {
		next := uint64(1)
		for key := range w.WalkBack(shelfTrail, "") {
			next = binary.BigEndian.Uint64([]byte(key)) + 1
			break
		}
		if err := lay(w, shelfTrail, trailKey(next), r); err != nil {
			return err
		}
		var old []string
		for key, text := range w.Walk(shelfTrail, "") {
			var first Record
			number := binary.BigEndian.Uint64([]byte(key))
			_ = json.Unmarshal(text, &first)
			fresh := number+uint64(t.Size) > next && r.At.Sub(first.At) < trailAge
			if fresh || len(old) == trailSweep {
				break
			}
			old = append(old, key)
		}
		for _, key := range old {
			w.Delete(shelfTrail, key)
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
	err = t.Shelf.View(ctx, func(r ShelfReader) error {
		list, older = nil, 0
		from := ""
		if before > 0 {
			from = trailKey(before)
		}
		var last uint64
		for key, text := range r.WalkBack(shelfTrail, from) {
			if len(list) == n {
				older = last
				return nil
			}
			var rec Record
			if err := json.Unmarshal(text, &rec); err != nil {
				return fmt.Errorf("a record of the trail cannot be read: %w", err)
			}
			last = binary.BigEndian.Uint64([]byte(key))
			list = append(list, rec)
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
