package store

import (
	"context"
	"fmt"

	"balansd/ledger"
)

// A story keeps its beginning and its end: how it came about, and the last
// months.
const (
	storyHead = 20
	storyTail = 180
)

// story is the row of an entry's events, oldest first. Left counts those that
// were dropped behind the first storyHead.
type story struct {
	Left   int            `json:"left,omitempty"`
	Events []ledger.Event `json:"events"`
}

// tell adds an event to an entry's story. One that says what the last one said
// is not added: an entry that waits says so once, not every night, and its
// UpdatedAt tells when it was looked at last.
func (s *Store) tell(w writer, n uint64, e ledger.Event) error {
	if e == (ledger.Event{}) {
		return nil
	}
	st, err := s.story(w, n)
	if err != nil {
		return err
	}
	if len(st.Events) > 0 {
		last := st.Events[len(st.Events)-1]
		if last.State == e.State && last.Reason == e.Reason && last.Text == e.Text && last.By == e.By {
			return nil
		}
	}
	st.Events = append(st.Events, e)
	if extra := len(st.Events) - storyHead - storyTail; extra > 0 {
		st.Events = append(st.Events[:storyHead:storyHead], st.Events[storyHead+extra:]...)
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

// Story gives the events of an entry, oldest first; a NotFound problem when
// there is no such entry. An event that repeats the one before was folded into
// it. Of a long story the first 20 and the last 180 events are kept; an event
// between them says how many are left out.
func (s *Store) Story(ctx context.Context, n uint64) ([]ledger.Event, error) {
	var st story
	err := s.db.view(ctx, func(r reader) (err error) {
		if r.get(tEntries, number(n)) == nil {
			return notFound(n)
		}
		st, err = s.story(r, n)
		return err
	})
	if err != nil {
		return nil, s.fault(err)
	}
	if st.Left == 0 {
		return st.Events, nil
	}
	before := st.Events[storyHead-1]
	gap := ledger.Event{At: before.At, State: before.State, Text: fmt.Sprintf("Left out here: %d steps.", st.Left)}
	events := append(st.Events[:storyHead:storyHead], gap)
	return append(events, st.Events[storyHead:]...), nil
}
