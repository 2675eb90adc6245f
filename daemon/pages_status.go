package daemon

import (
	"sync"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// PagesStatus is why the web pages cannot be served, or could not the last time.
type PagesStatus struct {
	What  string    `json:"what,omitempty"`
	Next  string    `json:"next,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"` // zero while they cannot
}

// Down reports whether the pages cannot be served.
func (p PagesStatus) Down() bool { return p.What != "" && p.Until.IsZero() }

// Text says it in a sentence, with times in a zone; empty when the pages were served since
// the start.
func (p PagesStatus) Text(zone *time.Location) string {
	const format = "2006-01-02 15:04"
	switch {
	case p.What == "":
		return ""
	case p.Down():
		return "not served since " + p.Since.In(zone).Format(format) + ": " + sentence(p.What, p.Next)
	}
	return "served again since " + p.Until.In(zone).Format(format) + ", after " + p.Since.In(zone).Format(format) + ": " + p.What
}

// pagesReport has the newest report about the pages. The zero value is ready to use, and it
// is safe for concurrent use.
type pagesReport struct {
	mu     sync.Mutex
	status PagesStatus
}

// ReportPages records that the web pages cannot be served, and why; nil when they are. It
// reports whether that is news.
func (d *Daemon) ReportPages(err error) (news bool) {
	now := d.config().Now()
	d.pages.mu.Lock()
	defer d.pages.mu.Unlock()
	s := &d.pages.status
	if err == nil {
		news = s.Down()
		if news {
			s.Until = now
		}
		return news
	}
	p := problem.Of(err)
	news = !s.Down() || s.What != p.What
	if !s.Down() {
		s.Since, s.Until = now, time.Time{}
	}
	s.What, s.Next = p.What, p.Next
	return news
}

// PagesStatus returns the newest report about the pages.
func (d *Daemon) PagesStatus() PagesStatus {
	d.pages.mu.Lock()
	defer d.pages.mu.Unlock()
	return d.pages.status
}

// pagesCondition returns that the pages cannot be served.
func (s Status) pagesCondition() ledger.Condition {
	return ledger.Condition{Kind: ledger.PagesDown, Since: s.Pages.Since, Detail: sentence(s.Pages.What, s.Pages.Next), Path: "/"}
}
