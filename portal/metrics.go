package portal

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"balansd/ledger"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// collector gets the metrics from the daemon at each scrape. They name no dossier.
type collector struct {
	web *Handler

	up, lastGoodRun, nextRun, entries, needsPerson, missed, relink, tokenAge, stateBytes, info *prometheus.Desc
}

// Limits of a scrape: its duration, and how many runs are searched for a good one.
const (
	scrapeTimeout = 10 * time.Second
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
		needsPerson: desc("needs_person", "What is known to need a person, at most 100."),
		missed:      desc("missed_nights", "Nights that were missed and not caught up."),
		relink:      desc("firm_needs_relink", "1 when a Silverfin firm must be linked again.", "firm"),
		tokenAge:    desc("token_age_seconds", "How long ago the tokens of a Silverfin firm were renewed.", "firm"),
		stateBytes:  desc("state_bytes", "Size of the state file."),
		info:        desc("build_info", "Always 1; its label says which version runs.", "version"),
	})
	return promhttp.HandlerFor(own, promhttp.HandlerOpts{DisableCompression: true})
}

// Describe implements prometheus.Collector.
func (g *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.up, g.lastGoodRun, g.nextRun, g.entries, g.needsPerson, g.missed, g.relink, g.tokenAge, g.stateBytes, g.info} {
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
	put(g.needsPerson, float64(len(s.Waiting)))
	put(g.missed, float64(len(s.Missed)))
	for _, f := range s.Firms {
		id, relink := strconv.FormatInt(f.ID, 10), 0.0
		if f.Relink != "" {
			relink = 1
		}
		put(g.relink, relink, id)
		if !f.RenewedAt.IsZero() {
			put(g.tokenAge, g.web.Now().Sub(f.RenewedAt).Seconds(), id)
		}
	}
}
