package portal

import (
	"strings"
	"sync"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// serviceStatus is what was last seen of a service, and when.
type serviceStatus struct {
	Name        string
	LastSuccess time.Time // the newest good answer; zero when there was none yet
	Failing     bool      // it went wrong after that
	FailedAt    time.Time // when; zero when it is not known
	Code        string    // of the problem; empty when it is not known
}

// checks are what the services answered to steps that people took on the pages,
// in memory. The zero checks are ready, and safe for concurrent use.
type contactLog struct {
	mu     sync.Mutex
	newest map[string]contactResult // by service
}

// contactResult is one answer.
type contactResult struct {
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

// recordContact records how a step with a service ended. A problem of something else,
// such as an id that was mistyped, says that the service answered.
func (h *Handler) recordContact(service string, err error) {
	c := contactResult{at: h.Now()}
	if err != nil && serviceOf(string(problem.Of(err).Code)) == service {
		c.code = string(problem.Of(err).Code)
	}
	h.contacts.mu.Lock()
	defer h.contacts.mu.Unlock()
	if h.contacts.newest == nil {
		h.contacts.newest = map[string]contactResult{}
	}
	h.contacts.newest[service] = c
}

// serviceStatuses tells how each service did when it was last spoken with: in a run, or
// in a step that a person took.
func (h *Handler) serviceStatuses(s daemon.Status) []serviceStatus {
	finbox, silverfin := serviceStatus{Name: "Finbox"}, serviceStatus{Name: "Silverfin"}
	for _, c := range s.Connections {
		if c.Kind == ledger.Folder || c.Status != ledger.Active {
			continue
		}
		finbox.LastSuccess = latest(finbox.LastSuccess, c.ListedAt)
		finbox.Failing = finbox.Failing || c.Problem != ""
	}
	for _, f := range s.Firms {
		silverfin.LastSuccess = latest(silverfin.LastSuccess, f.RenewedAt)
		silverfin.Failing = silverfin.Failing || f.Relink != ""
	}
	h.contacts.mu.Lock()
	defer h.contacts.mu.Unlock()
	for service, c := range map[string]*serviceStatus{finboxService: &finbox, silverfinService: &silverfin} {
		if p := s.LastRun; p != nil {
			for _, t := range p.Troubles {
				if serviceOf(t.Code) == service && !p.End.Before(c.LastSuccess) {
					c.Failing, c.FailedAt, c.Code = true, p.End, t.Code
				}
			}
		}
		switch seen := h.contacts.newest[service]; {
		case seen.at.IsZero() || seen.at.Before(c.FailedAt):
		case seen.code != "":
			c.Failing, c.FailedAt, c.Code = true, seen.at, seen.code
		default:
			c.LastSuccess = latest(c.LastSuccess, seen.at)
			// What one firm or connection lacks, another's answer does not mend.
			c.Failing = c.Failing && c.Code == ""
			c.FailedAt, c.Code = time.Time{}, ""
		}
	}
	return []serviceStatus{finbox, silverfin}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// FailingServices gives the names of the services that did not answer well.
func (d connectionData) FailingServices() string {
	var names []string
	for _, c := range d.Services {
		if c.Failing {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// Transient tells whether the problem of a step passes by itself. Nothing was
// saved then, so nothing is tried again by itself either.
func (d connectionData) Transient() bool {
	return d.ErrorCode == string(problem.FinboxDown) || d.ErrorCode == string(problem.SilverfinDown)
}
