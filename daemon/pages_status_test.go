package daemon

import (
	"strings"
	"testing"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// TestPagesStatus: why the pages cannot be served is known while it is so, and that they
// are served again afterwards; a reason is news once.
func TestPagesStatus(t *testing.T) {
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	d := New(Config{Now: func() time.Time { return now }})
	taken := problem.New(problem.ConfigInvalid, "another program has the port", "Stop that one.")
	conditions := func() int {
		n := 0
		for _, c := range conditionsOf(Status{Pages: d.PagesStatus()}, time.Time{}, now) {
			if c.Kind == ledger.PagesDown && c.Role == ledger.Admin && strings.Contains(c.Detail, "another program") {
				n++
			}
		}
		return n
	}
	if d.ReportPages(nil) || conditions() != 0 || d.PagesStatus().Text(time.UTC) != "" {
		t.Error("pages that are served are news")
	}
	if !d.ReportPages(taken) || conditions() != 1 {
		t.Error("pages that cannot be served are none")
	}
	now = now.Add(time.Minute)
	if d.ReportPages(taken) || !d.ReportPages(problem.New(problem.ConfigInvalid, "no right to that port", "")) || !d.ReportPages(taken) {
		t.Error("the same reason is news again, or another one is not")
	}
	if text := d.PagesStatus().Text(time.UTC); text != "not served since 2026-03-10 09:00: another program has the port. Stop that one." {
		t.Errorf("it says %q", text)
	}
	now = now.Add(time.Minute)
	if !d.ReportPages(nil) || d.ReportPages(nil) || conditions() != 0 {
		t.Error("pages that are served again are no news, or twice")
	}
	if text := d.PagesStatus().Text(time.UTC); text != "served again since 2026-03-10 09:02, after 2026-03-10 09:00: another program has the port" {
		t.Errorf("it says %q", text)
	}
}
