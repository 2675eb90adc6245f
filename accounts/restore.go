package accounts

import (
	"context"

	"balansd/keyvalue"

	"github.com/rs/zerolog"
)

// Restore describes a restore of a backup.
type Restore struct {
	By   string // who asked, an account of this server
	File string // of the backup, without its folder
	// Known says that the people are those of the state before the restore. Else
	// they are the backup's, and whom the admins disabled since is not known.
	Known bool
	Log   zerolog.Logger
}

// AfterRestore records a restore in the audit log. Where what happened since the
// backup is not known it disables everybody and deletes sessions and invitations:
// whoever an admin disabled after the backup would be enabled again. The notes,
// one sentence each, say what a person must do then.
func AfterRestore(ctx context.Context, w keyvalue.Writer, r Restore) (notes []string, err error) {
	if !r.Known {
		if notes, err = disableAll(w); err != nil {
			return nil, err
		}
	}
	log := NewAuditLog(AuditLogConfig{KeyValue: transaction{w}, Log: r.Log})
	log.Record(ctx, Record{Who: r.By, What: "restore", On: r.File})
	return notes, nil
}

// disableAll disables all people until an admin enables them.
func disableAll(w keyvalue.Writer) (notes []string, err error) {
	for _, namespace := range []string{sessionsNamespace, invitationsNamespace} {
		var keys []string
		for key := range w.Walk(namespace, "") {
			keys = append(keys, key)
		}
		for _, key := range keys {
			w.Delete(namespace, key)
		}
	}
	people, err := keyvalue.All[Person](w, peopleNamespace)
	if err != nil || len(people) == 0 {
		return nil, err
	}
	for _, q := range people {
		q.Disabled = true
		q.Epoch++
		if err := keyvalue.Put(w, peopleNamespace, q.Key, q); err != nil {
			return nil, err
		}
	}
	return []string{"The people of the web pages, their roles and passwords are those of the backup. An admin may have disabled somebody after " +
		"it was made, so everybody is disabled: see `balansd portal people`, and enable people with `balansd portal enable NAME`."}, nil
}

// transaction is the key-value store within a transaction.
type transaction struct{ w keyvalue.Writer }

func (s transaction) View(_ context.Context, fn func(keyvalue.Reader) error) error   { return fn(s.w) }
func (s transaction) Update(_ context.Context, fn func(keyvalue.Writer) error) error { return fn(s.w) }
