package store

import (
	"context"
	"fmt"

	"balansd/ledger"
)

// Connections lists the connections, removed ones too, by id.
func (s *Store) Connections(ctx context.Context) ([]ledger.Connection, error) {
	return list[ledger.Connection](ctx, s, tConnections)
}

// SaveConnection adds or replaces a connection and seals its secrets, those that it
// has; the others stay. A removed one loses them all.
func (s *Store) SaveConnection(ctx context.Context, c ledger.Connection) error {
	return s.damageProblem(s.db.update(ctx, func(w writer) error {
		if c.Status == ledger.Removed {
			removeSecrets(w, ConnectionSecret(c.ID, ""))
		}
		for field, secret := range c.Secrets {
			aead, err := s.vault.keyToSeal(w)
			if err != nil {
				return err
			}
			name := ConnectionSecret(c.ID, field)
			w.put(tSecrets, []byte(name), seal(aead, name, []byte(secret)))
		}
		return putJSON(w, tConnections, []byte(c.ID), c)
	}))
}

// ConnectionSecret names a secret setting of a connection: it is deleted when the
// connection is removed.
func ConnectionSecret(id, field string) string {
	return fmt.Sprintf("connection/%q/%s", id, field)
}

// UpdateConnection changes a stored connection; one that is not there stays
// so, without an error. change may be called more than once, and must not call
// the store.
func (s *Store) UpdateConnection(ctx context.Context, id string, change func(*ledger.Connection)) error {
	return amend(ctx, s, tConnections, []byte(id), change)
}

// Firms lists the linked firms, by id.
func (s *Store) Firms(ctx context.Context) ([]ledger.Firm, error) {
	return list[ledger.Firm](ctx, s, tFirms)
}

// SaveFirm adds or replaces a firm.
func (s *Store) SaveFirm(ctx context.Context, f ledger.Firm) error {
	return s.save(ctx, tFirms, number(uint64(f.ID)), f)
}

// UpdateFirm changes a stored firm. It does nothing if the firm was removed. change
// may be called more than once, and must not call the store.
func (s *Store) UpdateFirm(ctx context.Context, id int64, change func(*ledger.Firm)) error {
	return amend(ctx, s, tFirms, number(uint64(id)), change)
}

// RemoveFirm deletes a firm and the secret that FirmSecret names; its entries stay
// in the ledger. It is no error if there is no such firm.
func (s *Store) RemoveFirm(ctx context.Context, id int64) error {
	return s.damageProblem(s.db.update(ctx, func(w writer) error {
		w.remove(tFirms, number(uint64(id)))
		removeSecrets(w, FirmSecret(id, ""))
		return nil
	}))
}

// removeSecrets deletes the secrets whose names begin with prefix.
func removeSecrets(w writer, prefix string) {
	var names [][]byte
	for name := range w.walk(tSecrets, []byte(prefix), after([]byte(prefix))) {
		names = append(names, append([]byte(nil), name...))
	}
	for _, name := range names {
		w.remove(tSecrets, name)
	}
}

// FirmSecret names a secret that belongs to a firm, such as its tokens:
// RemoveFirm deletes it with the firm.
func FirmSecret(firmID int64, name string) string {
	return fmt.Sprintf("silverfin/firm/%d/%s", firmID, name)
}

// Links lists the dossier links that people set, here or in the configuration,
// in no particular order.
func (s *Store) Links(ctx context.Context) ([]ledger.DossierLink, error) {
	return list[ledger.DossierLink](ctx, s, tLinks)
}

// SaveLink adds or replaces the link of a dossier.
func (s *Store) SaveLink(ctx context.Context, l ledger.DossierLink) error {
	return s.save(ctx, tLinks, linkKey(l), l)
}

// ChangeLinks adds or replaces links and removes others, all or none.
func (s *Store) ChangeLinks(ctx context.Context, set, removed []ledger.DossierLink) error {
	return s.damageProblem(s.db.update(ctx, func(w writer) error {
		for _, l := range removed {
			w.remove(tLinks, linkKey(l))
		}
		for _, l := range set {
			if err := putJSON(w, tLinks, linkKey(l), l); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Configure adds or replaces connections, and replaces the links of the
// configuration by these and marks them as such, in one transaction: a
// configuration is in the state as a whole or not at all. A link that a person set
// goes only where the configuration has a link of the same dossier; it does not
// come back when that is taken out again.
func (s *Store) Configure(ctx context.Context, connections []ledger.Connection, links []ledger.DossierLink) error {
	return s.damageProblem(s.db.update(ctx, func(w writer) error {
		for _, c := range connections {
			if err := putJSON(w, tConnections, []byte(c.ID), c); err != nil {
				return err
			}
		}
		stored, err := listJSON[ledger.DossierLink](w, tLinks)
		if err != nil {
			return err
		}
		for _, l := range stored {
			if l.Configured {
				w.remove(tLinks, linkKey(l))
			}
		}
		for _, l := range links {
			l.Configured = true
			if err := putJSON(w, tLinks, linkKey(l), l); err != nil {
				return err
			}
		}
		return nil
	}))
}

// linkKey is longer than the hashes of the indexes, since nobody checks it.
func linkKey(l ledger.DossierLink) []byte {
	return append(shortHash("link", l.Connection, l.DossierID), shortHash("dossier link", l.Connection, l.DossierID)...)
}

func list[T any](ctx context.Context, s *Store, t table) (all []T, err error) {
	err = s.db.view(ctx, func(r reader) error {
		all, err = listJSON[T](r, t)
		return err
	})
	return all, s.damageProblem(err)
}

func (s *Store) save(ctx context.Context, t table, key []byte, v any) error {
	return s.damageProblem(s.db.update(ctx, func(w writer) error { return putJSON(w, t, key, v) }))
}

// amend changes the row of a key, where there is one.
func amend[T any](ctx context.Context, s *Store, t table, key []byte, change func(*T)) error {
	return s.damageProblem(s.db.update(ctx, func(w writer) error {
		var v T
		if found, err := getJSON(w, t, key, &v); err != nil || !found {
			return err
		}
		change(&v)
		return putJSON(w, t, key, v)
	}))
}
