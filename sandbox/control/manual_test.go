package control_test

import (
	"balansd/sandbox"
	"balansd/sandbox/control"
	"balansd/sandbox/faults"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestManualListsEveryCommand sends each command in the manual as it is written there,
// and checks that the manual has all commands of the control endpoint and each kind of
// fault.
func TestManualListsEveryCommand(t *testing.T) {
	text, err := os.ReadFile("../../docs/sandbox.md")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, sandbox.Options{})
	var listed struct {
		sandbox.Info
		Orders []control.Order
	}
	if got := command(t, s, http.MethodGet, "/", "", &listed); got != http.StatusOK || listed.Silverfin.URL != s.Info().Silverfin.URL {
		t.Fatalf("GET / answers %d %+v", got, listed)
	}
	var balance struct{ ID string }
	command(t, s, "POST", "/finbox/balances", `{}`, &balance)
	firm := s.Info().Silverfin.Firms[0].ID
	var company struct {
		ID       int64
		PeriodID int64 `json:"period_id"`
	}
	command(t, s, "POST", fmt.Sprintf("/silverfin/firms/%d/companies", firm),
		`{"name": "Proef BV", "fiscal_year": {"start": "2025-01-01", "end": "2025-12-31"}}`, &company)
	ids := strings.NewReplacer("connections/{id}", "connections/"+s.Info().Finbox.ConnectionID, "balances/{id}", "balances/"+balance.ID,
		"{firm}", fmt.Sprint(firm), "{company}", fmt.Sprint(company.ID), "{period}", fmt.Sprint(company.PeriodID))

	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z]+) (/[^`?]*)(\\?[^`]*)?` \\| (?:`([^`]*)`)?([^|]*)\\|").FindAllStringSubmatch(string(text), -1) {
		method, path, query, body, words := row[1], row[2], row[3], row[4], strings.TrimSpace(row[5])
		documented[method+" "+path] = true
		if words != "" {
			continue // a body that the manual describes in words
		}
		if got := command(t, s, method, ids.Replace(path)+query, body, nil); got != http.StatusOK {
			t.Errorf("%s %s %s answers %d", method, path, body, got)
		}
	}
	for _, o := range listed.Orders {
		if o.What == "" || !documented[o.Method+" "+o.Path] {
			t.Errorf("the manual does not name %s %s (%s)", o.Method, o.Path, o.What)
		}
		delete(documented, o.Method+" "+o.Path)
	}
	if len(documented) > 0 || len(listed.Orders) < 30 {
		t.Errorf("%d orders are listed; the manual names besides: %v", len(listed.Orders), documented)
	}
	for _, kind := range faults.Kinds() {
		row := regexp.MustCompile("(?m)^\\| `" + string(kind) + "` \\|.*\\| `(.*)` \\|$").FindSubmatch(text)
		if row == nil {
			t.Errorf("the manual does not name the fault %s", kind)
		} else if got := command(t, s, "POST", "/faults", string(row[1]), nil); got != http.StatusOK {
			t.Errorf("the fault %s answers %d", row[1], got)
		}
	}
}
