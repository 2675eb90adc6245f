package control_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/sandbox"
	"balansd/sandbox/faults"
	"balansd/sandbox/silverfin"

	"github.com/google/go-cmp/cmp"
)

func start(t *testing.T, opt sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Start(opt)
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

// command sends a command to the control endpoint.
func command(t *testing.T, s *sandbox.Sandbox, method, path, body string, out any) int {
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

func TestCommands(t *testing.T) {
	s := start(t, sandbox.Options{Now: func() time.Time { return time.Date(2026, 1, 15, 9, 0, 0, 0, time.UTC) }})
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
	state := func() silverfin.CompanyPeriod { return s.Silverfin.Periods(company.ID)[0] }
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

func TestInvalidCommands(t *testing.T) {
	s := start(t, sandbox.Options{})
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

func TestFaultCommands(t *testing.T) {
	s := start(t, sandbox.Options{})
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
		Calls []faults.Call
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
