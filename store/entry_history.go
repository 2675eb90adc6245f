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

// story is the row of an entry's history, oldest event first. Left counts the events
// that were dropped after the first firstEvents. Pruned says that there were events
// before the first, until their time was over; an entry without a row of its
// own had them, too.
type story struct {
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
	st, err := s.story(w, n)
	if err != nil {
		return err
	}
	if !first && len(st.Events) == 0 {
		st.Pruned = true
	}
	if len(st.Events) > 0 {
		last := st.Events[len(st.Events)-1]
		if last.State == e.State && last.Reason == e.Reason && last.Text == e.Text && last.By == e.By {
			return nil
		}
	}
	st.Events = append(st.Events, e)
	if extra := len(st.Events) - firstEvents - lastEvents; extra > 0 {
		st.Events = append(st.Events[:firstEvents:firstEvents], st.Events[firstEvents+extra:]...)
		st.Left += extra
	}
	blob, err := s.codec.pack(st)
	if err != nil {
		return err
	}
	w.put(tStories, number(n), blob)
	return nil
}

func (s *Store) story(r reader, n uint64) (st story, err error) {
	if blob := r.get(tStories, number(n)); blob != nil {
		err = s.codec.unpack(blob, &st)
	}
	return st, err
}

// History gives the events of an entry, oldest first; a NotFound problem when
// there is no such entry. An event that repeats the one before was folded into
// it. Of a long story the first 20 and the last 180 events are kept; an event
// between them says how many are left out. Where Prune took older events away,
// the first event says so.
func (s *Store) History(ctx context.Context, n uint64) ([]ledger.Event, error) {
	var st story
	var e ledger.Entry
	err := s.db.view(ctx, func(r reader) (err error) {
		if e, err = s.entry(r, n); err != nil {
			return err
		}
		st, err = s.story(r, n)
		return err
	})
	if err != nil {
		return nil, s.damageProblem(err)
	}
	return st.withGaps(e), nil
}

// withGaps returns the events, with events that say what is missing.
func (st story) withGaps(e ledger.Entry) []ledger.Event {
	events := st.Events
	if st.Left > 0 {
		before := events[firstEvents-1]
		gap := ledger.Event{At: before.At, State: before.State, Text: fmt.Sprintf("Left out here: %d steps.", st.Left)}
		events = slices.Insert(events, firstEvents, gap)
	}
	if len(st.Events) == 0 {
		return []ledger.Event{{At: e.UpdatedAt, State: e.State, Text: pruned}}
	}
	if st.Pruned {
		events = slices.Insert(events, 0, ledger.Event{At: e.FoundAt, State: ledger.Found, Text: pruned})
	}
	return events
}
