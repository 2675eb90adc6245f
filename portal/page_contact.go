package portal

import (
	"strings"
	"sync"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// contactView is what was last seen of a service, and when.
type contactView struct {
	Name    string
	Well    time.Time // the newest good answer; zero when there was none yet
	Failing bool      // it went wrong after that
	At      time.Time // when; zero when it is not known
	Code    string    // of the problem; empty when it is not known
}

// checks are what the services answered to steps that people took on the pages,
// in memory. The zero checks are ready, and safe for concurrent use.
type checks struct {
	mu     sync.Mutex
	newest map[string]check // by service
}

// check is one answer.
type check struct {
	at   time.Time
	code string // of the problem; empty when it was well
}

// The services, as codes of problems begin.
const (
	finboxService    = "finbox"
	silverfinService = "silverfin"
)

// serviceOf is the service that a code of a problem is about; empty for none.
func serviceOf(code string) string {
	for _, s := range []string{finboxService, silverfinService} {
		if strings.HasPrefix(code, s+"_") {
			return s
		}
	}
	return ""
}

// checked records how a step with a service ended. A problem of something else,
// such as an id that was mistyped, says that the service answered.
func (w *Web) checked(service string, err error) {
	c := check{at: w.Now()}
	if err != nil && serviceOf(string(problem.Of(err).Code)) == service {
		c.code = string(problem.Of(err).Code)
	}
	w.checks.mu.Lock()
	defer w.checks.mu.Unlock()
	if w.checks.newest == nil {
		w.checks.newest = map[string]check{}
	}
	w.checks.newest[service] = c
}

// contacts tells how each service did when it was last spoken with: in a run, or
// in a step that a person took.
func (w *Web) contacts(s daemon.Status) []contactView {
	finbox, silverfin := contactView{Name: "Finbox"}, contactView{Name: "Silverfin"}
	for _, c := range s.Connections {
		if c.Kind == ledger.Folder || c.Status != ledger.Active {
			continue
		}
		finbox.Well = later(finbox.Well, c.ListedAt)
		finbox.Failing = finbox.Failing || c.Problem != ""
	}
	for _, f := range s.Firms {
		silverfin.Well = later(silverfin.Well, f.RenewedAt)
		silverfin.Failing = silverfin.Failing || f.Relink != ""
	}
	w.checks.mu.Lock()
	defer w.checks.mu.Unlock()
	for service, c := range map[string]*contactView{finboxService: &finbox, silverfinService: &silverfin} {
		if p := s.LastRun; p != nil {
			for _, t := range p.Troubles {
				if serviceOf(t.Code) == service && !p.End.Before(c.Well) {
					c.Failing, c.At, c.Code = true, p.End, t.Code
				}
			}
		}
		switch seen := w.checks.newest[service]; {
		case seen.at.IsZero() || seen.at.Before(c.At):
		case seen.code != "":
			c.Failing, c.At, c.Code = true, seen.at, seen.code
		default:
			c.Well = later(c.Well, seen.at)
			// What one firm or connection lacks, another's answer does not mend.
			c.Failing = c.Failing && c.Code == ""
			c.At, c.Code = time.Time{}, ""
		}
	}
	return []contactView{finbox, silverfin}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Troubled gives the names of the services that did not answer well.
func (d connectionData) Troubled() string {
	var names []string
	for _, c := range d.Contacts {
		if c.Failing {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// Fleeting tells whether the problem of a step passes by itself. Nothing was
// saved then, so nothing is tried again by itself either.
func (d connectionData) Fleeting() bool {
	return d.Why == string(problem.FinboxDown) || d.Why == string(problem.SilverfinDown)
}
