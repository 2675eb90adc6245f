package daemon_test

import (
	"slices"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	fakesilverfin "balansd/sandbox/silverfin"
)

// What was written stays where it is, and the next balance goes to the new company.
func TestRelink(t *testing.T) {
	fx, c, a, b := twoCompanies(t)
	fx.sf.OpenWorkflow(a.company, a.period, workflowName)
	first := fx.balance(c, 1)
	id := fx.add(c, first)
	fx.saveLink(fx.linkTo(a))
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(a, first)

	fx.saveLink(fx.linkTo(b))
	if _, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: c.dossier}, nil); err != nil {
		t.Fatal(err)
	}
	fx.nothingIn(b) // also when what is done is compared again
	fx.wantState(fx.only(), ledger.Done, "")
	history, err := fx.store.History(t.Context(), fx.only().Number)
	fx.must(err)
	if last := history[len(history)-1]; last.Act != ledger.ActRelink || last.By != "Els" || !strings.Contains(last.Text, "Client B") ||
		!strings.Contains(last.Text, "Client A, period 2025-12-31, stays there") {
		t.Errorf("the history ends with %+v", last)
	}

	second := fx.balance(c, 2)
	fx.correct(id, second)
	fx.sync()
	fx.wantState(fx.newest(), ledger.Done, "")
	fx.wantHeld(b, second)
	fx.wantHeld(a, first)
}

// A link counts before the enterprise number; into a company without one, where another
// one has it, with the word alone.
func TestLinkCountsBeforeTheNumber(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	another := client{dossier: c.dossier, company: fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Another file"})}
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	l := fx.linkTo(another)
	if _, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: l}); !problem.Is(err, problem.NumberDiffers) || !strings.Contains(err.Error(), "Client 1 BV") {
		t.Fatalf("without the word: %v", err)
	}
	l.NumberDiffers.Company = "another file"
	fx.saveLink(l)
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.NoPeriod)
	fx.nothingIn(c)

	// The word was of a company without a number.
	fx.must(fx.sf.SetVAT(another.company, string(fx.client(2).number)))
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.NumbersDiffer)
}

func TestUnlink(t *testing.T) {
	fx, c, a, _ := twoCompanies(t)
	fx.sf.OpenWorkflow(a.company, a.period, workflowName)
	id := fx.add(c, fx.balance(c, 1))
	fx.saveLink(fx.linkTo(a))
	fx.sync()
	was, err := fx.d.Unlink(t.Context(), daemon.UnlinkRequest{Connection: fx.conn, DossierID: c.dossier, By: "Els"})
	if err != nil || was.CompanyID != a.company {
		t.Fatalf("%+v, %v", was, err)
	}
	if links, err := fx.d.Links(t.Context()); err != nil || len(links) != 0 {
		t.Errorf("links %v, %v", links, err)
	}
	fx.correct(id, fx.balance(c, 2))
	fx.sync()
	fx.wantState(fx.newest(), ledger.Waiting, ledger.NoCompany)
	history, err := fx.store.History(t.Context(), fx.entries()[0].Number)
	fx.must(err)
	if !slices.ContainsFunc(history, func(e ledger.Event) bool { return e.Act == ledger.ActUnlink && strings.Contains(e.Text, "stays there") }) {
		t.Errorf("the history does not say so: %+v", history)
	}
	if _, err := fx.d.Unlink(t.Context(), daemon.UnlinkRequest{Connection: fx.conn, DossierID: c.dossier}); !problem.Is(err, problem.NotFound) {
		t.Errorf("once more: %v", err)
	}
}

func TestPausedLink(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	fx.add(c, b)
	l := ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, Paused: true, Note: "asks the client first"}
	fx.saveLink(l)
	fx.sync()
	fx.nothingIn(c)
	fx.wantState(fx.only(), ledger.Waiting, ledger.LinkPaused)
	if !strings.Contains(fx.only().Detail, l.Note) {
		t.Errorf("the detail %q is without the note", fx.only().Detail)
	}
	l.Paused = false
	fx.saveLink(l)
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(c, b)
}

// A link of the configuration is changed there alone.
func TestLinkOfTheConfigurationIsReadOnly(t *testing.T) {
	fx, c, a, b := twoCompanies(t)
	fx.links = []ledger.DossierLink{fx.linkTo(a)}
	fx.again()
	for name, change := range map[string]func(*ledger.DossierLink){
		"another company": func(l *ledger.DossierLink) { l.CompanyID = b.company },
		"a date":          func(l *ledger.DossierLink) { l.All = true },
		"a pause":         func(l *ledger.DossierLink) { l.Paused = true },
		"a note":          func(l *ledger.DossierLink) { l.Note = "x" },
	} {
		l := fx.linkTo(a)
		change(&l)
		if _, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: l, By: "Els"}); !problem.Is(err, problem.NotAllowed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := fx.d.Unlink(t.Context(), daemon.UnlinkRequest{Connection: fx.conn, DossierID: c.dossier}); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("removed: %v", err)
	}
	links, err := fx.d.Links(t.Context())
	if err != nil || len(links) != 1 || !links[0].Configured || links[0].CompanyID != a.company || links[0].Paused {
		t.Errorf("links %+v, %v", links, err)
	}
}

func TestLinkThatCannotBeMeant(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	for name, x := range map[string]struct {
		change func(*ledger.DossierLink)
		want   problem.Code
	}{
		"an unknown connection":    {func(l *ledger.DossierLink) { l.Connection = "payrol" }, problem.NotFound},
		"a firm that is not there": {func(l *ledger.DossierLink) { l.FirmID = 9999 }, problem.NotFound},
		"no dossier":               {func(l *ledger.DossierLink) { l.DossierID = "" }, problem.Usage},
		"a company without a firm": {func(l *ledger.DossierLink) { l.FirmID = 0 }, problem.Usage},
		"an endless note":          {func(l *ledger.DossierLink) { l.Note = strings.Repeat("é", ledger.MaxNote+1) }, problem.Usage},
		"a company that is gone":   {func(l *ledger.DossierLink) { l.CompanyID = 1 }, problem.SilverfinRefused},
	} {
		l := fx.linkTo(c)
		x.change(&l)
		if _, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: l}); !problem.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if links, err := fx.d.Links(t.Context()); err != nil || len(links) != 0 {
		t.Errorf("links %v, %v", links, err)
	}
}

// Suggestions come first, with why and how sure.
func TestClientsLikeADossier(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	slip := []byte(c.number)
	slip[8], slip[9] = slip[9], slip[8]
	for name, vat := range map[string]string{"Aannemer Zuid": "", "Bakkerij Pieters": "", "Holding Noord": string(slip)} {
		fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: name, VAT: vat})
	}
	page, err := fx.d.Clients(t.Context(), daemon.ClientQuery{InSilverfin: true, For: daemon.ClientTraits{Name: "Bakkerij Peeters BV", EnterpriseNumber: c.number}})
	fx.must(err)
	var got []string
	for _, one := range page.Clients {
		why := ""
		if one.Suggestion != nil {
			why = string(one.Suggestion.Why)
		}
		got = append(got, one.Name+":"+why)
	}
	want := []string{"Client 1 BV:same_number", "Bakkerij Pieters:similar_name", "Holding Noord:number_slip", "Aannemer Zuid:"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
