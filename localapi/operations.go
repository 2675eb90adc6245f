package localapi

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/internal/clip"
	"balansd/ledger"
)

// API is what the command line asks of balansd: of the daemon when it runs, else of
// the state itself. The web pages use the part of it that is daemon.API.
type API interface {
	daemon.API
	Administration
}

// Administration is what an administrator of the server asks beside daemon.API.
type Administration interface {
	// Reload has the daemon read its configuration again. A configuration with
	// mistakes gives a ConfigInvalid problem, and the old one stays in force.
	Reload(ctx context.Context, r ReloadRequest) (Reloaded, error)
	// Doctor has the daemon check everything in its own surroundings, the way to Finbox
	// and Silverfin too. It changes nothing.
	Doctor(ctx context.Context) (daemon.Examination, error)
	// ConnectAdsolut ends the sign-in to Adsolut that a person began, and stores its tokens.
	ConnectAdsolut(ctx context.Context, r ConnectAdsolutRequest) error
	// KeyExported records that the data key is written to a file under a passphrase. The
	// caller writes it, and calls this before.
	KeyExported(ctx context.Context, r KeyExportRequest) error
	// People lists who may sign in to the web pages, and the invitations that wait.
	People(ctx context.Context) ([]accounts.Account, error)
	// Invite makes a one-time link to the web pages, as accounts.People.Invite does.
	Invite(ctx context.Context, r InviteRequest) (accounts.Invitation, error)
	// Enable lets a person of the web pages in again, as accounts.People.Enable does.
	Enable(ctx context.Context, r EnableRequest) (Enabled, error)
}

// ReloadRequest asks the daemon to read its configuration again.
type ReloadRequest struct {
	By string `json:"by,omitempty"`
}

// Reloaded is what reading the configuration again changed, by the keys of the
// settings.
type Reloaded struct {
	Changed []string `json:"changed"` // what is in force now
	Restart []string `json:"restart"` // what waits for a restart of the service
}

// KeyExportRequest names the file that the data key is written to.
type KeyExportRequest struct {
	File string `json:"file"`
	By   string `json:"by,omitempty"`
}

// InviteRequest names who is invited to the web pages, and as what.
type InviteRequest struct {
	Name string        `json:"name"`
	Role accounts.Role `json:"role"`
	By   string        `json:"by,omitempty"`
	// Local is for a person who signs in with a password although a provider is
	// configured.
	Local bool `json:"local,omitempty"`
}

// EnableRequest names a person of the web pages.
type EnableRequest struct {
	Name string `json:"name"`
	By   string `json:"by,omitempty"`
}

// Enabled is the person who may sign in again.
type Enabled struct {
	Name string        `json:"name"`
	Role accounts.Role `json:"role"`
}

// operation describes a call of the local API: its path, the method of API that does
// it, and its record in the audit log. The server, the client and the audited API
// derive from it. It has no role: whoever may open the socket may make every call.
type operation[In, Out any] struct {
	path string
	run  func(API, context.Context, In) (Out, error)
	// record describes the change for the audit log; nil for an operation that
	// changes nothing, or that accounts.People records.
	record func(In, Out) accounts.Record
}

// query describes an operation that changes nothing.
func query[In, Out any](name string, run func(API, context.Context, In) (Out, error)) operation[In, Out] {
	return operation[In, Out]{prefix + name, run, nil}
}

// change describes an operation that is recorded in the audit log.
func change[In, Out any](name string, run func(API, context.Context, In) (Out, error), record func(In, Out) accounts.Record) operation[In, Out] {
	return operation[In, Out]{prefix + name, run, record}
}

// none is the request or the answer of an operation that has none.
type none struct{}

// noRequest adapts a method that takes no request.
func noRequest[Out any](run func(API, context.Context) (Out, error)) func(API, context.Context, none) (Out, error) {
	return func(api API, ctx context.Context, _ none) (Out, error) { return run(api, ctx) }
}

// noAnswer adapts a method that returns only an error.
func noAnswer[In any](run func(API, context.Context, In) error) func(API, context.Context, In) (none, error) {
	return func(api API, ctx context.Context, in In) (none, error) { return none{}, run(api, ctx, in) }
}

// The operations but Sync and Entries, which answer with streams, and UploadFile, which
// takes one. calls.go has the
// client's method for each.
var (
	status         = query("status", noRequest(API.Status))
	show           = query("show", API.Show)
	document       = query("document", API.Document)
	dossiers       = query("dossiers", API.Dossiers)
	overview       = query("overview", noRequest(API.Overview))
	history        = query("history", API.History)
	stopSync       = change("stop-sync", API.StopSync, stopRecord)
	retry          = change("retry", API.Retry, entryRecord("retry"))
	decide         = change("decide", API.Decide, decisionRecord)
	accept         = change("accept", API.Accept, acceptRecord)
	dismiss        = change("dismiss", API.Dismiss, entryRecord("dismiss"))
	bulk           = change("bulk", API.Bulk, bulkRecord)
	connectFinbox  = change("connect-finbox", API.ConnectFinbox, connectRecord)
	catalogue      = query("catalogue", noRequest(API.Catalogue))
	addConnection  = change("add-connection", API.AddConnection, addRecord)
	testConnection = query("test-connection", API.TestConnection)
	connections    = query("connections", noRequest(API.Connections))
	setConnection  = change("set-connection", API.SetConnection, connectionRecord)
	firms          = query("firms", noRequest(API.Firms))
	removeFirm     = change("remove-firm", noAnswer(API.RemoveFirm), firmRecord("remove-firm"))
	mappings       = query("mappings", API.Mappings)
	learnMapping   = query("learn-mapping", API.LearnMapping)
	setMapping     = change("set-mapping", API.SetMapping, mappingRecord)
	checkMapping   = query("check-mapping", API.CheckMapping)
	takeOver       = change("take-over", noAnswer(API.TakeOver), firmRecord("take-over"))
	beginSilverfin = query("begin-silverfin", API.BeginSilverfin)
	endSilverfin   = change("end-silverfin", API.EndSilverfin, grantRecord)
	link           = change("link", API.Link, linkRecord)
	freeCompanies  = query("free-companies", API.FreeCompanies)
	exportLinks    = query("export-links", noRequest(API.ExportLinks))
	importLinks    = change("import-links", API.ImportLinks, importRecord)
	previewLink    = query("preview-link", API.PreviewLink)
	unlink         = change("unlink", API.Unlink, unlinkRecord)
	periods        = query("periods", API.Periods)
	tie            = change("tie", API.Tie, tieRecord)
	tryMapping     = change("try-mapping", API.TryMapping, trialRecord)
	links          = query("links", noRequest(API.Links))
	group          = change("group", API.Group, groupRecord("group"))
	ungroup        = change("ungroup", API.Ungroup, groupRecord("ungroup"))
	groups         = query("groups", noRequest(API.Groups))
	uploads        = query("uploads", noRequest(API.Uploads))
	upload         = query("upload", API.Upload)
	checkUpload    = query("check-upload", API.CheckUpload)
	clients        = query("clients", API.Clients)
	chooseClient   = query("choose-client", API.ChooseClient)
	confirmUpload  = change("confirm-upload", API.ConfirmUpload, uploadRecord)
	discardUpload  = query("discard-upload", noAnswer(API.DiscardUpload))
	tryCredentials = change("try-credentials", API.TryCredentials, credentialsRecord)
	notifyTest     = query("notify-test", API.NotifyTest)
	backup         = change("backup", API.Backup, backupRecord)
	connectAdsolut = change("connect-adsolut", noAnswer(API.ConnectAdsolut), connectAdsolutRecord)
	keyExported    = change("key-exported", noAnswer(API.KeyExported), keyExportRecord)
	reload         = change("reload", API.Reload, reloadRecord)
	doctor         = query("doctor", noRequest(API.Doctor))
	people         = query("people", noRequest(API.People))
	invite         = query("invite", API.Invite)
	enable         = query("enable", API.Enable)
)

// operations lists these operations.
func operations() []servable {
	return append(administrationOperations(), status, show, document, dossiers, overview, history, stopSync, retry, decide, accept, dismiss, bulk, connectFinbox, catalogue, addConnection, testConnection,
		connections, setConnection, firms, removeFirm, mappings, learnMapping, setMapping, checkMapping, takeOver, beginSilverfin, endSilverfin, link, freeCompanies, exportLinks, importLinks, previewLink, unlink, links,
		group, ungroup, groups, periods, tie, tryMapping, notifyTest,
		uploads, upload, checkUpload, clients, chooseClient, confirmUpload, discardUpload, backup, connectAdsolut, keyExported, reload, doctor, tryCredentials, people, invite, enable)
}

// stopRecord names the runs that were stopped.
func stopRecord(in daemon.StopRequest, out daemon.StoppedRuns) accounts.Record {
	numbers := make([]string, len(out.Runs))
	for i, r := range out.Runs {
		numbers[i] = entryName(r.Number)
	}
	return accounts.Record{Who: in.By, What: "stop-sync", On: strings.Join(numbers, " ")}
}

// entryRecord returns the record of a change of one entry.
func entryRecord(what string) func(daemon.EntryRequest, ledger.Entry) accounts.Record {
	return func(in daemon.EntryRequest, _ ledger.Entry) accounts.Record {
		return accounts.Record{Who: in.By, What: what, On: entryName(in.Number)}
	}
}

func entryName(number uint64) string { return "#" + strconv.FormatUint(number, 10) }

// trialRecord names the company whose figures were changed and put back; nothing where
// none were.
func trialRecord(in daemon.TrialRequest, out daemon.Trial) accounts.Record {
	if !in.Confirmed() {
		return accounts.Record{}
	}
	return accounts.Record{Who: in.By, What: "try-mapping", On: fmt.Sprintf("%s (%d)", clip.Text(out.Place.Target.CompanyName), out.Place.Target.CompanyID)}
}

// decisionRecord names the cells, never their figures.
func decisionRecord(in daemon.Decision, _ ledger.Entry) accounts.Record {
	r := accounts.Record{Who: in.By, What: "decide-finbox", On: entryName(in.Number)}
	if in.Choice == daemon.KeepSilverfin {
		r.What = "decide-silverfin"
	}
	codes := make([]string, len(in.Cells))
	for i, c := range in.Cells {
		codes[i] = c.String()
	}
	r.On += codesText(codes)
	return r
}

// acceptRecord names the cells, never their figures.
func acceptRecord(in daemon.AcceptRequest, _ ledger.Entry) accounts.Record {
	codes := make([]string, len(in.Readings))
	for i, a := range in.Readings {
		codes[i] = clip.Text(a.Code)
	}
	return accounts.Record{Who: in.By, What: "accept-reading", On: entryName(in.Number) + codesText(codes)}
}

// bulkRecord counts the entries that a step was done with, and names the first and the
// last of them. What only was shown is not recorded.
func bulkRecord(in daemon.BulkRequest, out daemon.BulkResult) accounts.Record {
	if !in.Apply {
		return accounts.Record{}
	}
	r := accounts.Record{Who: in.By, What: "bulk"}
	if slices.Contains(daemon.BulkSteps(), in.Step) {
		r.What = "bulk-" + string(in.Step)
	}
	var done []uint64
	for _, o := range out.Outcomes {
		if o.Refused == "" {
			done = append(done, o.Entry.Number)
		}
	}
	switch n := len(done); n {
	case 0:
	case 1:
		r.On = entryName(done[0])
	default:
		r.On = fmt.Sprintf("%s … %s", entryName(slices.Min(done)), entryName(slices.Max(done)))
	}
	r.On = strings.TrimSpace(fmt.Sprintf("%s (%d / %d)", r.On, len(done), len(in.Items)))
	return r
}

// codesText lists the first codes, each after a blank.
func codesText(codes []string) string {
	const most = 20
	text := ""
	for _, c := range codes[:min(most, len(codes))] {
		text += " " + c
	}
	if len(codes) > most {
		text += " …"
	}
	return text
}

func connectRecord(in daemon.ConnectionRequest, _ daemon.LinkedConnection) accounts.Record {
	return accounts.Record{Who: in.By, What: "connect-finbox", On: clip.Text(in.ID)}
}

// addRecord names the source and the connection, never what was typed. A test has no
// record.
func addRecord(in daemon.NewConnection, out daemon.ConnectionTest) accounts.Record {
	if in.DryRun {
		return accounts.Record{}
	}
	return accounts.Record{Who: in.By, What: "connection-added", On: strings.TrimSpace(clip.Text(in.Source) + " " + out.Connection.ID)}
}

func connectionRecord(in daemon.ConnectionRequest, _ ledger.Connection) accounts.Record {
	what := "connection-set"
	switch in.Status {
	case ledger.Active, ledger.Paused, ledger.Removed:
		what = "connection-" + string(in.Status)
	}
	return accounts.Record{Who: in.By, What: what, On: clip.Text(in.ID)}
}

func firmRecord(what string) func(daemon.FirmRequest, none) accounts.Record {
	return func(in daemon.FirmRequest, _ none) accounts.Record {
		return accounts.Record{Who: in.By, What: what, On: strconv.FormatInt(in.FirmID, 10)}
	}
}

// mappingRecord names the firm, and the place where its figures land from now on.
func mappingRecord(in daemon.MappingChange, out daemon.FirmMapping) accounts.Record {
	r := accounts.Record{Who: in.By, What: "forget-mapping", On: strconv.FormatInt(in.FirmID, 10)}
	if !in.Forget {
		r.What = "set-mapping"
		r.On += " → " + clip.Text(strings.TrimPrefix(out.Target.Handle+" "+out.Target.Namespace, " "))
	}
	return r
}

// grantRecord names the firm. The code and the state are never recorded.
func grantRecord(in daemon.GrantRequest, out daemon.LinkedFirm) accounts.Record {
	r := accounts.Record{Who: in.By, What: "connect-silverfin"}
	if out.Firm.ID != 0 {
		r.On = fmt.Sprintf("%s (%d)", out.Firm.Name, out.Firm.ID)
	}
	return r
}

// linkRecord names both companies, and both enterprise numbers where they differ.
func linkRecord(in daemon.LinkRequest, saved ledger.DossierLink) accounts.Record {
	on := fmt.Sprintf("%s → /f/%d/%d", clip.Text(in.DossierID), in.FirmID, in.CompanyID)
	if n := saved.NumberDiffers; n.Confirmed() {
		on += fmt.Sprintf(" (%s ≠ %s)", n.DossierNumber.Pretty(), n.CompanyNumberText())
	}
	return accounts.Record{Who: in.By, What: "link", On: on}
}

// importRecord counts the links that were changed; a dry run changes none.
func importRecord(in daemon.LinkImport, out daemon.LinkImported) accounts.Record {
	if !in.Apply {
		return accounts.Record{}
	}
	return accounts.Record{Who: in.By, What: "import-links", On: strconv.Itoa(len(out.Effects))}
}

func unlinkRecord(in daemon.UnlinkRequest, was ledger.DossierLink) accounts.Record {
	on := clip.Text(in.DossierID)
	if was.CompanyID != 0 {
		on += fmt.Sprintf(" ↛ /f/%d/%d", was.FirmID, was.CompanyID)
	}
	return accounts.Record{Who: in.By, What: "unlink", On: on}
}

// groupRecord returns the record of dossiers that are grouped, or no longer are.
func groupRecord(what string) func(daemon.GroupRequest, daemon.DossierGroup) accounts.Record {
	return func(in daemon.GroupRequest, out daemon.DossierGroup) accounts.Record {
		names := make([]string, len(out.Dossiers))
		for i, d := range out.Dossiers {
			names[i] = d.Connection + "/" + d.DossierID
		}
		return accounts.Record{Who: in.By, What: what, On: clip.Text(strings.Join(names, ", "))}
	}
}

// tieRecord names the period that a balance goes into; none when its tie was taken away.
func tieRecord(in daemon.TieRequest, out ledger.Entry) accounts.Record {
	if in.PeriodID == 0 {
		return accounts.Record{Who: in.By, What: "untie-period", On: entryName(in.Number)}
	}
	on := fmt.Sprintf("%s → %d", entryName(in.Number), in.PeriodID)
	if t := out.Tie; t != nil {
		on += fmt.Sprintf(" (%s ≠ %s)", t.Year.End, t.Period.End)
	}
	return accounts.Record{Who: in.By, What: "tie-period", On: on}
}

// uploadRecord names the file and its content, and both enterprise numbers where an
// administrator said that they may differ.
func uploadRecord(in daemon.UploadConfirmation, out daemon.UploadItem) accounts.Record {
	on := fmt.Sprintf("%s, SHA-256 %s", clip.Text(out.Name), out.SHA256)
	if out.Entry != 0 {
		on = entryName(out.Entry) + " " + on
	}
	if n := out.NumberDiffers; n != nil {
		on += fmt.Sprintf(" (%s ≠ %s)", n.DossierNumber.Pretty(), n.CompanyNumberText())
	}
	return accounts.Record{Who: in.By, What: "upload", On: on}
}

func backupRecord(in daemon.BackupRequest, _ ledger.Backup) accounts.Record {
	r := accounts.Record{Who: in.By, What: "backup"}
	if in.WithKey {
		r.On = "+ key"
	}
	return r
}

func keyExportRecord(in KeyExportRequest, _ none) accounts.Record {
	return accounts.Record{Who: in.By, What: "key-export", On: clip.Text(in.File)}
}

func credentialsRecord(in daemon.CredentialsRequest, _ daemon.Examination) accounts.Record {
	return accounts.Record{Who: in.By, What: "try-credentials"}
}

func reloadRecord(in ReloadRequest, out Reloaded) accounts.Record {
	return accounts.Record{Who: in.By, What: "reload", On: strings.Join(out.Changed, " ")}
}
