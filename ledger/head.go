package ledger

import (
	"time"

	"balansd/balance"
)

// Head is what entries are found, sorted and counted by: the part of an Entry that can
// be read for a hundred thousand of them at once.
type Head struct {
	Number     uint64
	Version    uint64
	Connection string
	ID         string // of the balance in its source
	Dossier    Dossier
	YearEnd    balance.Date // of the financial year
	CreatedAt  time.Time
	UpdatedAt  time.Time
	State      State
	Reason     Reason
	Cause      string    // as Entry.Cause has it
	Since      time.Time // as Entry.Since has it
	Parked     bool

	// Where it was delivered, or is to be; zero where that is not known.
	FirmID      int64
	CompanyID   int64
	CompanyName string
}

// Head returns the head of the entry.
func (e Entry) Head() Head {
	h := Head{Number: e.Number, Version: e.Version, Connection: e.Connection, ID: e.ID, Dossier: e.Dossier, YearEnd: e.FiscalYear.End,
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt, State: e.State, Reason: e.Reason, Cause: e.Cause(), Since: e.Since, Parked: e.Parked}
	if e.Target != nil {
		h.FirmID, h.CompanyID, h.CompanyName = e.Target.FirmID, e.Target.CompanyID, e.Target.CompanyName
	}
	return h
}
