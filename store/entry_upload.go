package store

import (
	"context"
	"strings"

	"balansd/ledger"
)

// RecordUpload stores a new entry with its document and its event, and its
// connection when that is not there yet. When the ledger has an entry of the same
// connection, dossier and content, it changes nothing and returns that one, the
// newest if there are several, and added is false.
func (s *Store) RecordUpload(ctx context.Context, c ledger.Connection, m ledger.Move) (e ledger.Entry, added bool, err error) {
	document, err := s.codec.compress(m.Document)
	if err != nil {
		return ledger.Entry{}, false, err
	}
	err = s.db.update(ctx, func(w writer) error {
		var found bool
		if e, found, err = s.sameContent(w, m.Entry); found || err != nil {
			added = false
			return err
		}
		if w.get(tConnections, []byte(c.ID)) == nil {
			if err := putJSON(w, tConnections, []byte(c.ID), c); err != nil {
				return err
			}
		}
		if e, err = s.insert(w, m.Entry, m.Event); err != nil {
			return err
		}
		w.put(tDocuments, number(e.Number), document)
		added = true
		return nil
	})
	if err != nil {
		return ledger.Entry{}, false, s.damageProblem(err)
	}
	return e, added, nil
}

// sameContent finds the newest entry of an entry's connection and dossier that has
// its content.
func (s *Store) sameContent(r reader, e ledger.Entry) (same ledger.Entry, found bool, err error) {
	prefix, want := dossierPrefix(e.Connection, e.Dossier.ID), string(contentHash(e.SHA256))
	for k, v := range r.walk(tByDossier, prefix, after(prefix)) {
		if string(v) != want {
			continue
		}
		have, err := s.entry(r, numberAt(k))
		if err != nil {
			return same, false, err
		}
		if have.Connection == e.Connection && have.Dossier.ID == e.Dossier.ID && strings.EqualFold(have.SHA256, e.SHA256) && have.Number > same.Number {
			same, found = have, true
		}
	}
	return same, found, nil
}
