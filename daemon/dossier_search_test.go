package daemon

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"

	gocmp "github.com/google/go-cmp/cmp"
)

// newSearchDaemon returns a daemon that has four dossiers, the last of which has balances
// of three years and a superseded one.
func newSearchDaemon() *Daemon {
	store := listed{entries: map[uint64]ledger.Entry{}}
	add := func(number uint64, dossier, name string, n balance.EnterpriseNumber, year int, state ledger.State, firm int64) {
		e := ledger.Entry{Number: number, Connection: "c", State: state, Target: &ledger.Target{FirmID: firm, CompanyName: name},
			UpdatedAt: time.Unix(int64(number), 0)}
		switch state {
		case ledger.Waiting:
			e.Reason = ledger.HasFindings
		case ledger.Failed:
			e.FailClass = ledger.Refused
		}
		e.ID, e.CreatedAt = fmt.Sprintf("sb-%07d", number), time.Unix(100-int64(number), 0)
		e.Dossier = ledger.Dossier{ID: dossier, Name: name, EnterpriseNumber: n, AffiliationNumber: "44-" + dossier}
		e.FiscalYear.End = balance.Date{Year: year, Month: 12, Day: 31}
		store.entries[number] = e
	}
	add(1, "1AB1", "Boulangerie Éléonore SRL", "0402754886", 2025, ledger.Done, 1)
	add(2, "1AB2", "Bakkerij Zilt BV", "0900000048", 2025, ledger.Differs, 1)
	add(3, "1AB3", "Atelier Noir SRL", "0443246943", 2025, ledger.Waiting, 2)
	add(4, "1AB4", "bakkerij aan zee", "0454352156", 2023, ledger.Done, 2)
	add(5, "1AB4", "bakkerij aan zee", "0454352156", 2024, ledger.Superseded, 2)
	add(6, "1AB4", "bakkerij aan zee", "0454352156", 2024, ledger.Failed, 2)
	return New(Config{Store: store, Now: func() time.Time { return time.Unix(0, 0) }})
}

func TestDossiers(t *testing.T) {
	d := newSearchDaemon()
	for _, c := range []struct {
		name  string
		q     DossierQuery
		want  []uint64
		total int
	}{
		{"by name, whatever the case and accents", DossierQuery{}, []uint64{3, 6, 2, 1}, 4},
		{"the other way round", DossierQuery{Reverse: true}, []uint64{1, 2, 6, 3}, 4},
		{"a page", DossierQuery{Offset: 1, Limit: 2}, []uint64{6, 2}, 4},
		{"a page the other way round", DossierQuery{Offset: 1, Limit: 2, Reverse: true}, []uint64{2, 6}, 4},
		{"beyond the end", DossierQuery{Offset: 9, Limit: 2}, nil, 4},
		{"accents do not count", DossierQuery{Search: "eleonore"}, []uint64{1}, 1},
		{"words in any order", DossierQuery{Search: "ZEE bakk"}, []uint64{6}, 1},
		{"an id", DossierQuery{Search: "1ab2"}, []uint64{2}, 1},
		{"an affiliation number", DossierQuery{Search: "44-1AB3"}, []uint64{3}, 1},
		{"a balance", DossierQuery{Search: "sb-0000002"}, []uint64{2}, 1},
		{"a balance that was superseded", DossierQuery{Search: "sb-0000005"}, []uint64{6}, 1},
		{"a balance of another year by its number", DossierQuery{Search: "#4"}, []uint64{6}, 1},
		{"no balance", DossierQuery{Search: "#44"}, nil, 0},
		{"of a state", DossierQuery{States: []ledger.State{ledger.Done}}, []uint64{1}, 1},
		{"for a reason", DossierQuery{Cause: string(ledger.HasFindings)}, []uint64{3}, 1},
		{"for a kind of failure", DossierQuery{Cause: string(ledger.Refused)}, []uint64{6}, 1},
		{"of a firm", DossierQuery{FirmID: 2}, []uint64{3, 6}, 2},
		{"of a year", DossierQuery{Year: 2024}, []uint64{6}, 1},
		{"of an earlier year", DossierQuery{Year: 2023}, []uint64{4}, 1},
		{"of a year without any", DossierQuery{Year: 2022}, nil, 0},
		{"what needs somebody first", DossierQuery{Order: ByState}, []uint64{2, 6, 3, 1}, 4},
		{"what changed last first", DossierQuery{Order: ByUpdated, Limit: 1}, []uint64{6}, 4},
		{"what changed first first", DossierQuery{Order: ByUpdated, Reverse: true, Limit: 1}, []uint64{1}, 4},
		{"the newest balance first", DossierQuery{Order: ByCreated, Limit: 1}, []uint64{1}, 4},
	} {
		page, err := d.Dossiers(t.Context(), c.q)
		if err != nil {
			t.Fatal(err)
		}
		if got := entryNumbers(page.Entries); !slices.Equal(got, c.want) || page.Total != c.total {
			t.Errorf("%s: %v of %d, want %v of %d", c.name, got, page.Total, c.want, c.total)
		}
	}
}

func entryNumbers(list []ledger.Entry) (numbers []uint64) {
	for _, e := range list {
		numbers = append(numbers, e.Number)
	}
	return numbers
}

// TestDossierCounts: the counts by state leave out the state that is asked for, those by
// cause the cause.
func TestDossierCounts(t *testing.T) {
	d := newSearchDaemon()
	page, err := d.Dossiers(t.Context(), DossierQuery{FirmID: 1, States: []ledger.State{ledger.Done}})
	if want := map[ledger.State]int{ledger.Done: 1, ledger.Differs: 1}; err != nil || !maps.Equal(page.Counts, want) {
		t.Errorf("the counts are %v, want %v, error %v", page.Counts, want, err)
	}
	page, err = d.Dossiers(t.Context(), DossierQuery{FirmID: 2, Cause: string(ledger.HasFindings)})
	if want := map[ledger.State]int{ledger.Waiting: 1}; err != nil || !maps.Equal(page.Counts, want) {
		t.Errorf("the counts are %v, want %v, error %v", page.Counts, want, err)
	}
	if want := map[string]int{string(ledger.HasFindings): 1, string(ledger.Refused): 1}; !maps.Equal(page.Causes, want) {
		t.Errorf("the causes are %v, want %v", page.Causes, want)
	}
	if want := []int{2025, 2024, 2023}; !slices.Equal(page.Years, want) {
		t.Errorf("the years are %v, want %v", page.Years, want)
	}
}

// TestSearchOfNumbers finds an enterprise number in every way of writing it.
func TestSearchOfNumbers(t *testing.T) {
	d := newSearchDaemon()
	for _, text := range []string{
		"BE 0900.000.048", "BE0900000048", "0900000048", "0900.000.048", "be 0900 000 048", "BE-0900-000-048", "BE(0)900.000.048",
		"900000048", "900.000.048", "zilt BE 0900.000.048", "BE 0900.000.048 zilt", "0900.000", "BE0900", "BE0900.000", "0900\u00a0000\u00a0048",
	} {
		page, err := d.Dossiers(t.Context(), DossierQuery{Search: text})
		if got := entryNumbers(page.Entries); err != nil || !slices.Equal(got, []uint64{2}) {
			t.Errorf("%q finds %v, error %v", text, got, err)
		}
	}
}

func TestSearchSuggestions(t *testing.T) {
	d := newSearchDaemon()
	for _, c := range []struct {
		search string
		want   []SearchSuggestion
	}{
		{"Elenore", []SearchSuggestion{{"eleonore", 1}}},
		{"bakerij", []SearchSuggestion{{"bakkerij", 2}}},
		{"bakerij zee", []SearchSuggestion{{"bakkerij zee", 1}}},
		{"0900.000.084", []SearchSuggestion{{"0900.000.048", 1}}},    // two digits swapped
		{"BE 0900.001.049", []SearchSuggestion{{"0900.000.048", 1}}}, // two others
		{"niemand", []SearchSuggestion{}},
		{"zee", nil}, // it is found
	} {
		page, err := d.Dossiers(t.Context(), DossierQuery{Search: c.search})
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(c.want, page.Suggestions); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.search, diff)
		}
	}
	page, err := d.Dossiers(t.Context(), DossierQuery{Search: "bakerij", FirmID: 1})
	if diff := gocmp.Diff([]SearchSuggestion{{"bakkerij", 1}}, page.Suggestions); err != nil || diff != "" {
		t.Errorf("of one firm, error %v (-want +got):\n%s", err, diff)
	}
}

// BenchmarkSearchSuggestions searches a hundred thousand dossiers for a name with a slip.
func BenchmarkSearchSuggestions(b *testing.B) {
	d, _ := newLargeDaemon("Garage Delcourtois %d NV")
	for b.Loop() {
		page, err := d.Dossiers(b.Context(), DossierQuery{Search: "Delcortois"})
		if err != nil || len(page.Suggestions) == 0 {
			b.Fatal(page, err)
		}
	}
}
