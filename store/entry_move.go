package store

import (
	"context"
	"fmt"

	"balansd/ledger"
)

// change is a move with its rows packed. They are packed before the transaction, so
// that other transactions do not wait for it.
type change struct {
	ledger.Move
	entry, written, values, document []byte
}

// Move stores the moves, all or none, and returns the entries with their new
// versions. It returns a Conflict problem if the ledger has another version of an
// entry, or of the Written of its target, than the move; 0 is the version of a
// target without a Written. It returns NotFound if there is no such entry.
func (s *Store) Move(ctx context.Context, moves ...ledger.Move) ([]ledger.Entry, error) {
	changes := make([]change, len(moves))
	moved := make([]ledger.Entry, len(moves))
	for i, move := range moves {
		move.Entry.Version++
		c, err := s.pack(move)
		if err != nil {
			return nil, err
		}
		changes[i], moved[i] = c, move.Entry
	}
	err := s.db.share(ctx, func(w writer) error {
		olds, err := s.checkVersions(w, changes)
		if err != nil {
			return err
		}
		for i, c := range changes {
			if err := s.apply(w, olds[i], c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.damageProblem(err)
	}
	return moved, nil
}

// pack packs the rows of a move. The entry already has its new version.
func (s *Store) pack(move ledger.Move) (c change, err error) {
	c.Move = move
	if _, ok := letters[move.Entry.State]; !ok {
		return c, fmt.Errorf("entry %d would become %q, which is no state", move.Entry.Number, move.Entry.State)
	}
	if c.entry, err = s.codec.packEntry(move.Entry); err != nil {
		return c, err
	}
	if move.Written != nil {
		if move.Entry.Target == nil {
			return c, fmt.Errorf("entry %d has no target, and figures were written there", move.Entry.Number)
		}
		known := *move.Written
		known.Version++
		if c.written, err = s.codec.pack(known); err != nil {
			return c, err
		}
	}
	if move.Values != nil {
		if c.values, err = s.codec.packValues(move.Values); err != nil {
			return c, err
		}
	}
	if move.Document != nil {
		c.document, err = s.codec.compress(move.Document)
	}
	return c, err
}

// checkVersions returns the head of the entry before each change, or a Conflict problem for a
// change of another version. It writes nothing, so that a conflict does not repeat
// the moves that share the transaction. Of two changes to one entry, or to the
// Written of one target, the second follows the first.
func (s *Store) checkVersions(r reader, changes []change) ([]ledger.Head, error) {
	olds := make([]ledger.Head, len(changes))
	seen := make(map[uint64]ledger.Head, len(changes))
	targets := make(map[string]uint64, len(changes)) // versions
	for i, c := range changes {
		n := c.Entry.Number
		old, ok := seen[n]
		if !ok {
			var err error
			if old, err = s.head(r, n); err != nil {
				return nil, err
			}
		}
		if old.Version+1 != c.Entry.Version {
			return nil, conflict(old)
		}
		olds[i], seen[n] = old, c.Entry.Head()
		if c.Written == nil {
			continue
		}
		target := c.Entry.Target.Key()
		version, ok := targets[target]
		if !ok {
			known, err := s.written(r, target)
			if err != nil {
				return nil, err
			}
			version = known.Version
		}
		if version != c.Written.Version {
			return nil, targetConflict(old, *c.Entry.Target)
		}
		targets[target] = version + 1
	}
	return olds, nil
}

// apply stores a change.
func (s *Store) apply(w writer, old ledger.Head, c change) error {
	if err := putEntry(w, &old, c.Entry, c.entry); err != nil {
		return err
	}
	key := number(c.Entry.Number)
	if c.written != nil {
		w.put(tWritten, []byte(c.Entry.Target.Key()), c.written)
	}
	if c.values != nil {
		w.put(tValues, key, c.values)
	}
	if c.document != nil {
		w.put(tDocuments, key, c.document)
	} else if c.DropDocument {
		w.remove(tDocuments, key)
	}
	return s.addEvent(w, c.Entry.Number, c.Event, false)
}
