package daemon

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"balansd/ledger"
	"balansd/problem"
)

// outageAfter is how many times in a row a service may fail before the pass
// leaves it alone until the next pass.
const outageAfter = 4

// outages counts, by service, the failures in a row. Its zero value is ready.
type outages struct {
	mu     sync.Mutex
	row    map[string]int
	worked map[string]bool // services that did something
}

// over tells whether the service failed too often.
func (o *outages) over(service string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.row[service] >= outageAfter
}

// idle tells whether the service failed, and did nothing at all.
func (o *outages) idle(service string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.row[service] > 0 && !o.worked[service]
}

// saw counts one call's outcome.
func (o *outages) saw(service string, failed bool) {
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

// suspect is a service that failed for a dossier: whether it is out of reach is
// judged when all dossiers had their turn.
type suspect struct {
	cause  error
	about  string
	firmID int64 // 0 for a connection
}

// outOfReach reports that a connection could not be listed, or that a firm could
// not be worked in: the run did not do what it is for.
func (p *pass) outOfReach(err error, about string) {
	p.trouble(err, about)
	p.missed(err, about)
}

// missed counts a connection or a firm among those that this run did not reach.
func (p *pass) missed(err error, about string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.missing[about] = true
	switch problem.Of(err).Code {
	case problem.FinboxDown, problem.FolderDown, problem.SilverfinDown:
		p.down[about] = true
	}
}

// dossierTrouble reports that a service failed for the job's dossier. One
// dossier that a service cannot do is no outage; see judge.
func (j *job) dossierTrouble(cause error) {
	code := problem.Of(cause).Code
	about := j.aboutService(code)
	if code == problem.ConfigInvalid {
		j.outOfReach(cause, about)
		return
	}
	j.trouble(cause, about)
	service, s := sourceService(j.entry.Connection), suspect{cause: cause, about: about}
	if ofSilverfin(code) {
		service, s.firmID = j.firmService(), j.in.firm.ID
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.suspects[service] = s
}

// judge settles which of the services that failed for a dossier were out of
// reach: those that the run gave up, and those that did nothing at all. A firm of
// which only one dossier was asked for is asked for its companies.
func (p *pass) judge(ctx context.Context) {
	for service, s := range p.suspects {
		if !p.outages.over(service) {
			if !p.outages.idle(service) {
				continue
			}
			if s.firmID != 0 {
				if _, _, err := p.cfg.Destination(s.firmID).Companies(ctx); err == nil {
					continue
				}
			}
		}
		p.missed(s.cause, s.about)
	}
}

// sourceService names a connection among the services.
func sourceService(connection string) string { return "connection " + connection }

// firmService names a firm among the services.
func firmService(firmID int64) string { return fmt.Sprintf("firm %d", firmID) }

// firmMissed reports a firm that must be linked again.
func (p *pass) firmMissed(f ledger.Firm, text string) {
	p.note(text, ledger.Trouble{About: f.Name, Code: string(problem.NeedsRelink)})
	p.missed(problem.New(problem.NeedsRelink, "", ""), aboutFirm+f.Name)
}

// trouble reports something that is wrong besides a single balance. The same
// sentence is kept once.
func (p *pass) trouble(err error, about string) {
	pr := problem.Of(err)
	text := about + ": " + pr.What
	if pr.Code == problem.Unexpected && pr.Err != nil {
		text = about + ": " + pr.Err.Error()
	}
	if pr.Next != "" {
		text += ". " + pr.Next
	}
	p.note(text, ledger.Trouble{About: strings.TrimPrefix(about, aboutFirm), Code: string(pr.Code)})
	p.log.Warn().Err(err).Str("about", about).Str("code", string(pr.Code)).Str("next", pr.Next).Msg("something is in the way of the pass")
}
