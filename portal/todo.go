package portal

import (
	"cmp"
	"net/url"
	"slices"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
)

// todoLine is a line of the overview: all dossiers that stand for one reason.
type todoLine struct {
	Case       string // part of the message ids
	Who        string // accountant, admin, bureau or nobody
	Count, New int
	Mark       string
	Class      string
	Dossiers   string // the address of the list of them
	Action     string // the address where the action begins
}

// actors are who brings a case further where it is not the accountant.
var actors = map[string]string{
	string(ledger.TemplateUnknown): "admin", string(ledger.ConnectionInactive): "admin", string(ledger.NeedsRelink): "admin",
	string(ledger.PartMissing): "bureau", string(ledger.PartsDiffer): "bureau", string(ledger.Unreadable): "bureau",
	string(ledger.PartOfSum): "nobody", string(ledger.Unavailable): "nobody",
}

// actorOf returns who brings a case further: accountant, admin, bureau (the payroll
// bureau), or nobody where balansd does it.
func actorOf(code string) string { return cmp.Or(actors[code], "accountant") }

// actionPages are where the action on a case is not on the page of each dossier, by who
// may open them.
var actionPages = map[string]struct {
	path string
	role accounts.Role // empty for everybody
}{
	string(ledger.Differs):            {"/decisions", ""},
	string(ledger.TemplateUnknown):    {"/mapping", accounts.Admin},
	string(ledger.ConnectionInactive): {"/connection", accounts.Admin},
	string(ledger.NeedsRelink):        {"/connection", accounts.Admin},
}

// todo returns a line for each reason for which dossiers are not finished, what balansd
// does by itself last.
func (rq *request) todo(counts []daemon.CauseCount) (lines []todoLine) {
	for _, c := range counts {
		if c.State != ledger.Waiting && c.State != ledger.Failed && c.State != ledger.Differs && (c.State != ledger.Done || c.Cause == "") {
			continue
		}
		code := cmp.Or(c.Cause, string(c.State))
		q := url.Values{"state": {string(c.State)}}
		if c.Cause != "" {
			q.Set("reason", c.Cause)
		}
		line := todoLine{Case: knownCase(code), Who: actorOf(code), Count: c.Count, New: c.New, Mark: stateMarks[c.State], Class: stateClass(c.State),
			Dossiers: "/dossiers?" + q.Encode()}
		if c.State == ledger.Done {
			line.Mark, line.Class = "!", "warn"
		}
		line.Action = line.Dossiers
		if page := actionPages[code]; page.path != "" && (page.role == "" || page.role == rq.person.Role) {
			line.Action = page.path
		}
		lines = append(lines, line)
	}
	slices.SortStableFunc(lines, func(a, b todoLine) int {
		last := func(l todoLine) int {
			if l.Who == "nobody" {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(last(a), last(b)), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Case, b.Case))
	})
	return lines
}

// stateCounts adds up the dossiers of each state.
func stateCounts(counts []daemon.CauseCount) map[ledger.State]int {
	out := map[ledger.State]int{}
	for _, c := range counts {
		out[c.State] += c.Count
	}
	return out
}
