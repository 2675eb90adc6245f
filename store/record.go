package store

import (
	"context"
	"errors"
	"strings"

	"balansd/ledger"
)

// firstSeen is what an entry's story begins with where the entry has no Detail
// of its own.
const firstSeen = "The social balance was listed for the first time."

// Record stores new entries and the connection that listed them in one
// transaction. What the ledger has already is left out: the same connection,
// id and revision; the content of the newest revision of the same connection
// and id, by the time it was made; or the content of an entry of the same
// connection and dossier that is neither superseded nor ignored. The new
// entries are given back with their numbers, at version 1.
//
// A pause or a removal that a person set meanwhile stays: c was read before it.
func (s *Store) Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) ([]ledger.Entry, error) {
	var fresh []ledger.Entry
	err := s.db.update(ctx, func(w writer) error {
		fresh = nil
		if err := putListed(w, c); err != nil {
			return err
		}
		for _, e := range found {
			known, err := s.known(w, e)
			if err != nil {
				return err
			}
			if known {
				continue
			}
			if e, err = s.add(w, e); err != nil {
				return err
			}
			fresh = append(fresh, e)
		}
		return nil
	})
	if err != nil {
		return nil, s.fault(err)
	}
	return fresh, nil
}

// putListed saves a connection after a listing.
func putListed(w writer, c ledger.Connection) error {
	var now ledger.Connection
	if _, err := getJSON(w, tConnections, []byte(c.ID), &now); err != nil {
		return err
	}
	if now.Status == ledger.Paused || now.Status == ledger.Removed {
		c.Status = now.Status
	}
	return putJSON(w, tConnections, []byte(c.ID), c)
}

// add gives a new entry its number and stores it.
func (s *Store) add(w writer, e ledger.Entry) (ledger.Entry, error) {
	e.Number, e.Version = nextNumber(w, keyNumber), 1
	if _, ok := letters[e.State]; !ok {
		return e, errors.New("a new entry has no state")
	}
	blob, err := s.codec.pack(e)
	if err != nil {
		return e, err
	}
	if err := putEntry(w, nil, e, blob); err != nil {
		return e, err
	}
	event := ledger.Event{At: e.FoundAt, State: e.State, Reason: e.Reason, Text: e.Detail}
	if event.Text == "" {
		event.Text = firstSeen
	}
	return e, s.tell(w, e.Number, event)
}

// known tells whether the ledger has a listing, or its content, already.
func (s *Store) known(r reader, e ledger.Entry) (bool, error) {
	var newest ledger.Entry
	for k := range r.walk(tByID, idPrefix(e.Connection, e.ID), after(idPrefix(e.Connection, e.ID))) {
		have, err := s.entry(r, numberAt(k))
		if err != nil {
			return false, err
		}
		if have.Connection != e.Connection || have.ID != e.ID {
			continue
		}
		if have.Revision == e.Revision {
			return true, nil
		}
		if newest.Number == 0 || !have.CreatedAt.Before(newest.CreatedAt) {
			newest = have
		}
	}
	if e.SHA256 == "" {
		return false, nil
	}
	if newest.Number != 0 && strings.EqualFold(newest.SHA256, e.SHA256) {
		return true, nil
	}
	return s.contentLives(r, e)
}

// contentLives tells whether a live entry of the same connection and dossier
// has the same content.
func (s *Store) contentLives(r reader, e ledger.Entry) (bool, error) {
	prefix, want := dossierPrefix(e.Connection, e.Dossier.ID), string(contentHash(e.SHA256))
	for k, v := range r.walk(tByDossier, prefix, after(prefix)) {
		if string(v) != want {
			continue
		}
		have, err := s.entry(r, numberAt(k))
		if err != nil {
			return false, err
		}
		if live(have) && have.Connection == e.Connection && have.Dossier.ID == e.Dossier.ID &&
			strings.EqualFold(have.SHA256, e.SHA256) {
			return true, nil
		}
	}
	return false, nil
}

// live tells whether an entry stands for what its dossier's balance is now.
func live(e ledger.Entry) bool { return e.State != ledger.Superseded && e.State != ledger.Ignored }
