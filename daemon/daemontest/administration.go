package daemontest

import (
	"context"

	"balansd/daemon"
	"balansd/ledger"
)

// ListAdministration is daemon.API's.
func (a *API) ListAdministration(_ context.Context, q daemon.AdministrationQuery) (daemon.AdministrationPage, error) {
	a.Record("ListAdministration", q)
	return Answer[daemon.AdministrationPage](a)
}

// ShowAdministration is daemon.API's.
func (a *API) ShowAdministration(_ context.Context, r daemon.AdministrationRequest) (daemon.AdministrationDetail, error) {
	a.Record("ShowAdministration", r)
	return Answer[daemon.AdministrationDetail](a)
}

// References is daemon.API's.
func (a *API) References(_ context.Context, q daemon.ReferenceQuery) (daemon.ReferencePage, error) {
	a.Record("References", q)
	return Answer[daemon.ReferencePage](a)
}

// PickReference is daemon.API's.
func (a *API) PickReference(_ context.Context, r daemon.PickRequest) (ledger.Administration, error) {
	a.Record("PickReference", r)
	return Answer[ledger.Administration](a)
}

// SyncAdministration is daemon.API's.
func (a *API) SyncAdministration(_ context.Context, r daemon.AdministrationSync) (daemon.AdministrationSynced, error) {
	a.Record("SyncAdministration", r)
	return Answer[daemon.AdministrationSynced](a)
}

// DecideAdministration is daemon.API's.
func (a *API) DecideAdministration(_ context.Context, r daemon.AdministrationDecision) (daemon.AdministrationDecided, error) {
	a.Record("DecideAdministration", r)
	return Answer[daemon.AdministrationDecided](a)
}

// NumberFindings is daemon.API's.
func (a *API) NumberFindings(_ context.Context, q daemon.NumberQuery) (daemon.NumberPage, error) {
	a.Record("NumberFindings", q)
	return Answer[daemon.NumberPage](a)
}
