package daemon

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// noGoodNightAfter is the time after the last good night from which a person is needed,
// although balansd tries each night.
const noGoodNightAfter = 48 * time.Hour

// conditionsOf lists what needs a person by a status: first what is wrong with balansd,
// its connections and firms, then the balances that s lists. It is the only place that
// decides this; status, pages, metrics and notifications show its result. since is when
// the state was created, zero if that is not known.
func conditionsOf(s Status, since, now time.Time) (list []ledger.Condition) {
	add := func(c ledger.Condition) {
		if c.Role == "" {
			c.Role = ledger.Admin
		}
		list = append(list, c)
	}
	for _, p := range s.State {
		add(ledger.Condition{Kind: ledger.StateWrong, Reason: p.Code, Detail: sentence(p.What, p.Next), Path: "/"})
	}
	if s.Clock != "" {
		add(ledger.Condition{Kind: ledger.ClockWrong, Detail: s.Clock, Path: "/"})
	}
	if s.Pages.Down() {
		add(s.pagesCondition())
	}
	for _, f := range s.Firms {
		c := ledger.Condition{Subject: strconv.FormatInt(f.ID, 10), Name: f.Name, Path: "/connection#step2"}
		switch {
		case f.Relink != "":
			c.Kind, c.Detail = ledger.FirmRelink, f.Relink
			add(c)
		case f.Problem != "":
			c.Kind, c.Reason, c.Detail = ledger.FirmRefuses, f.ProblemCode, f.Problem
			add(c)
		}
	}
	for _, c := range s.Connections {
		kind := ledger.FailingConnection
		switch {
		case c.Status == ledger.Deactivated:
			kind = ledger.InactiveConnection
		case c.Problem == "" || c.Status == ledger.Removed:
			continue
		}
		add(ledger.Condition{Kind: kind, Subject: c.ID, Reason: c.ProblemReason, Name: c.Name, Since: c.ListedAt,
			Detail: c.Problem, Path: "/connection", Retry: s.retryOf(c.Name)})
	}
	if s.Host != nil {
		for _, c := range s.Host.conditions(now, s.Running) {
			add(c)
		}
	}
	for _, c := range slices.Concat(s.administrationConditions(), s.nightConditions(since, now), s.runConditions()) {
		add(c)
	}
	for _, e := range s.Waiting {
		if c, ok := e.Condition(); ok {
			add(c)
		}
	}
	return list
}

// administrationConditions returns the sources of names and addresses that fail.
func (s Status) administrationConditions() (list []ledger.Condition) {
	for _, a := range s.Administration {
		if a.Problem != "" {
			list = append(list, ledger.Condition{Kind: ledger.AdministrationFails, Subject: a.Name, Name: a.Name, Reason: a.ProblemCode, Since: a.FailedAt,
				Detail: a.Problem, Path: "/administration"})
		}
	}
	return list
}

// nightConditions returns what is wrong with the nights: those that were missed since the
// last good one, which made up for all before it, and that there was no good one for long.
func (s Status) nightConditions(since, now time.Time) (list []ledger.Condition) {
	good := since
	if s.GoodNight != nil {
		good = s.GoodNight.End
	}
	missed := 0
	for _, m := range s.Missed {
		// A catch-up is of the newest night. What was missed before is done with it.
		if s.GoodNight == nil || nightOf(*s.GoodNight).Before(m.Night) {
			missed++
		}
	}
	if missed > 0 {
		list = append(list, ledger.Condition{Kind: ledger.NightsMissed, Since: s.Missed[missed-1].Night.In(time.UTC), Detail: s.Missed[0].Why, Path: "/nights",
			Params: map[string]string{"nights": strconv.Itoa(missed)}})
	}
	if linked(s) && !good.IsZero() && now.Sub(good) >= noGoodNightAfter {
		list = append(list, ledger.Condition{Kind: ledger.NoGoodNight, Since: good, Path: "/nights"})
	}
	return list
}

// runConditions returns what went wrong in the last run, without what is known better of a
// firm, a connection or the state.
func (s Status) runConditions() (list []ledger.Condition) {
	r := s.LastRun
	if r == nil {
		return nil
	}
	c := ledger.Condition{Since: r.End, Path: "/nights"}
	if r.Stopped != "" && !r.Halted {
		c.Kind, c.Detail = ledger.RunStopped, r.Stopped
		list = append(list, c)
	}
	if len(r.Problems) == 0 {
		return list
	}
	seen := map[string]bool{}
	for _, p := range r.ProblemCodes {
		c.Kind, c.Subject, c.Reason, c.Name = ledger.RunProblem, p.About, p.Code, p.About
		c.Retry = s.retryOf(p.About)
		if p.About == ledger.AboutBackup {
			c.Kind, c.Name = ledger.BackupFailed, ""
		}
		c.Detail = ""
		for _, text := range r.Problems {
			if strings.Contains(text, p.About+": ") {
				c.Detail = text
			}
		}
		if !seen[c.ID()] && !s.knowsBetter(p) {
			list = append(list, c)
		}
		seen[c.ID()] = true
	}
	if len(r.Problems) > len(r.ProblemCodes) {
		list = append(list, ledger.Condition{Kind: ledger.RunProblem, Since: r.End, Detail: r.Problems[0], Path: "/nights"})
	}
	return list
}

// nightOf returns the night that a run is of, or that it tries again.
func nightOf(r ledger.Run) balance.Date {
	if r.Night.IsZero() {
		return r.RetryOf
	}
	return r.Night
}

// knowsBetter reports whether a problem of the last run is one of the state, a firm or a
// connection, which is a condition of its own as long as it lasts.
func (s Status) knowsBetter(p ledger.ProblemCode) bool {
	for _, w := range s.State {
		if p.About == aboutState && p.Code == w.Code {
			return true
		}
	}
	for _, f := range s.Firms {
		if p.About == f.Name && f.Fails() {
			return true
		}
	}
	for _, c := range s.Connections {
		if p.About == c.Name && (c.Problem != "" || c.Status == ledger.Deactivated) {
			return true
		}
	}
	return false
}

// retryOf returns when a service that the last run could not reach is tried again by
// itself; zero if it is not.
func (s Status) retryOf(service string) time.Time {
	if s.LastRun == nil {
		return time.Time{}
	}
	for _, down := range s.LastRun.Down {
		if strings.TrimPrefix(down, aboutFirm) == service {
			return s.Again
		}
	}
	return time.Time{}
}

// linked reports whether there is anything to do at night.
func linked(s Status) bool {
	active := false
	for _, c := range s.Connections {
		active = active || c.Status == ledger.Active && c.Kind.HasSource()
	}
	return active && len(s.Firms) > 0
}

// sentence joins what happened and what to do.
func sentence(what, next string) string {
	if next == "" {
		return what
	}
	return what + ". " + next
}
