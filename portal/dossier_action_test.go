package portal

import (
	"context"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"
)

// TestDossierAction: the page of a dossier has one button that helps. What only waits is
// synced, and is not tried again, which would forget its reason.
func TestDossierAction(t *testing.T) {
	d := &stubAPI{entries: entriesInEveryState(time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC))}
	f := newStubFixture(t, d)
	ann, ben := f.signedIn(annName), f.signedIn(benName)
	want := map[string]string{ // a part of the page
		"no_company": `/link">Dossier koppelen`, "link_paused": `/link">Dossierkoppeling hervatten`, "findings": `/retry"><button class="button">Toch naar Silverfin sturen`,
		"which_counts": `/accept"><button class="button">Deze telt`, "differs": `href="#differs">Kiezen welke cijfers gelden`, "dismissed": `/retry"><button class="button">Opnieuw proberen`,
		"part_missing": `/others">Andere boekjaren en versies`, "workflow_closed": `</span> Nu synchroniseren</button>`, "refused": `</span> Nu synchroniseren</button>`,
		"template_unknown": `</span> Nu synchroniseren</button>`,
	}
	for _, e := range d.entries {
		code := caseOf(e.State, e.Reason, e.FailClass)
		page := ben.get(dossierPath(e.Number)).body
		if !strings.Contains(page, want[code]) {
			t.Errorf("%s lacks %s:\n%s", code, want[code], page)
		}
		if buttons := strings.Count(page, `<button class="button">`) + strings.Count(page, `<a class="button" `); code != "differs" && buttons > 1 {
			t.Errorf("%s has %d buttons that stand out", code, buttons)
		}
		if retries := strings.Contains(page, `/retry"`); retries && e.State == ledger.Waiting && e.Reason != ledger.HasFindings {
			t.Errorf("%s waits and can be tried again, which forgets the reason", code)
		}
		if code == "template_unknown" && !strings.Contains(ann.get(dossierPath(e.Number)).body, `href="/mapping">Mapping verbeteren`) {
			t.Error("an admin is not led to the mapping")
		}
	}
}

func TestJumps(t *testing.T) {
	for _, c := range []struct {
		unit        balance.Unit
		before, now string
		want        string
	}{
		{balance.Money, "100000", "162000.5", "▲ +62\u00a0%"},
		{balance.Money, "100000", "150000", ""}, // half, and not more
		{balance.Money, "20000", "45000", ""},   // a small amount
		{balance.Money, "20000", "45000.01", "▲ +125\u00a0%"},
		{balance.Money, "0", "90000", "▲"},
		{balance.FTE, "10", "4.5", "▼ −55\u00a0%"},
		{balance.FTE, "3", "1", ""},
		{balance.Heads, "2", "5", "▲ +150\u00a0%"},
		{balance.Hours, "1500", "3400", ""},
		{balance.Hours, "1500", "34000", "▲ +2.167\u00a0%"},
		{balance.Money, "", "90000", ""},
		{balance.Money, "90000", "n/a", ""},
	} {
		if got := jumpOf(balance.Dutch, c.unit, c.before, c.now); got != c.want {
			t.Errorf("from %s to %s %s: %q, want %q", c.before, c.now, c.unit, got, c.want)
		}
	}
}

// twoYearsAPI has a dossier with balances of two years.
type twoYearsAPI struct{ *stubAPI }

func (d twoYearsAPI) Show(ctx context.Context, r daemon.EntryRequest) (daemon.EntryDetail, error) {
	f, err := d.stubAPI.Show(ctx, r)
	f.Values = map[string]string{"1003": "12.4", "1003P": "4", "1013": "20832", "1013P": "7000", "1021": "412000.55", "1023": "612000.5", "1023P": "598000",
		"2051": "8", "3051": "3", "5801": "40", "5811": "2"}
	if r.Number == 1 {
		f.Values = map[string]string{"1003": "4", "1021": "240000", "1022": "61000", "2051": "1", "3051": "2", "5801": "38", "5811": "2"}
	}
	return f, err
}

func newTwoYearsFixture(t *testing.T) *fixture {
	t.Helper()
	at := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	d := twoYearsAPI{&stubAPI{API: &daemontest.API{}}}
	for i, year := range []int{2025, 2024} {
		e := ledger.Entry{Number: uint64(2 - i), Connection: "c1", State: ledger.Done}
		if year == 2025 {
			e.State, e.Reason, e.Detail, e.Next = ledger.Waiting, ledger.WorkflowClosed, "The workflow is not there.", string(problem.Unexpected)
		}
		e.ID, e.Revision, e.CreatedAt = "sb-1", "1", at
		e.Dossier = ledger.Dossier{ID: "d1", Name: "Transports Marchandelle SA", EnterpriseNumber: "0443246943"}
		e.FiscalYear.End = balance.Date{Year: year, Month: time.December, Day: 31}
		d.entries = append(d.entries, e)
	}
	return newFixture(t, func(c *Config) { c.API = d })
}

// TestYearBefore: the figures stand beside those of the year before, the document's own
// before those of its balance, and what jumped is marked.
func TestYearBefore(t *testing.T) {
	page := newTwoYearsFixture(t).signedIn(benName).get("/dossiers/2").body
	at := 0
	for _, text := range []string{
		`<a href="/dossiers/1">Sociale balans van het vorige boekjaar, afgesloten op 31/12/2024`,
		`5 cijfers zijn sterk gewijzigd`,
		`<code>1003</code>`, `>12,4 <span class="state warn jump">▲ &#43;210`, `>4</td>`,
		`<code>1021</code>`, `412.000,55 <span class="state warn jump">▲ &#43;72`, `>240.000,00</td>`,
		`<code>1022</code>`, `<span class="state warn jump">▼ −100`, `>61.000,00</td>`,
		`<code>1023</code>`, `>612.000,50</td>`, `>598.000,00</td>`,
		`<code>2051</code>`, `▲ &#43;700`,
	} {
		i := strings.Index(page[at:], text)
		if i < 0 {
			t.Fatalf("the page lacks %s after byte %d:\n%s", text, at, page)
		}
		at += i
	}
}

// TestDossierInBrowser looks at the page of a dossier at every size.
func TestDossierInBrowser(t *testing.T) {
	c := newChrome(t, newTwoYearsFixture(t).server.URL)
	c.signIn(benName)
	for _, lang := range []string{"nl", "fr"} {
		c.visit("/dossiers/2")
		c.setLanguage(lang)
		c.checkSizes("dossier-" + lang)
	}
}
