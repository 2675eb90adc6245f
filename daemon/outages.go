package daemon

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"balansd/ledger"
	"balansd/problem"
)

// outageAfter is how many times in a row a service may fail before the run
// leaves it alone until the next run.
const outageAfter = 4

// outages counts, by service, the failures in a row. Its zero value is ready.
type outages struct {
	mu     sync.Mutex
	row    map[string]int
	worked map[string]bool // services that did something
}

// over reports whether the service failed too often.
func (o *outages) over(service string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.row[service] >= outageAfter
}

// idle reports whether the service failed, and did nothing at all.
func (o *outages) idle(service string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.row[service] > 0 && !o.worked[service]
}

// observe counts one call's outcome.
func (o *outages) observe(service string, failed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.row == nil {
		o.row, o.worked = map[string]int{}, map[string]bool{}
	}
	if failed {
		o.row[service]++
	} else {
		o.row[service], o.worked[service] = 0, true
	}
}

// suspect is a service that failed for a dossier. settleSuspects decides at the end
// whether it was unreachable.
type suspect struct {
	cause  error
	about  string
	firmID int64 // 0 for a connection
}

// reportUnreachable reports that a connection could not be listed, or that a firm could
// not be worked in: the run did not do what it is for.
func (r *run) reportUnreachable(err error, about string) {
	r.reportProblem(err, about)
	r.addMissing(err, about)
}

// addMissing counts a connection or a firm among those that this run did not reach.
func (r *run) addMissing(err error, about string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing[about] = true
	switch problem.Of(err).Code {
	case problem.FinboxDown, problem.FolderDown, problem.SilverfinDown:
		r.down[about] = true
	}
}

// reportServiceFailure reports that a service failed for the delivery's dossier. One
// dossier that a service cannot do is no outage; see settleSuspects.
func (d *delivery) reportServiceFailure(cause error) {
	code := problem.Of(cause).Code
	about := d.aboutService(code)
	if code == problem.ConfigInvalid {
		d.reportUnreachable(cause, about)
		return
	}
	d.reportProblem(cause, about)
	service, s := sourceService(d.entry.Connection), suspect{cause: cause, about: about}
	if ofSilverfin(code) {
		service, s.firmID = d.firmService(), d.in.firm.ID
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.suspects[service] = s
}

// settleSuspects settles which of the services that failed for a dossier were out of
// reach: those that the run gave up, and those that did nothing at all. A firm of
// which only one dossier was asked for is asked for its companies.
func (r *run) settleSuspects(ctx context.Context) {
	for service, s := range r.suspects {
		if !r.outages.over(service) {
			if !r.outages.idle(service) {
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

// sourceService names a connection among the services.
func sourceService(connection string) string { return "connection " + connection }

// firmService names a firm among the services.
func firmService(firmID int64) string { return fmt.Sprintf("firm %d", firmID) }

// reportRelink reports a firm that must be linked again.
func (r *run) reportRelink(f ledger.Firm, text string) {
	r.addProblem(text, ledger.Trouble{About: f.Name, Code: string(problem.NeedsRelink)})
	r.addMissing(problem.New(problem.NeedsRelink, "", ""), aboutFirm+f.Name)
}

// reportProblem reports something that is wrong besides a single balance. The same
// sentence is kept once.
func (r *run) reportProblem(err error, about string) {
	pr := problem.Of(err)
	text := about + ": " + pr.What
	if pr.Code == problem.Unexpected && pr.Err != nil {
		text = about + ": " + pr.Err.Error()
	}
	if pr.Next != "" {
		text += ". " + pr.Next
	}
	r.addProblem(text, ledger.Trouble{About: strings.TrimPrefix(about, aboutFirm), Code: string(pr.Code)})
	r.log.Warn().Err(err).Str("about", about).Str("code", string(pr.Code)).Str("next", pr.Next).Msg("the run met a problem")
}

func ofSilverfin(c problem.Code) bool {
	return c == problem.SilverfinDown || c == problem.SilverfinSignIn
}

// aboutService names the service that is in trouble.
func (d *delivery) aboutService(c problem.Code) string {
	if ofSilverfin(c) {
		return aboutFirm + d.in.firm.Name
	}
	return d.connections[d.entry.Connection].Name
}
