package daemon

import (
	"context"
	"maps"
	"time"

	"balansd/ledger"
)

// Progress is one step of a run, as it happens.
type Progress struct {
	Done  int           `json:"done"`            // entries finished so far
	Total int           `json:"total"`           // entries to process; grows while sources are listed
	Text  string        `json:"text,omitempty"`  // what is going on
	Entry *ledger.Entry `json:"entry,omitempty"` // the entry that just finished
	// Would says, in a dry run, what a real run would do with the entry.
	Would string `json:"would,omitempty"`
	// Run is the number of the run; 0 in a dry run.
	Run  uint64 `json:"run,omitempty"`
	Pace Pace   `json:"pace,omitzero"`
}

// Pace says how fast a run goes, and how long the rest of it takes.
type Pace struct {
	// PerMinute is how many entries were finished a minute; 0 while too few were.
	PerMinute float64 `json:"per_minute,omitempty"`
	// LeftSeconds is how long the rest takes, by that rate or else by the rate limit;
	// 0 if it is not known.
	LeftSeconds int64 `json:"left_seconds,omitempty"`
	// Limit is what the run waits for most of its time, if that is a rate limit.
	Limit *RateLimit `json:"limit,omitempty"`
}

// RateLimit is a limit of the calls to a firm.
type RateLimit struct {
	Firm string `json:"firm"`
	// Setting is the key of the setting that limits the calls, and PerSecond how many
	// a second it allows.
	Setting   string  `json:"setting"`
	PerSecond float64 `json:"per_second"`
	// RestUntil is until when Silverfin itself asked for no calls; zero if it did not.
	RestUntil time.Time `json:"rest_until,omitzero"`
}

// rateSetting is the key of the setting of RateLimit.
const rateSetting = "silverfin.requests_per_second"

// RunUnderway is a run that has not ended.
type RunUnderway struct {
	Run   ledger.Run `json:"run"` // with the outcome so far
	Done  int        `json:"done"`
	Total int        `json:"total"`
	Text  string     `json:"text,omitempty"`
	Pace  Pace       `json:"pace,omitzero"`
	// Chosen says that it is over dossiers that a person chose, beside other runs.
	Chosen bool `json:"chosen,omitempty"`
}

const (
	// callsPerEntry is about how many calls to Silverfin a new balance takes.
	callsPerEntry = 6
	// rateAfter is how many entries must be finished before their rate says more than
	// the rate limit does.
	rateAfter = 20
	// progressInterval is how often the log has the progress of a run.
	progressInterval = time.Minute
)

// meter measures how fast a run goes. The run's mutex protects it.
type meter struct {
	began    time.Time // when the first entry was given out; zero before
	loggedAt time.Time
	firms    []firmMeter
	text     string // what is going on
}

// firmMeter is a firm with how its calls were slowed down before the run.
type firmMeter struct {
	name   string
	dest   Destination
	before ledger.Throttle
}

// beginDelivery records how many entries there are to process, and when that begins.
func (r *run) beginDelivery(ctx context.Context, total int) {
	firms, _ := r.cfg.Store.Firms(ctx) // without them there is no rate limit to name
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total = total
	r.meter.began = r.cfg.Now()
	r.meter.loggedAt = r.meter.began
	for _, f := range firms {
		if f.Relink == "" {
			dest := r.cfg.Destination(f.ID)
			r.meter.firms = append(r.meter.firms, firmMeter{f.Name, dest, dest.Throttle()})
		}
	}
	if r.pace().LeftSeconds >= int64(progressInterval/time.Second) {
		r.logProgress()
	}
}

// limit returns the rate limit that the run waits for, nil for none. While nothing was
// called yet it is the lowest.
func (m *meter) limit(now time.Time) (slowest *RateLimit, waiting bool) {
	var most time.Duration
	for _, f := range m.firms {
		t := f.dest.Throttle()
		one := &RateLimit{Firm: f.name, Setting: rateSetting, PerSecond: t.PerSecond}
		if t.RestUntil.After(now) {
			one.RestUntil = t.RestUntil
			return one, true
		}
		waited, answered := t.Waited-f.before.Waited, t.Answered-f.before.Answered
		switch {
		case t.PerSecond == 0:
		case waited > answered && waited > most:
			slowest, most, waiting = one, waited, true
		case !waiting && (slowest == nil || t.PerSecond < slowest.PerSecond):
			slowest = one
		}
	}
	return slowest, waiting
}

// pace says how fast the run goes. The caller holds the mutex.
func (r *run) pace() (p Pace) {
	if r.meter.began.IsZero() {
		return p
	}
	now := r.cfg.Now()
	limit, waiting := r.meter.limit(now)
	if waiting {
		p.Limit = limit
	}
	took, left := now.Sub(r.meter.began), max(r.total-r.done, 0)
	switch {
	case r.done >= rateAfter && took > 0:
		p.PerMinute = float64(r.done) / took.Minutes()
		p.LeftSeconds = int64(took.Seconds() * float64(left) / float64(r.done))
	case limit != nil && limit.PerSecond > 0 && left > rateAfter:
		p.Limit = limit
		p.LeftSeconds = int64(callsPerEntry * float64(left) / limit.PerSecond)
	}
	return p
}

// progress reports the current step.
func (r *run) progress(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.meter.text = text
	r.report(Progress{Done: r.done, Total: r.total, Text: text, Run: r.begun.Number, Pace: r.pace()})
}

// countFinished counts an entry and reports how it ended.
func (r *run) countFinished(e ledger.Entry, would string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	r.total = max(r.total, r.done)
	r.record.Outcome[e.State]++
	if e.CountFindings() > 0 && e.State != ledger.Superseded {
		r.record.Findings++
	}
	r.meter.text = ""
	r.report(Progress{Done: r.done, Total: r.total, Entry: &e, Would: would, Run: r.begun.Number, Pace: r.pace()})
	if r.cfg.Now().Sub(r.meter.loggedAt) >= progressInterval {
		r.logProgress()
	}
}

// logProgress logs how far the run is. The caller holds the mutex.
func (r *run) logProgress() {
	r.meter.loggedAt = r.cfg.Now()
	p := r.pace()
	line := r.log.Info().Int("processed", r.done).Int("entries", r.total)
	if p.PerMinute > 0 {
		line = line.Float64("per_minute", float64(int(p.PerMinute*10))/10)
	}
	if p.LeftSeconds > 0 {
		line = line.Dur("left_ms", time.Duration(p.LeftSeconds)*time.Second)
	}
	if l := p.Limit; l != nil {
		line = line.Str("waits_for", l.Setting).Float64("calls_per_second", l.PerSecond).Str("about", l.Firm)
		if !l.RestUntil.IsZero() {
			line = line.Time("until", l.RestUntil)
		}
	}
	for s, n := range r.record.Outcome {
		line = line.Int(string(s), n)
	}
	line.Msg("run goes on")
}

// runsUnderway returns the runs that have not ended, oldest first.
func (d *Daemon) runsUnderway() []RunUnderway {
	var all []RunUnderway
	for _, r := range d.runs.all() {
		r.mu.Lock()
		one := RunUnderway{Run: r.begun, Done: r.done, Total: r.total, Text: r.meter.text, Pace: r.pace(), Chosen: r.chosen()}
		one.Run.Outcome = maps.Clone(r.record.Outcome)
		r.mu.Unlock()
		all = append(all, one)
	}
	return all
}
