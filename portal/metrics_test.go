package portal

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func TestMetrics(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	f := newFixture(t, func(c *Config) {
		c.Now = func() time.Time { return now }
		c.StateSize = func() int64 { return 4096 }
		c.API = statusAPI{&daemontest.API{}, daemon.Status{
			GoodNight: &ledger.Run{End: time.Unix(8, 0)},
			Counts:    map[ledger.State]int{ledger.Done: 12, ledger.Waiting: 3, ledger.Failed: 1},
			Connections: []ledger.Connection{{ID: "c-1", Kind: ledger.Finbox, Status: ledger.Active}, {ID: "map", Kind: ledger.Folder, Status: ledger.Active, Problem: "it is gone"},
				{ID: "old", Kind: ledger.Folder, Status: ledger.Removed}},
			Conditions: []ledger.Condition{{Kind: ledger.BalanceWaits, Role: ledger.Accountant}, {Kind: ledger.BalanceWaits, Role: ledger.Accountant}, {Kind: ledger.FirmRelink, Role: ledger.Admin}},
			Host: &daemon.HostStatus{Backup: time.Unix(5, 0), Disks: []daemon.Disk{{Folder: "/var/lib/balansd", Free: 77}, {Folder: "/var/lib/balansd", Free: 77}},
				Certificates: []daemon.Certificate{{Name: "portal.certificate_file", End: time.Unix(9, 0)}, {Name: "portal.certificate_file", End: time.Unix(7, 0)}}},
			Unsent: []ledger.Unsent{{Channel: "it@office.example"}},
			Firms:  []ledger.Firm{{ID: 14, Name: "Kantoor <b>", RenewedAt: now.Add(-time.Hour)}, {ID: 15, Relink: "signed out", Problem: "401"}, {ID: 16, Problem: "it refuses"}},
		}, daemon.History{Runs: []ledger.Run{{End: now}, {End: now, Problems: []string{"x"}}, {}}}}
	})
	b := f.browser()
	b.header.Set("Authorization", "Bearer a-token-of-some-length")
	got := b.get("/metrics")
	if got.code != http.StatusOK {
		t.Fatal(got.code, got.body)
	}
	for _, line := range []string{
		"balansd_up 1", "balansd_last_good_night_timestamp_seconds 8", `balansd_entries{state="done"} 12`, `balansd_entries{state="waiting"} 3`,
		`balansd_entries{state="differs"} 0`, `balansd_firm_needs_relink{firm="14"} 0`, `balansd_firm_needs_relink{firm="15"} 1`, `balansd_firm_problem{firm="15"} 0`, `balansd_firm_problem{firm="16"} 1`,
		`balansd_token_age_seconds{firm="14"} 3600`, "balansd_state_bytes 4096", "balansd_needs_person 3", `balansd_conditions{kind="balance_waits",role="accountant"} 2`,
		`balansd_connection_state{connection="c-1",state="active"} 1`, `balansd_connection_state{connection="map",state="failing"} 1`,
		`balansd_connection_state{connection="map",state="active"} 0`, `balansd_recent_runs{outcome="good"} 1`, `balansd_recent_runs{outcome="problem"} 1`,
		`balansd_recent_runs{outcome="stopped"} 1`, "balansd_notifications_pending 1", "balansd_last_backup_timestamp_seconds 5", `balansd_disk_free_bytes{folder="/var/lib/balansd"} 77`,
		`balansd_certificate_end_timestamp_seconds{certificate="portal.certificate_file"} 7`, `balansd_build_info{version="1.2.3"} 1`,
	} {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(line) + `$`).MatchString(got.body) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	problems, err := promlint.New(strings.NewReader(got.body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint finds %v, %v", problems, err)
	}
	if strings.Contains(got.body, "Kantoor") || strings.Contains(got.body, "it@office") || strings.Contains(got.body, `"old"`) || strings.Contains(got.body, "go_") {
		t.Errorf("the metrics have too much:\n%s", got.body)
	}
}

// statusAPI returns a given status and history.
type statusAPI struct {
	daemon.API
	status  daemon.Status
	history daemon.History
}

func (s statusAPI) Status(context.Context) (daemon.Status, error) { return s.status, nil }

func (s statusAPI) History(context.Context, daemon.HistoryQuery) (daemon.History, error) {
	return s.history, nil
}

func TestMetricsOfFailingDaemon(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.API = &daemontest.API{Err: errors.New("the disk is on fire")} })
	b := f.browser()
	b.header.Set("Authorization", "Bearer a-token-of-some-length")
	if got := b.get("/metrics"); got.code != http.StatusOK || !strings.Contains(got.body, "balansd_up 0") || strings.Contains(got.body, "fire") {
		t.Errorf("%d %s", got.code, got.body)
	}
	off := newFixture(t, func(c *Config) { c.MetricsToken = "" })
	if got := off.signedIn(annName).get("/metrics"); got.code != http.StatusNotFound {
		t.Errorf("metrics that are off give %d", got.code)
	}
}
