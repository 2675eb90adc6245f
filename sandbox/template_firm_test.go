package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

// Each kind of firm has three dossiers in which what a person typed is what its balance
// in Finbox says, except for the slips, and one in which nothing was typed.
func TestTemplateFirms(t *testing.T) {
	s := start(t, Options{})
	for _, kind := range TemplateKinds() {
		f, err := s.AddTemplateFirm(kind)
		if err != nil {
			t.Fatal(err)
		}
		filled := 0
		for _, d := range f.Dossiers {
			b, err := s.Finbox.Figures(d.BalanceID)
			if err != nil {
				t.Fatal(err)
			}
			reconciliation := d.ReconciliationID
			if f.Level == "period" {
				reconciliation = 0
			}
			typed := s.Silverfin.CustomIn(d.CompanyID, d.PeriodID, reconciliation)
			if !d.Filled {
				if _, ok := typed[f.Properties[balance.Cell{Code: "1003"}]]; ok {
					t.Errorf("%s, %s: a figure is filled in", kind, d.Name)
				}
				continue
			}
			filled++
			slips := []balance.Cell(nil)
			for cell, property := range f.Properties {
				v, stated := b.Values[cell]
				got, there := typed[property]
				switch {
				case stated && got != f.Write(cell, v):
					slips = append(slips, cell)
				case !stated && there && strings.Trim(got, "0") != "":
					t.Errorf("%s, %s: %s holds %q", kind, d.Name, cell, got)
				}
			}
			if diff := cmp.Diff(d.Slips, slips); diff != "" {
				t.Errorf("%s, %s: %s", kind, d.Name, diff)
			}
		}
		if filled < 3 || filled == len(f.Dossiers) {
			t.Errorf("%s: %d of %d dossiers are filled in", kind, filled, len(f.Dossiers))
		}
	}
}

func TestTemplateFirmByOrder(t *testing.T) {
	s := start(t, Options{})
	order := func(body string) (int, []byte) {
		resp, err := http.Post(s.Info().Control.URL+"/templates", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, data
	}
	status, data := order(`{"template": "comma", "lag": 1}`)
	var f TemplateFirm
	if err := json.Unmarshal(data, &f); err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	if f.Handle != "bilan_social_texte" || !f.DecimalComma || len(f.Dossiers) != 4 || f.Properties[balance.Cell{Code: "1003"}] != "sb.c1003" {
		t.Errorf("%s", data)
	}
	for _, body := range []string{`{"template": "none"}`, `{"template": "comma", "lag": -1}`} {
		if status, data := order(body); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, status, data)
		}
	}
}
