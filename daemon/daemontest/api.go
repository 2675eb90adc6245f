package daemontest

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"balansd/daemon"
	"balansd/ledger"
)

// API is a daemon.API that returns values with every field set, and records the
// calls.
type API struct {
	Err   error                                                                                             // what every method fails with, when not nil
	Empty bool                                                                                              // every method returns the zero value
	Run   func(ctx context.Context, r daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error) // is Sync, when not nil

	mu    sync.Mutex
	calls []string
}

var _ daemon.API = (*API)(nil)

// Record adds a call, for a type that has a method of its own in place of API's.
func (a *API) Record(method string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, fmt.Sprintf("%s%+v", method, args))
}

// Calls returns the calls so far, each as its method and arguments.
func (a *API) Calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// Status is daemon.API's.
func (a *API) Status(context.Context) (daemon.Status, error) {
	a.Record("Status")
	return Answer[daemon.Status](a)
}

// Sync is daemon.API's.
func (a *API) Sync(ctx context.Context, r daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error) {
	a.Record("Sync", r)
	if a.Run != nil {
		return a.Run(ctx, r, report)
	}
	if report != nil {
		report(daemon.Progress{Text: "lists the sources"})
		report(Full[daemon.Progress]())
	}
	return Full[ledger.Run](), a.Err
}

// Entries is daemon.API's.
func (a *API) Entries(_ context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	a.Record("Entries", q)
	return func(yield func(ledger.Entry, error) bool) {
		for n := uint64(3); n > 0; n-- {
			e := Full[ledger.Entry]()
			e.Number = n
			if !yield(e, nil) {
				a.Record("left")
				return
			}
		}
		if a.Err != nil {
			yield(ledger.Entry{}, a.Err)
		}
	}
}

// Show is daemon.API's.
func (a *API) Show(_ context.Context, r daemon.EntryRequest) (daemon.EntryDetail, error) {
	a.Record("Show", r)
	return Answer[daemon.EntryDetail](a)
}

// Document is daemon.API's.
func (a *API) Document(_ context.Context, r daemon.EntryRequest) (daemon.Document, error) {
	a.Record("Document", r)
	return Answer[daemon.Document](a)
}

// Dossiers is daemon.API's.
func (a *API) Dossiers(_ context.Context, q daemon.DossierQuery) (daemon.DossierPage, error) {
	a.Record("Dossiers", q)
	return Answer[daemon.DossierPage](a)
}

// Overview is daemon.API's.
func (a *API) Overview(context.Context) (daemon.Overview, error) {
	a.Record("Overview", nil)
	return Answer[daemon.Overview](a)
}

// History is daemon.API's.
func (a *API) History(_ context.Context, q daemon.HistoryQuery) (daemon.History, error) {
	a.Record("History", q)
	return Answer[daemon.History](a)
}

// StopSync is daemon.API's.
func (a *API) StopSync(_ context.Context, r daemon.StopRequest) (daemon.StoppedRuns, error) {
	a.Record("StopSync", r)
	return Answer[daemon.StoppedRuns](a)
}

// Retry is daemon.API's.
func (a *API) Retry(_ context.Context, r daemon.EntryRequest) (ledger.Entry, error) {
	a.Record("Retry", r)
	return Answer[ledger.Entry](a)
}

// Decide is daemon.API's.
func (a *API) Decide(_ context.Context, r daemon.Decision) (ledger.Entry, error) {
	a.Record("Decide", r)
	return Answer[ledger.Entry](a)
}

// Accept is daemon.API's.
func (a *API) Accept(_ context.Context, r daemon.AcceptRequest) (ledger.Entry, error) {
	a.Record("Accept", r)
	return Answer[ledger.Entry](a)
}

// Periods is daemon.API's.
func (a *API) Periods(_ context.Context, r daemon.EntryRequest) (daemon.CompanyPeriods, error) {
	a.Record("Periods", r)
	return Answer[daemon.CompanyPeriods](a)
}

// Tie is daemon.API's.
func (a *API) Tie(_ context.Context, r daemon.TieRequest) (ledger.Entry, error) {
	a.Record("Tie", r)
	return Answer[ledger.Entry](a)
}

// Bulk is daemon.API's.
func (a *API) Bulk(_ context.Context, r daemon.BulkRequest) (daemon.BulkResult, error) {
	a.Record("Bulk", r)
	return Answer[daemon.BulkResult](a)
}

// Dismiss is daemon.API's.
func (a *API) Dismiss(_ context.Context, r daemon.EntryRequest) (ledger.Entry, error) {
	a.Record("Dismiss", r)
	return Answer[ledger.Entry](a)
}

// ConnectFinbox is daemon.API's.
func (a *API) ConnectFinbox(_ context.Context, r daemon.ConnectionRequest) (daemon.LinkedConnection, error) {
	a.Record("ConnectFinbox", r)
	return Answer[daemon.LinkedConnection](a)
}

// Catalogue is daemon.API's.
func (a *API) Catalogue(context.Context) ([]ledger.CatalogueEntry, error) {
	a.Record("Catalogue")
	return Answer[[]ledger.CatalogueEntry](a)
}

// AddConnection is daemon.API's.
func (a *API) AddConnection(_ context.Context, r daemon.NewConnection) (daemon.ConnectionTest, error) {
	a.Record("AddConnection", r)
	return Answer[daemon.ConnectionTest](a)
}

// TestConnection is daemon.API's.
func (a *API) TestConnection(_ context.Context, r daemon.ConnectionRequest) (daemon.ConnectionTest, error) {
	a.Record("TestConnection", r)
	return Answer[daemon.ConnectionTest](a)
}

// Connections is daemon.API's.
func (a *API) Connections(context.Context) ([]ledger.Connection, error) {
	a.Record("Connections")
	return Answer[[]ledger.Connection](a)
}

// SetConnection is daemon.API's.
func (a *API) SetConnection(_ context.Context, r daemon.ConnectionRequest) (ledger.Connection, error) {
	a.Record("SetConnection", r)
	return Answer[ledger.Connection](a)
}

// Firms is daemon.API's.
func (a *API) Firms(context.Context) ([]ledger.Firm, error) {
	a.Record("Firms")
	return Answer[[]ledger.Firm](a)
}

// RemoveFirm is daemon.API's.
func (a *API) RemoveFirm(_ context.Context, r daemon.FirmRequest) error {
	a.Record("RemoveFirm", r)
	return a.Err
}

// Mappings is daemon.API's.
func (a *API) Mappings(_ context.Context, r daemon.FirmRequest) ([]daemon.FirmMapping, error) {
	a.Record("Mappings", r)
	return Answer[[]daemon.FirmMapping](a)
}

// LearnMapping is daemon.API's.
func (a *API) LearnMapping(_ context.Context, r daemon.LearnRequest) (daemon.LearntMapping, error) {
	a.Record("LearnMapping", r)
	return Answer[daemon.LearntMapping](a)
}

// SetMapping is daemon.API's.
func (a *API) SetMapping(_ context.Context, r daemon.MappingChange) (daemon.FirmMapping, error) {
	a.Record("SetMapping", r)
	return Answer[daemon.FirmMapping](a)
}

// CheckMapping is daemon.API's.
func (a *API) CheckMapping(_ context.Context, r daemon.MappingCheckRequest) ([]daemon.MappingCheck, error) {
	a.Record("CheckMapping", r)
	return Answer[[]daemon.MappingCheck](a)
}

// TakeOver is daemon.API's.
func (a *API) TakeOver(_ context.Context, r daemon.FirmRequest) error {
	a.Record("TakeOver", r)
	return a.Err
}

// BeginSilverfin is daemon.API's.
func (a *API) BeginSilverfin(_ context.Context, r daemon.SignInRequest) (daemon.SignIn, error) {
	a.Record("BeginSilverfin", r)
	return Answer[daemon.SignIn](a)
}

// EndSilverfin is daemon.API's.
func (a *API) EndSilverfin(_ context.Context, r daemon.GrantRequest) (daemon.LinkedFirm, error) {
	a.Record("EndSilverfin", r)
	return Answer[daemon.LinkedFirm](a)
}

// Link is daemon.API's.
func (a *API) Link(_ context.Context, r daemon.LinkRequest) (ledger.DossierLink, error) {
	a.Record("Link", r)
	return Answer[ledger.DossierLink](a)
}

// FreeCompanies is daemon.API's.
func (a *API) FreeCompanies(_ context.Context, q daemon.CompanyQuery) (daemon.CompanyPage, error) {
	a.Record("FreeCompanies", q)
	return Answer[daemon.CompanyPage](a)
}

// ExportLinks is daemon.API's.
func (a *API) ExportLinks(context.Context) (daemon.LinkTable, error) {
	a.Record("ExportLinks")
	return Answer[daemon.LinkTable](a)
}

// ImportLinks is daemon.API's.
func (a *API) ImportLinks(_ context.Context, r daemon.LinkImport) (daemon.LinkImported, error) {
	a.Record("ImportLinks", r)
	return Answer[daemon.LinkImported](a)
}

// PreviewLink is daemon.API's.
func (a *API) PreviewLink(_ context.Context, r daemon.LinkRequest) (daemon.LinkPreview, error) {
	a.Record("PreviewLink", r)
	return Answer[daemon.LinkPreview](a)
}

// Unlink is daemon.API's.
func (a *API) Unlink(_ context.Context, r daemon.UnlinkRequest) (ledger.DossierLink, error) {
	a.Record("Unlink", r)
	return Answer[ledger.DossierLink](a)
}

// Group is daemon.API's.
func (a *API) Group(_ context.Context, r daemon.GroupRequest) (daemon.DossierGroup, error) {
	a.Record("Group", r)
	return Answer[daemon.DossierGroup](a)
}

// Ungroup is daemon.API's.
func (a *API) Ungroup(_ context.Context, r daemon.GroupRequest) (daemon.DossierGroup, error) {
	a.Record("Ungroup", r)
	return Answer[daemon.DossierGroup](a)
}

// Groups is daemon.API's.
func (a *API) Groups(context.Context) ([]daemon.DossierGroup, error) {
	a.Record("Groups")
	return Answer[[]daemon.DossierGroup](a)
}

// Links is daemon.API's.
func (a *API) Links(context.Context) ([]ledger.DossierLink, error) {
	a.Record("Links")
	return Answer[[]ledger.DossierLink](a)
}

// TryCredentials is daemon.API's.
func (a *API) TryCredentials(_ context.Context, r daemon.CredentialsRequest) (daemon.Examination, error) {
	a.Record("TryCredentials", r)
	return Answer[daemon.Examination](a)
}

// NotifyTest is daemon.API's.
func (a *API) NotifyTest(_ context.Context, r daemon.NotifyRequest) (daemon.NotifyTested, error) {
	a.Record("NotifyTest", r)
	return Answer[daemon.NotifyTested](a)
}

// Backup is daemon.API's.
func (a *API) Backup(_ context.Context, r daemon.BackupRequest) (ledger.Backup, error) {
	a.Record("Backup", r)
	return Answer[ledger.Backup](a)
}

// UploadFile is daemon.API's. The call is recorded with the content.
func (a *API) UploadFile(_ context.Context, r daemon.UploadFileRequest, content io.Reader) (daemon.Upload, error) {
	data, err := io.ReadAll(content)
	a.Record("UploadFile", r, string(data), err)
	return Answer[daemon.Upload](a)
}

// Upload is daemon.API's.
func (a *API) Upload(_ context.Context, r daemon.UploadRequest) (daemon.Upload, error) {
	a.Record("Upload", r)
	return Answer[daemon.Upload](a)
}

// Uploads is daemon.API's.
func (a *API) Uploads(context.Context) ([]daemon.Upload, error) {
	a.Record("Uploads")
	return Answer[[]daemon.Upload](a)
}

// CheckUpload is daemon.API's.
func (a *API) CheckUpload(_ context.Context, r daemon.UploadRequest) (daemon.Upload, error) {
	a.Record("CheckUpload", r)
	return Answer[daemon.Upload](a)
}

// Clients is daemon.API's.
func (a *API) Clients(_ context.Context, q daemon.ClientQuery) (daemon.ClientPage, error) {
	a.Record("Clients", q)
	return Answer[daemon.ClientPage](a)
}

// TryMapping is daemon.API's.
func (a *API) TryMapping(_ context.Context, r daemon.TrialRequest) (daemon.Trial, error) {
	a.Record("TryMapping", r)
	return Answer[daemon.Trial](a)
}

// ChooseClient is daemon.API's.
func (a *API) ChooseClient(_ context.Context, r daemon.UploadChoice) (daemon.Upload, error) {
	a.Record("ChooseClient", r)
	return Answer[daemon.Upload](a)
}

// ConfirmUpload is daemon.API's.
func (a *API) ConfirmUpload(_ context.Context, r daemon.UploadConfirmation) (daemon.UploadItem, error) {
	a.Record("ConfirmUpload", r)
	return Answer[daemon.UploadItem](a)
}

// DiscardUpload is daemon.API's.
func (a *API) DiscardUpload(_ context.Context, r daemon.UploadRequest) error {
	a.Record("DiscardUpload", r)
	return a.Err
}

// RunUntilStopped returns an API.Run that closes begun, goes on until it is
// stopped, and closes ended.
func RunUntilStopped(begun, ended chan<- struct{}) func(context.Context, daemon.SyncRequest, func(daemon.Progress)) (ledger.Run, error) {
	return func(ctx context.Context, _ daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error) {
		report(daemon.Progress{Text: "begun"})
		close(begun)
		<-ctx.Done()
		defer close(ended)
		return ledger.Run{Number: 9, Stopped: "stopped by hand"}, ctx.Err()
	}
}
