package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// Loss is what the present state has and a backup lacks.
type Loss struct {
	New     int       // entries
	Changed int       // entries that the backup has in an older version
	Since   time.Time // the first of these changes; zero where there is none
	// Unknown says why the loss is not known; empty if it is.
	Unknown string
}

// Any reports whether there is something to lose.
func (l Loss) Any() bool { return l.New+l.Changed > 0 || l.Unknown != "" }

// String says it in one sentence without a full stop.
func (l Loss) String() string {
	switch {
	case l.Unknown != "":
		return l.Unknown
	case !l.Any():
		return "the state has nothing that the backup lacks"
	default:
		return fmt.Sprintf("the state has %s that the backup lacks, and %s that changed since, the first of all these at %s",
			entries(l.New), entries(l.Changed), l.Since.UTC().Format("2006-01-02 15:04 UTC"))
	}
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// lost compares the present state with the restored one. Of a state that cannot be
// read nothing counts as lost; its file is kept.
func (r *restoration) lost(ctx context.Context) (l Loss, err error) {
	switch r.found {
	case newerVersion:
		return Loss{Unknown: "the state is of a newer version of balansd, so it cannot be told what it has that the backup lacks"}, nil
	case absent, broken:
		return Loss{}, nil
	}
	err = r.both(ctx, func(now, restored reader) error {
		for k, blob := range now.walk(tEntries, nil, nil) {
			old := restored.get(tEntries, k)
			if bytes.Equal(blob, old) {
				continue
			}
			var have, had ledger.Entry
			if err := r.present.codec.unpackEntry(blob, &have); err != nil {
				return err
			}
			if r.sameState && dismissed(have) {
				continue // mergeDismissed copies it
			}
			if old != nil {
				if err := r.copy.codec.unpackEntry(old, &had); err != nil {
					return err
				}
			}
			l.add(have, had)
		}
		return nil
	})
	return l, r.present.damageProblem(err)
}

// add counts an entry of the present state; had is the backup's of that
// number. One that the backup has in a later version, of a state that was
// restored before, is no loss.
func (l *Loss) add(have, had ledger.Entry) {
	at := have.UpdatedAt
	switch {
	case !sameBalance(have, had):
		l.New++
		at = have.FoundAt
	case have.Version > had.Version || have.UpdatedAt.After(had.UpdatedAt):
		l.Changed++
	default:
		return
	}
	if l.Since.IsZero() || at.Before(l.Since) {
		l.Since = at
	}
}

// sameBalance reports whether two entries of one number are of one balance.
func sameBalance(a, b ledger.Entry) bool {
	return a.Connection == b.Connection && a.ID == b.ID && a.Revision == b.Revision
}

// both reads the present and the restored state at once.
func (r *restoration) both(ctx context.Context, do func(now, restored reader) error) error {
	return r.present.db.view(ctx, func(now reader) error {
		return r.copy.db.view(ctx, func(restored reader) error { return do(now, restored) })
	})
}

// mergePresent copies from the present state what a restore must not undo:
//
//   - the firms and their tokens. A refresh token can be used once, so those of the
//     backup are spent;
//   - the settings of people and the rows of the web pages: links, connections that
//     are paused or removed, entries that are dismissed. Only the cursors of the
//     connections are the backup's;
//   - the figures that balansd wrote to Silverfin, which are still there;
//   - the periods that people chose for balances;
//   - the runs and nights, so that no night is run twice, and the highest numbers,
//     so that none is used twice.
func (r *restoration) mergePresent(ctx context.Context) error {
	return r.present.damageProblem(r.present.db.view(ctx, func(now reader) error {
		return r.copy.db.update(ctx, func(w writer) error {
			for _, t := range []table{tFirms, tSecrets, tLinks, tRuns, tNights, tMissed, tWritten, tKeyValue} {
				replaceRows(w, t, now)
			}
			for _, key := range [][]byte{keySeal, keyNight, keyGoodNight, keyAlive, keyRestored} {
				if v := now.get(tMeta, key); v != nil {
					w.put(tMeta, key, v)
				}
			}
			for _, key := range [][]byte{keyNumber, keyRun} {
				w.put(tMeta, key, number(max(lastNumber(w, key), lastNumber(now, key))))
			}
			w.put(tMeta, keyChanges, number(1+max(lastNumber(w, keyChanges), lastNumber(now, keyChanges))))
			for _, step := range []func(writer, reader) error{mergeConnections, r.mergeDismissed, r.mergeTies, r.distrustUnknownEntries} {
				if err := step(w, now); err != nil {
					return err
				}
			}
			return nil
		})
	}))
}

// replaceRows makes a table what it is in another state.
func replaceRows(w writer, t table, now reader) {
	for _, k := range keysOf(w, t) {
		w.remove(t, k)
	}
	for k, v := range now.walk(t, nil, nil) {
		w.put(t, k, v)
	}
}

// keysOf lists the keys of a table, for a walk that changes it.
func keysOf(r reader, t table) (keys [][]byte) {
	for k := range r.walk(t, nil, nil) {
		keys = append(keys, bytes.Clone(k))
	}
	return keys
}

// mergeConnections copies the present connections with the cursors of the backup, so
// that balances found since are found again.
func mergeConnections(w writer, now reader) error {
	connections, err := listJSON[ledger.Connection](now, tConnections)
	if err != nil {
		return err
	}
	for _, c := range connections {
		var then ledger.Connection
		if _, err := getJSON(w, tConnections, []byte(c.ID), &then); err != nil {
			return err
		}
		c.Cursor, c.ListedAt = then.Cursor, then.ListedAt
		if err := putJSON(w, tConnections, []byte(c.ID), c); err != nil {
			return err
		}
	}
	return nil
}

// dismissed reports whether a person dismissed an entry.
func dismissed(e ledger.Entry) bool {
	return e.State == ledger.Ignored && e.Reason == ledger.Dismissed
}

// mergeDismissed copies the entries that a person dismissed since the backup, so
// that they are not delivered.
func (r *restoration) mergeDismissed(w writer, now reader) error {
	for k, blob := range now.walk(tEntries, nil, nil) {
		var e, had ledger.Entry
		if err := r.present.codec.unpackEntry(blob, &e); err != nil {
			return err
		}
		old := w.get(tEntries, k)
		if !dismissed(e) || bytes.Equal(old, blob) {
			continue
		}
		var before *ledger.Head
		if old != nil {
			if err := r.copy.codec.unpackEntry(old, &had); err != nil {
				return err
			}
			if !sameBalance(e, had) {
				continue
			}
			head := had.Head()
			before = &head
		}
		if err := putEntry(w, before, e, blob); err != nil {
			return err
		}
		w.remove(tHistories, k)
		if told := now.get(tHistories, k); told != nil {
			w.put(tHistories, k, told)
		}
	}
	return nil
}

// mergeTies has entries tied to the periods that people chose since the backup, so that
// nothing goes where a person has said that it does not belong.
func (r *restoration) mergeTies(w writer, now reader) error {
	for k, blob := range now.walk(tEntries, nil, nil) {
		old := w.get(tEntries, k)
		if old == nil || bytes.Equal(old, blob) {
			continue
		}
		var e, had ledger.Entry
		if err := errors.Join(r.present.codec.unpackEntry(blob, &e), r.copy.codec.unpackEntry(old, &had)); err != nil {
			return err
		}
		if !sameBalance(e, had) || reflect.DeepEqual(e.Tie, had.Tie) {
			continue
		}
		before := had.Head()
		had.Tie = e.Tie
		packed, err := r.copy.codec.packEntry(had)
		if err != nil {
			return err
		}
		if err := putEntry(w, &before, had, packed); err != nil {
			return err
		}
	}
	return nil
}

// distrustUnknownEntries calls withoutFigures for the targets that were last written
// by an entry that the restored state does not have: it is unknown of which dossier
// the figures there are.
func (r *restoration) distrustUnknownEntries(w writer, now reader) error {
	return r.updateWritten(w, func(known ledger.Written) (ledger.Written, error) {
		if known.By == 0 {
			return known, nil
		}
		wrote, err := r.entryIn(now, known.By)
		if err != nil {
			return known, err
		}
		had, err := r.entryIn(w, known.By)
		if err != nil || had.Number != 0 && sameBalance(wrote, had) {
			return known, err
		}
		return withoutFigures(known), nil
	})
}

// entryIn returns an entry, the zero Entry if there is none.
func (r *restoration) entryIn(in reader, n uint64) (e ledger.Entry, err error) {
	if blob := in.get(tEntries, number(n)); blob != nil {
		err = r.copy.codec.unpackEntry(blob, &e)
	}
	return e, err
}

// distrustAll is for a backup whose later history is unknown. What balansd wrote to
// a target, by the backup, it may have replaced since, and a person may have put it
// back: such figures are the person's, and must not be overwritten without a
// decision. So figures in Silverfin count as a person's until balansd has written
// them again: equal ones need no write, and for others a person decides.
func (r *restoration) distrustAll(ctx context.Context) error {
	newest := r.newestChange(ctx)
	err := r.copy.db.update(ctx, func(w writer) error {
		// Else each new copy would count as older than those that were made
		// before the restore, and be the next one to go.
		w.put(tMeta, keyChanges, number(1+max(newest, lastNumber(w, keyChanges))))
		if err := putJSON(w, tMeta, keyRestored, r.o.Now().UTC()); err != nil {
			return err
		}
		return r.updateWritten(w, func(known ledger.Written) (ledger.Written, error) { return withoutFigures(known), nil })
	})
	if err != nil {
		return err
	}
	r.note("What balansd wrote to Silverfin after the backup is not known to it: figures that are there now count as a person's, " +
		"so a correction of them asks before it overwrites.")
	if err := r.recordUnknownNights(ctx); err != nil {
		return err
	}
	r.note("Connections, links and what people decided are those of the backup: look at `balansd syncs list`.")
	firms, err := r.copy.Firms(ctx)
	if err != nil || len(firms) == 0 {
		return err
	}
	var names []string
	for _, f := range firms {
		names = append(names, fmt.Sprintf("%s (%d)", f.Name, f.ID))
	}
	r.note("The backup's sign-ins to Silverfin are not renewed before you say that no other balansd uses them: "+
		"`balansd connect silverfin --take-over`. They may be spent: if status says so, link again with `balansd connect silverfin`: %s.", strings.Join(names, ", "))
	return nil
}

// newestChange returns the highest count of changes among the copies and in the
// present state, as far as they can be read.
func (r *restoration) newestChange(ctx context.Context) (newest uint64) {
	files, _ := backupFiles(r.o.Backups.Folder)
	for _, f := range files {
		if s, err := readSummary(f.path, r.o.Log); err == nil {
			newest = max(newest, s.changes)
		}
	}
	if r.present != nil {
		_ = r.present.db.view(ctx, func(now reader) error {
			newest = max(newest, lastNumber(now, keyChanges))
			return nil
		})
	}
	return newest
}

// recordUnknownNights records the nights after the backup as missed, with the reason.
func (r *restoration) recordUnknownNights(ctx context.Context) error {
	last, err := r.copy.LastNight(ctx)
	if err != nil || last.IsZero() {
		return err
	}
	const most = 90
	var nights []ledger.MissedNight
	today := balance.DateOf(r.o.Now())
	for d := last.AddDays(1); d.Before(today) && len(nights) < most; d = d.AddDays(1) {
		nights = append(nights, ledger.MissedNight{Night: d, Cause: ledger.Restored,
			Why: "what was done is not known: the state was restored from the backup of " + r.backup.MadeAt.Format("2006-01-02 15:04 UTC")})
	}
	if err := r.copy.RecordMissed(ctx, nights...); err != nil {
		return err
	}
	return r.copy.SaveLastAlive(ctx, r.o.Now())
}

// withoutFigures returns what is known of a target without the figures.
func withoutFigures(w ledger.Written) ledger.Written {
	w.Confirmed, w.Intended, w.UseFinbox = nil, nil, nil
	w.Version++
	return w
}

// updateWritten changes what is known of every target.
func (r *restoration) updateWritten(w writer, change func(ledger.Written) (ledger.Written, error)) error {
	for _, k := range keysOf(w, tWritten) {
		known, err := r.copy.written(w, string(k))
		if err != nil {
			return err
		}
		if known, err = change(known); err != nil {
			return err
		}
		blob, err := r.copy.codec.pack(known)
		if err != nil {
			return err
		}
		w.put(tWritten, k, blob)
	}
	return nil
}

// checkKey sees whether the data key opens the restored secrets. If it does not, the key
// that came with the backup is to take its place, or else a note says what to do: no
// backup by itself contains it.
func (r *restoration) checkKey(ctx context.Context) error {
	var seal []byte
	err := r.copy.db.view(ctx, func(r reader) error {
		seal = sealOf(r)
		return nil
	})
	if err != nil || seal == nil {
		return err
	}
	key, err := readKey(r.o.KeyPath)
	switch {
	case err == nil && opens(key, seal):
		return nil
	case opens(r.may.Key, seal):
		r.newKey = true
		return nil
	}
	why := "does not open its secrets"
	if errors.Is(err, fs.ErrNotExist) {
		why = "is missing"
	}
	r.note("The data key %s %s, and no backup of the state has it: put the key file of this state back from the backup of the server "+
		"or with `balansd key import FILE`, or remove the linked firms and link them again.", r.o.KeyPath, why)
	return nil
}

// replaceKey makes the key that came with the backup the data key, if that is needed.
func (r *restoration) replaceKey() error {
	if !r.newKey {
		return nil
	}
	kept, err := installKey(r.o, r.may.Key)
	if err != nil {
		return err
	}
	r.note("The data key %s came with the backup.", r.o.KeyPath)
	if kept != "" {
		r.note("The key that was there, which does not open the restored secrets, is kept in %s.", kept)
	}
	return nil
}
