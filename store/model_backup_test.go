package store_test

import (
	"maps"
	"time"

	"pgregory.net/rapid"

	"balansd/ledger"
	"balansd/problem"
	"balansd/store"
)

const noLongerKept = "The steps until here are no longer kept: their time, retention.stories in the configuration, is over."

// prune deletes what belongs to entries that were settled some minutes ago.
func (m *model) prune(t *rapid.T, s *store.Store) {
	var r ledger.Retention
	var want ledger.Pruned
	keep := time.Duration(rapid.IntRange(1, 4).Draw(t, "minutes")) * time.Minute
	figures := rapid.Bool().Draw(t, "figures")
	if figures {
		r.Figures = keep
	} else {
		r.Histories = keep
	}
	for n, e := range m.entries {
		if e.State != ledger.Done && e.State != ledger.Superseded && e.State != ledger.Ignored || e.UpdatedAt.After(m.now.Add(-keep)) {
			continue
		}
		if _, has := m.values[n]; figures && has {
			delete(m.values, n)
			want.Figures++
		}
		if story := m.stories[n]; !figures && (len(story) > 1 || story[0] != noLongerKept) {
			m.stories[n] = []string{noLongerKept}
			want.Histories++
		}
	}
	if got, err := s.Prune(t.Context(), r, m.now); err != nil || got != want {
		t.Fatalf("pruned %+v, %v; want %+v", got, err, want)
	}
}

// saved is a backup and the model at that time.
type saved struct {
	ledger.Backup
	model
}

func (m *model) save(t *rapid.T, s *store.Store) *saved {
	b, err := s.Backup(t.Context())
	if err != nil || b.Entries != len(m.entries) || b.Newest != m.last {
		t.Fatalf("the backup is %+v, %v", b, err)
	}
	was := *m
	was.entries, was.stories, was.values, was.written = maps.Clone(m.entries), maps.Clone(m.stories), maps.Clone(m.values), maps.Clone(m.written)
	return &saved{b, was}
}

// restore restores the backup, first without permission to lose newer entries.
func (m *model) restore(t *rapid.T, o store.Options, to *saved) {
	leftAside := func(e ledger.Entry) bool { return e.State == ledger.Ignored && e.Reason == ledger.Dismissed }
	var lost store.Loss
	for n, e := range m.entries {
		had, old := to.entries[n]
		switch {
		case leftAside(e):
		case !old:
			lost.New++
		case e.Version > had.Version || e.UpdatedAt.After(had.UpdatedAt):
			lost.Changed++
		}
	}
	_, _, err := store.Restore(t.Context(), o, to.File, store.RestoreOptions{Confirm: func(_ ledger.Backup, l store.Loss) error {
		if l.Any() {
			t.Fatalf("%+v would be lost", l)
		}
		return nil
	}})
	if lost.Any() != problem.Is(err, problem.NotAllowed) || !lost.Any() && err != nil {
		t.Fatalf("with %+v to lose, the restore says %v", lost, err)
	}
	if lost.Any() {
		may := store.RestoreOptions{LoseNewer: true, Confirm: func(_ ledger.Backup, l store.Loss) error {
			if l.New != lost.New || l.Changed != lost.Changed {
				t.Fatalf("%+v would be lost, want %+v", l, lost)
			}
			return nil
		}}
		if _, _, err := store.Restore(t.Context(), o, to.File, may); err != nil {
			t.Fatal(err)
		}
	}
	now := maps.Clone(m.entries)
	stories := m.stories
	m.entries, m.stories, m.values, m.cursor = maps.Clone(to.entries), maps.Clone(to.stories), maps.Clone(to.values), to.cursor
	for n, e := range now {
		if had, old := to.entries[n]; leftAside(e) && !(old && had.Version == e.Version) {
			m.entries[n], m.stories[n] = e, stories[n]
		}
	}
	for place, w := range m.written {
		if _, there := m.entries[w.By]; !there {
			w.Version++ // no longer trusted
			m.written[place] = w
		}
	}
}
