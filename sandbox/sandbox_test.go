package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func start(t *testing.T, opt Options) *Sandbox {
	t.Helper()
	s, err := Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// command sends an order to the control endpoint.
func command(t *testing.T, s *Sandbox, method, path, body string, out any) int {
	t.Helper()
	r, err := http.NewRequest(method, s.Info().Control.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if out == nil {
		out = new(any)
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode
}

func TestInfoHasExactlyItsFields(t *testing.T) {
	s := start(t, Options{})
	text, err := json.Marshal(s.Info())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	fields := map[string][]string{}
	for side, m := range got {
		for name, value := range m {
			fields[side] = append(fields[side], name)
			if value == "" || value == nil {
				t.Errorf("%s.%s is empty", side, name)
			}
		}
		slices.Sort(fields[side])
	}
	want := map[string][]string{
		"finbox":    {"client_id", "client_secret", "connection_id", "token_url", "url"},
		"silverfin": {"client_id", "client_secret", "firms", "url"},
		"control":   {"url"},
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Error(diff)
	}
	for _, u := range []string{s.Info().Finbox.URL + "/v1/x", s.Info().Silverfin.URL + "/x"} {
		resp, err := http.Get(u)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == 200 {
			t.Errorf("%s answers without sign-in", u)
		}
	}
}

func TestOnlyLoopback(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:80", "example.org:80", "nonsense", "127.0.0.1:99999", "[::]:0"} {
		if s, err := Start(Options{ControlAddr: addr}); !problem.Is(err, problem.Usage) {
			t.Errorf("%s: %v", addr, err)
			if s != nil {
				_ = s.Close(context.Background())
			}
		}
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	defer goleak.VerifyNone(t)
	s, err := Start(Options{Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestStateAndLogsAreKept(t *testing.T) {
	dir := t.TempDir()
	run := func() *Sandbox {
		s, err := Start(Options{Data: dir})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := run()
	demo, err := s.Demo()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(s.Info().Finbox.URL + "/settings/" + demo.ConnectionID)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	before := s.Info()
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}

	s = run()
	after := s.Info()
	for _, got := range []*Info{&before, &after} { // ports are new
		got.Finbox.URL, got.Finbox.TokenURL, got.Silverfin.URL, got.Control.URL = "", "", "", ""
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
	n, err := s.Finbox.DossierCount(demo.ConnectionID)
	if companies := s.Silverfin.Companies(demo.FirmID); err != nil || n != len(demo.Dossiers) || len(companies) < n {
		t.Errorf("%d dossiers, %d companies, %v", n, len(companies), err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "finbox-calls.jsonl"))
	var call Call
	if err != nil || json.Unmarshal(bytes.TrimSpace(log), &call) != nil || call.Status != 200 || !strings.HasPrefix(call.Path, "/settings/") {
		t.Errorf("the log of calls holds %q (%v)", log, err)
	}

	if err := os.WriteFile(filepath.Join(dir, "finbox.json"), []byte(`{"connections":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(Options{Data: dir}); !problem.Is(err, problem.StateDamaged) {
		t.Errorf("a damaged state gives %v", err)
	}
}

func TestFillMatchesBothSides(t *testing.T) {
	s := start(t, Options{})
	if _, err := s.Demo(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Fill(500); err != nil {
			t.Fatal(err)
		}
	}
	info := s.Info()
	byVAT := map[string]int{}
	for _, c := range s.Silverfin.Companies(info.Silverfin.Firms[0].ID) {
		byVAT[c.VAT]++
	}
	c := s.Finbox.connections[info.Finbox.ConnectionID]
	filled := 0
	for _, d := range c.Dossiers[len(demoCast)-2:] {
		filled++
		if byVAT["BE "+d.EnterpriseNumber.Pretty()] != 1 {
			t.Fatalf("%s has %d companies", d.Name, byVAT["BE "+d.EnterpriseNumber.Pretty()])
		}
	}
	if filled != 1000 || len(c.listing) < 1000 {
		t.Errorf("%d dossiers, %d balances", filled, len(c.listing))
	}
}

func TestDemoIsInEverySituation(t *testing.T) {
	s := start(t, Options{})
	d, err := s.Demo()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[balance.Model]bool{}
	for _, one := range slices.Concat(d.Dossiers, d.Folder) {
		seen[one.Model] = true
		if _, err := balance.ParseEnterpriseNumber(string(one.EnterpriseNumber)); err != nil {
			t.Errorf("%s: %v", one.Name, err)
		}
		want := 1
		open := 1
		switch one.Situation {
		case SituationNoCompany:
			want, open = 0, 0
		case SituationSeveral:
			want = 2
		case SituationWorkflowClosed:
			open = 0
		}
		if len(one.CompanyIDs) != want {
			t.Errorf("%s has %d companies", one.Name, len(one.CompanyIDs))
		}
		for _, id := range one.CompanyIDs {
			p := s.Silverfin.Periods(id)
			if len(p) != 1 || len(p[0].Workflows) != open || p[0].Locked != (one.Situation == SituationPeriodLocked) ||
				(p[0].End.Year == d.Year) != (one.Situation != SituationNoPeriod) {
				t.Errorf("%s (%s): periods %+v", one.Name, one.Situation, p)
			}
		}
	}
	for _, situation := range []Situation{SituationNew, SituationWorkflowClosed, SituationPeriodLocked, SituationNoPeriod, SituationNoCompany,
		SituationSeveral, SituationCorrected, SituationChanged, SituationTwice, SituationUnreadable, SituationFolder} {
		if len(d.Find(situation)) == 0 {
			t.Errorf("nobody is in situation %s", situation)
		}
	}
	if !seen[balance.Full] || !seen[balance.Abbreviated] || !seen[balance.Micro] {
		t.Errorf("models: %v", seen)
	}
	changed := d.Find(SituationChanged)[0]
	figures, err := s.Finbox.Figures(changed.BalanceID)
	if err != nil {
		t.Fatal(err)
	}
	held := s.Silverfin.Custom(changed.CompanyIDs[0], changed.PeriodIDs[0])["social_balance_integration.code_1023"]
	if cost := balance.Canonical(figures.Values[balance.Cell{Code: "1023"}]); held == "" || held == cost {
		t.Errorf("a person typed %q, Finbox says %q", held, cost)
	}
	if found := balance.Check(figures); len(found) > 0 {
		t.Errorf("findings: %v", found)
	}
	corrected, err := s.Finbox.Figures(d.Find(SituationCorrected)[0].BalanceID)
	if err != nil || len(balance.Check(corrected)) > 0 {
		t.Errorf("the correction has findings (%v)", err)
	}
	closed := d.Find(SituationWorkflowClosed)[0]
	s.OpenWorkflow(closed)
	if p := s.Silverfin.Periods(closed.CompanyIDs[0]); !slices.Equal(p[0].Workflows, []string{closed.Workflow}) {
		t.Errorf("after OpenWorkflow: %+v", p)
	}
}

func TestWriteFolder(t *testing.T) {
	s := start(t, Options{})
	d, err := s.Demo()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "source")
	if err := d.WriteFolder(dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for i, one := range d.Folder {
		doc, err := os.ReadFile(filepath.Join(dir, one.Folder, one.File))
		if err != nil {
			t.Fatal(err)
		}
		b, err := balance.Read(doc)
		if err != nil || b.EnterpriseNumber != one.EnterpriseNumber || b.FiscalYear.End.Year != d.Year || len(b.Values) == 0 {
			t.Errorf("file %d: %+v, %v", i, b, err)
		}
	}
}

func TestOrders(t *testing.T) {
	s := start(t, Options{Now: func() time.Time { return time.Date(2026, 1, 15, 9, 0, 0, 0, time.UTC) }})
	var added struct{ ID, Revision, DossierID string }
	if got := command(t, s, "POST", "/finbox/balances", `{"model":"micro","dossier":{"name":"Proef BV"},"values":{"1003":"4.5","1013":""}}`, &added); got != 200 {
		t.Fatalf("add: %d", got)
	}
	f, err := s.Finbox.Figures(added.ID)
	if err != nil || balance.Canonical(f.Values[balance.Cell{Code: "1003"}]) != "4.5" || f.Name != "Proef BV" || f.FiscalYear.End.String() != "2025-12-31" {
		t.Errorf("added %+v, %v", f, err)
	}
	if _, ok := f.Values[balance.Cell{Code: "1013"}]; ok {
		t.Error("an emptied cell holds a value")
	}
	if got := command(t, s, "POST", "/finbox/balances/"+added.ID+"/correct", `{"values":{"1023P":"12.5"}}`, &added); got != 200 || added.Revision != "2" {
		t.Errorf("correct: %d, revision %q", got, added.Revision)
	}
	f, _ = s.Finbox.Figures(added.ID)
	if got := balance.Canonical(f.Values[balance.Cell{Code: "1023", Previous: true}]); got != "12.5" {
		t.Errorf("corrected to %s", got)
	}

	id := s.Info().Finbox.ConnectionID
	command(t, s, "POST", "/finbox/connections/"+id+"/deactivate", "", nil)
	if !s.Finbox.Environments()[0].Inactive {
		t.Error("still active")
	}
	command(t, s, "POST", "/finbox/connections/"+id+"/activate", "", nil)
	if s.Finbox.Environments()[0].Inactive {
		t.Error("still inactive")
	}

	var company struct {
		ID       int64
		PeriodID int64 `json:"period_id"`
	}
	firm := s.Info().Silverfin.Firms[0].ID
	command(t, s, "POST", fmt.Sprintf("/silverfin/firms/%d/companies", firm),
		`{"name":"Proef BV","vat":"BE 0900.000.196","fiscal_year":{"start":"2025-01-01","end":"2025-12-31"},"workflow":"Jaarrekening"}`, &company)
	at := fmt.Sprintf("/silverfin/companies/%d/periods/%d", company.ID, company.PeriodID)
	state := func() CompanyPeriod { return s.Silverfin.Periods(company.ID)[0] }
	if len(state().Workflows) != 1 {
		t.Fatalf("period %+v", state())
	}
	command(t, s, "POST", at+"/workflow", `{"do":"archive"}`, nil)
	if len(state().Workflows) != 0 {
		t.Error("the workflow was not archived")
	}
	command(t, s, "POST", at+"/workflow", `{"do":"reactivate"}`, nil)
	command(t, s, "POST", at+"/set", `{"key":"code_1003","value":"7.5"}`, nil)
	if got := s.Silverfin.Custom(company.ID, company.PeriodID)["social_balance_integration.code_1003"]; got != "7.5" {
		t.Errorf("typed by hand: %q", got)
	}
	command(t, s, "POST", at+"/lock", "", nil)
	if !state().Locked {
		t.Error("not locked")
	}
	if got := command(t, s, "POST", at+"/set", `{"key":"code_1003","value":"8"}`, nil); got != 409 {
		t.Errorf("a value in a locked period: %d", got)
	}
	command(t, s, "POST", at+"/unlock", "", nil)
	command(t, s, "POST", at+"/workflow", `{"do":"close"}`, nil)
	if p := state(); p.Locked || len(p.Workflows) != 0 {
		t.Errorf("period %+v", p)
	}

	command(t, s, "POST", "/finbox/fill", `{"dossiers":20,"balances":0}`, nil)
	if n, _ := s.Finbox.DossierCount(id); n != 21 || len(s.Silverfin.Companies(firm)) != 21 {
		t.Errorf("%d dossiers, %d companies", n, len(s.Silverfin.Companies(firm)))
	}
}

func TestOrdersThatCannotBe(t *testing.T) {
	s := start(t, Options{})
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/faults", `{"side":"finbox","kind":"weird"}`, 400},
		{"POST", "/faults", `{"side":"elsewhere","kind":"slow"}`, 400},
		{"POST", "/faults", `{"side":"finbox","kind":"slow","whatever":1}`, 400},
		{"GET", "/log?side=", "", 400},
		{"POST", "/finbox/balances", `{"values":{"1311":"1"}}`, 400},
		{"POST", "/finbox/balances", `{"values":{"1003":"1e5"}}`, 400},
		{"POST", "/finbox/balances", `{"layouts":["word"]}`, 400},
		{"POST", "/finbox/balances", `{"dossier_id":"none"}`, 404},
		{"POST", "/finbox/balances/none/correct", `{}`, 404},
		{"POST", "/finbox/connections/none/activate", ``, 404},
		{"POST", "/finbox/keys", `no key`, 400},
		{"POST", "/fill", `{"dossiers":-1}`, 400},
		{"POST", "/silverfin/companies/x/periods/1/lock", ``, 400},
		{"POST", "/silverfin/companies/1/periods/1/lock", ``, 409},
		{"POST", "/silverfin/companies/1/periods/1/workflow", `{"do":"fold"}`, 400},
	} {
		var said struct{ Error string }
		if got := command(t, s, c.method, c.path, c.body, &said); got != c.status || said.Error == "" {
			t.Errorf("%s %s %s answers %d %q, want %d", c.method, c.path, c.body, got, said.Error, c.status)
		}
	}
	r, err := http.NewRequest("POST", s.Info().Control.URL+"/demo", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "http://elsewhere.test")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("an order from another page: %d", resp.StatusCode)
	}
}

func TestFaultsByOrder(t *testing.T) {
	s := start(t, Options{})
	command(t, s, "POST", "/faults", `{"side":"silverfin","path":"/api","nth":2,"kind":"server_error"}`, nil)
	command(t, s, "DELETE", "/log?side=silverfin", "", nil)
	for range 3 {
		resp, err := http.Get(s.Info().Silverfin.URL + "/api/v4/f/1/companies")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	var log struct {
		Total int
		Calls []Call
	}
	command(t, s, "GET", "/log?side=silverfin", "", &log)
	var got []int
	for _, c := range log.Calls {
		got = append(got, c.Status)
	}
	if diff := cmp.Diff([]int{401, 500, 401}, got); diff != "" || log.Total != 3 {
		t.Error(diff, log.Total)
	}
}
