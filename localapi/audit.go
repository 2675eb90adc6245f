package localapi

import (
	"context"
	"fmt"
	"iter"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
)

// Audited returns an API that records each change made through api in log, with who made
// it and its outcome. Its origin is the accounts.Caller of the context.
func Audited(api API, log *accounts.AuditLog) API {
	a := auditor{api, log}
	return &audited{calls{a}, a}
}

type audited struct {
	calls
	auditor
}

// auditor makes calls of api, and records them.
type auditor struct {
	api API
	log *accounts.AuditLog
}

func (a auditor) call(ctx context.Context, c call) error {
	err := c.run(ctx, a.api)
	if c.record == nil {
		return err
	}
	if r := c.record(); r.What != "" { // a call that only tried has none
		a.record(ctx, r, err)
	}
	return err
}

func (a auditor) record(ctx context.Context, r accounts.Record, err error) {
	r.Outcome = accounts.OutcomeOf(err)
	a.log.Record(ctx, r)
}

// Sync is daemon.API's. A dry run changes nothing and is not recorded.
func (a *audited) Sync(ctx context.Context, r daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error) {
	run, err := a.api.Sync(ctx, r, report)
	if !r.DryRun {
		on := r.Dossier
		if n := len(r.Entries); n > 0 {
			on = entryName(r.Entries[0])
			if n > 1 {
				on += fmt.Sprintf(" … %s (%d)", entryName(r.Entries[n-1]), n)
			}
		}
		if r.FirmID != 0 {
			on = fmt.Sprintf("%s (%d)", r.Dossier, r.FirmID)
		}
		a.record(ctx, accounts.Record{Who: r.By, What: "sync", On: on}, err)
	}
	return run, err
}

// Entries is daemon.API's.
func (a *audited) Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	return a.api.Entries(ctx, q)
}
