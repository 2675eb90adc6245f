package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"balansd/administration"
	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
	"balansd/silverfin"
)

// silverfinClient is what a node needs from Silverfin.
type silverfinClient interface {
	daemon.Linker
	destination(firmID int64) daemon.Destination
	// Close waits until tokens that are being renewed are saved.
	Close(ctx context.Context) error
}

// configuredSilverfin is the client of a configuration that has Silverfin.
type configuredSilverfin struct{ *silverfin.Client }

func (l configuredSilverfin) destination(firmID int64) daemon.Destination { return l.Firm(firmID) }

func (n *node) newSilverfin(cfg *config.Config) (silverfinClient, error) {
	o, s := n.options, cfg.Silverfin
	if !s.Configured() {
		return noSilverfin{}, nil
	}
	client, err := n.httpClient(cfg, s.Timeout, s.BaseURL)
	if err != nil {
		return nil, err
	}
	var before *silverfin.Client
	_, old := n.current()
	if l, ok := old.(configuredSilverfin); ok {
		before = l.Client // it has the sign-ins that people have begun
	}
	c, err := silverfin.New(silverfin.Config{BaseURL: s.BaseURL, ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal(),
		Scopes: s.Scopes, StoreDocuments: s.StoreDocument, Administration: len(cfg.Administration.SourceNames()) > 0, HTTP: client, Vault: n.store.Secrets(), Home: n.home, NumberFields: s.EnterpriseNumberFields,
		AppLinks: s.AppLink != "", AppLinkMenu: silverfin.AppLinkMenu{Placement: s.AppLinkPlacement, Templates: s.AppLinkTemplates},
		Workflow:          silverfin.WorkflowMatch{Names: s.Workflow.Names},
		YearsByEnd:        s.FinancialYear == config.YearEnd,
		Lock:              silverfin.LockMatch{Fields: s.LockedFields, Statuses: s.LockedStatuses},
		RequestsPerSecond: s.RequestsPerSecond, Burst: s.Burst, Concurrency: s.Concurrency, Now: o.now, Log: o.log,
		After: before})
	return configuredSilverfin{c}, err
}

// appLink returns the address that the app link in Silverfin leads to, empty for none.
func appLink(s config.Silverfin) string {
	if s.AppLink == "" {
		return ""
	}
	return strings.TrimRight(s.AppLink, "/") + ledger.AppLinkPath
}

// home returns the machine on which the state is used. The id of the machine is hashed,
// so that a copy of the state does not reveal it.
func (n *node) home(ctx context.Context) (silverfin.Home, error) {
	restored, err := n.store.RestoredAt(ctx)
	h := silverfin.Home{Restored: restored}
	h.Name, _ = os.Hostname()
	if id := n.options.machine; id != "" {
		sum := sha256.Sum256([]byte("balansd " + id))
		h.Machine = hex.EncodeToString(sum[:16])
	}
	return h, err
}

// target returns where figures are written.
func target(t config.Target) mapping.Target {
	return mapping.Target{Level: t.Level, Handle: t.Handle, Namespace: t.Namespace, Key: t.Key, KeyPrevious: t.KeyPrevious, Map: t.Map, RequireStarred: t.RequireStarred,
		Values: mapping.Format{Decimal: t.Values.Decimal, Zero: t.Values.Zero, Amounts: t.Values.Amounts, Negative: t.Values.Negative}}
}

// mappings returns the mappings that a person wrote into the configuration.
func mappings(cfg *config.Config) mapping.Configured {
	m := mapping.Configured{Firms: map[int64]*mapping.Written{}}
	if cfg.WritesTarget() {
		m.All = &mapping.Written{Target: target(cfg.Silverfin.Target), Where: cfg.Where("silverfin.target")}
	}
	for i, f := range cfg.Silverfin.Firms {
		m.Firms[f.ID] = &mapping.Written{Target: target(f.Target), Where: cfg.Where(fmt.Sprintf("silverfin.firms[%d].target", i))}
	}
	return m
}

// noSilverfin is the client of a configuration without Silverfin. Its calls return a
// problem that says what to configure, so that everything else works.
type noSilverfin struct{}

func (noSilverfin) missing() error {
	return problem.New(problem.ConfigInvalid, "Silverfin is not configured",
		"Set silverfin.client_id and silverfin.client_secret_file in the configuration; Silverfin gives them on request.")
}

func (n noSilverfin) destination(int64) daemon.Destination { return n }

func (n noSilverfin) Begin(context.Context, int64, string, ...mapping.Target) (url, state string, err error) {
	return "", "", n.missing()
}

func (noSilverfin) Scopes(...mapping.Target) []string { return nil }

func (n noSilverfin) End(context.Context, string, string, int64) (ledger.Firm, []string, error) {
	return ledger.Firm{}, nil, n.missing()
}

func (n noSilverfin) Renew(context.Context, int64, time.Duration) (bool, error) {
	return false, n.missing()
}

func (n noSilverfin) TakeOver(context.Context, int64) error { return n.missing() }

func (noSilverfin) Forget(context.Context, int64) error { return nil }

func (noSilverfin) Close(context.Context) error { return nil }

func (n noSilverfin) Companies(context.Context) ([]ledger.Company, []string, error) {
	return nil, nil, n.missing()
}

func (n noSilverfin) Company(context.Context, int64) (ledger.Company, error) {
	return ledger.Company{}, n.missing()
}

func (n noSilverfin) Locate(context.Context, ledger.Company, balance.Period, mapping.Target) (ledger.Target, error) {
	return ledger.Target{}, n.missing()
}

func (n noSilverfin) LocateTied(context.Context, ledger.Company, ledger.PeriodTie, mapping.Target) (ledger.Target, error) {
	return ledger.Target{}, n.missing()
}

func (n noSilverfin) Periods(context.Context, ledger.Company) ([]ledger.CompanyPeriod, error) {
	return nil, n.missing()
}

func (n noSilverfin) Update(context.Context, ledger.Target, mapping.Target, ledger.Decide) error {
	return n.missing()
}

func (n noSilverfin) UpdateCompany(context.Context, int64, func(ledger.CompanyReading) (ledger.CompanyDetails, error)) error {
	return n.missing()
}

func (n noSilverfin) People(context.Context, int64) ([]administration.Person, bool, error) {
	return nil, false, n.missing()
}

func (n noSilverfin) Reconciliations(context.Context, ledger.Target) ([]mapping.Reconciliation, error) {
	return nil, n.missing()
}

func (n noSilverfin) Results(context.Context, ledger.Target, int64) (map[string]string, error) {
	return nil, n.missing()
}

func (n noSilverfin) StoreDocument(context.Context, int64, string, []byte) (int64, error) {
	return 0, n.missing()
}

func (n noSilverfin) AppLinks(context.Context) ([]ledger.AppLink, error) { return nil, n.missing() }

func (n noSilverfin) AddAppLink(context.Context, string) (int64, error) { return 0, n.missing() }

func (n noSilverfin) RemoveAppLink(context.Context, int64) error { return n.missing() }

func (n noSilverfin) Templates(context.Context) ([]mapping.Template, error) {
	return nil, n.missing()
}

func (n noSilverfin) Filled(context.Context, ledger.Company, balance.Period, *ledger.PeriodTie) (mapping.Filled, ledger.Target, error) {
	return mapping.Filled{}, ledger.Target{}, n.missing()
}

func (noSilverfin) Throttle() ledger.Throttle { return ledger.Throttle{} }
