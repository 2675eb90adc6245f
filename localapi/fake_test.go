package localapi

import (
	"context"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/daemon/daemontest"
)

// fakeAPI is an API that records its calls, as daemontest.API does.
type fakeAPI struct{ *daemontest.API }

func (a fakeAPI) ConnectAdsolut(_ context.Context, r ConnectAdsolutRequest) error {
	a.Record("ConnectAdsolut", r)
	_, err := daemontest.Answer[none](a.API)
	return err
}

func (a fakeAPI) KeyExported(_ context.Context, r KeyExportRequest) error {
	a.Record("KeyExported", r)
	_, err := daemontest.Answer[none](a.API)
	return err
}

func (a fakeAPI) Reload(_ context.Context, r ReloadRequest) (Reloaded, error) {
	a.Record("Reload", r)
	return daemontest.Answer[Reloaded](a.API)
}

func (a fakeAPI) Doctor(context.Context) (daemon.Examination, error) {
	a.Record("Doctor")
	return daemontest.Answer[daemon.Examination](a.API)
}

func (a fakeAPI) People(context.Context) ([]accounts.Account, error) {
	a.Record("People")
	list, err := daemontest.Answer[[]accounts.Account](a.API)
	for i := range list {
		list[i].Key = "" // it stays inside the process
	}
	return list, err
}

func (a fakeAPI) Invite(_ context.Context, r InviteRequest) (accounts.Invitation, error) {
	a.Record("Invite", r)
	return daemontest.Answer[accounts.Invitation](a.API)
}

func (a fakeAPI) Enable(_ context.Context, r EnableRequest) (Enabled, error) {
	a.Record("Enable", r)
	return daemontest.Answer[Enabled](a.API)
}
