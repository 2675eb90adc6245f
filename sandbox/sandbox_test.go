package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/problem"
	"balansd/sandbox/faults"
	"balansd/sandbox/finbox"

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

func TestCloseStopsEverything(t *testing.T) {
	defer goleak.VerifyNone(t)
	s, err := Start(Options{Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestStateAndLogsAreSaved(t *testing.T) {
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
	after.Administration = before.Administration   // it may be at another port
	for _, got := range []*Info{&before, &after} { // the ports differ
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
	var call faults.Call
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
	demo, err := s.Demo()
	if err != nil {
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
	snapshot, err := s.Finbox.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var held struct {
		Connections []struct{ Dossiers []finbox.Dossier }
		Balances    []any
	}
	if err := json.Unmarshal(snapshot, &held); err != nil {
		t.Fatal(err)
	}
	filled := 0
	for _, d := range held.Connections[0].Dossiers[len(demo.Dossiers):] {
		filled++
		if byVAT["BE "+d.EnterpriseNumber.Pretty()] != 1 {
			t.Fatalf("%s has %d companies", d.Name, byVAT["BE "+d.EnterpriseNumber.Pretty()])
		}
	}
	if filled != 1000 || len(held.Balances) < 1000 {
		t.Errorf("%d dossiers, %d balances", filled, len(held.Balances))
	}
}

func TestDemoCoversEveryState(t *testing.T) {
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
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for i, one := range d.Folder {
		doc, err := os.ReadFile(filepath.Join(dir, one.Folder, one.File))
		if err != nil {
			t.Fatal(err)
		}
		b, err := balance.ReadSingle(doc, balance.NewReader(balance.ReaderOptions{}).Read)
		if err != nil || len(b.Doubts) > 0 || b.EnterpriseNumber != one.EnterpriseNumber || b.FiscalYear.End.Year != d.Year || len(b.Values) == 0 {
			t.Errorf("file %d: %+v, %v", i, b, err)
		}
	}
}
