package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox"
)

// TestConnectSyncAndDecide goes from the first link to the last decision, each step as
// text and as JSON, with its exit code.
func TestConnectSyncAndDecide(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	cast := f.addDemo()

	f.want(0, "is well.", "config", "check")
	f.want(0, "client_secret: (hidden)", "config", "show")
	linked := read[struct {
		Connection ledger.Connection
		Notes      []string
	}](t, f, 0, "connect", "finbox", f.conn)
	if c := linked.Connection; c.ID != f.conn || c.Status != ledger.Active || c.Name != "Kantoor Zandbank" || len(linked.Notes) != 0 {
		t.Errorf("linked %+v", linked)
	}
	f.want(0, "Linked: Kantoor Zandbank, connection "+f.conn+", active", "connect", "finbox", f.conn)

	f.want(0, "ledger: empty", "status")
	f.want(0, "No Silverfin firm is linked", "connections", "list")
	f.want(0, "Nothing in the ledger matches.", "ledger", "list")
	if list := f.run("ledger", "list", "--json"); list.code != 0 || strings.TrimSpace(list.stdout) != "[]" {
		t.Errorf("an empty ledger is %+v", list)
	}

	// Without a firm, everything waits for one.
	f.want(3, "wait: no Silverfin firm is linked", "sync", "--dry-run")
	f.linkSilverfin()

	p := read[struct {
		Run     ledger.Run `json:"pass"`
		Entries []struct{ Entry ledger.Entry }
	}](t, f, 3, "sync")
	// The older of two revisions may be superseded before it is processed.
	if p.Run.New != 13 || p.Run.Outcome[ledger.Done] != 5 || len(p.Entries) < 12 || p.Run.Trigger != ledger.ByHand {
		t.Errorf("the run is %+v with %d entries", p.Run, len(p.Entries))
	}
	all := f.entries()
	for situation, want := range map[sandbox.Situation]struct {
		state ledger.State
		why   string
	}{
		sandbox.SituationNew:            {ledger.Done, ""},
		sandbox.SituationCorrected:      {ledger.Done, ""},
		sandbox.SituationTwice:          {ledger.Done, ""},
		sandbox.SituationWorkflowClosed: {ledger.Waiting, "workflow_closed"},
		sandbox.SituationPeriodLocked:   {ledger.Waiting, "period_locked"},
		sandbox.SituationNoPeriod:       {ledger.Waiting, "no_period"},
		sandbox.SituationNoCompany:      {ledger.Waiting, "no_company"},
		sandbox.SituationSeveral:        {ledger.Waiting, "several_companies"},
		sandbox.SituationChanged:        {ledger.Differs, ""},
		sandbox.SituationUnreadable:     {ledger.Failed, "unreadable"},
	} {
		for _, one := range cast.Find(situation) {
			e := all[one.Name]
			if e.State != want.state || string(e.Reason)+string(e.FailClass) != want.why {
				t.Errorf("%s (%s) is %s %s%s", one.Name, situation, e.State, e.Reason, e.FailClass)
			}
			if e.State != ledger.Done && (e.Detail == "" || e.Next == "") {
				t.Errorf("%s says %q, and to do %q", one.Name, e.Detail, e.Next)
			}
		}
	}
	status := read[daemon.Status](t, f, 3, "status")
	if status.Running || len(status.Waiting) != 7 || status.Counts[ledger.Done] != 5 || len(status.Firms) != 1 {
		t.Errorf("the status is %+v", status)
	}
	f.want(3, "ledger: 5 waiting, 1 failed, 5 done, 1 differs, 1 superseded", "status")
	f.filters(all)
	f.decisions(cast, all)
	f.connections()
}

// filters checks each flag of "ledger list".
func (f *fixture) filters(all map[string]ledger.Entry) {
	f.t.Helper()
	for flags, want := range map[string]int{
		"--state waiting":                         5,
		"--state waiting,failed":                  6,
		"--reason workflow_closed":                1,
		"--dossier 0900.000.048":                  1,
		"--dossier Brasserie":                     1,
		"--limit 2":                               2,
		"--connection " + f.conn:                  13,
		"--connection other":                      0,
		fmt.Sprintf("--firm %d --state done", 77): 0,
	} {
		args := append([]string{"ledger", "list"}, strings.Fields(flags)...)
		if got := read[[]ledger.Entry](f.t, f, 0, args...); len(got) != want {
			f.t.Errorf("%s lists %d entries, want %d of %d", flags, len(got), want, len(all))
		}
	}
	f.want(2, `there is no state "dnoe"`, "ledger", "list", "--state", "dnoe")
	f.want(2, `there is no reason "bogus"; it is one of no_company, several_companies, no_period, year_differs, workflow_closed, `+
		`period_locked, template_missing, template_unknown, connection_inactive, needs_relink, findings, doubtful_figures, two_amounts, which_counts, number_differs, link_paused, part_missing, parts_differ, part_of_sum, before_activation, dismissed`, "ledger", "list", "--reason", "bogus")
}

// decisions changes entries as a person does, and runs a sync.
func (f *fixture) decisions(cast *sandbox.Demo, all map[string]ledger.Entry) {
	f.t.Helper()
	number := func(s sandbox.Situation) string { return fmt.Sprint(all[cast.Find(s)[0].Name].Number) }
	changed, closed, unreadable := number(sandbox.SituationChanged), number(sandbox.SituationWorkflowClosed), number(sandbox.SituationUnreadable)

	f.want(0, "1023    Personnel costs, total", "ledger", "show", changed, "--lang", "en")
	full := read[daemon.EntryDetail](f.t, f, 0, "ledger", "show", changed)
	if len(full.Entry.Differences) != 1 || len(full.Values) == 0 || len(full.History) == 0 {
		f.t.Fatalf("entry %s is %+v", changed, full)
	}
	differ := full.Entry.Differences[0]
	place := full.Entry.Target
	held := func() string {
		return f.sandbox.Silverfin.Custom(place.CompanyID, place.PeriodID)["social_balance_integration.code_1023"]
	}

	// What a person changed stays until it is decided on.
	f.want(1, "is differs and cannot be tried again", "ledger", "retry", changed)
	f.want(2, `"99999" is not a rubric of the social balance`, "ledger", "use-finbox", changed, "--rubric", "99999")
	f.want(1, "rubric 1003 of entry "+changed+" does not differ", "ledger", "use-finbox", changed, "--rubric", "1003")
	kept := read[[]ledger.Entry](f.t, f, 0, "ledger", "keep-silverfin", changed)
	if len(kept) != 1 || kept[0].State != ledger.Found {
		f.t.Errorf("kept: %+v", kept)
	}
	f.want(0, "decided to keep Silverfin's figures", "ledger", "show", changed)
	f.want(3, "done", "sync", "--full")
	if got := held(); got != differ.Silverfin {
		f.t.Errorf("Silverfin holds %s after keeping %s", got, differ.Silverfin)
	}
	if e := read[daemon.EntryDetail](f.t, f, 0, "ledger", "show", changed).Entry; e.State != ledger.Done {
		f.t.Errorf("a kept figure leaves the entry %s: %s", e.State, e.Detail)
	}
	// The person changes it again, and this time chooses Finbox's figures.
	one := cast.Find(sandbox.SituationChanged)[0]
	if err := f.sandbox.TypeByHand(one, "1023", "7"); err != nil {
		f.t.Fatal(err)
	}
	f.want(3, "differs", "sync", "--dossier", one.DossierID)
	f.want(0, "Entry "+changed+" (Transports Marchandelle SA 0900.001.038): decided, the data from Finbox goes in; it is carried out at the next run: balansd sync.\n",
		"ledger", "use-finbox", changed, "--rubric", "1023")
	f.want(3, "done", "sync")
	if got := held(); got != differ.Finbox {
		f.t.Errorf("Silverfin holds %s after using Finbox's %s", got, differ.Finbox)
	}

	// A dismissed entry is skipped; a retried one is tried again.
	f.want(0, "Entry "+closed+" (Bouwbedrijf De Meersche NV 0900.000.543) is left aside.\n", "ledger", "dismiss", closed)
	f.sandbox.OpenWorkflow(cast.Find(sandbox.SituationWorkflowClosed)[0])
	f.want(3, "", "sync")
	f.want(0, "ignored", "ledger", "show", closed)
	moved := read[[]ledger.Entry](f.t, f, 0, "ledger", "retry", closed, unreadable)
	if len(moved) != 2 || moved[0].State != ledger.Found {
		f.t.Errorf("retried: %+v", moved)
	}
	f.want(0, ") is tried again at the next run: balansd sync.\n", "ledger", "retry", closed)
	f.want(3, "wrote 162 figures", "sync")
	f.want(0, "done", "ledger", "show", closed)
	f.want(0, ") is left aside.\n", "ledger", "dismiss", closed)
	f.want(0, "what it wrote stays in Bouwbedrijf De Meersche NV", "ledger", "show", closed)
	f.want(1, "cannot be dismissed", "ledger", "dismiss", closed)
	f.want(1, "the ledger has no entry 999", "ledger", "show", "999")
	f.want(2, `"twelve" is not the number of an entry`, "ledger", "show", "twelve")
}

// connections pauses, resumes and removes the connection and the firm.
func (f *fixture) connections() {
	f.t.Helper()
	type both struct {
		Connections []ledger.Connection
		Firms       []ledger.Firm
	}
	list := read[both](f.t, f, 0, "connections", "list")
	if len(list.Connections) != 1 || len(list.Firms) != 1 || list.Firms[0].ID != f.firm {
		f.t.Errorf("connections are %+v", list)
	}
	f.want(0, "is paused", "connections", "pause", f.conn)
	f.want(3, "", "sync")
	if c := read[ledger.Connection](f.t, f, 0, "connections", "resume", f.conn); c.Status != ledger.Active {
		f.t.Errorf("resumed: %+v", c)
	}
	f.want(1, `there is no connection "other"`, "connections", "pause", "other")
	f.want(2, "Call it with --yes when you are sure.", "connections", "remove", f.conn)
	f.want(0, "is removed", "connections", "remove", f.conn, "--yes")
	f.want(2, `a firm has a number, not "Zandbank"`, "connections", "remove", "--firm", "Zandbank", "--yes")
	f.want(1, "Silverfin firm 7 is not linked", "connections", "remove", "--firm", "7", "--yes")
	gone := read[struct {
		Firm int64 `json:"firm_id"`
	}](f.t, f, 0, "connections", "remove", "--firm", fmt.Sprint(f.firm), "--yes")
	if gone.Firm != f.firm {
		f.t.Errorf("removed %+v", gone)
	}
	f.want(0, "No Silverfin firm is linked", "connections", "list")
	if n := len(read[[]ledger.Entry](f.t, f, 0, "ledger", "list")); n != 13 {
		f.t.Errorf("the ledger kept %d entries", n)
	}
}

// browser answers the sign-in as a person with a browser does: it opens the address that
// balansd prints, and gives or denies consent for a firm.
type browser struct {
	t      testing.TB
	answer string // allow or deny
	firm   int64
	seen   strings.Builder
	done   bool
}

var signInURL = regexp.MustCompile(`http://\S+/oauth/authorize\?\S+`)

// Write receives the output of balansd, one message a call.
func (b *browser) Write(p []byte) (int, error) {
	b.seen.Write(p)
	if address := signInURL.FindString(b.seen.String()); address != "" && !b.done {
		b.done = true
		go b.visit(address)
	}
	return len(p), nil
}

func (b *browser) visit(address string) {
	page := b.fetch(http.MethodGet, address, nil)
	if !strings.Contains(page, "Kantoor Zandbank") {
		b.t.Errorf("the consent page does not offer the firm:\n%s", page)
	}
	u, err := url.Parse(address)
	if err != nil {
		b.t.Error(err)
		return
	}
	form := u.Query() // the hidden fields of the page
	form.Set("decision", b.answer)
	form.Set("authorized_firm_id", fmt.Sprint(b.firm))
	u.RawQuery = ""
	b.fetch(http.MethodPost, u.String(), form)
}

// fetch returns the page at the end of the redirects.
func (b *browser) fetch(method, address string, form url.Values) string {
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Error(err)
		return ""
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		b.t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Errorf("%s %s: %s, %v", method, resp.Request.URL.Path, resp.Status, err)
	}
	return string(text)
}

// signIn runs "connect silverfin" with a person at a browser.
func (f *fixture) signIn(answer string, firm int64, args ...string) result {
	f.t.Helper()
	b := &browser{t: f.t, answer: answer, firm: firm}
	return f.runEnv(f.t.Context(), Env{Args: append([]string{"connect", "silverfin"}, args...), Stdin: strings.NewReader(""), Stderr: b})
}

func TestSignInCallback(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	other := f.sandbox.Silverfin.AddFirm("Kantoor Duinzicht")

	r := f.signIn("deny", f.firm)
	r.want(t, 1, "the sign-in to Silverfin was refused: the person said no")
	f.want(0, "No Silverfin firm is linked", "connections", "list")

	r = f.signIn("allow", f.firm)
	r.want(t, 0, fmt.Sprintf("Linked: Silverfin firm Kantoor Zandbank (%d).\n", f.firm))

	// Consent is given for another firm than was asked for.
	r = f.signIn("allow", other, "--firm", fmt.Sprint(f.firm), "--json")
	var got struct {
		Firm  ledger.Firm
		Notes []string
	}
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.code != 0 {
		t.Fatalf("%v in %+v", err, r)
	}
	want := fmt.Sprintf("Another firm was granted than asked for: %d (Kantoor Duinzicht) instead of %d.", other, f.firm)
	if got.Firm.ID != other || len(got.Notes) != 1 || got.Notes[0] != want {
		t.Errorf("linked %+v", got)
	}
	f.signIn("allow", other, "--firm", fmt.Sprint(f.firm)).want(t, 0, "Note: "+want)
}

// foreignPages is a browser in which other pages answer before the person does.
type foreignPages struct {
	browser
	sent map[string]int // the status of each answer, by its query
}

func (b *foreignPages) Write(p []byte) (int, error) {
	if address := signInURL.FindString(string(p)); address != "" {
		u, err := url.Parse(address)
		if err != nil {
			return 0, err
		}
		for query := range b.sent {
			resp, err := http.Get(u.Query().Get("redirect_uri") + "?" + query)
			if err != nil {
				return 0, err
			}
			_ = resp.Body.Close()
			b.sent[query] = resp.StatusCode
		}
	}
	return b.browser.Write(p)
}

// TestSignInIgnoresOtherPages checks that requests with another state than the sign-in's,
// or none, neither end it nor link a firm: any page can send the browser to this machine.
func TestSignInIgnoresOtherPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	b := &foreignPages{browser: browser{t: t, answer: "allow", firm: f.firm}, sent: map[string]int{
		"error=access_denied": 0, "error=access_denied&state=other": 0, "code=x": 0, "code=x&state=other": 0}}
	r := f.runEnv(t.Context(), Env{Args: []string{"connect", "silverfin"}, Stdin: strings.NewReader(""), Stderr: b})
	r.want(t, 0, fmt.Sprintf("Linked: Silverfin firm Kantoor Zandbank (%d).\n", f.firm))
	for query, status := range b.sent {
		if status != http.StatusBadRequest {
			t.Errorf("%s: answered %d", query, status)
		}
	}
}

func TestSignInPastedCode(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	firm := fmt.Sprint(f.firm)
	f.want(2, "with --oob the firm's id is needed", "connect", "silverfin", "--oob")
	f.want(1, "no code was given", "connect", "silverfin", "--oob", "--firm", firm)
	f.runWith("NOTACODE\n", "connect", "silverfin", "--oob", "--firm", firm).want(t, 1, "Silverfin does not take the code of the sign-in")
	code := f.sandbox.Silverfin.Grant(f.firm)
	r := f.runWith(code+"\n", "connect", "silverfin", "--oob", "--firm", firm, "--json")
	var got struct{ Firm ledger.Firm }
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || got.Firm.ID != f.firm || r.code != 0 {
		t.Errorf("%v in %+v", err, r)
	}
	f.runWith(code+"\n", "connect", "silverfin", "--oob", "--firm", firm).want(t, 1, "it was used already")
	f.want(0, "well", "connections", "list")

	// The command can be interrupted while it waits for the code.
	ctx, cancel := context.WithCancel(t.Context())
	never, _ := io.Pipe()
	asked := make(chan struct{})
	go func() {
		<-asked
		cancel()
	}()
	r = f.runEnv(ctx, Env{Args: []string{"connect", "silverfin", "--oob", "--firm", firm}, Stdin: never, Stderr: closeOnWrite{"Code: ", asked}})
	r.want(t, 1, "Stopped.")
}

// closeOnWrite closes a channel when a message that ends with a text is written.
type closeOnWrite struct {
	end  string
	said chan struct{}
}

func (h closeOnWrite) Write(p []byte) (int, error) {
	if strings.HasSuffix(string(p), h.end) {
		close(h.said)
	}
	return len(p), nil
}

// TestDemo runs the demo.
func TestDemo(t *testing.T) {
	t.Parallel()
	r := balansd(t, "demo")
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	first, second, ok := strings.Cut(r.stdout, "== Night 2")
	if !ok {
		t.Fatalf("there is no second night:\n%s", r.stdout)
	}
	for _, want := range []string{
		"Bakkerij Van Hoolwegen BV and read back equal", "Brasserie Delcourtois SA and read back equal",
		"Optiek Klaasveldt BV and read back equal", "Imprimerie Rochefontaine SRL and read back equal",
		"Kwekerij Tienenberg CV and read back equal", "Dakwerken Verlindenhove BV and read back equal",
		"Plomberie Hautecour-Dulac SRL and read back equal",
		"workflow is not added to the period of dossier \"Bouwbedrijf De Meersche NV\"", "is locked in Silverfin",
		"has no period in Silverfin", "no company in Silverfin has enterprise number 0900.000.840",
		"2 companies in Silverfin have enterprise number", "that a person changed", "Finbox 1425086.38, Silverfin 1425336.38",
		"cannot be read: this is text of no known layout", "took its place",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("the first night does not say %q:\n%s", want, first)
		}
	}
	if strings.Contains(first, "Bouwbedrijf De Meersche NV and read back equal") {
		t.Error("the held balance went in before its workflow was open")
	}
	for _, want := range []string{"Bouwbedrijf De Meersche NV and read back equal", "Transports Marchandelle SA and read back equal",
		"Bakkerij Van Hoolwegen BV and read back equal"} {
		if !strings.Contains(second, want) {
			t.Errorf("the second night does not say %q:\n%s", want, second)
		}
	}
}
