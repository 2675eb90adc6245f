package balance_test

import (
	"slices"
	"strings"
	"testing"

	"balansd/balance"
)

func TestRubrics(t *testing.T) {
	all := balance.Rubrics()
	full, previous, previousFull := 0, 0, 0
	elements, labels, terms := map[string]string{}, map[string]string{}, map[string]string{}
	for _, r := range all {
		if found, ok := balance.RubricOf(r.Code); !ok || found.Code != r.Code {
			t.Errorf("%s is not found", r.Code)
		}
		if r.FullOnly {
			full++
		}
		if r.HasPrevious() && r.FullOnly {
			previousFull++
		} else if r.HasPrevious() {
			previous++
		}
		unique(t, elements, r.PFSElement, r.Code)
		for _, l := range balance.Languages() {
			if label := r.Label(l); strings.HasPrefix(label, ", ") || strings.HasSuffix(label, ", ") || r.SectionLabel(l) == "" {
				t.Errorf("%s has no label in %s", r.Code, l)
			}
			unique(t, labels, string(l)+": "+r.SectionLabel(l)+": "+r.Label(l), r.Code)
		}
		if r.CBSO.Metric == "" {
			if !r.FullOnly {
				t.Errorf("%s has no CBSO members", r.Code)
			}
			continue
		}
		if !slices.IsSorted(r.CBSO.Members) || !slices.Contains(r.CBSO.Members, "part:m8") {
			t.Errorf("%s has odd CBSO members: %+v", r.Code, r.CBSO)
		}
		unique(t, terms, r.CBSO.Metric+" "+strings.Join(r.CBSO.Members, " "), r.Code)
		if metric := map[balance.Unit]string{balance.FTE: "dec", balance.Hours: "int4", balance.Heads: "int3", balance.Money: "am"}[r.Unit]; !strings.HasPrefix(r.CBSO.Metric, metric) {
			t.Errorf("%s counts %s, but its metric is %s", r.Code, r.Unit, r.CBSO.Metric)
		}
	}
	if len(all) != 162 || full != 66 {
		t.Errorf("%d rubrics, %d of them in the full model only", len(all), full)
	}
	if previous != 3 || previousFull != 9 {
		t.Errorf("previous-year cells: %d of all models, %d of the full one", previous, previousFull)
	}
}

func unique(t *testing.T, seen map[string]string, key, code string) {
	t.Helper()
	if other, ok := seen[key]; ok || key == "" {
		t.Errorf("%q is of %s and of %s", key, other, code)
	}
	seen[key] = code
}

func TestLabels(t *testing.T) {
	for code, want := range map[string]map[balance.Lang]string{
		"10011": {balance.Dutch: "Gemiddeld aantal werknemers, voltijds, mannen", balance.English: "Average number of employees, full-time, men", "": "Average number of employees, full-time, men"},
		"1013":  {balance.French: "Nombre d'heures effectivement prestées, total", balance.German: "Anzahl der tatsächlich geleisteten Arbeitsstunden, Summe"},
		"12031": {balance.Dutch: "Mannen, universitair onderwijs, voltijds"},
		"1203":  {balance.Dutch: "Mannen, totaal in voltijdse equivalenten"},
		"5851":  {balance.French: "Nombre de travailleurs concernés, femmes"},
		"1502":  {balance.Dutch: "Gemiddeld aantal tewerkgestelde personen, ter beschikking gestelde personen"},
	} {
		r, ok := balance.RubricOf(code)
		for l, label := range want {
			if !ok || r.Label(l) != label {
				t.Errorf("%s in %q is %q, want %q", code, l, r.Label(l), label)
			}
		}
	}
}

func TestFormOrder(t *testing.T) {
	cells := []balance.Cell{
		{Code: "1003"}, {Code: "1003", Previous: true}, {Code: "10031"}, {Code: "1203"}, {Code: "12001"}, {Code: "12031"},
		{Code: "1211"}, {Code: "1303"}, {Code: "1341"}, {Code: "1321"}, {Code: "1331"}, {Code: "5801"}, {Code: "5811"}, {Code: "5802"}, {Code: "x"},
	}
	shuffled := slices.Clone(cells)
	slices.Reverse(shuffled)
	slices.SortFunc(shuffled, balance.CompareCells)
	if !slices.Equal(cells, shuffled) {
		t.Errorf("got %v", shuffled)
	}
}

func TestParseCell(t *testing.T) {
	for _, s := range []string{"1003", "1003P", "12031", "10332P"} {
		if c, err := balance.ParseCell(s); err != nil || c.String() != s {
			t.Errorf("%s: %v, %v", s, c, err)
		}
	}
	for _, s := range []string{"", "P", "1311", "1001P", "100", "1003PP", "1003p", "120311"} {
		if c, err := balance.ParseCell(s); err == nil {
			t.Errorf("%q is taken as %v", s, c)
		}
	}
}
