package daemon

import (
	"context"
	"iter"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// Source hands out the social balances of one connection. Implementations are
// safe for concurrent use.
type Source interface {
	// Status asks how the connection stands on the source's side.
	Status(ctx context.Context) (ledger.SourceStatus, error)
	// List walks the balances created since cursor, in any order, with an
	// overlap: what was listed before may come again. The empty cursor lists
	// from the start. A connection that was deactivated gives
	// ledger.ErrClosed. The walk ends at the first error.
	List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error]
	// Content fetches the document, bounded in size.
	Content(ctx context.Context, l ledger.Listing) ([]byte, error)
}

// DocumentReader reads the figures out of documents. Implementations are safe
// for concurrent use. An error that is a *balance.ReadError is about the document
// and will come again; with any other nothing is known of the document.
type DocumentReader interface {
	ReadDocument(ctx context.Context, data []byte) (*balance.Balance, error)
}

// Destination is one firm that takes social balances. Implementations are safe
// for concurrent use, and keep one call at a time per company.
type Destination interface {
	// Companies lists the firm's companies. What cannot be read is left out
	// and named for people.
	Companies(ctx context.Context) (all []ledger.Company, unreadable []string, err error)
	// Company returns one company; a SilverfinRefused problem when there is none.
	Company(ctx context.Context, id int64) (ledger.Company, error)
	// Locate finds where a company takes the balance of a financial year. It
	// gives a *ledger.NotYet when the company cannot take it now.
	Locate(ctx context.Context, c ledger.Company, year balance.Period) (ledger.Target, error)
	// Update reads the figures that the target holds, has decide say which to
	// write, writes them, and reads again, until decide has nothing left to
	// write: what decide was given last is what the target holds. A figure goes
	// out only right after a reading in which all that decides about it was as
	// decide saw it. decide must not make a call for the same company.
	// After an error any part of the figures may have been stored.
	Update(ctx context.Context, p ledger.Target, decide ledger.Decide) error
	// Property names what takes the figure of a cell, stable over time; empty
	// when nothing does.
	Property(c balance.Cell) string
}

// Linker signs in to Silverfin and looks after the tokens of the linked firms.
type Linker interface {
	// Begin starts a sign-in; see API.BeginSilverfin.
	Begin(ctx context.Context, firmID int64, redirect string) (url, state string, err error)
	// End exchanges the code; see API.EndSilverfin.
	End(ctx context.Context, state, code string, firmID int64) (ledger.Firm, []string, error)
	// Renew refreshes the tokens of a firm when they are older than that, so
	// that a firm without work does not lose them.
	Renew(ctx context.Context, firmID int64, olderThan time.Duration) (renewed bool, err error)
	// TakeOver lets the tokens of a firm be renewed; see API.TakeOver.
	TakeOver(ctx context.Context, firmID int64) error
	// Forget deletes the tokens of a firm.
	Forget(ctx context.Context, firmID int64) error
}

// Store keeps the state. Every method is one transaction, durable when it
// returns; methods that change something are refused as a whole when they
// cannot be. Implementations are safe for concurrent use.
type Store interface {
	// Connections lists the connections, removed ones too, by id.
	Connections(ctx context.Context) ([]ledger.Connection, error)
	// SaveConnection adds or replaces a connection.
	SaveConnection(ctx context.Context, c ledger.Connection) error
	// Firms lists the linked firms, by id.
	Firms(ctx context.Context) ([]ledger.Firm, error)
	// SaveFirm adds or replaces a firm.
	SaveFirm(ctx context.Context, f ledger.Firm) error
	// RemoveFirm forgets a firm and its tokens; the ledger keeps its entries.
	RemoveFirm(ctx context.Context, id int64) error

	// UpdateConnection changes a stored connection; one that is not there
	// stays so, without an error. change may be called more than once.
	UpdateConnection(ctx context.Context, id string, change func(*ledger.Connection)) error
	// UpdateFirm changes a stored firm; one that was removed stays so, without
	// an error. change may be called more than once.
	UpdateFirm(ctx context.Context, id int64, change func(*ledger.Firm)) error
	// Since reports from when on nights count: when the state was first made.
	// Where that lies after now, since the clock was ahead then, it is the
	// first now that Since was asked with.
	Since(ctx context.Context, now time.Time) (time.Time, error)

	// Record stores new entries together with the Cursor, ListedAt and
	// Problem of the connection that listed them; the cursor covers them. All
	// else of the stored connection stays, such as a pause set meanwhile, and
	// with another Anew its Cursor.
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
	// A folder lists what lies in it now: there, of one id, the newest entry
	// is the one recorded last, and a listing whose content is another counts
	// as new even if it was there before.
	//
	// It returns the entries that were new, with their numbers and versions.
	Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) ([]ledger.Entry, error)
	// Open walks the entries that a run should try, by number. It costs
	// what is open, not all that ever was. Changes made during the walk may
	// or may not be seen.
	Open(ctx context.Context) iter.Seq2[ledger.Entry, error]
	// Entries walks the entries that match the query, newest first.
	Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error]
	// Siblings lists, by number, the entries of which only one counts with e,
	// as ledger.Entry.SiblingOf has it, e itself left out.
	Siblings(ctx context.Context, e ledger.Entry) ([]ledger.Entry, error)
	// SameID lists, by number, the entries of the same connection and id,
	// whatever their year and enterprise number, e itself left out.
	SameID(ctx context.Context, e ledger.Entry) ([]ledger.Entry, error)
	// Entry returns one entry; a NotFound problem when there is none.
	Entry(ctx context.Context, number uint64) (ledger.Entry, error)
	// History returns the events of an entry, oldest first.
	History(ctx context.Context, number uint64) ([]ledger.Event, error)
	// Values returns the figures kept with an entry, nil when none are.
	Values(ctx context.Context, number uint64) (balance.Values, error)
	// Document returns the document kept with an entry, nil when none is.
	Document(ctx context.Context, number uint64) ([]byte, error)
	// Move carries out steps, all or none, and gives the entries with their
	// new versions.
	Move(ctx context.Context, steps ...ledger.Step) ([]ledger.Entry, error)
	// Written returns what is known of a target.
	Written(ctx context.Context, p ledger.Target) (ledger.Written, error)
	// Counts returns the number of entries by state.
	Counts(ctx context.Context) (map[ledger.State]int, error)

	// Links lists the dossier links that people set.
	Links(ctx context.Context) ([]ledger.DossierLink, error)
	// SaveLink adds or replaces the link of a dossier.
	SaveLink(ctx context.Context, l ledger.DossierLink) error
	// Configure adds or replaces connections, and replaces the links of the
	// configuration by these, both or neither.
	Configure(ctx context.Context, connections []ledger.Connection, links []ledger.DossierLink) error

	// BeginRun stores a new run and gives it its number. A second run for
	// the same Night is refused with a Conflict problem, for ever.
	BeginRun(ctx context.Context, p ledger.Run) (ledger.Run, error)
	// EndRun replaces the stored run of the same number.
	EndRun(ctx context.Context, p ledger.Run) error
	// Runs lists the newest runs, newest first, at most limit.
	Runs(ctx context.Context, limit int) ([]ledger.Run, error)
	// Backup makes a copy of the state, reads it back, and removes the
	// oldest copies beyond those that are to be kept.
	Backup(ctx context.Context) (ledger.Backup, error)
	// BackupsThere returns a problem when the place of the copies has none any
	// more, although some were made there: it may be a disk that is missing.
	BackupsThere(ctx context.Context) error
	// Check reads the whole state, and gives a StateDamaged problem when it is
	// damaged.
	Check(ctx context.Context) error
	// CheckSecrets returns a KeyInvalid problem when the data key, as its file has
	// it now, does not open what is sealed.
	CheckSecrets(ctx context.Context) error
	// Prune takes away documents, figures and histories of entries that were
	// settled longer ago than the retention says. Entries stay. Stopped half
	// way, it goes on at the next call.
	Prune(ctx context.Context, r ledger.Retention, now time.Time) (ledger.Pruned, error)
	// Alive records when balansd last ran.
	Alive(ctx context.Context, now time.Time) error
	// LastAlive returns the time of the newest Alive; zero when there was none.
	LastAlive(ctx context.Context) (time.Time, error)
	// NoteMissed records missed nights; what was recorded of a night first stays. A
	// night that was begun, before or later, is not missed.
	NoteMissed(ctx context.Context, nights ...ledger.MissedNight) error
	// Missed lists the newest missed nights until a date, that one too, newest
	// first, at most limit.
	Missed(ctx context.Context, until balance.Date, limit int) ([]ledger.MissedNight, error)

	// LastNight returns the local date of the newest nightly run or catch-up
	// that was begun; zero when there was none.
	LastNight(ctx context.Context) (balance.Date, error)
}
