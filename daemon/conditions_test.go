package daemon

import (
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
)

// TestConditions checks what is said to need a person, by what status finds.
func TestConditions(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	day := func(n int) balance.Date { return balance.Date{Year: 2026, Month: 3, Day: n} }
	good := &ledger.Run{Number: 5, Night: day(8), End: now.Add(-30 * time.Hour)}
	connection := ledger.Connection{ID: "c-1", Name: "Kantoor", Kind: ledger.Finbox, Status: ledger.Active}
	failing, inactive, removed := connection, connection, connection
	failing.Problem, failing.ProblemReason = "Finbox cannot be reached", string(problem.ProxyDown)
	inactive.Status = ledger.Deactivated
	removed.Status, removed.Problem = ledger.Removed, "the folder is gone"
	firm := ledger.Firm{ID: 7, Name: "Fiduciaire"}
	lost, refused := firm, firm
	lost.Relink = "Silverfin ended the sign-in"
	refused.Problem, refused.ProblemCode = "Silverfin refuses the client", string(problem.SilverfinSignIn)
	entry := func(state ledger.State, reason ledger.Reason, class ledger.FailClass, parked bool) Status {
		return Status{Waiting: []ledger.Entry{{Number: 12, State: state, Reason: reason, FailClass: class, Parked: parked}}}
	}
	run := func(change func(*ledger.Run)) *ledger.Run {
		r := ledger.Run{Number: 6, Night: day(9), End: now.Add(-6 * time.Hour)}
		change(&r)
		return &r
	}
	linked := func(s Status) Status {
		s.Connections, s.Firms = append(s.Connections, connection), append(s.Firms, firm)
		return s
	}
	for name, c := range map[string]struct {
		status Status
		want   []string // kind, subject, reason and role
	}{
		"nothing": {linked(Status{GoodNight: good}), nil},
		"a damaged state": {Status{State: []StateProblem{{Code: string(problem.StateDamaged), What: "page 7 is damaged"}}},
			[]string{`state_wrong "" state_damaged admin`}},
		"a wrong clock":          {Status{Clock: "the clock shows 1970"}, []string{`clock_wrong ""  admin`}},
		"a lost sign-in":         {Status{Firms: []ledger.Firm{lost}}, []string{`firm_relink "7"  admin`}},
		"a refused sign-in":      {Status{Firms: []ledger.Firm{refused}}, []string{`firm_refuses "7" silverfin_sign_in admin`}},
		"a failing connection":   {Status{Connections: []ledger.Connection{failing}}, []string{`connection_fails "c-1" proxy_down admin`}},
		"an inactive connection": {Status{Connections: []ledger.Connection{inactive}}, []string{`connection_inactive "c-1"  admin`}},
		"a removed connection":   {Status{Connections: []ledger.Connection{removed}}, nil},

		"a missed night":            {Status{GoodNight: good, Missed: []ledger.MissedNight{{Night: day(10)}}}, []string{`nights_missed ""  admin`}},
		"a missed night, made good": {Status{GoodNight: good, Missed: []ledger.MissedNight{{Night: day(8)}, {Night: day(7)}}}, nil},
		"no good night for two days": {linked(Status{GoodNight: &ledger.Run{Night: day(8), End: now.Add(-48 * time.Hour)}}),
			[]string{`no_good_night ""  admin`}},
		"no good night yet": {linked(Status{}), []string{`no_good_night ""  admin`}},
		"nothing linked":    {Status{Firms: []ledger.Firm{firm}}, nil},

		"a night that stopped":    {Status{LastRun: run(func(r *ledger.Run) { r.Stopped = "the disk is full" })}, []string{`run_stopped ""  admin`}},
		"a night that was halted": {Status{LastRun: run(func(r *ledger.Run) { r.Stopped, r.Halted = "balansd was stopped", true })}, nil},
		"no backup": {Status{LastRun: run(func(r *ledger.Run) {
			r.Problems = []string{"backup: the disk is full"}
			r.ProblemCodes = []ledger.ProblemCode{{About: ledger.AboutBackup, Code: string(problem.StateUnwritable)}}
		})}, []string{`backup_failed "backup" state_unwritable admin`}},
		"a problem without a code": {Status{LastRun: run(func(r *ledger.Run) { r.Problems = []string{"entry 4 could not be brought further"} })},
			[]string{`run_problem ""  admin`}},
		"a firm out of reach": {Status{Firms: []ledger.Firm{firm}, LastRun: run(func(r *ledger.Run) {
			r.Problems = []string{"Silverfin firm Fiduciaire: it cannot be reached"}
			r.ProblemCodes = []ledger.ProblemCode{{About: firm.Name, Code: string(problem.SilverfinDown)}}
		})}, []string{`run_problem "Fiduciaire" silverfin_down admin`}},
		"a problem that the firm has": {Status{Firms: []ledger.Firm{lost}, LastRun: run(func(r *ledger.Run) {
			r.Problems = []string{"Silverfin ended the sign-in"}
			r.ProblemCodes = []ledger.ProblemCode{{About: lost.Name, Code: string(problem.NeedsRelink)}}
		})}, []string{`firm_relink "7"  admin`}},

		"a balance without a company": {entry(ledger.Waiting, ledger.NoCompany, "", false), []string{`balance_waits "12" no_company accountant`}},
		"a missing template":          {entry(ledger.Waiting, ledger.TemplateMissing, "", false), []string{`balance_waits "12" template_missing csm`}},
		"a firm to link again":        {entry(ledger.Waiting, ledger.NeedsRelink, "", false), []string{`balance_waits "12" needs_relink admin`}},
		"a part of a sum":             {entry(ledger.Waiting, ledger.PartOfSum, "", false), nil},
		"changed figures":             {entry(ledger.Differs, "", "", false), []string{`balance_differs "12"  accountant`}},
		"an unreadable document":      {entry(ledger.Failed, "", ledger.Unreadable, true), []string{`balance_parked "12" unreadable accountant`}},
		"refused figures":             {entry(ledger.Failed, "", ledger.Refused, false), []string{`balance_failed "12" refused admin`}},
		"a service that is down":      {entry(ledger.Failed, "", ledger.Unavailable, false), nil},
	} {
		var got []string
		for _, k := range conditionsOf(c.status, now.AddDate(0, 0, -3), now) {
			got = append(got, k.ID()+" "+string(k.Role))
			if k.Path == "" {
				t.Errorf("%s: no page shows it", name)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestRetriedConditions checks that what balansd tries again by itself says when.
func TestRetriedConditions(t *testing.T) {
	t.Parallel()
	again := time.Date(2026, 3, 10, 3, 0, 0, 0, time.UTC)
	last := &ledger.Run{Down: []string{"Kantoor", aboutFirm + "Fiduciaire"}, Problems: []string{"a", "b"},
		ProblemCodes: []ledger.ProblemCode{{About: "Kantoor", Code: string(problem.FinboxDown)}, {About: "Fiduciaire", Code: string(problem.SilverfinDown)}}}
	s := Status{Again: again, LastRun: last, Firms: []ledger.Firm{{Name: "Fiduciaire"}},
		Connections: []ledger.Connection{{Name: "Kantoor", Problem: "Finbox cannot be reached"}, {Name: "folder", Problem: "the folder is gone"}}}
	got := map[string]bool{}
	for _, c := range conditionsOf(s, again, again) {
		got[c.Name] = c.Retry.Equal(again)
	}
	if diff := cmp.Diff(map[string]bool{"Kantoor": true, "Fiduciaire": true, "folder": false}, got); diff != "" {
		t.Errorf("tried again (-want +got):\n%s", diff)
	}
}
