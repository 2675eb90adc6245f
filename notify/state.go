package notify

import (
	"encoding/json"
	"reflect"
	"time"

	"balansd/internal/clip"
	"balansd/keyvalue"
	"balansd/ledger"
)

// What is kept in the state: a row for each channel, one for the heartbeat, one for the
// newest run that was reported.
const (
	namespace     = "notify"
	channelPrefix = "channel "
	heartbeatID   = "heartbeat"
	heartbeatName = "heartbeat"
	runKey        = "run"
)

// delivery is what is known of a message that could not be sent yet.
type delivery struct {
	Attempts int       `json:"attempts,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Next     time.Time `json:"next,omitzero"`
	Error    string    `json:"error,omitempty"`
}

func (d *delivery) fail(err error, now time.Time) {
	if d.Attempts == 0 {
		d.Since = now
	}
	d.Attempts++
	d.Next, d.Error = now.Add(waitAfter(d.Attempts)), clip.Line(err.Error())
}

// record is what is known of a channel. The message to be sent is the difference of Told
// and Current.
type record struct {
	Told    []ledger.Condition `json:"told,omitempty"`    // as the last message said
	Current []ledger.Condition `json:"current,omitempty"` // as it is now
	ToldAt  time.Time          `json:"told_at,omitzero"`
	Sent    uint64             `json:"sent,omitempty"`  // how many messages were
	Began   bool               `json:"began,omitempty"` // a report was made for it
	delivery
}

// pending reports whether something is to be told.
func (r record) pending(now time.Time) bool {
	fresh, solved := r.changes()
	return len(fresh)+len(solved) > 0 || len(r.Current) > 0 && now.Sub(r.ToldAt) >= reminderAfter
}

// changes returns what came and what went since the last message.
func (r record) changes() (fresh, solved []ledger.Condition) {
	return without(r.Current, r.Told), without(r.Told, r.Current)
}

// without returns the conditions of list that are not in other.
func without(list, other []ledger.Condition) (rest []ledger.Condition) {
	ids := idsOf(other)
	for _, c := range list {
		if !ids[c.ID()] {
			rest = append(rest, c)
		}
	}
	return rest
}

func idsOf(list []ledger.Condition) map[string]bool {
	ids := make(map[string]bool, len(list))
	for _, c := range list {
		ids[c.ID()] = true
	}
	return ids
}

// heartbeat is what is known of the heartbeat.
type heartbeat struct {
	Night uint64    `json:"night,omitempty"` // the newest good night
	End   time.Time `json:"end,omitzero"`    // of it
	Sent  uint64    `json:"sent,omitempty"`  // the newest night that was told
	delivery
}

func (h heartbeat) pending(now time.Time) bool {
	return h.Night != 0 && h.Night != h.Sent && now.Sub(h.End) < heartbeatFor
}

// state is all that is kept.
type state struct {
	channels  map[string]*record
	heartbeat heartbeat
	run       uint64
	gone      []string // keys of channels that are no longer configured
}

func load(r keyvalue.Reader, channels []Channel) (s state, err error) {
	s.channels = make(map[string]*record, len(channels))
	for _, c := range channels {
		rec, _, err := keyvalue.Get[record](r, namespace, channelPrefix+c.ID)
		if err != nil {
			return s, err
		}
		s.channels[c.ID] = &rec
	}
	for key := range r.Walk(namespace, channelPrefix) {
		if id, ok := cutPrefix(key); ok && s.channels[id] == nil {
			s.gone = append(s.gone, key)
		}
	}
	if s.heartbeat, _, err = keyvalue.Get[heartbeat](r, namespace, heartbeatID); err != nil {
		return s, err
	}
	s.run, _, err = keyvalue.Get[uint64](r, namespace, runKey)
	return s, err
}

func cutPrefix(key string) (id string, ok bool) {
	if len(key) < len(channelPrefix) || key[:len(channelPrefix)] != channelPrefix {
		return "", false
	}
	return key[len(channelPrefix):], true
}

// save writes the rows that differ from what is stored.
func (s state) save(w keyvalue.Writer) error {
	rows := map[string]any{heartbeatID: s.heartbeat, runKey: s.run}
	for id, rec := range s.channels {
		rows[channelPrefix+id] = rec
	}
	for key, row := range rows {
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		if string(w.Get(namespace, key)) != string(text) {
			w.Put(namespace, key, text)
		}
	}
	for _, key := range s.gone {
		w.Delete(namespace, key)
	}
	return nil
}

// report brings the state up to date with a report, and returns whether that changed it.
func (s *state) report(r ledger.Report, cfg Config) (changed bool) {
	whole := r.Run != s.run
	changed = whole || len(s.gone) > 0
	s.run = r.Run
	for _, c := range cfg.Channels {
		rec := s.channels[c.ID]
		now := current(r.Conditions, *rec, c.Audience, whole || !rec.Began, cfg.ClientNames)
		changed, rec.Began = changed || !rec.Began, true
		if !reflect.DeepEqual(now, rec.Current) {
			rec.Current, changed = now, true
			if !rec.pending(cfg.Now()) {
				rec.delivery = delivery{} // over before it was told
			}
		}
	}
	if r.Night != s.heartbeat.Night {
		s.heartbeat = heartbeat{Night: r.Night, End: r.NightEnd.UTC(), Sent: s.heartbeat.Sent}
		changed = true
	}
	return changed
}

// current returns what a channel is to know now. What only a run over everything tells
// stays as it is unless one ended, so that people at work are not told of each step. What
// balansd tries again by itself waits for that, unless it was told before.
func current(all []ledger.Condition, rec record, audience Audience, whole, names bool) (list []ledger.Condition) {
	told := idsOf(rec.Told)
	for _, c := range all {
		if c.Kind.OfRun() && !whole || !audience.hears(c.Role) || !c.Retry.IsZero() && !told[c.ID()] {
			continue
		}
		list = append(list, kept(c, names))
	}
	if !whole {
		for _, c := range rec.Current {
			if c.Kind.OfRun() {
				list = append(list, c)
			}
		}
	}
	return list
}

// kept returns of a condition what a message needs. Detail may name a client.
func kept(c ledger.Condition, names bool) ledger.Condition {
	c.Detail, c.Retry = "", time.Time{}
	c.Since = c.Since.UTC()
	if c.Kind.OfBalance() {
		c.Since = time.Time{} // each try changes it
	}
	if !names {
		c.Client = ""
	}
	return c
}
