package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"balansd/ledger"
)

// firstSeen is the first event of an entry without a Detail.
const firstSeen = "The social balance was listed for the first time."

// dismissedAgain is the event of a dismissed entry whose content is listed under
// another id.
const dismissedAgain = "The same document was listed under another name; it stays dismissed."

// Record stores new entries, and the Cursor, ListedAt and Problem of the
// connection that listed them, in one transaction. All other fields of the stored
// connection stay, such as a pause set meanwhile; a connection that is not stored
// yet is added. The stored Cursor stays too if its CursorResets is no longer that
// of c: it was reset during the listing.
//
// A listing that the ledger has already is left out: one with the same connection,
// id and revision; with the content of the newest entry of the same connection and
// id; or with the content of an entry of another id of the same connection and
// dossier, if that entry was dismissed by a person, or is live (neither superseded
// nor ignored nor failed) and has no newer sibling. The history of a dismissed one
// records that its content was listed again. An entry that was listed again and is
// not settled gets the listing's Dossier, Model and MediaTypes, where the listing
// has them; with another enterprise number it loses its ValuesHash, so that its
// document is read and checked again. Record returns the new entries, and those that
// were updated, with their numbers and versions.
//
// A folder lists the files that are in it now. There a listing is new if its content
// differs from that of the entry of its id that was recorded last; a revision that
// was recorded before gets a name of its own. So is one whose entry was
// ignored because its file was not listed: it is back.
func (s *Store) Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) (added, updated []ledger.Entry, err error) {
	err = s.db.update(ctx, func(w writer) (err error) {
		added, updated, err = s.record(w, c, found)
		return err
	})
	if err != nil {
		return nil, nil, s.damageProblem(err)
	}
	return added, updated, nil
}

// record carries out Record in one step.
func (s *Store) record(w writer, c ledger.Connection, found []ledger.Entry) (added, updated []ledger.Entry, err error) {
	if err := putListed(w, c); err != nil {
		return nil, nil, err
	}
	last := lastNumber(w, keyNumber)
	touched := map[uint64]ledger.Entry{} // a listing may come twice
	for _, e := range found {
		now, err := s.recordOne(w, c.Kind, e)
		if err != nil {
			return nil, nil, err
		}
		if now.Number != 0 {
			touched[now.Number] = now
		}
	}
	for _, n := range slices.Sorted(maps.Keys(touched)) {
		if n > last {
			added = append(added, touched[n])
		} else {
			updated = append(updated, touched[n])
		}
	}
	return added, updated, nil
}

// putListed stores the outcome of a listing in its connection.
func putListed(w writer, c ledger.Connection) error {
	var stored ledger.Connection
	found, err := getJSON(w, tConnections, []byte(c.ID), &stored)
	if err != nil {
		return err
	}
	if !found {
		stored = c
	}
	if stored.CursorResets == c.CursorResets {
		stored.Cursor = c.Cursor
	}
	stored.ListedAt, stored.Problem, stored.ProblemReason = c.ListedAt, c.Problem, c.ProblemReason
	if c.Folder != nil {
		stored.Folder = c.Folder
	}
	return putJSON(w, tConnections, []byte(c.ID), stored)
}

// recordOne adds an entry, or updates it from its listing if the ledger has it. It
// returns the entry if it was added or changed, else the zero Entry.
func (s *Store) recordOne(w writer, kind ledger.ConnectionKind, e ledger.Entry) (ledger.Entry, error) {
	revisions, err := s.revisions(w, kind, e)
	if err != nil {
		return ledger.Entry{}, err
	}
	again := slices.IndexFunc(revisions, func(have ledger.Entry) bool { return have.Revision == e.Revision })
	asNewest := len(revisions) > 0 && e.SHA256 != "" && strings.EqualFold(revisions[0].SHA256, e.SHA256)
	switch {
	case kind == ledger.Folder && asNewest && revisions[0].Reason != ledger.NotListed:
		return s.updateFromListing(w, revisions[0], e.Listing)
	case kind == ledger.Folder && again >= 0 && e.SHA256 != "":
		// The folder has an earlier content again.
		e.Revision = fmt.Sprintf("%s+%d", e.Revision, revisions[0].Number)
	case again >= 0:
		return s.updateFromListing(w, revisions[again], e.Listing)
	case asNewest:
		return ledger.Entry{}, nil
	}
	if known, err := s.hasLiveContent(w, kind, e); known || err != nil {
		return ledger.Entry{}, err
	}
	return s.add(w, e)
}

// SameID lists the entries of an entry's connection and id, by number, whatever
// their year and enterprise number; the entry itself is left out.
func (s *Store) SameID(ctx context.Context, e ledger.Entry) (others []ledger.Entry, err error) {
	err = s.db.view(ctx, func(r reader) error {
		others, err = s.revisions(r, ledger.Folder, e)
		return err
	})
	others = slices.DeleteFunc(others, func(o ledger.Entry) bool { return o.Number == e.Number })
	slices.SortFunc(others, func(a, b ledger.Entry) int { return cmp.Compare(a.Number, b.Number) })
	return others, s.damageProblem(err)
}

// revisions lists the entries of an entry's connection and id, newest first.
func (s *Store) revisions(r reader, kind ledger.ConnectionKind, e ledger.Entry) ([]ledger.Entry, error) {
	var all []ledger.Entry
	prefix := idPrefix(e.Connection, e.ID)
	for k := range r.walk(tByID, prefix, after(prefix)) {
		have, err := s.entry(r, numberAt(k))
		if err != nil {
			return nil, err
		}
		if have.Connection == e.Connection && have.ID == e.ID {
			all = append(all, have)
		}
	}
	slices.SortFunc(all, func(a, b ledger.Entry) int { return compareAge(kind, b, a) })
	return all, nil
}

// compareAge orders entries by ledger.CompareSiblings, equal ones by number; the one
// that counts is last.
func compareAge(kind ledger.ConnectionKind, a, b ledger.Entry) int {
	return cmp.Or(ledger.CompareSiblings(kind, a, b, false), cmp.Compare(a.Number, b.Number))
}

// hasLiveContent reports whether an entry of another id of the same connection and
// dossier has the same content, and is live or was dismissed: a dismissed file stays
// dismissed under another name.
func (s *Store) hasLiveContent(w writer, kind ledger.ConnectionKind, e ledger.Entry) (bool, error) {
	if e.SHA256 == "" {
		return false, nil
	}
	prefix, want := dossierPrefix(e.Connection, e.Dossier.ID), string(contentHash(e.SHA256))
	for k, v := range w.walk(tByDossier, prefix, after(prefix)) {
		if string(v) != want {
			continue
		}
		have, err := s.entry(w, numberAt(k))
		if err != nil {
			return false, err
		}
		if have.ID == e.ID || have.Connection != e.Connection || have.Dossier.ID != e.Dossier.ID ||
			!strings.EqualFold(have.SHA256, e.SHA256) {
			continue
		}
		if have.Reason == ledger.Dismissed && w.get(tHistories, number(have.Number)) == nil {
			return true, nil // its history is no longer kept
		}
		if have.Reason == ledger.Dismissed {
			return true, s.addEvent(w, have.Number, ledger.Event{At: e.FoundAt, State: have.State, Reason: have.Reason, Text: dismissedAgain}, false)
		}
		if !live(have) {
			continue
		}
		siblings, err := s.siblings(w, have)
		if err != nil {
			return false, err
		}
		newer := func(sibling ledger.Entry) bool { return compareAge(kind, sibling, have) > 0 }
		if !slices.ContainsFunc(siblings, newer) {
			return true, nil
		}
	}
	return false, nil
}

// live reports whether an entry still counts for its balance. A failed one does
// not: a document that could not be fetched under its id may be added again under
// another.
func live(e ledger.Entry) bool {
	return e.State != ledger.Superseded && e.State != ledger.Ignored && e.State != ledger.Failed
}

// updateFromListing updates an entry that is not settled from its listing, and
// returns it if that changed it. Fields that the listing leaves out stay, because
// they may come from the document; so does the model of a document that was read.
// With another enterprise number the figures no longer count: the document must be
// compared with the new number.
func (s *Store) updateFromListing(w writer, have ledger.Entry, l ledger.Listing) (ledger.Entry, error) {
	if !have.Unsettled() {
		return ledger.Entry{}, nil
	}
	now := have
	now.Dossier.ID = cmp.Or(l.Dossier.ID, have.Dossier.ID)
	now.Dossier.AffiliationNumber = cmp.Or(l.Dossier.AffiliationNumber, have.Dossier.AffiliationNumber)
	now.Dossier.EnterpriseNumber = cmp.Or(l.Dossier.EnterpriseNumber, have.Dossier.EnterpriseNumber)
	if l.Dossier.Name != l.Dossier.ID { // the id again is no name
		now.Dossier.Name = cmp.Or(l.Dossier.Name, have.Dossier.Name)
	}
	if have.ValuesHash == "" {
		now.Model = cmp.Or(l.Model, have.Model)
	}
	if now.Dossier.EnterpriseNumber != have.Dossier.EnterpriseNumber {
		now.ValuesHash = ""
	}
	if len(l.MediaTypes) > 0 {
		now.MediaTypes = l.MediaTypes
	}
	if now.Dossier == have.Dossier && now.Model == have.Model && slices.Equal(now.MediaTypes, have.MediaTypes) {
		return ledger.Entry{}, nil
	}
	now.Version++
	blob, err := s.codec.packEntry(now)
	if err != nil {
		return ledger.Entry{}, err
	}
	before := have.Head()
	return now, putEntry(w, &before, now, blob)
}

// add stores a new entry under a new number.
func (s *Store) add(w writer, e ledger.Entry) (ledger.Entry, error) {
	event := ledger.Event{At: e.FoundAt, State: e.State, Reason: e.Reason, Text: e.Detail}
	if event.Text == "" {
		event.Text = firstSeen
	}
	return s.insert(w, e, event)
}

// insert stores a new entry under a new number, with the first event of its history.
func (s *Store) insert(w writer, e ledger.Entry, event ledger.Event) (ledger.Entry, error) {
	e.Number, e.Version = nextNumber(w, keyNumber), 1
	if _, ok := letters[e.State]; !ok {
		return e, errors.New("a new entry has no state")
	}
	blob, err := s.codec.packEntry(e)
	if err != nil {
		return e, err
	}
	if err := putEntry(w, nil, e, blob); err != nil {
		return e, err
	}
	return e, s.addEvent(w, e.Number, event, true)
}
