package store

import (
	"context"
	"fmt"
	"slices"

	"balansd/ledger"
)

// Of a long history the first and the last events are kept.
const (
	firstEvents = 20
	lastEvents  = 180
)

// history is the row of an entry's events, oldest first. Left counts the events
// that were dropped after the first firstEvents. Pruned says that Prune removed
// events before the first; it removed all those of an entry without a row.
type history struct {
	Left   int            `json:"left,omitempty"`
	Pruned bool           `json:"pruned,omitempty"`
	Events []ledger.Event `json:"events"`
}

// pruned is the first event of a history whose older events are no longer kept.
const pruned = "The steps until here are no longer kept: their time, retention.stories in the configuration, is over."

// addEvent appends an event to the history of an entry. An event equal to the last
// one is not added: an entry that waits says so once, not every night, and its
// UpdatedAt is when it was last processed. first says that the entry is new.
func (s *Store) addEvent(w writer, n uint64, e ledger.Event, first bool) error {
	if e == (ledger.Event{}) {
		return nil
	}
	h, err := s.history(w, n)
	if err != nil {
		return err
	}
	if !first && len(h.Events) == 0 {
		h.Pruned = true
	}
	if len(h.Events) > 0 {
		last := h.Events[len(h.Events)-1]
		if last.State == e.State && last.Reason == e.Reason && last.Text == e.Text && last.By == e.By {
			return nil
		}
	}
	h.Events = append(h.Events, e)
	if extra := len(h.Events) - firstEvents - lastEvents; extra > 0 {
		h.Events = append(h.Events[:firstEvents:firstEvents], h.Events[firstEvents+extra:]...)
		h.Left += extra
	}
	blob, err := s.codec.pack(h)
	if err != nil {
		return err
	}
	w.put(tHistories, number(n), blob)
	return nil
}

func (s *Store) history(r reader, n uint64) (h history, err error) {
	if blob := r.get(tHistories, number(n)); blob != nil {
		err = s.codec.unpack(blob, &h)
	}
	return h, err
}

// History returns the events of an entry, oldest first; a NotFound problem if there
// is no such entry. An event that repeats the previous one is merged into it. Of a
// long history the first 20 and the last 180 events are stored; an event between
// them says how many are left out. If Prune removed older events, the first event
// says so.
func (s *Store) History(ctx context.Context, n uint64) ([]ledger.Event, error) {
	var h history
	var e ledger.Entry
	err := s.db.view(ctx, func(r reader) (err error) {
		if e, err = s.entry(r, n); err != nil {
			return err
		}
		h, err = s.history(r, n)
		return err
	})
	if err != nil {
		return nil, s.damageProblem(err)
	}
	return h.withGaps(e), nil
}

// withGaps returns the events, with events that say what is missing.
func (h history) withGaps(e ledger.Entry) []ledger.Event {
	events := h.Events
	if h.Left > 0 {
		before := events[firstEvents-1]
		gap := ledger.Event{At: before.At, State: before.State, Text: fmt.Sprintf("Left out here: %d steps.", h.Left)}
		events = slices.Insert(events, firstEvents, gap)
	}
	if len(h.Events) == 0 {
		return []ledger.Event{{At: e.UpdatedAt, State: e.State, Text: pruned}}
	}
	if h.Pruned {
		events = slices.Insert(events, 0, ledger.Event{At: e.FoundAt, State: ledger.Found, Text: pruned})
	}
	return events
}
