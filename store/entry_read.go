package store

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"math"
	"slices"

	"balansd/balance"
	"balansd/ledger"
)

// Iterators read each chunk of entries in a transaction of its own and yield them
// afterwards, so that a slow consumer does not keep a transaction open. The first
// chunk is small, for pages.
const (
	firstChunk = 32
	lastChunk  = 256
)

// headChunk is the number of heads that are read in one transaction.
const headChunk = 1024

// entry reads one entry.
func (s *Store) entry(r reader, n uint64) (e ledger.Entry, err error) {
	blob := r.get(tEntries, number(n))
	if blob == nil {
		return e, notFound(n)
	}
	return e, s.codec.unpackEntry(blob, &e)
}

// head reads the head of one entry.
func (s *Store) head(r reader, n uint64) (h ledger.Head, err error) {
	blob := r.get(tEntries, number(n))
	if blob == nil {
		return h, notFound(n)
	}
	return s.codec.unpackHead(blob)
}

// Heads iterates over the heads of all entries, by number, without reading the rest of
// them. It may or may not see changes that are made meanwhile.
func (s *Store) Heads(ctx context.Context) iter.Seq2[ledger.Head, error] {
	return func(yield func(ledger.Head, error) bool) {
		chunk := make([]ledger.Head, 0, headChunk)
		for from := []byte{}; from != nil; {
			chunk = chunk[:0]
			err := s.db.view(ctx, func(r reader) error {
				next := from
				from = nil
				for k, row := range r.walk(tEntries, next, nil) {
					if len(chunk) == headChunk {
						from = bytes.Clone(k)
						break
					}
					h, err := s.codec.unpackHead(row)
					if err != nil {
						return err
					}
					chunk = append(chunk, h)
				}
				return nil
			})
			if err != nil {
				yield(ledger.Head{}, s.damageProblem(err))
				return
			}
			for _, h := range chunk {
				if !yield(h, nil) {
					return
				}
			}
		}
	}
}

// Entry returns one entry, or a NotFound problem.
func (s *Store) Entry(ctx context.Context, n uint64) (e ledger.Entry, err error) {
	err = s.db.view(ctx, func(r reader) error {
		e, err = s.entry(r, n)
		return err
	})
	return e, s.damageProblem(err)
}

// OpenEntries iterates over the entries that a run processes, by number, and reads only
// those. It may or may not see changes that are made meanwhile.
func (s *Store) OpenEntries(ctx context.Context) iter.Seq2[ledger.Entry, error] {
	next := uint64(1)
	return pages(ctx, s, func(r reader, limit int) []uint64 {
		var found []uint64
		for _, letter := range []byte(openLetters) {
			from := append([]byte{letter}, number(next)...)
			found = appendNumbers(found, r.walk(tByState, from, []byte{letter + 1}), limit)
		}
		slices.Sort(found)
		found = found[:min(limit, len(found))]
		if len(found) > 0 {
			next = found[len(found)-1] + 1
		}
		return found
	}, 0, func(r reader, n uint64) (ledger.Entry, bool, error) {
		e, err := s.entry(r, n)
		return e, err == nil, err
	})
}

// Entries iterates over the entries that match the query, newest first. With states
// or a reason it reads only the entries of those states, and with a connection and a
// dossier id only those of that dossier.
func (s *Store) Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	return pages(ctx, s, newestOf(q), q.Limit, func(r reader, n uint64) (e ledger.Entry, ok bool, err error) {
		return s.matching(r, n, q.Matches)
	})
}

// HeadsOf iterates over the heads of the entries that match the query, as Entries does
// over the entries.
func (s *Store) HeadsOf(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Head, error] {
	return pages(ctx, s, newestOf(q), q.Limit, func(r reader, n uint64) (ledger.Head, bool, error) {
		h, err := s.head(r, n)
		return h, err == nil && q.Matches(h), err
	})
}

// newestOf returns the function that names the entries a query may match, newest first: at
// most so many with each call.
func newestOf(q ledger.Query) func(r reader, limit int) []uint64 {
	below := q.Below
	if below == 0 {
		below = math.MaxUint64
	}
	states := q.States
	if len(states) == 0 && q.Reason != "" {
		states = []ledger.State{ledger.Waiting, ledger.Ignored} // no other has a reason
	}
	return func(r reader, limit int) []uint64 {
		var found []uint64
		switch {
		case q.Connection != "" && q.DossierID != "":
			dossier := dossierPrefix(q.Connection, q.DossierID)
			found = appendNumbers(found, r.walk(tByDossier, dossier, after(dossier)), -1)
			found = slices.DeleteFunc(found, func(n uint64) bool { return n >= below })
		case len(states) == 0:
			found = appendNumbers(found, r.walkBack(tEntries, nil, number(below)), limit)
		default:
			for _, letter := range []byte(lettersOf(states)) {
				to := append([]byte{letter}, number(below)...)
				found = appendNumbers(found, r.walkBack(tByState, []byte{letter}, to), limit)
			}
		}
		slices.SortFunc(found, func(a, b uint64) int { return cmp.Compare(b, a) })
		found = found[:min(limit, len(found))]
		if len(found) > 0 {
			below = found[len(found)-1]
		}
		return found
	}
}

// appendNumbers adds the numbers of at most limit keys.
func appendNumbers(to []uint64, keys iter.Seq2[[]byte, []byte], limit int) []uint64 {
	for k := range keys {
		if limit == 0 {
			break
		}
		to = append(to, numberAt(k))
		limit--
	}
	return to
}

// pages walks the entries that next names, chunk by chunk, until next names none or max
// of them were read; 0 is no bound. read reports whether an entry is one of those.
func pages[T any](ctx context.Context, s *Store, next func(r reader, limit int) []uint64, max int,
	read func(r reader, n uint64) (T, bool, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		left := max
		for size := firstChunk; ; size = min(2*size, lastChunk) {
			var chunk []T
			more := false
			err := s.db.view(ctx, func(r reader) error {
				numbers := next(r, size)
				more = len(numbers) > 0
				for _, n := range numbers {
					if v, ok, err := read(r, n); err != nil {
						return err
					} else if ok {
						chunk = append(chunk, v)
					}
				}
				return nil
			})
			if err != nil {
				var none T
				yield(none, s.damageProblem(err))
				return
			}
			for _, v := range chunk {
				if !yield(v, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

// matching reads an entry if its head matches.
func (s *Store) matching(r reader, n uint64, match func(ledger.Head) bool) (e ledger.Entry, ok bool, err error) {
	blob := r.get(tEntries, number(n))
	if blob == nil {
		return e, false, notFound(n)
	}
	h, err := s.codec.unpackHead(blob)
	if err != nil || !match(h) {
		return e, false, err
	}
	return e, true, s.codec.unpackEntry(blob, &e)
}

// Siblings lists, by number, the entries that are siblings of e, as
// ledger.Entry.SiblingOf has it, e itself left out.
func (s *Store) Siblings(ctx context.Context, e ledger.Entry) (siblings []ledger.Entry, err error) {
	err = s.db.view(ctx, func(r reader) error {
		siblings, err = s.siblings(r, e)
		return err
	})
	return siblings, s.damageProblem(err)
}

func (s *Store) siblings(r reader, e ledger.Entry) ([]ledger.Entry, error) {
	id := idPrefix(e.Connection, e.ID)
	numbers := appendNumbers(nil, r.walk(tByID, id, after(id)), -1)
	if end := e.FiscalYear.End; !end.IsZero() {
		year := yearPrefix(e.Connection, e.Dossier.ID, end)
		numbers = appendNumbers(numbers, r.walk(tByDossier, year, after(year)), -1)
	}
	slices.Sort(numbers)
	var siblings []ledger.Entry
	for _, n := range slices.Compact(numbers) {
		if n == e.Number {
			continue
		}
		have, err := s.entry(r, n)
		if err != nil {
			return nil, err
		}
		if have.SiblingOf(e) { // the indexes may hold others
			siblings = append(siblings, have)
		}
	}
	return siblings, nil
}

// Values returns the figures stored with an entry, nil for none.
func (s *Store) Values(ctx context.Context, n uint64) (v balance.Values, err error) {
	err = s.db.view(ctx, func(r reader) error {
		if blob := r.get(tValues, number(n)); blob != nil {
			v, err = s.codec.unpackValues(blob)
		}
		return err
	})
	return v, s.damageProblem(err)
}

// Document returns the document stored with an entry, nil for none.
func (s *Store) Document(ctx context.Context, n uint64) (d []byte, err error) {
	err = s.db.view(ctx, func(r reader) error {
		if blob := r.get(tDocuments, number(n)); blob != nil {
			d, err = gunzip(blob)
		}
		return err
	})
	return d, s.damageProblem(err)
}

// Written returns what is known of a target, the zero Written for nothing.
func (s *Store) Written(ctx context.Context, p ledger.Target) (known ledger.Written, err error) {
	err = s.db.view(ctx, func(r reader) error {
		known, err = s.written(r, p.Key())
		return err
	})
	return known, s.damageProblem(err)
}

func (s *Store) written(r reader, target string) (known ledger.Written, err error) {
	if blob := r.get(tWritten, []byte(target)); blob != nil {
		err = s.codec.unpack(blob, &known)
	}
	return known, err
}

// Counts returns the number of entries by state, without states that have none. Its
// cost does not depend on the number of entries.
func (s *Store) Counts(ctx context.Context) (counts map[ledger.State]int, err error) {
	err = s.db.view(ctx, func(r reader) error {
		counts, err = readCounts(r)
		return err
	})
	return counts, s.damageProblem(err)
}
