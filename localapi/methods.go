package localapi

import (
	"context"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
)

// call is a call of an operation, for a caller.
type call struct {
	path    string
	in, out any
	run     func(ctx context.Context, c *Config) error
	record  func() accounts.Record // nil when the operation is not recorded
}

// caller carries out calls: over the socket, or by the daemon itself.
type caller interface {
	call(ctx context.Context, c call) error
}

// do calls an operation.
func do[In, Out any](ctx context.Context, by caller, o operation[In, Out], in In) (out Out, err error) {
	c := call{path: o.path, in: in, out: &out, run: func(ctx context.Context, cfg *Config) (err error) {
		out, err = o.run(ctx, cfg, in)
		return err
	}}
	if o.record != nil {
		c.record = func() accounts.Record { return o.record(in, out) }
	}
	err = by.call(ctx, c)
	return out, err
}

// methods are those of daemon.API that have one answer.
type methods struct{ caller }

// Status is daemon.API's.
func (m methods) Status(ctx context.Context) (daemon.Status, error) {
	return do(ctx, m, status, none{})
}

// Show is daemon.API's.
func (m methods) Show(ctx context.Context, number uint64) (daemon.EntryDetail, error) {
	return do(ctx, m, show, entryCall{Number: number})
}

// Document is daemon.API's.
func (m methods) Document(ctx context.Context, number uint64) (daemon.Document, error) {
	return do(ctx, m, document, entryCall{Number: number})
}

// Dossiers is daemon.API's.
func (m methods) Dossiers(ctx context.Context, q daemon.DossierQuery) (daemon.DossierPage, error) {
	return do(ctx, m, dossiers, q)
}

// History is daemon.API's.
func (m methods) History(ctx context.Context, limit int) (daemon.History, error) {
	return do(ctx, m, history, historyCall{limit})
}

// Retry is daemon.API's.
func (m methods) Retry(ctx context.Context, number uint64, by string) (ledger.Entry, error) {
	return do(ctx, m, retry, entryCall{number, by})
}

// Decide is daemon.API's.
func (m methods) Decide(ctx context.Context, d daemon.Decision) (ledger.Entry, error) {
	return do(ctx, m, decide, d)
}

// Dismiss is daemon.API's.
func (m methods) Dismiss(ctx context.Context, number uint64, by string) (ledger.Entry, error) {
	return do(ctx, m, dismiss, entryCall{number, by})
}

// ConnectFinbox is daemon.API's.
func (m methods) ConnectFinbox(ctx context.Context, connectionID, by string) (ledger.Connection, []string, error) {
	out, err := do(ctx, m, connectFinbox, connectionCall{ID: connectionID, By: by})
	return out.Connection, out.Notes, err
}

// Connections is daemon.API's.
func (m methods) Connections(ctx context.Context) ([]ledger.Connection, error) {
	return do(ctx, m, connections, none{})
}

// SetConnection is daemon.API's.
func (m methods) SetConnection(ctx context.Context, id string, s ledger.ConnectionStatus, by string) (ledger.Connection, error) {
	return do(ctx, m, setConnection, connectionCall{id, s, by})
}

// Firms is daemon.API's.
func (m methods) Firms(ctx context.Context) ([]ledger.Firm, error) {
	return do(ctx, m, firms, none{})
}

// TakeOver is daemon.API's.
func (m methods) TakeOver(ctx context.Context, firmID int64, by string) error {
	_, err := do(ctx, m, takeOver, firmCall{firmID, by})
	return err
}

// RemoveFirm is daemon.API's.
func (m methods) RemoveFirm(ctx context.Context, id int64, by string) error {
	_, err := do(ctx, m, removeFirm, firmCall{id, by})
	return err
}

// BeginSilverfin is daemon.API's.
func (m methods) BeginSilverfin(ctx context.Context, firmID int64, redirect string) (daemon.SignIn, error) {
	return do(ctx, m, beginSilverfin, beginCall{firmID, redirect})
}

// EndSilverfin is daemon.API's.
func (m methods) EndSilverfin(ctx context.Context, state, code string, firmID int64, by string) (ledger.Firm, []string, error) {
	out, err := do(ctx, m, endSilverfin, endCall{state, code, firmID, by})
	return out.Firm, out.Notes, err
}

// Link is daemon.API's.
func (m methods) Link(ctx context.Context, l ledger.DossierLink, by string) (ledger.DossierLink, error) {
	return do(ctx, m, link, linkCall{l, by})
}

// Links is daemon.API's.
func (m methods) Links(ctx context.Context) ([]ledger.DossierLink, error) {
	return do(ctx, m, links, none{})
}

// Backup is daemon.API's.
func (m methods) Backup(ctx context.Context, by string) (ledger.Backup, error) {
	return do(ctx, m, backup, byCall{by})
}
