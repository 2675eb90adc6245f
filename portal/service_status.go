package portal

import (
	"strings"
	"sync"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// serviceStatus is what is known of a service.
type serviceStatus struct {
	Name        string
	LastSuccess time.Time // zero for none
	Failing     bool      // it failed after that
	FailedAt    time.Time // zero when unknown
	Code        string    // of the problem; empty when unknown
}

// contactLog has the result of the last task with each service, in memory. The zero value
// is ready to use, and it is safe for concurrent use.
type contactLog struct {
	mu     sync.Mutex
	newest map[string]contactResult // by service
}

// contactResult is the result of a task with a service.
type contactResult struct {
	at   time.Time
	code string // of the problem; empty for success
}

// The services, as codes of problems begin.
const (
	finboxService    = "finbox"
	silverfinService = "silverfin"
)

// serviceOf returns the service that the code of a problem is about; empty for none.
func serviceOf(code string) string {
	for _, s := range []string{finboxService, silverfinService} {
		if strings.HasPrefix(code, s+"_") {
			return s
		}
	}
	return ""
}

// recordContact records how a task with a service ended. A problem of another kind, such
// as a wrong id, means that the service answered.
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

// serviceStatuses returns how the last contact with each service went: in a run, or in a
// task that a person started.
func (h *Handler) serviceStatuses(s daemon.Status) []serviceStatus {
	finbox, silverfin := serviceStatus{Name: "Finbox"}, serviceStatus{Name: "Silverfin"}
	for _, c := range s.Connections {
		if c.Kind != ledger.Finbox && c.Kind != "" || c.Status != ledger.Active {
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
			for _, t := range p.ProblemCodes {
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
			// Another one's answer does not solve the problem of one firm or connection.
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

// FailingServices returns the names of the services that do not answer.
func (d connectionData) FailingServices() string {
	var names []string
	for _, c := range d.Services {
		if c.Failing {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// Transient reports whether the problem of a task may pass without a change. Nothing was
// saved, so nothing is retried automatically either.
func (d connectionData) Transient() bool {
	return d.ErrorCode == string(problem.FinboxDown) || d.ErrorCode == string(problem.SilverfinDown)
}
