package daemon

import (
	"context"
	"iter"
	"maps"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"balansd/ledger"
)

// countingReads is a store that has entries, and records which of them were read whole.
type countingReads struct {
	listed
	read *[]uint64
}

func (s countingReads) HeadsOf(_ context.Context, q ledger.Query) iter.Seq2[ledger.Head, error] {
	return func(yield func(ledger.Head, error) bool) {
		left := q.Limit
		for _, n := range slices.Backward(slices.Sorted(maps.Keys(s.entries))) {
			if h := s.entries[n].Head(); q.Matches(h) {
				if !yield(h, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
		}
	}
}

func (s countingReads) Entry(ctx context.Context, number uint64) (ledger.Entry, error) {
	*s.read = append(*s.read, number)
	return s.listed.Entry(ctx, number)
}

// What needs a person is listed as the state has it, whoever changed it, and only what
// changed since the last time is read again.
func TestNeedingReadsWhatChanged(t *testing.T) {
	s := countingReads{listed{entries: map[uint64]ledger.Entry{}}, new([]uint64)}
	put := func(number, version uint64, state ledger.State) {
		s.entries[number] = ledger.Entry{Number: number, Version: version, State: state}
	}
	for n, state := range []ledger.State{ledger.Done, ledger.Waiting, ledger.Failed, ledger.Differs, ledger.Waiting} {
		put(uint64(n), 1, state)
	}
	d := New(Config{Store: s})
	check := func(limit int, want, read []uint64) {
		t.Helper()
		*s.read = []uint64{}
		list, err := d.needing(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		numbers := []uint64{}
		for _, e := range list {
			numbers = append(numbers, e.Number)
			if diff := gocmp.Diff(s.entries[e.Number], e); diff != "" {
				t.Errorf("entry %d is another (-want +got):\n%s", e.Number, diff)
			}
		}
		if diff := gocmp.Diff(want, numbers); diff != "" {
			t.Errorf("others are listed (-want +got):\n%s", diff)
		}
		if diff := gocmp.Diff(read, *s.read); diff != "" {
			t.Errorf("others are read (-want +got):\n%s", diff)
		}
	}
	check(3, []uint64{4, 3, 2}, []uint64{4, 3, 2})
	check(3, []uint64{4, 3, 2}, []uint64{})
	put(3, 2, ledger.Waiting)
	check(3, []uint64{4, 3, 2}, []uint64{3})
	put(4, 2, ledger.Done)
	check(3, []uint64{3, 2, 1}, []uint64{1})
	put(4, 3, ledger.Differs)
	check(0, []uint64{4, 3, 2, 1}, []uint64{4})
}
