package daemon

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"balansd/ledger"
	"balansd/problem"
)

// outageAfter is the number of consecutive failures after which a run stops
// calling a service.
const outageAfter = 4

// outages counts the consecutive failures of each service during a run. Its zero
// value is ready to use.
type outages struct {
	mu       sync.Mutex
	failures map[string]int  // consecutive ones
	worked   map[string]bool // services of which at least one call succeeded
}

// isDown reports whether the service failed outageAfter times in a row.
func (o *outages) isDown(service string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failures[service] >= outageAfter
}

// neverWorked reports whether each call of the service failed.
func (o *outages) neverWorked(service string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failures[service] > 0 && !o.worked[service]
}

// observe records the outcome of one call.
func (o *outages) observe(service string, failed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failures == nil {
		o.failures, o.worked = map[string]int{}, map[string]bool{}
	}
	if failed {
		o.failures[service]++
	} else {
		o.failures[service], o.worked[service] = 0, true
	}
}

// possibleOutage is a service that failed for a dossier. settleOutages decides at
// the end of the run whether the service was down, or only that dossier failed.
type possibleOutage struct {
	cause  error
	about  string
	firmID int64 // 0 for a connection
}

// reportUnreachable reports that a connection could not be listed, or that a firm
// could not be used. The run then does not count as successful.
func (r *run) reportUnreachable(err error, about string) {
	r.reportProblem(err, about)
	r.addMissing(err, about)
}

// addMissing records that this run did not reach a connection or a firm.
func (r *run) addMissing(err error, about string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing[about] = true
	switch problem.Of(err).Code {
	case problem.FinboxDown, problem.FolderDown, problem.SilverfinDown:
		r.down[about] = true
	}
}

// reportServiceFailure reports that a service failed for the delivery's dossier.
// Whether that is an outage is decided by settleOutages, since a service may fail
// for one dossier only.
func (d *delivery) reportServiceFailure(cause error) {
	code := problem.Of(cause).Code
	about := d.aboutService(code)
	if code == problem.ConfigInvalid {
		d.reportUnreachable(cause, about)
		return
	}
	d.reportProblem(cause, about)
	service, s := sourceService(d.entry.Connection), possibleOutage{cause: cause, about: about}
	if ofSilverfin(code) {
		service, s.firmID = d.firmService(), d.in.firm.ID
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.possibleOutages[service] = s
}

// settleOutages records which of the services that failed for a dossier were down:
// those that failed too often in a row, and those of which no call succeeded. A firm
// of the latter is asked for its companies first, because the run may have made no
// other call than the one that failed.
func (r *run) settleOutages(ctx context.Context) {
	for service, s := range r.possibleOutages {
		if !r.outages.isDown(service) {
			if !r.outages.neverWorked(service) {
				continue
			}
			if s.firmID != 0 {
				if _, _, err := r.cfg.Destination(s.firmID).Companies(ctx); err == nil {
					continue
				}
			}
		}
		r.addMissing(s.cause, s.about)
	}
}

// sourceService returns the key of a connection in outages.
func sourceService(connection string) string { return "connection " + connection }

// firmService returns the key of a firm in outages.
func firmService(firmID int64) string { return fmt.Sprintf("firm %d", firmID) }

// reportRelink reports a firm that must be linked again.
func (r *run) reportRelink(f ledger.Firm, text string) {
	r.addProblem(text, ledger.ProblemCode{About: f.Name, Code: string(problem.NeedsRelink)})
	r.addMissing(problem.New(problem.NeedsRelink, "", ""), aboutFirm+f.Name)
}

// reportProblem adds a problem that is not of a single balance to the run and the log.
// The run keeps each sentence once.
func (r *run) reportProblem(err error, about string) {
	pr := problem.Of(err)
	text := about + ": " + pr.What
	if pr.Code == problem.Unexpected && pr.Err != nil {
		text = about + ": " + pr.Err.Error()
	}
	if pr.Next != "" {
		text += ". " + pr.Next
	}
	r.addProblem(text, ledger.ProblemCode{About: strings.TrimPrefix(about, aboutFirm), Code: string(pr.Code)})
	r.log.Warn().Err(err).Str("about", about).Str("code", string(pr.Code)).Str("next", pr.Next).Msg("the run met a problem")
}

func ofSilverfin(c problem.Code) bool {
	return c == problem.SilverfinDown || c == problem.SilverfinSignIn
}

// aboutService names the service that a problem with this code is about.
func (d *delivery) aboutService(c problem.Code) string {
	if ofSilverfin(c) {
		return aboutFirm + d.in.firm.Name
	}
	return d.connection(d.entry.Connection).Name
}
