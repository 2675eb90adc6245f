package ledger

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

func TestFindEmployers(t *testing.T) {
	of := func(connection, id, name, affiliation, number string) Entry {
		e := Entry{Connection: connection}
		e.Dossier = Dossier{ID: id, Name: name, AffiliationNumber: affiliation}
		e.Dossier.EnterpriseNumber = balance.EnterpriseNumber(number)
		return e
	}
	all := []Entry{
		of("finbox", "d7", "Firma 7", "1AB7", "0402754886"),
		of("finbox", "d77", "Firma 77", "1AB77", "0403170701"),
		of("finbox", "d77", "Firma 77 (oud)", "1AB77", "0403170701"), // an older balance of the same dossier
		of("map", "arbeiders", "Firma 77", "", "0403170701"),
		of("finbox", "d770", "Firma 770", "1AB770", ""),
		of("map", "Firma 770", "Firma 770 arbeiders", "", ""),
		of("map", "d7", "Tuinaanleg", "", ""),
	}
	walk := func(fails error) iter.Seq2[Entry, error] {
		return func(yield func(Entry, error) bool) {
			for _, e := range all {
				if !yield(e, nil) {
					return
				}
			}
			if fails != nil {
				yield(Entry{}, fails)
			}
		}
	}
	for ref, want := range map[string][]string{
		"Firma 77":        {"0403170701 finbox/d77 map/arbeiders"}, // not Firma 770
		" firma 77":       {"0403170701 finbox/d77 map/arbeiders"},
		"0403.170.701":    {"0403170701 finbox/d77 map/arbeiders"},
		"BE 0403.170.701": {"0403170701 finbox/d77 map/arbeiders"},
		"1AB77":           {"0403170701 finbox/d77"},
		"Firma 770":       {" finbox/d770", " map/Firma 770"},
		"d7":              {"0402754886 finbox/d7", " map/d7"},
		"Firma":           {"0402754886 finbox/d7", "0403170701 finbox/d77 map/arbeiders", " finbox/d770", " map/Firma 770"},
		"aanleg":          {" map/d7"},
		"nobody":          nil,
		"":                nil,
	} {
		found, err := FindEmployers(walk(nil), ref)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range found {
			text := string(e.Dossier.EnterpriseNumber)
			for _, d := range e.Dossiers {
				text += fmt.Sprintf(" %s/%s", d.Connection, d.ID)
			}
			got = append(got, text)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", ref, d)
		}
		// The reference of the chosen one finds it, and no other.
		for _, e := range found {
			connection, ref := e.Reference()
			again, err := FindEmployers(walk(nil), ref)
			n := 0
			for _, a := range again {
				if connection == "" || a.Dossiers[0].Connection == connection {
					n++
				}
			}
			if err != nil || n != 1 {
				t.Errorf("%s in %q finds %+v, %v", ref, connection, again, err)
			}
		}
	}
	fails := errors.New("the state cannot be read")
	if _, err := FindEmployers(walk(fails), "Firma"); !errors.Is(err, fails) {
		t.Errorf("error %v", err)
	}
}
