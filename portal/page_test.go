package portal

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
)

// stubAPI is a daemon.API with what a test lays on it; all else is the fake's.
type stubAPI struct {
	*daemontest.API

	entries []ledger.Entry // newest first
	history daemon.History
	status  daemon.Status
	decided []daemon.Decision
}

func (d *stubAPI) Entries(_ context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range d.entries {
			if q.Matches(e) && (q.Below == 0 || e.Number < q.Below) && !yield(e, nil) {
				return
			}
		}
	}
}

func (d *stubAPI) Show(_ context.Context, number uint64) (daemon.EntryDetail, error) {
	for _, e := range d.entries {
		if e.Number == number {
			return daemon.EntryDetail{Entry: e}, nil
		}
	}
	return daemon.EntryDetail{}, problem.New(problem.NotFound, "there is no such entry", "")
}

func (d *stubAPI) Dossiers(_ context.Context, q daemon.DossierQuery) (daemon.DossierPage, error) {
	d.Record("Dossiers", q)
	var found []ledger.Entry
	for _, e := range d.entries {
		if (ledger.Query{States: q.States, Reason: q.Reason}).Matches(e) {
			found = append(found, e)
		}
	}
	end := len(found)
	if q.Limit > 0 {
		end = min(q.Offset+q.Limit, end)
	}
	return daemon.DossierPage{Entries: found[min(q.Offset, end):end], Total: len(found), Counts: map[ledger.State]int{}}, nil
}

// Decide takes a decision on an entry as it is, as the daemon does.
func (d *stubAPI) Decide(ctx context.Context, r daemon.Decision) (ledger.Entry, error) {
	f, err := d.Show(ctx, r.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	if f.Entry.Version != r.Seen {
		return ledger.Entry{}, problem.New(problem.Conflict, "the entry changed", "")
	}
	d.decided = append(d.decided, r)
	return f.Entry, nil
}

func (d *stubAPI) Status(context.Context) (daemon.Status, error)        { return d.status, nil }
func (d *stubAPI) History(context.Context, int) (daemon.History, error) { return d.history, nil }
func (d *stubAPI) Connections(context.Context) ([]ledger.Connection, error) {
	return d.status.Connections, nil
}
func (d *stubAPI) Firms(context.Context) ([]ledger.Firm, error) { return d.status.Firms, nil }

// jobOf gives the address of the run that an answer leads to.
func jobOf(t *testing.T, got reply) string {
	t.Helper()
	to := got.header.Get("Location")
	if got.code != http.StatusSeeOther || !strings.HasPrefix(to, "/sync/") {
		t.Fatalf("gives %d to %s: %s", got.code, to, got.body)
	}
	return to
}

// newStubFixture serves the pages over an office.
func newStubFixture(t *testing.T, d *stubAPI, change ...func(*Config)) *fixture {
	t.Helper()
	d.API = &daemontest.API{}
	return newFixture(t, append(change, func(c *Config) { c.API = d })...)
}

// differing is an entry with figures that differ.
func differing(number uint64, codes ...string) ledger.Entry {
	e := ledger.Entry{Number: number, Version: 7, State: ledger.Differs, Target: &ledger.Target{FirmID: 1, CompanyID: 2}}
	e.Dossier = ledger.Dossier{ID: fmt.Sprint("d", number), Name: fmt.Sprint("Dossier ", number)}
	for _, c := range codes {
		e.Differences = append(e.Differences, ledger.Difference{Cell: balance.Cell{Code: c}, Finbox: "3", Silverfin: "9"})
	}
	return e
}

// heard gives what the daemon was asked by a method.
func (d *stubAPI) callsOf(method string) (list []string) {
	for _, h := range d.Calls() {
		if strings.HasPrefix(h, method+"[") {
			list = append(list, h)
		}
	}
	return list
}

// TestDecisionsAreForWhatWasSeen: nothing is decided that was not ticked, and
// nothing about figures that changed since.
func TestDecisionsAreForWhatWasSeen(t *testing.T) {
	on := func(number uint64, choice daemon.Choice, codes ...string) daemon.Decision {
		d := daemon.Decision{Number: number, Choice: choice, Seen: 7, By: benName}
		for _, c := range codes {
			d.Cells = append(d.Cells, balance.Cell{Code: c})
		}
		return d
	}
	for name, tt := range map[string]struct {
		form   []string
		status int
		want   []daemon.Decision
		says   string
	}{
		"nothing ticked":       {[]string{"do", "use_finbox", "seen.1", "7"}, 303, nil, "Vink eerst aan"},
		"one figure":           {[]string{"do", "use_finbox", "seen.1", "7", "cell", "1:1003"}, 303, []daemon.Decision{on(1, daemon.UseFinbox, "1003")}, "bewaard"},
		"two figures":          {[]string{"do", "keep_silverfin", "seen.1", "7", "cell", "1:1003", "cell", "1:1013"}, 303, []daemon.Decision{on(1, daemon.KeepSilverfin, "1003", "1013")}, "bewaard"},
		"one dossier":          {[]string{"do", "keep_silverfin:2", "seen.2", "7", "cell", "1:1003", "seen.1", "7"}, 303, []daemon.Decision{on(2, daemon.KeepSilverfin)}, "bewaard"},
		"many":                 {[]string{"do", "use_finbox", "seen.1", "7", "seen.2", "7", "entry", "1", "entry", "2", "cell", "1:1003"}, 303, []daemon.Decision{on(1, daemon.UseFinbox), on(2, daemon.UseFinbox)}, "bewaard"},
		"changed since":        {[]string{"do", "use_finbox", "seen.1", "6", "entry", "1"}, 303, nil, "intussen gewijzigd"},
		"partly changed since": {[]string{"do", "use_finbox", "seen.1", "6", "entry", "1", "seen.2", "7", "entry", "2"}, 303, []daemon.Decision{on(2, daemon.UseFinbox)}, "intussen gewijzigd"},
		"not seen":             {[]string{"do", "use_finbox", "entry", "1"}, 400, nil, ""},
		"no choice":            {[]string{"do", "delete", "seen.1", "7", "entry", "1"}, 400, nil, ""},
		"no cell":              {[]string{"do", "use_finbox", "seen.1", "7", "cell", "1:drop"}, 400, nil, ""},
		"no such entry":        {[]string{"do", "use_finbox:9", "seen.9", "7"}, 404, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := &stubAPI{entries: []ledger.Entry{differing(2, "1003"), differing(1, "1003", "1013")}}
			f := newStubFixture(t, d)
			ben := f.signedIn(benName)
			if got := ben.post("/decisions", tt.form...); got.code != tt.status {
				t.Fatalf("gives %d: %s", got.code, got.body)
			}
			if diff := cmp.Diff(tt.want, d.decided); diff != "" {
				t.Error(diff)
			}
			if page := ben.get("/decisions"); !strings.Contains(page.body, tt.says) {
				t.Errorf("the page does not say %q", tt.says)
			}
		})
	}
}

// TestArrowsAlwaysEndInAnAnswer: done, waits because, failed because, busy, or
// still running after so long.
func TestArrowsAlwaysEndInAnAnswer(t *testing.T) {
	waiting := ledger.Entry{Number: 5, State: ledger.Waiting, Reason: ledger.WorkflowClosed}
	waiting.Dossier.ID = "d5"
	done := ledger.Entry{Number: 6, State: ledger.Done}
	done.Dossier.ID = "d6"
	for name, tt := range map[string]struct {
		entry string
		pass  ledger.Run
		err   error
		says  []string
	}{
		"done":     {"6", ledger.Run{}, nil, []string{"In Silverfin", "De sociale balans staat in Silverfin"}},
		"waits":    {"5", ledger.Run{}, nil, []string{"De workflow staat nog niet open in Silverfin", "Open de workflow"}},
		"all":      {"", ledger.Run{Outcome: map[ledger.State]int{ledger.Done: 3}}, nil, []string{"De synchronisatie is klaar", "3 in Silverfin"}},
		"busy":     {"6", ledger.Run{}, problem.New(problem.Busy, "another run is under way", ""), []string{"Er loopt al een andere doorloop"}},
		"disk":     {"", ledger.Run{}, problem.New(problem.StateUnwritable, "the disk is full", ""), []string{"balansd kan niets bewaren"}},
		"no reply": {"6", ledger.Run{Down: []string{"x"}, Troubles: []ledger.Trouble{{About: "Kantoor", Code: "silverfin_down"}}}, nil, []string{"Silverfin is niet bereikbaar", "Zo staat het dossier er nu voor"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := &stubAPI{entries: []ledger.Entry{done, waiting}}
			f := newStubFixture(t, d)
			ended := make(chan struct{})
			d.Run = func(context.Context, daemon.SyncRequest, func(daemon.Progress)) (ledger.Run, error) {
				defer close(ended)
				return tt.pass, tt.err
			}
			ben := f.signedIn(benName)
			got := ben.post("/sync", "entry", tt.entry)
			job := jobOf(t, got)
			<-ended
			page := ben.get(job)
			for strings.Contains(page.body, "Bezig met synchroniseren") { // until the job is written down
				page = ben.get(job)
			}
			for _, text := range tt.says {
				if !strings.Contains(page.body, text) {
					t.Errorf("the page does not say %q: %s", text, page.body)
				}
			}
			if strings.Contains(page.body, "hx-trigger") {
				t.Error("the page asks again after the answer")
			}
		})
	}
}

// TestArrowsRest: a pass that takes long is said to go on, and its arrows stand
// still; the server's end stops it.
func TestArrowsRest(t *testing.T) {
	d := &stubAPI{}
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	clock := make(chan time.Time, 1)
	clock <- now
	f := newStubFixture(t, d, func(c *Config) {
		c.Now = func() time.Time { at := <-clock; clock <- at; return at }
	})
	life, end := context.WithCancel(context.Background())
	inner := f.server.Config.Handler
	f.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(rw, r.WithContext(context.WithValue(r.Context(), serverContextKey{}, life)))
	})
	begun, ended := make(chan struct{}), make(chan struct{})
	d.Run = daemontest.RunUntilStopped(begun, ended)
	ben := f.signedIn(benName)
	job := jobOf(t, ben.post("/sync"))
	<-begun
	page := ben.get(job)
	if !strings.Contains(page.body, "every 1s") || !strings.Contains(page.body, "turning") || !strings.Contains(page.body, `class="button" href="`+job+`"`) {
		t.Errorf("while it runs: %s", page.body)
	}
	ben.header.Set("HX-Request", "true")
	if part := ben.get(job); strings.Contains(part.body, "<html") || !strings.Contains(part.body, `hx-get="`+job+`"`) {
		t.Errorf("the part is %s", part.body)
	}
	ben.header.Del("HX-Request")
	<-clock
	clock <- now.Add(31 * time.Second)
	page = ben.get(job)
	if !strings.Contains(page.body, "Loopt nog na 31 seconden") || strings.Contains(page.body, "turning") {
		t.Errorf("after 31 seconds: %s", page.body)
	}
	end()
	<-ended
	if got := ben.get("/sync/other"); got.code != http.StatusNotFound || !strings.Contains(got.body, "niet meer bekend") {
		t.Errorf("a pass that there is not gives %d: %s", got.code, got.body)
	}
}

// TestSignInToSilverfinIsOfItsSession: what comes back is taken by the session
// that began it, once.
func TestSignInToSilverfinIsOfItsSession(t *testing.T) {
	state := daemontest.Full[daemon.SignIn]().State
	for name, tt := range map[string]struct {
		form []string
		ends bool
		says string
	}{
		"well":            {[]string{"state", state, "code", "abc", "authorized_firm_id", "12"}, true, "is gekoppeld"},
		"another state":   {[]string{"state", "other", "code", "abc", "authorized_firm_id", "12"}, false, "niet in deze sessie begonnen"},
		"no state":        {[]string{"code", "abc"}, false, "niet in deze sessie begonnen"},
		"the person no":   {[]string{"state", state, "error", "access_denied"}, false, "iemand weigerde"},
		"another error":   {[]string{"state", state, "error", "invalid_scope"}, false, "(invalid_scope)"},
		"words of theirs": {[]string{"state", state, "error", "Bel 0900"}, false, "(error)"},
		"a stranger's":    {[]string{"error", "Bel 0900"}, false, "niet in deze sessie begonnen"},
		"a pasted code":   {[]string{"pasted", "1", "code", "abc"}, true, "is gekoppeld"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &stubAPI{}
			f := newStubFixture(t, d)
			ann := f.signedIn(annName)
			ann.post("/connection/silverfin", "firm", "https://live.getsilverfin.com/f/12/34")
			if diff := cmp.Diff([]string{"BeginSilverfin[12 " + f.server.URL + "/silverfin/callback]"}, d.callsOf("BeginSilverfin")); diff != "" {
				t.Error(diff)
			}
			got := ann.post("/connection/silverfin/end", tt.form...)
			if n := len(d.callsOf("EndSilverfin")); (n == 1) != tt.ends {
				t.Errorf("%d sign-ins were ended: %d %s", n, got.code, got.body)
			}
			if page := ann.get("/connection"); !strings.Contains(page.body, tt.says) || strings.Contains(page.body, "0900") {
				t.Errorf("the page does not say %q: %s", tt.says, page.body)
			}
			before := len(d.callsOf("EndSilverfin"))
			ann.post("/connection/silverfin/end", tt.form...)
			if len(d.callsOf("EndSilverfin")) != before {
				t.Error("a sign-in was ended twice")
			}
		})
	}
}

// TestWayBackFromSilverfin: the address that Silverfin sends the browser to is
// ours on this machine, the registered one, or none.
func TestWayBackFromSilverfin(t *testing.T) {
	for _, tt := range []struct {
		host, redirect string
		secure         bool
		want           string
	}{
		{"127.0.0.1:8417", "auto", false, "http://127.0.0.1:8417/silverfin/callback"},
		{"localhost:8417", "", false, "http://localhost:8417/silverfin/callback"},
		{"[::1]:8417", "auto", false, "http://[::1]:8417/silverfin/callback"},
		{"127.0.0.1:8417", "oob", false, ""},
		{"balansd.kantoor.example", "auto", true, ""},
		{"balansd.kantoor.example", "https://balansd.kantoor.example/silverfin/callback", true, "https://balansd.kantoor.example/silverfin/callback"},
		{"balansd.kantoor.example", "https://other.example/silverfin/callback", true, ""},
		{"127.0.0.1:8417", "http://127.0.0.1:9/callback", false, ""},
	} {
		hosts, err := newHostAllowlist("127.0.0.1:8417", []string{"balansd.kantoor.example"})
		if err != nil {
			t.Fatal(err)
		}
		web := &Handler{hosts: hosts, Config: Config{Secure: tt.secure, Settings: func() []Setting {
			return []Setting{{Key: "silverfin.redirect", Value: tt.redirect}}
		}}}
		r := httptest.NewRequest(http.MethodGet, "/connection", nil)
		r.Host = tt.host
		if got := (&request{Handler: web, r: r}).redirectURL(); got != tt.want {
			t.Errorf("at %s with %q: %q, want %q", tt.host, tt.redirect, got, tt.want)
		}
	}
}

// TestDocumentIsNeverShown: a browser saves it, under a name of ours.
func TestDocumentIsNeverShown(t *testing.T) {
	e := ledger.Entry{Number: 4, State: ledger.Done}
	e.ID, e.Dossier = "../../x\r\nSet-Cookie: a=b\".html", ledger.Dossier{Name: "x", EnterpriseNumber: "0443246943"}
	e.FiscalYear.End = balance.Date{Year: 2024, Month: 12, Day: 31}
	for head, ending := range map[string]string{"<html><script>": "xbrl", "%PDF-1.7": "pdf", "\ufeff {": "json", "a;b": "csv", "": "csv"} {
		if got, want := documentName(e, []byte(head)), "sociale-balans-0443246943-2024-4."+ending; got != want {
			t.Errorf("%q is saved as %s, want %s", head, got, want)
		}
	}
	f := newStubFixture(t, &stubAPI{entries: []ledger.Entry{e}})
	got := f.signedIn(benName).get("/dossiers/4/document")
	h := got.header
	if h.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(h.Get("Content-Disposition"), `attachment; filename="sociale-balans-`) ||
		h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("the document comes with %v", h)
	}
}

// TestDossiersAreFiltered reads the address and makes those of the next pages.
func TestDossiersAreFiltered(t *testing.T) {
	q, err := url.ParseQuery("q=bakkerij&state=waiting&firm=12&connection=c1&sort=year&page=3")
	if err != nil {
		t.Fatal(err)
	}
	want := daemon.DossierQuery{Search: "bakkerij", States: []ledger.State{ledger.Waiting}, FirmID: 12, Connection: "c1",
		Order: daemon.ByYear, Offset: 100, Limit: 50}
	if diff := cmp.Diff(want, dossierQuery(q)); diff != "" {
		t.Error(diff)
	}
	if got := listAddress("/dossiers", q, "state", "done"); got != "/dossiers?connection=c1&firm=12&q=bakkerij&sort=year&state=done" {
		t.Error(got)
	}
	odd := dossierQuery(url.Values{"state": {"x"}, "firm": {"-"}, "sort": {"drop"}, "page": {"-4"}})
	if diff := cmp.Diff(daemon.DossierQuery{Order: daemon.ByName, Limit: 50}, odd); diff != "" {
		t.Error(diff)
	}
	d := &stubAPI{}
	const many = 2005
	for i := range many {
		e := ledger.Entry{Number: uint64(i + 1), State: ledger.Done}
		e.Dossier.Name = "=" + strings.Repeat("A", i%7)
		d.entries = append(d.entries, e)
	}
	f := newStubFixture(t, d)
	ben := f.signedIn(benName)
	page := ben.get("/dossiers?page=2")
	for _, text := range []string{"51 tot 100 van 2.005", `href="/dossiers?page=3"`, `href="/dossiers"`} {
		if !strings.Contains(page.body, text) {
			t.Errorf("the page lacks %s", text)
		}
	}
	file := ben.get("/dossiers.csv?q=x")
	if rows := strings.Count(file.body, "\r\n"); rows != many+1 || strings.Contains(file.body, ";=") {
		t.Errorf("the file has %d rows", rows)
	}
}

// TestNightsPicture: each night as it went, in its own shape.
func TestNightsPicture(t *testing.T) {
	day := func(n int) balance.Date { return balance.Date{Year: 2026, Month: 3, Day: n} }
	end := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	passes := []ledger.Run{ // newest first
		{Trigger: ledger.ByHand, End: end, Problems: []string{"x"}},
		{Trigger: ledger.Again, For: day(9), End: end},
		{Trigger: ledger.Nightly, Night: day(9), End: end, Down: []string{"Finbox"}},
		{Trigger: ledger.CatchUp, Night: day(8), End: end},
		{Trigger: ledger.Nightly, Night: day(7)},
		{Trigger: ledger.Nightly, Night: day(6), End: end},
	}
	pic := newCalendar(passes, []ledger.MissedNight{{Night: day(5)}}, day(10))
	kinds, shapes := map[balance.Date]string{}, map[string]bool{}
	for _, n := range pic.Days {
		kinds[n.Date] = n.Kind
		n.X, n.Y = 0, 0
		shapes[n.Kind+n.Path()] = true
	}
	want := map[int]string{5: "missed", 6: "good", 7: "problem", 8: "late", 9: "good", 10: "none"}
	for d, kind := range want {
		if kinds[day(d)] != kind {
			t.Errorf("night %d is %s, want %s", d, kinds[day(d)], kind)
		}
	}
	if len(pic.Days) != calendarDays || len(shapes) != 5 || pic.Counts["good"] != 2 {
		t.Errorf("%d nights in %d shapes: %v", len(pic.Days), len(shapes), pic.Counts)
	}
	if i := slices.IndexFunc(pic.Days, func(n calendarDay) bool { return n.X > pic.Width || n.Y > pic.Height }); i >= 0 {
		t.Errorf("%v lies outside", pic.Days[i])
	}
}

// TestDossiersWithoutScripts: searching, deciding and syncing work with the
// scripts of pages switched off.
func TestDossiersWithoutScripts(t *testing.T) {
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
		c.click("#job a.button") // see how far it is
	}
	c.expectText("De sociale balans staat in Silverfin")
	c.visit("/decisions")
	c.click(`button[value="use_finbox:2"]`)
	c.expectText("Je beslissing is bewaard")
}
