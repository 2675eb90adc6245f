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

// TestTheWholeJob is the job from the first link to the last decision, each
// step as text and as JSON, with its exit code.
func TestTheWholeJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	cast := w.demo()

	w.want(0, "is well.", "config", "check")
	w.want(0, "client_secret: (hidden)", "config", "show")
	linked := read[struct {
		Connection ledger.Connection
		Notes      []string
	}](t, w, 0, "connect", "finbox", w.conn)
	if c := linked.Connection; c.ID != w.conn || c.Status != ledger.Active || c.Name != "Kantoor Zandbank" || len(linked.Notes) != 0 {
		t.Errorf("linked %+v", linked)
	}
	w.want(0, "Linked: Kantoor Zandbank, connection "+w.conn+", active", "connect", "finbox", w.conn)

	w.want(0, "ledger: empty", "status")
	w.want(0, "No Silverfin firm is linked", "connections", "list")
	w.want(0, "Nothing in the ledger matches.", "ledger", "list")
	if list := w.run("ledger", "list", "--json"); list.code != 0 || strings.TrimSpace(list.stdout) != "[]" {
		t.Errorf("an empty ledger is %+v", list)
	}

	// Without a firm, everything waits for one.
	w.want(3, "wait: no Silverfin firm is linked", "sync", "--dry-run")
	w.linkSilverfin()

	p := read[struct {
		Run     ledger.Run `json:"pass"`
		Entries []struct{ Entry ledger.Entry }
	}](t, w, 3, "sync")
	// The older of two revisions may be set aside before its turn comes.
	if p.Run.New != 13 || p.Run.Outcome[ledger.Done] != 5 || len(p.Entries) < 12 || p.Run.Trigger != ledger.ByHand {
		t.Errorf("the pass is %+v with %d entries", p.Run, len(p.Entries))
	}
	all := w.entries()
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
	status := read[daemon.Status](t, w, 3, "status")
	if status.Running || len(status.Waiting) != 7 || status.Counts[ledger.Done] != 5 || len(status.Firms) != 1 {
		t.Errorf("the status is %+v", status)
	}
	w.want(3, "ledger: 5 waiting, 1 failed, 5 done, 1 differs, 1 superseded", "status")
	w.filters(all)
	w.decisions(cast, all)
	w.connections()
}

// filters holds `ledger list` to what its flags say.
func (w *world) filters(all map[string]ledger.Entry) {
	w.t.Helper()
	for flags, want := range map[string]int{
		"--state waiting":                         5,
		"--state waiting,failed":                  6,
		"--reason workflow_closed":                1,
		"--dossier 0900.000.048":                  1,
		"--dossier Brasserie":                     1,
		"--limit 2":                               2,
		"--connection " + w.conn:                  13,
		"--connection other":                      0,
		fmt.Sprintf("--firm %d --state done", 77): 0,
	} {
		args := append([]string{"ledger", "list"}, strings.Fields(flags)...)
		if got := read[[]ledger.Entry](w.t, w, 0, args...); len(got) != want {
			w.t.Errorf("%s lists %d entries, want %d of %d", flags, len(got), want, len(all))
		}
	}
	w.want(2, `there is no state "dnoe"`, "ledger", "list", "--state", "dnoe")
	w.want(2, `there is no reason "bogus"; it is one of no_company, several_companies, no_period, workflow_closed, `+
		`period_locked, template_missing, connection_inactive, needs_relink, findings, doubtful_figures, two_amounts, which_counts, number_differs, before_activation, dismissed`, "ledger", "list", "--reason", "bogus")
}

// decisions moves entries as a person does, and carries it out.
func (w *world) decisions(cast *sandbox.Demo, all map[string]ledger.Entry) {
	w.t.Helper()
	number := func(s sandbox.Situation) string { return fmt.Sprint(all[cast.Find(s)[0].Name].Number) }
	changed, closed, unreadable := number(sandbox.SituationChanged), number(sandbox.SituationWorkflowClosed), number(sandbox.SituationUnreadable)

	w.want(0, "1023    Personnel costs, total", "ledger", "show", changed, "--lang", "en")
	full := read[daemon.EntryDetail](w.t, w, 0, "ledger", "show", changed)
	if len(full.Entry.Differences) != 1 || len(full.Values) == 0 || len(full.History) == 0 {
		w.t.Fatalf("entry %s is %+v", changed, full)
	}
	differ := full.Entry.Differences[0]
	place := full.Entry.Target
	held := func() string {
		return w.box.Silverfin.Custom(place.CompanyID, place.PeriodID)["social_balance_integration.code_1023"]
	}

	// What a person changed stays until a person says so.
	w.want(1, "is differs and cannot be tried again", "ledger", "retry", changed)
	w.want(2, `"99999" is not a rubric of the social balance`, "ledger", "use-finbox", changed, "--rubric", "99999")
	w.want(1, "rubric 1003 of entry "+changed+" does not differ", "ledger", "use-finbox", changed, "--rubric", "1003")
	kept := read[[]ledger.Entry](w.t, w, 0, "ledger", "keep-silverfin", changed)
	if len(kept) != 1 || kept[0].State != ledger.Found {
		w.t.Errorf("kept: %+v", kept)
	}
	w.want(0, "decided to keep Silverfin's figures", "ledger", "show", changed)
	w.want(3, "done", "sync", "--full")
	if got := held(); got != differ.Silverfin {
		w.t.Errorf("Silverfin holds %s after keeping %s", got, differ.Silverfin)
	}
	if e := read[daemon.EntryDetail](w.t, w, 0, "ledger", "show", changed).Entry; e.State != ledger.Done {
		w.t.Errorf("a kept figure leaves the entry %s: %s", e.State, e.Detail)
	}
	// The person changes it again, and uses Finbox's this time.
	one := cast.Find(sandbox.SituationChanged)[0]
	if err := w.box.TypeByHand(one, "1023", "7"); err != nil {
		w.t.Fatal(err)
	}
	w.want(3, "differs", "sync", "--dossier", one.DossierID)
	w.want(0, "Entry "+changed+" (Transports Marchandelle SA 0900.001.038): decided, the data from Finbox goes in; it is carried out at the next pass: balansd sync.\n",
		"ledger", "use-finbox", changed, "--rubric", "1023")
	w.want(3, "done", "sync")
	if got := held(); got != differ.Finbox {
		w.t.Errorf("Silverfin holds %s after using Finbox's %s", got, differ.Finbox)
	}

	// Dismissed, it is left alone; retried, it is tried again.
	w.want(0, "Entry "+closed+" (Bouwbedrijf De Meersche NV 0900.000.543) is left aside.\n", "ledger", "dismiss", closed)
	w.box.OpenWorkflow(cast.Find(sandbox.SituationWorkflowClosed)[0])
	w.want(3, "", "sync")
	w.want(0, "ignored", "ledger", "show", closed)
	moved := read[[]ledger.Entry](w.t, w, 0, "ledger", "retry", closed, unreadable)
	if len(moved) != 2 || moved[0].State != ledger.Found {
		w.t.Errorf("retried: %+v", moved)
	}
	w.want(0, ") is tried again at the next pass: balansd sync.\n", "ledger", "retry", closed)
	w.want(3, "wrote 162 figures", "sync")
	w.want(0, "done", "ledger", "show", closed)
	w.want(0, ") is left aside.\n", "ledger", "dismiss", closed)
	w.want(0, "what it wrote stays in Bouwbedrijf De Meersche NV", "ledger", "show", closed)
	w.want(1, "cannot be dismissed", "ledger", "dismiss", closed)
	w.want(1, "the ledger has no entry 999", "ledger", "show", "999")
	w.want(2, `"twelve" is not the number of an entry`, "ledger", "show", "twelve")
}

// connections steers the connection and the firm.
func (w *world) connections() {
	w.t.Helper()
	type both struct {
		Connections []ledger.Connection
		Firms       []ledger.Firm
	}
	list := read[both](w.t, w, 0, "connections", "list")
	if len(list.Connections) != 1 || len(list.Firms) != 1 || list.Firms[0].ID != w.firm {
		w.t.Errorf("connections are %+v", list)
	}
	w.want(0, "is paused", "connections", "pause", w.conn)
	w.want(3, "", "sync")
	if c := read[ledger.Connection](w.t, w, 0, "connections", "resume", w.conn); c.Status != ledger.Active {
		w.t.Errorf("resumed: %+v", c)
	}
	w.want(1, `there is no connection "other"`, "connections", "pause", "other")
	w.want(2, "Call it with --yes when you are sure.", "connections", "remove", w.conn)
	w.want(0, "is removed", "connections", "remove", w.conn, "--yes")
	w.want(2, `a firm has a number, not "Zandbank"`, "connections", "remove", "--firm", "Zandbank", "--yes")
	w.want(1, "Silverfin firm 7 is not linked", "connections", "remove", "--firm", "7", "--yes")
	gone := read[struct {
		Firm int64 `json:"firm_id"`
	}](w.t, w, 0, "connections", "remove", "--firm", fmt.Sprint(w.firm), "--yes")
	if gone.Firm != w.firm {
		w.t.Errorf("removed %+v", gone)
	}
	w.want(0, "No Silverfin firm is linked", "connections", "list")
	if n := len(read[[]ledger.Entry](w.t, w, 0, "ledger", "list")); n != 13 {
		w.t.Errorf("the ledger kept %d entries", n)
	}
}

// browser answers the sign-in as a person at a browser does: it opens the
// address that balansd shows, and gives or denies consent for a firm.
type browser struct {
	t      testing.TB
	answer string // allow or deny
	firm   int64
	seen   strings.Builder
	done   bool
}

var signInURL = regexp.MustCompile(`http://\S+/oauth/authorize\?\S+`)

// Write hears what balansd tells the person, one write a message.
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
	form := u.Query() // what the page's hidden fields hold
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

// signIn runs `connect silverfin` with a person at a browser beside it.
func (w *world) signIn(answer string, firm int64, args ...string) result {
	w.t.Helper()
	b := &browser{t: w.t, answer: answer, firm: firm}
	return w.runEnv(w.t.Context(), Env{Args: append([]string{"connect", "silverfin"}, args...), Stdin: strings.NewReader(""), Stderr: b})
}

func TestSignInThroughTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	other := w.box.Silverfin.AddFirm("Kantoor Duinzicht")

	r := w.signIn("deny", w.firm)
	r.want(t, 1, "the sign-in to Silverfin was refused: the person said no")
	w.want(0, "No Silverfin firm is linked", "connections", "list")

	r = w.signIn("allow", w.firm)
	r.want(t, 0, fmt.Sprintf("Linked: Silverfin firm Kantoor Zandbank (%d).\n", w.firm))

	// Granted for another firm than asked.
	r = w.signIn("allow", other, "--firm", fmt.Sprint(w.firm), "--json")
	var got struct {
		Firm  ledger.Firm
		Notes []string
	}
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.code != 0 {
		t.Fatalf("%v in %+v", err, r)
	}
	want := fmt.Sprintf("Another firm was granted than asked for: %d (Kantoor Duinzicht) instead of %d.", other, w.firm)
	if got.Firm.ID != other || len(got.Notes) != 1 || got.Notes[0] != want {
		t.Errorf("linked %+v", got)
	}
	w.signIn("allow", other, "--firm", fmt.Sprint(w.firm)).want(t, 0, "Note: "+want)
}

// strangers is a browser in which other pages answer before the person does.
type strangers struct {
	browser
	sent map[string]int // the status of each answer, by its query
}

func (b *strangers) Write(p []byte) (int, error) {
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

// TestAnswersOfOtherPages: any page can send the browser to this machine. What
// has another state than the sign-in, or none, neither ends it nor links a firm.
func TestAnswersOfOtherPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	b := &strangers{browser: browser{t: t, answer: "allow", firm: w.firm}, sent: map[string]int{
		"error=access_denied": 0, "error=access_denied&state=other": 0, "code=x": 0, "code=x&state=other": 0}}
	r := w.runEnv(t.Context(), Env{Args: []string{"connect", "silverfin"}, Stdin: strings.NewReader(""), Stderr: b})
	r.want(t, 0, fmt.Sprintf("Linked: Silverfin firm Kantoor Zandbank (%d).\n", w.firm))
	for query, status := range b.sent {
		if status != http.StatusBadRequest {
			t.Errorf("%s: answered %d", query, status)
		}
	}
}

func TestSignInWithACode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	firm := fmt.Sprint(w.firm)
	w.want(2, "with --oob the firm's id is needed", "connect", "silverfin", "--oob")
	w.want(1, "no code was given", "connect", "silverfin", "--oob", "--firm", firm)
	w.runWith("NOTACODE\n", "connect", "silverfin", "--oob", "--firm", firm).want(t, 1, "Silverfin does not take the code of the sign-in")
	code := w.box.Silverfin.Grant(w.firm)
	r := w.runWith(code+"\n", "connect", "silverfin", "--oob", "--firm", firm, "--json")
	var got struct{ Firm ledger.Firm }
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || got.Firm.ID != w.firm || r.code != 0 {
		t.Errorf("%v in %+v", err, r)
	}
	w.runWith(code+"\n", "connect", "silverfin", "--oob", "--firm", firm).want(t, 1, "it was used already")
	w.want(0, "well", "connections", "list")

	// A person who gives up is not left waiting for the code.
	ctx, cancel := context.WithCancel(t.Context())
	never, _ := io.Pipe()
	asked := make(chan struct{})
	go func() {
		<-asked
		cancel()
	}()
	r = w.runEnv(ctx, Env{Args: []string{"connect", "silverfin", "--oob", "--firm", firm}, Stdin: never, Stderr: hear{"Code: ", asked}})
	r.want(t, 1, "Stopped.")
}

// hear closes a channel when a message that ends with a text is written.
type hear struct {
	end  string
	said chan struct{}
}

func (h hear) Write(p []byte) (int, error) {
	if strings.HasSuffix(string(p), h.end) {
		close(h.said)
	}
	return len(p), nil
}

// TestDemo is the demo as a person sees it.
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
