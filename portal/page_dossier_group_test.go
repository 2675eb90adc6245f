package portal

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
)

// groupingAPI has groups of dossiers.
type groupingAPI struct {
	*stubAPI
	groups []daemon.DossierGroup
}

func (d *groupingAPI) Groups(context.Context) ([]daemon.DossierGroup, error) { return d.groups, nil }

func TestGroupOfDossiers(t *testing.T) {
	entry := func(number uint64, connection, id, enterprise string) ledger.Entry {
		e := ledger.Entry{Number: number, Connection: connection, State: ledger.Done}
		e.Dossier = ledger.Dossier{ID: id, Name: "Dossier " + id, EnterpriseNumber: "0901024684"}
		if enterprise != "" {
			e.Dossier.EnterpriseNumber = "0402754886"
		}
		return e
	}
	d := &groupingAPI{stubAPI: &stubAPI{entries: []ledger.Entry{entry(5, "payroll", "one", ""), entry(6, "acerta", "two", ""), entry(7, "acerta", "other", "else")}}}
	d.API = &daemontest.API{}
	f := newFixture(t, func(c *Config) { c.API = d })
	b := f.signedIn(benName)
	if page := b.get("/dossiers/5/others").body; !strings.Contains(page, `value="acerta/two"`) || strings.Contains(page, `value="acerta/other"`) || strings.Contains(page, `value="payroll/one"`) {
		t.Errorf("the dossiers with its number are not offered alone: %s", page)
	}
	if got := b.post("/dossiers/5/group"); got.code != http.StatusSeeOther || len(d.callsOf("Group")) != 0 {
		t.Errorf("nothing ticked: %d, %v", got.code, d.Calls())
	}
	if got := b.post("/dossiers/5/group", "dossier", "acerta/two"); got.code != http.StatusSeeOther {
		t.Errorf("grouping gives %d: %s", got.code, got.body)
	}
	if calls := d.callsOf("Group"); !slices.Equal(calls, []string{"Group[{Dossiers:[payroll/one acerta/two] By:" + benName + "}]"}) {
		t.Errorf("the calls are %v", calls)
	}
	d.groups = []daemon.DossierGroup{{ID: "sum-1", Dossiers: []ledger.DossierRef{{Connection: "payroll", DossierID: "one"}, {Connection: "acerta", DossierID: "two"}}}}
	if page := b.get("/dossiers/5/others").body; !strings.Contains(page, "Dossier two") || strings.Contains(page, "Dossier other") || !strings.Contains(page, `action="/dossiers/5/ungroup"`) {
		t.Errorf("the group is not shown: %s", page)
	}
	if got := b.post("/dossiers/5/ungroup"); got.code != http.StatusSeeOther || len(d.callsOf("Ungroup")) != 1 {
		t.Errorf("dissolving gives %d, %v", got.code, d.Calls())
	}
}

// A part leads to its sum, and a sum to its parts.
func TestPartsAndSumLeadToEachOther(t *testing.T) {
	part := ledger.Entry{Number: 5, State: ledger.Waiting, Reason: ledger.PartOfSum, Sum: 8}
	sum := ledger.Entry{Number: 8, State: ledger.Done, Parts: []uint64{5, 6}}
	f := newStubFixture(t, &stubAPI{entries: []ledger.Entry{sum, part}})
	b := f.signedIn(benName)
	if page := b.get("/dossiers/5").body; !strings.Contains(page, `href="/dossiers/8"`) {
		t.Errorf("the part does not lead to its sum: %s", page)
	}
	if page := b.get("/dossiers/8").body; !strings.Contains(page, `href="/dossiers/5"`) || !strings.Contains(page, `href="/dossiers/6"`) {
		t.Errorf("the sum does not lead to its parts: %s", page)
	}
}
