package daemon

import (
	"context"
	"io"
	"iter"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// API is what people ask of balansd, on the command line, on the web pages and over
// the local API. Each method takes one request and returns one answer, so that the
// local API can send them as JSON. The error of a method is a problem (package
// problem). By, in a request, names the person, for the history of the entry and
// the audit log.
type API interface {
	administrationAPI

	// Status returns the status of the daemon, connections, firms and ledger.
	Status(ctx context.Context) (Status, error)
	// Sync carries out a run over what the request selects and reports each step
	// as it happens. There is one run over everything at a time: the error of a
	// second is a Busy problem. Runs over chosen dossiers or entries go on beside it,
	// and before it. A reference that fits several dossiers is a Usage problem that
	// lists them.
	// Report is called from one goroutine at a time and must not block long;
	// it may be nil.
	Sync(ctx context.Context, r SyncRequest, report func(Progress)) (ledger.Run, error)

	// StopSync stops runs under way and does not wait for their end. A NotFound
	// problem says that no such run is under way.
	StopSync(ctx context.Context, r StopRequest) (StoppedRuns, error)

	// Entries walks the ledger, newest first.
	Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error]
	// Show returns everything that is known of one entry.
	Show(ctx context.Context, r EntryRequest) (EntryDetail, error)
	// Document returns the document of an entry as it came; a NotFound problem
	// when none is kept.
	Document(ctx context.Context, r EntryRequest) (Document, error)
	// Dossiers lists dossiers, each with the balance that represents it. It is
	// fast with a hundred thousand of them.
	Dossiers(ctx context.Context, q DossierQuery) (DossierPage, error)
	// Overview counts the dossiers by state and reason, and says how far the season is. It
	// is fast with a hundred thousand of them.
	Overview(ctx context.Context) (Overview, error)
	// History lists the newest runs and missed nights, newest first.
	History(ctx context.Context, q HistoryQuery) (History, error)
	// Retry has an entry tried again at the next run, parked or not.
	Retry(ctx context.Context, r EntryRequest) (ledger.Entry, error)
	// Decide settles what differs. A Conflict problem says that the entry has
	// changed since the person saw it.
	Decide(ctx context.Context, r Decision) (ledger.Entry, error)
	// Accept settles what the document of an entry leaves open, or says that of
	// several balances this one counts. A Usage problem says which answers are
	// possible; a Conflict problem that the entry has changed since the person saw
	// it.
	Accept(ctx context.Context, r AcceptRequest) (ledger.Entry, error)
	// Dismiss leaves an entry aside for good, until it is retried.
	Dismiss(ctx context.Context, r EntryRequest) (ledger.Entry, error)
	// Bulk carries out one step for several entries, each as the methods above do, or says
	// what it would do.
	Bulk(ctx context.Context, r BulkRequest) (BulkResult, error)

	// ConnectFinbox validates a connection id and links it.
	ConnectFinbox(ctx context.Context, r ConnectionRequest) (LinkedConnection, error)
	// Catalogue lists the sources that a person can add.
	Catalogue(ctx context.Context) ([]ledger.CatalogueEntry, error)
	// AddConnection tests a new connection and saves it. Nothing is saved when it
	// returns an error. One that was removed is added again by its name or
	// connection id, with all that the ledger has of it.
	AddConnection(ctx context.Context, r NewConnection) (ConnectionTest, error)
	// TestConnection says what a connection holds, or what is in the way. It changes
	// nothing.
	TestConnection(ctx context.Context, r ConnectionRequest) (ConnectionTest, error)
	// Connections lists the connections.
	Connections(ctx context.Context) ([]ledger.Connection, error)
	// SetConnection pauses, resumes or removes a connection. Its entries stay in
	// the ledger.
	SetConnection(ctx context.Context, r ConnectionRequest) (ledger.Connection, error)
	// Firms lists the linked Silverfin firms.
	Firms(ctx context.Context) ([]ledger.Firm, error)
	// RemoveFirm forgets a firm and its tokens.
	RemoveFirm(ctx context.Context, r FirmRequest) error
	// Mappings lists where the figures of a firm land, or of each linked firm with 0.
	Mappings(ctx context.Context, r FirmRequest) ([]FirmMapping, error)
	// LearnMapping proposes where the figures of a firm land, from dossiers that a person
	// filled in there and whose balances are known. It changes nothing.
	LearnMapping(ctx context.Context, r LearnRequest) (LearntMapping, error)
	// SetMapping saves a mapping for a firm, or forgets the one that was saved. A
	// NotAllowed problem says that the configuration decides.
	SetMapping(ctx context.Context, r MappingChange) (FirmMapping, error)
	// CheckMapping compares the mapping of a firm, or of each with 0, with its templates.
	// It writes nothing in Silverfin.
	CheckMapping(ctx context.Context, r MappingCheckRequest) ([]MappingCheck, error)
	// TakeOver allows renewing the tokens of a firm, or of all firms with 0,
	// although they came with a copy of the state: a person confirms that no other
	// balansd renews them any more.
	TakeOver(ctx context.Context, r FirmRequest) error
	// BeginSilverfin starts the sign-in to Silverfin: a person opens the URL
	// in a browser.
	BeginSilverfin(ctx context.Context, r SignInRequest) (SignIn, error)
	// EndSilverfin links the firm that was granted.
	EndSilverfin(ctx context.Context, r GrantRequest) (LinkedFirm, error)

	// Link sets the link of a dossier in the place of the one that it had: which
	// company takes its balances, from when, whether it is paused, and a note.
	// Two different valid enterprise numbers are refused with a NumberDiffers
	// problem, unless NumberDiffers.Company is the company's name; a link of the
	// configuration with a NotAllowed problem; and with a Conflict problem what
	// changed since Seen. It returns the link as it is stored, or would be, with
	// both numbers.
	Link(ctx context.Context, r LinkRequest) (ledger.DossierLink, error)
	// FreeCompanies lists companies in Silverfin to which no dossier goes, each with the
	// dossiers that may be its.
	FreeCompanies(ctx context.Context, q CompanyQuery) (CompanyPage, error)
	// ExportLinks returns a table of all dossiers with their links, as CSV.
	ExportLinks(ctx context.Context) (LinkTable, error)
	// ImportLinks says what such a table changes, and with Apply changes it: all of it,
	// or nothing where a row is wrong.
	ImportLinks(ctx context.Context, r LinkImport) (LinkImported, error)
	// PreviewLink returns both sides of a link before it is set, and what would be
	// written for it. It changes nothing.
	PreviewLink(ctx context.Context, r LinkRequest) (LinkPreview, error)
	// Unlink removes the link of a dossier, and returns it. What was written stays.
	Unlink(ctx context.Context, r UnlinkRequest) (ledger.DossierLink, error)
	// Links lists the dossier links that people set, here or in the
	// configuration, by connection and dossier.
	Links(ctx context.Context) ([]ledger.DossierLink, error)

	// Group records that dossiers belong to one employer: their balances of one year
	// are added up, and the sum is delivered. A NumberDiffers problem says that they
	// have different enterprise numbers.
	Group(ctx context.Context, r GroupRequest) (DossierGroup, error)
	// Ungroup dissolves the group of a dossier.
	Ungroup(ctx context.Context, r GroupRequest) (DossierGroup, error)
	// Groups lists the groups of dossiers.
	Groups(ctx context.Context) ([]DossierGroup, error)
	// Periods lists the periods of the company that takes an entry, with what is in
	// them. It asks Silverfin.
	Periods(ctx context.Context, r EntryRequest) (CompanyPeriods, error)
	// Tie has an entry go into a period whose financial year is another than its own,
	// or takes the tie away. A NotAllowed problem says why it cannot go there.
	Tie(ctx context.Context, r TieRequest) (ledger.Entry, error)

	// TryMapping writes other figures into a dossier, waits for the results of its
	// templates to change, and puts the old figures back. Without a confirmation it changes
	// nothing and returns what it would change. A Conflict problem says that this is no
	// longer what was confirmed, a NeedsPerson problem that the dossier cannot be tried.
	TryMapping(ctx context.Context, r TrialRequest) (Trial, error)

	// UploadFile keeps a file until it is confirmed, and returns its upload without
	// the items. It reads content to the end, and fails with what content does.
	UploadFile(ctx context.Context, r UploadFileRequest, content io.Reader) (Upload, error)
	// Upload returns an upload as it stands. It is a NotFound problem a day after
	// it began.
	Upload(ctx context.Context, r UploadRequest) (Upload, error)
	// Uploads lists the uploads that are there, newest first.
	Uploads(ctx context.Context) ([]Upload, error)
	// CheckUpload reads the documents of an upload that were not read yet, finds
	// their clients, and compares them with Silverfin. It changes nothing but the
	// upload.
	CheckUpload(ctx context.Context, r UploadRequest) (Upload, error)
	// Clients lists the companies and dossiers that a document can be given to.
	Clients(ctx context.Context, q ClientQuery) (ClientPage, error)
	// ChooseClient records whose documents some items of an upload are, and says
	// what would become of them then.
	ChooseClient(ctx context.Context, r UploadChoice) (Upload, error)
	// ConfirmUpload puts an item of an upload into the ledger, to be delivered by
	// the next run. A Conflict problem says that it changed since the person saw
	// it, a NumberDiffers problem that it would go into a company with another
	// enterprise number.
	ConfirmUpload(ctx context.Context, r UploadConfirmation) (UploadItem, error)
	// DiscardUpload forgets an upload. What was confirmed of it stays.
	DiscardUpload(ctx context.Context, r UploadRequest) error

	// TryCredentials asks Finbox for one token, and renews those of each firm.
	TryCredentials(ctx context.Context, r CredentialsRequest) (Examination, error)
	// NotifyTest sends a test message to everybody who is told what needs a person, and
	// says what became of each.
	NotifyTest(ctx context.Context, r NotifyRequest) (NotifyTested, error)
	// Backup makes a copy of the state in the backup folder, and reads it
	// back.
	Backup(ctx context.Context, r BackupRequest) (ledger.Backup, error)
}

// Status is the status of the daemon, connections, firms and ledger.
type Status struct {
	Version     string               `json:"version"`
	Running     bool                 `json:"running"`            // the daemon answers, not the command line alone
	Since       time.Time            `json:"since,omitzero"`     // when the daemon started
	NextWake    time.Time            `json:"next_wake,omitzero"` // the next night, in the configured zone
	Run         *ledger.Run          `json:"pass,omitempty"`     // the oldest run under way
	Runs        []RunUnderway        `json:"runs,omitempty"`     // all of them, oldest first
	LastRun     *ledger.Run          `json:"last_pass,omitempty"`
	LastNight   *ledger.Run          `json:"last_night,omitempty"`
	GoodNight   *ledger.Run          `json:"good_night,omitempty"` // the newest night, or other try of one, that succeeded
	Again       time.Time            `json:"again,omitzero"`       // when a night that did not reach its services is tried again
	Missed      []ledger.MissedNight `json:"missed,omitempty"`     // the newest nights that were missed and not caught up
	Clock       string               `json:"clock,omitempty"`      // what is wrong with the server's clock
	State       []StateProblem       `json:"state_problems,omitempty"`
	Pages       PagesStatus          `json:"pages,omitzero"` // the web pages, if they could not be served
	Connections []ledger.Connection  `json:"connections"`
	Firms       []ledger.Firm        `json:"firms"`
	// Unseen are the ids of the firms of whose mapping no template was seen to use it.
	Unseen  []int64              `json:"unseen_mappings,omitempty"`
	Counts  map[ledger.State]int `json:"counts"`
	Waiting []ledger.Entry       `json:"waiting"` // what needs a person, newest first, at most 100
	// Conditions are what needs a person: all that is not about a balance, and the
	// balances of Waiting that do.
	Conditions []ledger.Condition `json:"conditions"`
	Host       *HostStatus        `json:"host,omitempty"` // certificates, disks and backups
	// Administration are the sources of names and addresses.
	Administration []AdministrationSource `json:"administration,omitempty"`
	// Unsent are the notifications that could not be sent yet.
	Unsent    []ledger.Unsent `json:"unsent,omitempty"`
	StateFile string          `json:"state_file"`
	Layout    int             `json:"layout,omitempty"` // of the state file
}

// SyncRequest selects what a run walks over. The zero request walks over
// everything.
type SyncRequest struct {
	DryRun bool `json:"dry_run,omitempty"`
	// Dossier is an id, an affiliation or enterprise number, a name, or a part of a
	// name that no other dossier has. With a Connection it is one of that connection.
	Dossier    string `json:"dossier,omitempty"`
	Connection string `json:"connection,omitempty"`
	FirmID     int64  `json:"firm_id,omitempty"`
	Full       bool   `json:"full,omitempty"` // list every source from the beginning
	By         string `json:"by,omitempty"`
	// Entries are the numbers of the only entries to work on; nothing is listed
	// then. Wait has a run over everything wait for the end of another, in place of a
	// Busy problem.
	Entries []uint64 `json:"entries,omitempty"`
	Wait    bool     `json:"wait,omitempty"`
}

// GroupRequest names dossiers: each as CONNECTION/DOSSIER, or by what names it alone.
type GroupRequest struct {
	Dossiers []string `json:"dossiers"`
	By       string   `json:"by,omitempty"`
}

// DossierGroup is a group of dossiers whose balances are added up.
type DossierGroup struct {
	ID       string              `json:"id"` // the connection of the sums
	Name     string              `json:"name"`
	Dossiers []ledger.DossierRef `json:"dossiers"`
}

// EntryRequest names an entry.
type EntryRequest struct {
	Number uint64 `json:"number"`
	By     string `json:"by,omitempty"` // not used by what changes nothing
	// Seen is the version of the entry that the person saw; 0 for whatever it is now.
	// What changes nothing does not use it.
	Seen uint64 `json:"seen,omitempty"`
}

// EntryDetail is everything that is known of one entry.
type EntryDetail struct {
	Entry   ledger.Entry      `json:"entry"`
	History []ledger.Event    `json:"story"`
	Values  map[string]string `json:"values,omitempty"`
	Written ledger.Written    `json:"written"`
	// Shown is the template that was seen to use the mapping that the entry goes by; nil
	// while none was. Unseen says that none was, in the firm that takes the entry.
	Shown  *ledger.MappingUse `json:"shown,omitempty"`
	Unseen bool               `json:"unseen,omitempty"`
	// Registered is what registers and administration packages call the enterprise number of
	// the dossier, and Numbers what is odd about it.
	Registered []RegisteredName `json:"registered,omitempty"`
	Numbers    []NumberFinding  `json:"number_findings,omitempty"`
}

// HistoryQuery selects runs and missed nights: at most Limit of each.
type HistoryQuery struct {
	Limit int `json:"limit"`
}

// History is the newest runs and missed nights.
type History struct {
	Runs   []ledger.Run         `json:"passes"`
	Missed []ledger.MissedNight `json:"missed"`
}

// Document is a document as it came from its source.
type Document struct {
	Name string `json:"name"` // the source's own id of it
	Data []byte `json:"data"`
}

// Choice is a person's decision about figures that differ.
type Choice string

// The choices.
const (
	UseFinbox     Choice = "use_finbox"
	KeepSilverfin Choice = "keep_silverfin"
)

// Decision is what a person decides about an entry that differs.
type Decision struct {
	Number uint64         `json:"number"`
	Choice Choice         `json:"choice"`
	Cells  []balance.Cell `json:"cells,omitempty"` // all that differ when there are none
	// Seen is the version of the entry that the person saw; 0 for whatever it
	// is now.
	Seen uint64 `json:"seen,omitempty"`
	By   string `json:"by,omitempty"`
}

// ConnectionRequest names a connection. Status is the new status, for SetConnection.
type ConnectionRequest struct {
	ID     string                  `json:"id"`
	Status ledger.ConnectionStatus `json:"status,omitempty"`
	By     string                  `json:"by,omitempty"`
}

// NewConnection is a connection that a person adds. Fields are what was typed, by the
// names of the fields of the entry in the catalogue, secrets too.
type NewConnection struct {
	Source string            `json:"source"` // the entry's id
	Fields map[string]string `json:"fields"`
	DryRun bool              `json:"dry_run,omitempty"` // test it only
	By     string            `json:"by,omitempty"`
}

// ConnectionTest is what a test saw of a connection. Notes are for the person, one
// sentence each.
type ConnectionTest struct {
	Connection  ledger.Connection `json:"connection"`
	Environment string            `json:"environment"` // the name that the source gives
	Dossiers    int               `json:"dossiers"`
	Balances    int               `json:"balances"`
	Newest      time.Time         `json:"newest,omitzero"`   // when the newest balance was made
	Partial     bool              `json:"partial,omitempty"` // there is more than could be seen in time
	Unseen      bool              `json:"unseen,omitempty"`  // it was added although the service does not see it yet
	Notes       []string          `json:"notes"`
}

// LinkedConnection is a connection as it was validated. Notes are warnings for
// the person, one sentence each.
type LinkedConnection struct {
	Connection ledger.Connection `json:"connection"`
	Notes      []string          `json:"notes"`
}

// FirmRequest names a Silverfin firm.
type FirmRequest struct {
	FirmID int64  `json:"firm_id"`
	By     string `json:"by,omitempty"`
}

// SignInRequest asks for a sign-in to Silverfin. FirmID preselects a firm, 0 for
// none. Redirect is the URL of the loopback callback, or empty for a code that
// Silverfin shows and the person pastes.
type SignInRequest struct {
	FirmID   int64  `json:"firm_id,omitempty"`
	Redirect string `json:"redirect,omitempty"`
}

// SignIn is a sign-in to Silverfin that was begun.
type SignIn struct {
	URL   string `json:"url"`
	State string `json:"state"`
}

// GrantRequest is what Silverfin's callback brought. FirmID is its
// authorized_firm_id; with a pasted code it is what the person says.
type GrantRequest struct {
	State  string `json:"state"`
	Code   string `json:"code"`
	FirmID int64  `json:"firm_id"`
	By     string `json:"by,omitempty"`
}

// LinkedFirm is a firm that was granted. Notes are warnings for the person, such
// as that it is another firm than was asked for.
type LinkedFirm struct {
	Firm  ledger.Firm `json:"firm"`
	Notes []string    `json:"notes"`
}

// LinkRequest is a dossier link that a person sets.
type LinkRequest struct {
	ledger.DossierLink
	// Seen identifies both sides as the person saw them, from LinkPreview; empty for
	// whatever they are now.
	Seen string `json:"seen,omitempty"`
	By   string `json:"by,omitempty"`
}

// UnlinkRequest names a dossier whose link is to be removed.
type UnlinkRequest struct {
	Connection string `json:"connection"`
	DossierID  string `json:"dossier_id"`
	By         string `json:"by,omitempty"`
}

// BackupRequest asks for a copy of the state.
type BackupRequest struct {
	By string `json:"by,omitempty"`
	// WithKey says that the caller writes the data key with the copy to a file under a
	// passphrase, for the audit log.
	WithKey bool `json:"with_key,omitempty"`
}
