package daemon_test

import (
	"slices"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
	fakesilverfin "balansd/sandbox/silverfin"
)

// checkMapping checks the firm's mapping.
func (fx *fixture) checkMapping() daemon.MappingCheck {
	fx.t.Helper()
	all, err := fx.d.CheckMapping(fx.t.Context(), daemon.MappingCheckRequest{FirmID: fx.firm})
	fx.must(err)
	return all[0]
}

// finding returns a finding of a check.
func finding(t *testing.T, c daemon.MappingCheck, kind string) daemon.MappingFinding {
	t.Helper()
	i := slices.IndexFunc(c.Found, func(f daemon.MappingFinding) bool { return f.Kind == kind })
	if i < 0 {
		t.Fatalf("no %s among %+v", kind, c.Found)
	}
	return c.Found[i]
}

// A mapping that no template uses is accepted, written and read back equal. It ends as not
// seen in use, in the night, in a check and on the entry; so it does beside a template that
// a person filled in with the same figures.
func TestABogusMappingIsNotSeenInUse(t *testing.T) {
	fx := newMemoryFixture(t)
	fx.mappings.All = &mapping.Written{Target: mapping.Target{Namespace: "bogus_naam", Key: "rubriek_{code}"}}
	fx.reopenWith(nil)
	fx.sf.AddTemplate(fx.firm, fakesilverfin.Template{Handle: "sociale_balans", Text: "{{ custom.balans.c1003 }} {% result 'r1003' custom.balans.c1003 %}{% result 'r1011' custom.balans.c1011 %}{% result 'r1012' custom.balans.c1012 %}{% result 'r1013' custom.balans.c1013 %}"})
	c := fx.client(1)
	r := fx.sf.AddReconciliation(c.company, "sociale_balans", workflowName)
	b := fx.balance(c, 1)
	for _, code := range []string{"1003", "1011", "1012", "1013"} {
		fx.must(fx.sf.SetIn(c.company, c.period, r, "balans", "c"+code, ledger.FiguresOf(b.Values)[cellOf(t, code)]))
	}
	fx.add(c, b)
	_, err := fx.night()
	fx.must(err)
	fx.wantState(fx.only(), ledger.Done, "")
	m := fx.mapping()
	if m.Seen() || m.Use == nil || m.Use.LookedAt.IsZero() {
		t.Errorf("after the night: %+v", m.Use)
	}
	calls := len(fx.sf.Faults().Log())
	fx.nights(1)
	for _, call := range fx.sf.Faults().Log()[calls:] {
		if strings.HasSuffix(call.Path, "/results") || strings.HasSuffix(call.Path, "/reconciliations") {
			t.Errorf("looked again in the next night: %s", call.Path)
		}
	}
	if f := finding(t, fx.checkMapping(), daemon.NotSeenInUse); !f.Wrong || !strings.Contains(f.Next, "mapping learn") {
		t.Errorf("the check: %+v", f)
	}
	shown, err := fx.d.Show(t.Context(), daemon.EntryRequest{Number: 1})
	fx.must(err)
	if shown.Shown != nil || !shown.Unseen || !strings.Contains(shown.Shown.String(), "no template has been seen") {
		t.Errorf("the entry: %+v %v", shown.Shown, shown.Unseen)
	}
	status, err := fx.d.Status(t.Context())
	fx.must(err)
	if len(status.Unseen) != 1 {
		t.Errorf("the status: %v", status.Unseen)
	}
}

// A template whose text names the properties is found in the first night; what was seen is
// void once the mapping changes, for what was delivered before as well.
func TestATemplateIsSeenToUseTheMapping(t *testing.T) {
	fx := newMemoryFixture(t)
	fx.sf.AddTemplate(fx.firm, fakesilverfin.Template{Handle: "banner", Names: map[string]string{"nl": "Sociale balans"},
		Text: "{{ period.custom." + namespace + ".code_1003 }} {{ period.custom." + namespace + ".code_1013 }} {{ period.custom." + namespace + ".code_1023P }} {{ period.custom." + namespace + ".code_9 }}"})
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	if m := fx.mapping(); m.Use != nil {
		t.Errorf("a run by hand looked: %+v", m.Use)
	}
	_, err := fx.night()
	fx.must(err)
	m := fx.mapping()
	if !m.Seen() || m.Use.Handle != "banner" || m.Use.Evidence != ledger.InText || !m.Use.Uses(cellOf(t, "1023P")) || m.Use.Uses(cellOf(t, "1003P")) {
		t.Fatalf("after the night: %+v", m.Use)
	}
	check := fx.checkMapping()
	if f := finding(t, check, daemon.KeyWithoutRubric); f.Wrong || len(f.Keys) != 1 || f.Keys[0] != namespace+".code_9" {
		t.Errorf("keys: %+v", f)
	}
	if check.Wrong() {
		t.Errorf("the check: %+v", check.Found)
	}
	shown, err := fx.d.Show(t.Context(), daemon.EntryRequest{Number: 1})
	fx.must(err)
	if text := shown.Shown.String(); text != "shown by template banner (Sociale balans)" || shown.Unseen {
		t.Errorf("the entry: %s", text)
	}
	// The notation alone is another mapping, too: the template may not read it.
	fx.must(fx.saveMapping(mapping.Target{Values: mapping.Format{Decimal: mapping.DecimalComma}}))
	if m := fx.mapping(); m.Seen() {
		t.Errorf("after a change: %+v", m.Use)
	}
	fx.checkMapping()
	if shown, err = fx.d.Show(t.Context(), daemon.EntryRequest{Number: 1}); err != nil || !shown.Unseen {
		t.Errorf("what was delivered by the old mapping: %+v, %v", shown.Shown, err)
	}
}

// A mistyped handle names the right one first, and blames the mapping; a right one that is
// not in the workflow is for the accountant.
func TestAMistypedHandleNamesTheRightOne(t *testing.T) {
	fx := newMemoryFixture(t)
	fx.mappings.All = &mapping.Written{Target: mapping.Target{Level: mapping.LevelReconciliation, Handle: "socaile_balans"}}
	fx.reopenWith(nil)
	c, other := fx.client(1), fx.client(2)
	fx.sf.AddTemplate(fx.firm, fakesilverfin.Template{Handle: "sociale_balans", Names: map[string]string{"nl": "Sociale balans"}})
	for _, handle := range []string{"waardering", "sociale_balans", "voorraad"} {
		fx.sf.AddReconciliation(c.company, handle, workflowName)
	}
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	e := fx.only()
	fx.wantState(e, ledger.Waiting, ledger.TemplateUnknown)
	if !strings.Contains(e.Detail, "there are: sociale_balans (Sociale balans)") || !strings.Contains(e.Detail, "does not have at all") || !strings.Contains(e.Next, "mapping check") {
		t.Errorf("%s\n%s", e.Detail, e.Next)
	}
	f := finding(t, fx.checkMapping(), daemon.HandleNowhere)
	if !f.Wrong || len(f.Templates) == 0 || f.Templates[0].Handle != "sociale_balans" {
		t.Errorf("the check: %+v", f)
	}
	fx.mappings.All = &mapping.Written{Target: mapping.Target{Level: mapping.LevelReconciliation, Handle: "sociale_balans"}}
	fx.reopenWith(nil)
	fx.add(other, fx.balance(other, 2))
	fx.sync()
	if e := fx.entries()[1]; e.Reason != ledger.TemplateMissing || !strings.Contains(e.Next, "Add the social balance template") {
		t.Errorf("%s\n%s", e.Detail, e.Next)
	}
	fx.wantState(fx.entries()[0], ledger.Done, "")
	all, err := fx.d.CheckMapping(t.Context(), daemon.MappingCheckRequest{Dossier: "Client 2 BV"})
	fx.must(err)
	finding(t, all[0], daemon.HandleNotInside)
	if _, err := fx.d.CheckMapping(t.Context(), daemon.MappingCheckRequest{Dossier: "Client 9"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("of a dossier that is not there: %v", err)
	}
}

// Of two templates with the handle in one dossier the mapping takes the first. A check says
// so where that one is left out of the annual accounts.
func TestTheFirstOfTwoTemplatesIsNotStarred(t *testing.T) {
	fx := newMemoryFixture(t)
	target := mapping.Target{Level: mapping.LevelReconciliation, Handle: "sociale_balans"}
	fx.mappings.All = &mapping.Written{Target: target}
	fx.reopenWith(nil)
	c := fx.client(1)
	template := fx.sf.AddTemplate(fx.firm, fakesilverfin.Template{Handle: "sociale_balans"})
	first, err := fx.sf.AddReconciliationOf(c.company, template, workflowName, false)
	fx.must(err)
	_, err = fx.sf.AddReconciliationOf(c.company, template, workflowName, true)
	fx.must(err)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	if e := fx.only(); e.Target.ReconciliationID != first {
		t.Fatalf("the figures went into %d", e.Target.ReconciliationID)
	}
	if f := finding(t, fx.checkMapping(), daemon.HandleUnstarred); !f.Wrong || !strings.Contains(f.Next, "require_starred") {
		t.Errorf("%+v", f)
	}
	target.RequireStarred = true
	fx.mappings.All = &mapping.Written{Target: target}
	fx.reopenWith(nil)
	for _, f := range fx.checkMapping().Found {
		if f.Kind == daemon.HandleUnstarred {
			t.Errorf("with require_starred: %+v", f)
		}
	}
}
