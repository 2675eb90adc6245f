package portal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"

	"github.com/chromedp/chromedp"
)

// entriesInEveryState returns a dossier in each state, and for each reason and kind of
// failure.
func entriesInEveryState(at time.Time) (list []ledger.Entry) {
	add := func(e ledger.Entry, name string) {
		e.Number = uint64(len(list) + 1)
		e.ID, e.Connection, e.Revision, e.CreatedAt = fmt.Sprintf("sb-%07d", e.Number), "c1", "1", at
		e.Dossier = ledger.Dossier{ID: fmt.Sprint("d", e.Number), Name: name, EnterpriseNumber: "0443246943"}
		e.FiscalYear.End = balance.Date{Year: 2025, Month: 12, Day: 31}
		list = append(list, e)
	}
	for _, s := range []ledger.State{ledger.Found, ledger.Sending, ledger.Done, ledger.Superseded} {
		add(ledger.Entry{State: s}, "Bakkerij De Meersche BV")
	}
	for _, r := range ledger.Reasons() {
		add(ledger.Entry{State: ledger.Waiting, Reason: r}, "Garage Wouterloo BV")
	}
	for _, r := range ledger.IgnoreReasons() {
		add(ledger.Entry{State: ledger.Ignored, Reason: r}, "Menuiserie Grandsart SRL")
	}
	add(ledger.Entry{State: ledger.Failed, FailClass: ledger.Unavailable, Detail: "The reason of the program."}, "Optiek Klaasveldt BV")
	for _, c := range []ledger.FailClass{ledger.Unreadable, ledger.Refused, ledger.NotEqual} {
		add(ledger.Entry{State: ledger.Failed, FailClass: c, Detail: "The reason of the program.", NextTry: balance.Date{Year: 2026, Month: 3, Day: 12}}, "Slagerij Pauwelyck BV")
	}
	add(ledger.Entry{State: ledger.Failed, FailClass: ledger.Refused, Parked: true, Nights: ledger.ParkAfter}, "Pharmacie Beauvallon SRL")
	add(differing(0, "1003", "1013", "1023"), "Transports Marchandelle SA")
	return list
}

// TestStatesInBrowser checks a dossier in each state and a connection in each status, in
// Dutch and French.
func TestStatesInBrowser(t *testing.T) {
	at := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	d := &stubAPI{entries: entriesInEveryState(at), status: daemon.Status{
		Connections: []ledger.Connection{
			{ID: "c1", Name: "Kantoor Zandbank", Status: ledger.Active, StartDate: balance.Date{Year: 2026, Month: 1, Day: 2}, ListedAt: at},
			{ID: "c2", Name: "Kantoor Gent", Status: ledger.Paused},
			{ID: "c3", Name: "Kantoor Luik", Status: ledger.Deactivated, ListedAt: at, Problem: "Finbox says that it is deactivated."},
			{ID: "c4", Name: "Kantoor Aalst", Status: ledger.Active, ListedAt: at, Problem: "Finbox did not answer."},
			{ID: "c5", Name: "Oude omgeving", Status: ledger.Removed},
			{ID: "folder", Name: "/srv/sociale-balansen", Kind: ledger.Folder, Status: ledger.Active, ListedAt: at,
				Folder: &ledger.FolderReport{Files: 241, Balances: 1, Unusable: 1, Problems: []string{"The file /srv/sociale-balansen/A/sociale balans.csv is larger than 52428800 bytes."}}},
			{ID: "map", Name: "/srv/nas", Kind: ledger.Folder, Status: ledger.Active, ListedAt: at, Problem: "the folder /srv/nas is empty", ProblemReason: string(problem.NotMounted)}},
		Firms: []ledger.Firm{
			{ID: 11, Name: "Kantoor Zandbank", LinkedBy: annName, LinkedAt: at, RenewedAt: at},
			{ID: 12, Name: "Bureau Ardenne", LinkedAt: at, RenewedAt: at, Relink: "Silverfin refuses the refresh token."}},
		Waiting: entriesInEveryState(at), Counts: map[ledger.State]int{ledger.Differs: 1}, NextWake: at.Add(16 * time.Hour),
		LastNight: &ledger.Run{Number: 7, Trigger: ledger.Nightly, Night: balance.Date{Year: 2026, Month: 3, Day: 10}, Start: at.Add(-7 * time.Hour), End: at.Add(-6 * time.Hour),
			Outcome: map[ledger.State]int{ledger.Done: 12, ledger.Waiting: 1}},
	}}
	f := newStubFixture(t, d, func(c *Config) { c.Now = func() time.Time { return at.Add(100 * 24 * time.Hour) } })
	c := newChrome(t, f.server.URL)
	c.signIn(annName)
	for _, lang := range []string{"nl", "fr"} {
		c.setLanguage(lang)
		for name, path := range map[string]string{"home": "/", "connection": "/connection", "dossiers": "/dossiers", "decisions": "/decisions"} {
			c.visit(path)
			c.checkAccessibility("states-" + name + "-" + lang)
		}
		for _, e := range d.entries {
			if lang == "nl" || e.State == ledger.Differs { // the pages of the others differ in a sentence
				c.visit(dossierPath(e.Number))
				c.checkAccessibility(fmt.Sprintf("state-%02d-%s-%s", e.Number, caseOf(e.State, e.Reason, e.FailClass), lang))
			}
		}
		c.setViewport(phone)
		c.visit(dossierPath(uint64(len(d.entries))))
		c.screenshot("state-differs-phone-" + lang)
		c.setViewport(desktop)
	}
}

// TestDossiersInBrowserWithoutScripts: searching, deciding and syncing work without
// scripts.
func TestDossiersInBrowserWithoutScripts(t *testing.T) {
	d := &stubAPI{entries: []ledger.Entry{differing(2, "1003"), {Number: 1, State: ledger.Done}}}
	f := newStubFixture(t, d)
	c := newChrome(t, f.server.URL)
	c.enableScripts(false)
	c.signIn(benName)
	c.setLanguage("nl")
	c.visit("/dossiers")
	c.fill("#q", "bakkerij")
	c.click("form.filters button")
	if c.path() != "/dossiers?q=bakkerij&sort=name" {
		t.Errorf("a search leads to %s", c.path())
	}
	c.click("td form.sync button")
	for strings.Contains(c.text(), "Bezig met synchroniseren") {
		c.click("#job a.button") // reload the progress
	}
	c.expectText("De sociale balans staat in Silverfin")
	c.visit("/decisions")
	c.click(`button[value="use_finbox:2"]`)
	c.expectText("Je beslissing is bewaard")
}

// TestRunsInBrowser checks a calendar with every kind of day.
func TestRunsInBrowser(t *testing.T) {
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	o := &stubAPI{}
	for i := range 80 {
		night := balance.DateOf(now).AddDays(-i)
		at := now.AddDate(0, 0, -i).Add(-6 * time.Hour)
		p := ledger.Run{Number: uint64(100 - i), Trigger: ledger.Nightly, Night: night, Start: at, End: at.Add(time.Minute),
			Outcome: map[ledger.State]int{ledger.Done: 12 + i%5, ledger.Waiting: i % 4}, New: i % 6}
		switch i % 17 {
		case 4:
			o.history.Missed = append(o.history.Missed, ledger.MissedNight{Night: night, Cause: ledger.NotRunning, Why: "balansd did not run at 2026-03-06 02:30"})
			continue
		case 7:
			p.Trigger, p.Missed, p.MissedCause = ledger.CatchUp, "the server slept", ledger.Asleep
		case 11:
			p.Down, p.Problems = []string{"Silverfin firm Kantoor"}, []string{"Silverfin firm Kantoor: Silverfin does not answer."}
			p.ProblemCodes = []ledger.ProblemCode{{About: "Kantoor Zandbank", Code: "silverfin_down"}, {About: ledger.AboutBackup, Code: "state_unwritable"}}
		}
		o.history.Runs = append(o.history.Runs, p)
	}
	o.status.LastNight = &o.history.Runs[0]
	f := newStubFixture(t, o, func(c *Config) { c.Now = func() time.Time { return now } })
	c := newChrome(t, f.server.URL)
	c.signIn(annName)
	for _, lang := range languages {
		c.visit("/nights")
		c.setLanguage(lang)
		c.checkPage("runs-" + lang)
	}
	label := value[string](c, `document.querySelector("svg[role=img]").getAttribute("aria-label")`)
	if !strings.Contains(label, "Ausgefallen: 5") {
		t.Errorf("the label of the calendar is %q", label)
	}
}

// TestFormOutlastsSessionInBrowser: ticks and choices are there again after signing in, with
// scripts and without.
func TestFormOutlastsSessionInBrowser(t *testing.T) {
	d := &stubAPI{entries: entriesInEveryState(time0)}
	f := newStubFixture(t, d)
	c := newChrome(t, f.server.URL)
	c.signIn(annName)
	c.setLanguage("nl")
	for _, scripts := range []bool{true, false} {
		c.enableScripts(scripts)
		c.visit("/people")
		c.fill("#name", "nieuw@kantoor.example")
		c.do(chromedp.Click(chromedp.CSS(`input[type=radio][value="admin"]`)))
		f.endSessions(annName)
		c.click(`form[action="/people/invite"] button`)
		c.fill("#name", annName)
		c.fill("#password", testPassword)
		c.click("main form button")
		c.expectText("Je sessie was verlopen")
		if name := value[string](c, `document.querySelector("#name").value + " " + document.querySelector("input[name=role]:checked").value`); name != "nieuw@kantoor.example admin" {
			t.Errorf("the form has %q", name)
		}
		if scripts { // axe-core is one
			c.checkAccessibility("resumed-people")
		}
		c.click(`form[action="/people/invite"] button`)
		c.expectText("Link voor nieuw@kantoor.example")
	}
}
