package portal

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"

	"balansd/daemon"
	"balansd/ledger"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// collector gets the metrics from the daemon at each scrape. They name no dossier.
type collector struct {
	web *Handler

	up, lastGoodRun, nextRun, entries, needsPerson, conditions, missed, relink, firmProblem, tokenAge, connection, runs, pending, backup, diskFree, certificate, stateBytes, info *prometheus.Desc
}

// Limits of a scrape: its duration, and how many runs are counted.
const (
	scrapeTimeout = 10 * time.Second
	runsCounted   = 100
)

func (h *Handler) metricsHandler() http.Handler {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("balansd_"+name, help, labels, nil)
	}
	own := prometheus.NewRegistry()
	own.MustRegister(&collector{
		web:         h,
		up:          desc("up", "1 when the daemon answers."),
		lastGoodRun: desc("last_good_night_timestamp_seconds", "End of the newest nightly run that completed, listed each active connection and could work in each firm; 0 if none did yet."),
		nextRun:     desc("next_night_timestamp_seconds", "Time of the next nightly run."),
		entries:     desc("entries", "Social balances in the ledger, by state.", "state"),
		needsPerson: desc("needs_person", "What needs a person: balances, at most 100 of them, and all else."),
		conditions:  desc("conditions", "What needs a person, by kind and by who can do something; at most 100 balances.", "kind", "role"),
		missed:      desc("missed_nights", "Nights that were missed and not caught up."),
		relink:      desc("firm_needs_relink", "1 when a Silverfin firm must be linked again.", "firm"),
		firmProblem: desc("firm_problem", "1 when Silverfin refuses the work in a firm for another reason than its sign-in.", "firm"),
		tokenAge:    desc("token_age_seconds", "How long ago the tokens of a Silverfin firm were renewed.", "firm"),
		connection:  desc("connection_state", "1 for the state that a connection is in: active, paused, deactivated, or failing.", "connection", "state"),
		runs:        desc("recent_runs", "The newest 100 runs, by outcome: good, problem, or stopped.", "outcome"),
		pending:     desc("notifications_pending", "Notifications that could not be sent yet."),
		backup:      desc("last_backup_timestamp_seconds", "When the newest backup that can be used was made; 0 if there is none."),
		diskFree:    desc("disk_free_bytes", "Free room on the disk of a folder.", "folder"),
		certificate: desc("certificate_end_timestamp_seconds", "When a certificate ends: one of a setting, or of a service as it was last seen.", "certificate"),
		stateBytes:  desc("state_bytes", "Size of the state file."),
		info:        desc("build_info", "Always 1; its label says which version runs.", "version"),
	})
	return promhttp.HandlerFor(own, promhttp.HandlerOpts{DisableCompression: true})
}

// Describe implements prometheus.Collector.
func (g *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.up, g.lastGoodRun, g.nextRun, g.entries, g.needsPerson, g.conditions, g.missed, g.relink, g.firmProblem, g.tokenAge, g.connection, g.runs, g.pending, g.backup, g.diskFree, g.certificate, g.stateBytes, g.info} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *collector) Collect(ch chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	put(g.info, 1, g.web.Version)
	if g.web.StateSize != nil {
		put(g.stateBytes, float64(g.web.StateSize()))
	}
	ctx, done := context.WithTimeout(context.Background(), scrapeTimeout)
	defer done()
	s, err := g.web.API.Status(ctx)
	if err != nil {
		put(g.up, 0)
		return
	}
	put(g.up, 1)
	good := 0.0
	if s.GoodNight != nil {
		good = float64(s.GoodNight.End.Unix())
	}
	put(g.lastGoodRun, good)
	if !s.NextWake.IsZero() {
		put(g.nextRun, float64(s.NextWake.Unix()))
	}
	for _, state := range []ledger.State{ledger.Found, ledger.Waiting, ledger.Failed, ledger.Sending, ledger.Done,
		ledger.Differs, ledger.Superseded, ledger.Ignored} {
		put(g.entries, float64(s.Counts[state]), string(state))
	}
	put(g.needsPerson, float64(len(s.Conditions)))
	put(g.pending, float64(len(s.Unsent)))
	for by, n := range conditionCounts(s.Conditions) {
		put(g.conditions, float64(n), string(by.Kind), string(by.Role))
	}
	for _, c := range s.Connections {
		if c.Status == ledger.Removed || !c.Kind.HasSource() { // a sum is named after a client
			continue
		}
		for _, state := range connectionStates() {
			put(g.connection, boolGauge(connectionState(c) == state), c.ID, state)
		}
	}
	g.collectRuns(ctx, put)
	g.collectHost(s.Host, put)
	put(g.missed, float64(len(s.Missed)))
	for _, f := range s.Firms {
		id := strconv.FormatInt(f.ID, 10)
		put(g.relink, boolGauge(f.Relink != ""), id)
		put(g.firmProblem, boolGauge(f.Relink == "" && f.Problem != ""), id)
		if !f.RenewedAt.IsZero() {
			put(g.tokenAge, g.web.Now().Sub(f.RenewedAt).Seconds(), id)
		}
	}
}

// collectRuns counts the newest runs by outcome.
func (g *collector) collectRuns(ctx context.Context, put func(*prometheus.Desc, float64, ...string)) {
	h, err := g.web.API.History(ctx, daemon.HistoryQuery{Limit: runsCounted})
	if err != nil {
		return
	}
	counts := map[string]int{"good": 0, "problem": 0, "stopped": 0}
	for _, r := range h.Runs {
		counts[runView{Run: r}.Kind()]++
	}
	for outcome, n := range counts {
		put(g.runs, float64(n), outcome)
	}
}

// collectHost collects what is known of the server.
func (g *collector) collectHost(h *daemon.HostStatus, put func(*prometheus.Desc, float64, ...string)) {
	if h == nil {
		return
	}
	backup := 0.0
	if !h.Backup.IsZero() {
		backup = float64(h.Backup.Unix())
	}
	put(g.backup, backup)
	free := map[string]int64{} // two folders may be the same
	for _, d := range h.Disks {
		free[d.Folder] = d.Free
	}
	for folder, bytes := range free {
		put(g.diskFree, float64(bytes), folder)
	}
	ends := map[string]time.Time{} // of several with one name the first to end
	for _, c := range h.Certificates {
		if end, known := ends[c.Name]; !known || c.End.Before(end) {
			ends[c.Name] = c.End
		}
	}
	for name, end := range ends {
		put(g.certificate, float64(end.Unix()), name)
	}
}

// conditionLabels are the labels of conditions.
type conditionLabels struct {
	Kind ledger.ConditionKind
	Role ledger.Role
}

// conditionCounts counts conditions by kind and role.
func conditionCounts(list []ledger.Condition) map[conditionLabels]int {
	counts := map[conditionLabels]int{}
	for _, c := range list {
		counts[conditionLabels{c.Kind, c.Role}]++
	}
	return counts
}

// connectionStates lists the values of connectionState.
func connectionStates() []string {
	return []string{string(ledger.Active), string(ledger.Paused), string(ledger.Deactivated), failing}
}

// failing is the state of an active connection that could not be listed.
const failing = "failing"

func connectionState(c ledger.Connection) string {
	if c.Status == ledger.Active && c.Problem != "" {
		return failing
	}
	return string(c.Status)
}

func boolGauge(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// MetricsText returns the metrics as a monitoring system reads them, for who must help.
func MetricsText(ctx context.Context, cfg Config) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return nil, err
	}
	w := &textResponse{header: http.Header{}}
	(&Handler{Config: cfg}).metricsHandler().ServeHTTP(w, r)
	return w.text.Bytes(), nil
}

// textResponse keeps a response in memory.
type textResponse struct {
	header http.Header
	text   bytes.Buffer
}

func (t *textResponse) Header() http.Header         { return t.header }
func (t *textResponse) Write(p []byte) (int, error) { return t.text.Write(p) }
func (t *textResponse) WriteHeader(int)             {}
