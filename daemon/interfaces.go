package daemon

import (
	"context"
	"iter"
	"time"

	"balansd/administration"
	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"
)

// Source lists and returns the social balances of one connection.
// Implementations are safe for concurrent use.
type Source interface {
	// Status returns the status of the connection at the source.
	Status(ctx context.Context) (ledger.SourceStatus, error)
	// List iterates over the balances created since cursor, in any order, with
	// an overlap: what was listed before may come again. The empty cursor lists
	// from the start. The error for a deactivated connection is
	// ledger.ErrDeactivated. The iteration ends at the first error.
	List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error]
	// Content returns the document of a listing. Its size is bounded.
	Content(ctx context.Context, l ledger.Listing) ([]byte, error)
}

// DocumentReader reads the figures out of documents. Implementations are safe
// for concurrent use. An error that is a *balance.ReadError is about the document
// and will come again; with any other nothing is known of the document.
type DocumentReader interface {
	ReadDocument(ctx context.Context, data []byte) (*balance.Balance, error)
	// ReadYear is ReadDocument for a document whose financial year is in doubt and of
	// which a person chose the year.
	ReadYear(ctx context.Context, data []byte, year balance.Period) (*balance.Balance, error)
}

// Destination is one firm that social balances are written to. Implementations
// are safe for concurrent use, and make one call at a time per company.
type Destination interface {
	// Companies lists the firm's companies. Those that cannot be read are left
	// out of all and named in unreadable.
	Companies(ctx context.Context) (all []ledger.Company, unreadable []string, err error)
	// Company returns one company; a SilverfinRefused problem when there is none.
	Company(ctx context.Context, id int64) (ledger.Company, error)
	// Locate finds the target of a company for a financial year. It returns a
	// *ledger.WaitingError if the company cannot take a balance now.
	Locate(ctx context.Context, c ledger.Company, year balance.Period, to mapping.Target) (ledger.Target, error)
	// LocateTied is Locate for a balance that a person tied to a period. It returns a
	// *ledger.WaitingError as well if the period is no longer as the person saw it.
	LocateTied(ctx context.Context, c ledger.Company, tie ledger.PeriodTie, to mapping.Target) (ledger.Target, error)
	// Periods lists the periods of a company, newest first, interim ones too.
	Periods(ctx context.Context, c ledger.Company) ([]ledger.CompanyPeriod, error)
	// Update reads the figures of the target by a mapping, calls decide, writes the figures that decide
	// returns, and reads again, until decide returns none: its last argument is
	// then what the target holds. A figure is only sent right after a reading that
	// equals the one decide was called with. decide must not make a call for the
	// same company. After an error any part of the figures may have been stored.
	Update(ctx context.Context, p ledger.Target, to mapping.Target, decide ledger.Decide) error
	// Reconciliations lists the reconciliations in the open annual accounts of the target's
	// period. It returns a *ledger.WaitingError if they are not open.
	Reconciliations(ctx context.Context, t ledger.Target) ([]mapping.Reconciliation, error)
	// Results returns what a reconciliation of the target's period shows as its results,
	// by name. They may lag behind a change.
	Results(ctx context.Context, t ledger.Target, reconciliationID int64) (map[string]string, error)
	// StoreDocument stores a document with a company, unless one of that name is
	// there, and returns its id. After an error it may have been stored.
	StoreDocument(ctx context.Context, companyID int64, name string, content []byte) (id int64, err error)
	// AppLinks lists the app links of the person who linked the firm.
	AppLinks(ctx context.Context) ([]ledger.AppLink, error)
	// AddAppLink makes an app link to an address and returns its id, 0 where that is not
	// known. After an error it may have been made.
	AddAppLink(ctx context.Context, address string) (id int64, err error)
	// RemoveAppLink deletes an app link. One that is gone is no error.
	RemoveAppLink(ctx context.Context, id int64) error
	// UpdateCompany reads a company, calls decide with it, writes the fields that decide
	// returns, and reads again, until decide returns none: what it was called with last is
	// then what the company holds. A field is only sent right after a reading that equals the
	// one decide was called with. decide must not make a call for the same company. After an
	// error that is no refusal any of the fields may have been stored.
	UpdateCompany(ctx context.Context, companyID int64, decide func(ledger.CompanyReading) (ledger.CompanyDetails, error)) error
	// People lists the directors of a company; known is false where Silverfin does not say
	// who they are.
	People(ctx context.Context, companyID int64) (directors []administration.Person, known bool, err error)
	// Templates lists the templates of the firm.
	Templates(ctx context.Context) ([]mapping.Template, error)
	// Filled reads what a period of a company and its templates hold: that of a financial
	// year, or of a tie unless it is nil. It returns a *ledger.WaitingError if there is no
	// such period or no open workflow.
	Filled(ctx context.Context, c ledger.Company, year balance.Period, tie *ledger.PeriodTie) (mapping.Filled, ledger.Target, error)
	// Throttle says how the calls were slowed down since the client was made.
	Throttle() ledger.Throttle
}

// Linker signs in to Silverfin and manages the tokens of the linked firms.
type Linker interface {
	// Begin starts a sign-in with the scopes that targets need; see API.BeginSilverfin.
	Begin(ctx context.Context, firmID int64, redirect string, targets ...mapping.Target) (url, state string, err error)
	// Scopes lists the scopes that targets need.
	Scopes(targets ...mapping.Target) []string
	// End exchanges the code; see API.EndSilverfin.
	End(ctx context.Context, state, code string, firmID int64) (ledger.Firm, []string, error)
	// Renew refreshes the tokens of a firm that are older than olderThan, so that
	// those of a firm without work do not expire.
	Renew(ctx context.Context, firmID int64, olderThan time.Duration) (renewed bool, err error)
	// TakeOver lets the tokens of a firm be renewed; see API.TakeOver.
	TakeOver(ctx context.Context, firmID int64) error
	// Forget deletes the tokens of a firm.
	Forget(ctx context.Context, firmID int64) error
}

// Store is the state. Every method is one transaction, durable when it returns; a
// change is made as a whole or not at all. Implementations are safe for concurrent
// use.
type Store interface {
	// Connections lists the connections, removed ones too, by id.
	Connections(ctx context.Context) ([]ledger.Connection, error)
	// SaveConnection adds or replaces a connection.
	SaveConnection(ctx context.Context, c ledger.Connection) error
	// Firms lists the linked firms, by id.
	Firms(ctx context.Context) ([]ledger.Firm, error)
	// SaveFirm adds or replaces a firm.
	SaveFirm(ctx context.Context, f ledger.Firm) error
	// RemoveFirm deletes a firm and its tokens; its entries stay in the ledger.
	RemoveFirm(ctx context.Context, id int64) error

	// UpdateConnection changes a stored connection. It does nothing if there is
	// none. change may be called more than once.
	UpdateConnection(ctx context.Context, id string, change func(*ledger.Connection)) error
	// UpdateFirm changes a stored firm. It does nothing if the firm was removed.
	// change may be called more than once.
	UpdateFirm(ctx context.Context, id int64, change func(*ledger.Firm)) error
	// NightsSince returns the time from which nights can be missed: when the state
	// was created. If that is after now, the clock was ahead then; the now of the
	// first such call is stored and returned instead.
	NightsSince(ctx context.Context, now time.Time) (time.Time, error)

	// Record stores new entries together with the Cursor, ListedAt and
	// Problem of the connection that listed them; the cursor covers them. All
	// other fields of the stored connection stay, such as a pause set meanwhile,
	// and so does its Cursor if its CursorResets differs from c's.
	//
	// A listing that the ledger has already, by connection, id and revision,
	// is left out; if its entry is not settled, its Dossier, Model and
	// MediaTypes are brought up to date, and with another enterprise number
	// its document is to be read anew. Left out as well is a listing whose
	// content (SHA256) equals that of the newest entry of the same connection
	// and id, or of an entry of another id of the same connection and dossier
	// that a person dismissed, or that is live, which one that failed is not,
	// and has no newer sibling.
	//
	// A folder lists the files that are in it now: there the newest entry of an
	// id is the one recorded last, and a listing with another content is new even
	// if that content was recorded before.
	//
	// It returns the entries that were new, and those that were updated from their
	// listing, with their numbers and versions.
	Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) (added, updated []ledger.Entry, err error)
	// RecordUpload stores a new entry with its document and its event, and the
	// connection when it is not there yet. When the ledger has an entry of the
	// same connection, dossier and content, it changes nothing and returns the
	// newest such entry, and added is false.
	RecordUpload(ctx context.Context, c ledger.Connection, s ledger.Move) (e ledger.Entry, added bool, err error)
	// OpenEntries iterates over the entries that a run should try, by number. Its
	// cost depends on the number of open entries, not of all. It may or may not
	// see changes made meanwhile.
	OpenEntries(ctx context.Context) iter.Seq2[ledger.Entry, error]
	// Entries iterates over the entries that match the query, newest first.
	Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error]
	// Heads iterates over the heads of all entries. It may or may not see changes made
	// meanwhile.
	Heads(ctx context.Context) iter.Seq2[ledger.Head, error]
	// HeadsOf iterates over the heads of the entries that match the query, as Entries
	// does over the entries.
	HeadsOf(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Head, error]
	// Siblings lists the other entries of the same balance, by number; see
	// ledger.Entry.SiblingOf.
	Siblings(ctx context.Context, e ledger.Entry) ([]ledger.Entry, error)
	// SameID lists the other entries of the same connection and id, by number,
	// whatever their year and enterprise number.
	SameID(ctx context.Context, e ledger.Entry) ([]ledger.Entry, error)
	// Entry returns one entry; a NotFound problem when there is none.
	Entry(ctx context.Context, number uint64) (ledger.Entry, error)
	// History returns the events of an entry, oldest first.
	History(ctx context.Context, number uint64) ([]ledger.Event, error)
	// Values returns the figures kept with an entry, nil when none are.
	Values(ctx context.Context, number uint64) (balance.Values, error)
	// Document returns the document kept with an entry, nil when none is.
	Document(ctx context.Context, number uint64) ([]byte, error)
	// Move stores the moves, all or none, and returns the entries with their new
	// versions.
	Move(ctx context.Context, moves ...ledger.Move) ([]ledger.Entry, error)
	// Written returns what is known of a target.
	Written(ctx context.Context, p ledger.Target) (ledger.Written, error)
	// Counts returns the number of entries by state.
	Counts(ctx context.Context) (map[ledger.State]int, error)

	// Links lists the dossier links that people set.
	Links(ctx context.Context) ([]ledger.DossierLink, error)
	// SaveLink adds or replaces the link of a dossier.
	SaveLink(ctx context.Context, l ledger.DossierLink) error
	// ChangeLinks adds or replaces links and removes others, all or none.
	ChangeLinks(ctx context.Context, set, removed []ledger.DossierLink) error
	// Configure adds or replaces connections, and replaces the links of the
	// configuration by these, both or neither.
	Configure(ctx context.Context, connections []ledger.Connection, links []ledger.DossierLink) error

	// BeginRun stores a new run and returns it with its number. A second run for
	// the same Night is refused with a Conflict problem, for ever.
	BeginRun(ctx context.Context, p ledger.Run) (ledger.Run, error)
	// EndRun replaces the stored run of the same number.
	EndRun(ctx context.Context, p ledger.Run) error
	// Runs lists the newest runs, newest first, at most limit.
	Runs(ctx context.Context, limit int) ([]ledger.Run, error)
	// Backup makes a copy of the state, reads it back, and removes the
	// oldest copies beyond the configured number.
	Backup(ctx context.Context) (ledger.Backup, error)
	// CheckBackups returns a problem if the backup folder is empty although
	// copies were made there: a disk may be missing.
	CheckBackups(ctx context.Context) error
	// Check reads the whole state, and returns a StateDamaged problem if it is
	// damaged.
	Check(ctx context.Context) error
	// CheckSecrets returns a KeyInvalid problem if the data key, as its file has
	// it now, does not decrypt the stored secrets.
	CheckSecrets(ctx context.Context) error
	// Prune deletes documents, figures and histories of entries that were
	// settled longer ago than the retention allows. Entries stay. If it is stopped
	// half way, the next call continues.
	Prune(ctx context.Context, r ledger.Retention, now time.Time) (ledger.Pruned, error)
	// SaveLastAlive records that balansd ran at now.
	SaveLastAlive(ctx context.Context, now time.Time) error
	// LastAlive returns the time of the last SaveLastAlive, zero if there was none.
	LastAlive(ctx context.Context) (time.Time, error)
	// RecordMissed records missed nights. The first record of a night stays. A
	// night whose run was begun, before or later, is not missed.
	RecordMissed(ctx context.Context, nights ...ledger.MissedNight) error
	// Missed lists at most limit missed nights up to and including until, newest
	// first.
	Missed(ctx context.Context, until balance.Date, limit int) ([]ledger.MissedNight, error)

	// NightRuns returns the newest run of a night, and the newest of a night, or of
	// another try of one, that succeeded; their Number is 0 where there is none.
	NightRuns(ctx context.Context) (last, good ledger.Run, err error)
	// LastNight returns the local date of the newest nightly run or catch-up
	// that was begun; zero when there was none.
	LastNight(ctx context.Context) (balance.Date, error)
}
