package localapi

import (
	"context"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
)

// call is one call of an operation.
type call struct {
	path    string
	in, out any
	run     func(ctx context.Context, api API) error // sets out
	record  func() accounts.Record                   // nil when the operation is not recorded
}

// caller carries out calls: a socket sends them to the daemon, an auditor calls an API
// and records the change.
type caller interface {
	call(ctx context.Context, c call) error
}

// do makes a call of an operation.
func do[In, Out any](ctx context.Context, by caller, o operation[In, Out], in In) (out Out, err error) {
	c := call{path: o.path, in: in, out: &out, run: func(ctx context.Context, api API) (err error) {
		out, err = o.run(api, ctx, in)
		return err
	}}
	if o.record != nil {
		c.record = func() accounts.Record { return o.record(in, out) }
	}
	err = by.call(ctx, c)
	return out, err
}

// calls are the methods of API but Sync, Entries and UploadFile, each a call of its operation.
type calls struct{ caller }

func (c calls) Status(ctx context.Context) (daemon.Status, error) {
	return do(ctx, c, status, none{})
}

func (c calls) Show(ctx context.Context, in daemon.EntryRequest) (daemon.EntryDetail, error) {
	return do(ctx, c, show, in)
}

func (c calls) Document(ctx context.Context, in daemon.EntryRequest) (daemon.Document, error) {
	return do(ctx, c, document, in)
}

func (c calls) Dossiers(ctx context.Context, in daemon.DossierQuery) (daemon.DossierPage, error) {
	return do(ctx, c, dossiers, in)
}

func (c calls) Overview(ctx context.Context) (daemon.Overview, error) {
	return do(ctx, c, overview, none{})
}

func (c calls) History(ctx context.Context, in daemon.HistoryQuery) (daemon.History, error) {
	return do(ctx, c, history, in)
}

func (c calls) StopSync(ctx context.Context, in daemon.StopRequest) (daemon.StoppedRuns, error) {
	return do(ctx, c, stopSync, in)
}

func (c calls) Retry(ctx context.Context, in daemon.EntryRequest) (ledger.Entry, error) {
	return do(ctx, c, retry, in)
}

func (c calls) Decide(ctx context.Context, in daemon.Decision) (ledger.Entry, error) {
	return do(ctx, c, decide, in)
}

func (c calls) Accept(ctx context.Context, in daemon.AcceptRequest) (ledger.Entry, error) {
	return do(ctx, c, accept, in)
}

func (c calls) Bulk(ctx context.Context, in daemon.BulkRequest) (daemon.BulkResult, error) {
	return do(ctx, c, bulk, in)
}

func (c calls) Dismiss(ctx context.Context, in daemon.EntryRequest) (ledger.Entry, error) {
	return do(ctx, c, dismiss, in)
}

func (c calls) Periods(ctx context.Context, in daemon.EntryRequest) (daemon.CompanyPeriods, error) {
	return do(ctx, c, periods, in)
}

func (c calls) Tie(ctx context.Context, in daemon.TieRequest) (ledger.Entry, error) {
	return do(ctx, c, tie, in)
}

func (c calls) ConnectFinbox(ctx context.Context, in daemon.ConnectionRequest) (daemon.LinkedConnection, error) {
	return do(ctx, c, connectFinbox, in)
}

func (c calls) Catalogue(ctx context.Context) ([]ledger.CatalogueEntry, error) {
	return do(ctx, c, catalogue, none{})
}

func (c calls) AddConnection(ctx context.Context, in daemon.NewConnection) (daemon.ConnectionTest, error) {
	return do(ctx, c, addConnection, in)
}

func (c calls) TestConnection(ctx context.Context, in daemon.ConnectionRequest) (daemon.ConnectionTest, error) {
	return do(ctx, c, testConnection, in)
}

func (c calls) Connections(ctx context.Context) ([]ledger.Connection, error) {
	return do(ctx, c, connections, none{})
}

func (c calls) SetConnection(ctx context.Context, in daemon.ConnectionRequest) (ledger.Connection, error) {
	return do(ctx, c, setConnection, in)
}

func (c calls) Firms(ctx context.Context) ([]ledger.Firm, error) {
	return do(ctx, c, firms, none{})
}

func (c calls) RemoveFirm(ctx context.Context, in daemon.FirmRequest) error {
	_, err := do(ctx, c, removeFirm, in)
	return err
}

func (c calls) Mappings(ctx context.Context, in daemon.FirmRequest) ([]daemon.FirmMapping, error) {
	return do(ctx, c, mappings, in)
}

func (c calls) LearnMapping(ctx context.Context, in daemon.LearnRequest) (daemon.LearntMapping, error) {
	return do(ctx, c, learnMapping, in)
}

func (c calls) SetMapping(ctx context.Context, in daemon.MappingChange) (daemon.FirmMapping, error) {
	return do(ctx, c, setMapping, in)
}

func (c calls) CheckMapping(ctx context.Context, in daemon.MappingCheckRequest) ([]daemon.MappingCheck, error) {
	return do(ctx, c, checkMapping, in)
}

func (c calls) TakeOver(ctx context.Context, in daemon.FirmRequest) error {
	_, err := do(ctx, c, takeOver, in)
	return err
}

func (c calls) BeginSilverfin(ctx context.Context, in daemon.SignInRequest) (daemon.SignIn, error) {
	return do(ctx, c, beginSilverfin, in)
}

func (c calls) EndSilverfin(ctx context.Context, in daemon.GrantRequest) (daemon.LinkedFirm, error) {
	return do(ctx, c, endSilverfin, in)
}

func (c calls) Link(ctx context.Context, in daemon.LinkRequest) (ledger.DossierLink, error) {
	return do(ctx, c, link, in)
}

func (c calls) FreeCompanies(ctx context.Context, in daemon.CompanyQuery) (daemon.CompanyPage, error) {
	return do(ctx, c, freeCompanies, in)
}

func (c calls) ExportLinks(ctx context.Context) (daemon.LinkTable, error) {
	return do(ctx, c, exportLinks, none{})
}

func (c calls) ImportLinks(ctx context.Context, in daemon.LinkImport) (daemon.LinkImported, error) {
	return do(ctx, c, importLinks, in)
}

func (c calls) PreviewLink(ctx context.Context, in daemon.LinkRequest) (daemon.LinkPreview, error) {
	return do(ctx, c, previewLink, in)
}

func (c calls) Unlink(ctx context.Context, in daemon.UnlinkRequest) (ledger.DossierLink, error) {
	return do(ctx, c, unlink, in)
}

func (c calls) Links(ctx context.Context) ([]ledger.DossierLink, error) {
	return do(ctx, c, links, none{})
}

func (c calls) Group(ctx context.Context, r daemon.GroupRequest) (daemon.DossierGroup, error) {
	return do(ctx, c, group, r)
}

func (c calls) Ungroup(ctx context.Context, r daemon.GroupRequest) (daemon.DossierGroup, error) {
	return do(ctx, c, ungroup, r)
}

func (c calls) Groups(ctx context.Context) ([]daemon.DossierGroup, error) {
	return do(ctx, c, groups, none{})
}

func (c calls) Uploads(ctx context.Context) ([]daemon.Upload, error) {
	return do(ctx, c, uploads, none{})
}

func (c calls) Upload(ctx context.Context, in daemon.UploadRequest) (daemon.Upload, error) {
	return do(ctx, c, upload, in)
}

func (c calls) CheckUpload(ctx context.Context, in daemon.UploadRequest) (daemon.Upload, error) {
	return do(ctx, c, checkUpload, in)
}

func (c calls) Clients(ctx context.Context, in daemon.ClientQuery) (daemon.ClientPage, error) {
	return do(ctx, c, clients, in)
}

func (c calls) TryMapping(ctx context.Context, in daemon.TrialRequest) (daemon.Trial, error) {
	return do(ctx, c, tryMapping, in)
}

func (c calls) ChooseClient(ctx context.Context, in daemon.UploadChoice) (daemon.Upload, error) {
	return do(ctx, c, chooseClient, in)
}

func (c calls) ConfirmUpload(ctx context.Context, in daemon.UploadConfirmation) (daemon.UploadItem, error) {
	return do(ctx, c, confirmUpload, in)
}

func (c calls) DiscardUpload(ctx context.Context, in daemon.UploadRequest) error {
	_, err := do(ctx, c, discardUpload, in)
	return err
}

func (c calls) Backup(ctx context.Context, in daemon.BackupRequest) (ledger.Backup, error) {
	return do(ctx, c, backup, in)
}

func (c calls) ConnectAdsolut(ctx context.Context, in ConnectAdsolutRequest) error {
	_, err := do(ctx, c, connectAdsolut, in)
	return err
}

func (c calls) KeyExported(ctx context.Context, in KeyExportRequest) error {
	_, err := do(ctx, c, keyExported, in)
	return err
}

func (c calls) Reload(ctx context.Context, in ReloadRequest) (Reloaded, error) {
	return do(ctx, c, reload, in)
}

func (c calls) TryCredentials(ctx context.Context, in daemon.CredentialsRequest) (daemon.Examination, error) {
	return do(ctx, c, tryCredentials, in)
}

func (c calls) NotifyTest(ctx context.Context, in daemon.NotifyRequest) (daemon.NotifyTested, error) {
	return do(ctx, c, notifyTest, in)
}

func (c calls) Doctor(ctx context.Context) (daemon.Examination, error) {
	return do(ctx, c, doctor, none{})
}

func (c calls) People(ctx context.Context) ([]accounts.Account, error) {
	return do(ctx, c, people, none{})
}

func (c calls) Invite(ctx context.Context, in InviteRequest) (accounts.Invitation, error) {
	return do(ctx, c, invite, in)
}

func (c calls) Enable(ctx context.Context, in EnableRequest) (Enabled, error) {
	return do(ctx, c, enable, in)
}
