package daemon_test

import (
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"

	"github.com/shopspring/decimal"
)

// saveMapping saves a mapping for the firm.
func (fx *fixture) saveMapping(to mapping.Target) error {
	_, err := fx.d.SetMapping(fx.t.Context(), daemon.MappingChange{FirmID: fx.firm, Target: to, By: "Els"})
	return err
}

// mapping returns the firm's mapping.
func (fx *fixture) mapping() daemon.FirmMapping {
	fx.t.Helper()
	all, err := fx.d.Mappings(fx.t.Context(), daemon.FirmRequest{FirmID: fx.firm})
	fx.must(err)
	return all[0]
}

// The mapping of the configuration goes before one that was saved, and that before the
// default. A saved one holds from the next delivery on, and survives a new sign-in.
func TestWhichMappingIsInForce(t *testing.T) {
	fx := newMemoryFixture(t)
	if m := fx.mapping(); m.Origin != mapping.FromDefault || m.Target.Key != "code_{code}" || m.Seen() {
		t.Errorf("at first: %+v", m)
	}
	fx.must(fx.saveMapping(mapping.Target{Key: "sb_{code}"}))
	c := fx.client(1)
	b := fx.balance(c, 1)
	fx.add(c, b)
	fx.sync()
	if got := fx.sf.Custom(c.company, c.period)[namespace+".sb_1003"]; got != balance.Canonical(b.Values[cellOf(t, "1003")]) {
		t.Errorf("1003 in Silverfin: %q", got)
	}
	fx.linkFirm(fx.firm)
	if m := fx.mapping(); m.Origin != mapping.FromLearnt || m.Learnt.By != "Els" || m.Target.Key != "sb_{code}" {
		t.Errorf("after a new sign-in: %+v", m)
	}
	if err := fx.saveMapping(mapping.Target{Key: "nothing"}); !problem.Is(err, problem.Usage) {
		t.Errorf("a wrong mapping: %v", err)
	}

	fx.mappings = mapping.Configured{All: &mapping.Written{Target: mapping.Target{Key: "all_{code}"}, Where: "balansd.yaml:3"}}
	fx.reopenWith(nil)
	if m := fx.mapping(); m.Origin != mapping.FromConfig || m.Target.Key != "all_{code}" || m.Where != "balansd.yaml:3" || m.Learnt == nil {
		t.Errorf("with one for all: %+v", m)
	}
	if err := fx.saveMapping(mapping.Target{}); !problem.Is(err, problem.NotAllowed) || !strings.Contains(err.Error(), "balansd.yaml:3") {
		t.Errorf("saved though the configuration decides: %v", err)
	}
	fx.mappings.Firms = map[int64]*mapping.Written{fx.firm: {Target: mapping.Target{Key: "own_{code}"}, Where: "balansd.yaml:9"}}
	fx.reopenWith(nil)
	if m := fx.mapping(); m.Target.Key != "own_{code}" || m.Where != "balansd.yaml:9" {
		t.Errorf("with one of its own: %+v", m)
	}
	_, err := fx.d.SetMapping(t.Context(), daemon.MappingChange{FirmID: fx.firm, Forget: true, By: "Els"})
	fx.must(err)
	fx.mappings = mapping.Configured{}
	fx.reopenWith(nil)
	if m := fx.mapping(); m.Origin != mapping.FromDefault || m.Learnt != nil {
		t.Errorf("after it was forgotten: %+v", m)
	}
	if _, err := fx.d.Mappings(t.Context(), daemon.FirmRequest{FirmID: 99}); !problem.Is(err, problem.NotFound) {
		t.Errorf("of a firm that is not linked: %v", err)
	}
}

// A mapping that is saved while a balance is delivered holds for the next one.
func TestADeliveryHasOneMapping(t *testing.T) {
	fx := newMemoryFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	change := mapping.Target{Key: "sb_{code}", Values: mapping.Format{Decimal: mapping.DecimalComma}}
	fx.hook(hooked{located: func() { fx.must(fx.saveMapping(change)) }})
	fx.reopenWith(nil)
	fx.add(c, b)
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(c, b)
	known, err := fx.store.Written(t.Context(), *fx.only().Target)
	fx.must(err)
	if p := known.Properties[cellOf(t, "1003")]; p != namespace+".code_1003" || known.Comma {
		t.Errorf("recorded: %s, comma %v", p, known.Comma)
	}
}

// The notation of the template is that of the figures, and a change of it leaves no figure
// of balansd to a person to decide.
func TestValuesInTheNotationOfTheTemplate(t *testing.T) {
	fx := newMemoryFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	fte, amount, zero := cellOf(t, "1003"), cellOf(t, "1023"), cellOf(t, "1013")
	b.Values[fte], b.Values[amount], b.Values[zero] = decimal.RequireFromString("1.234"), decimal.RequireFromString("71981.5"), decimal.RequireFromString("0")
	fx.add(c, b)
	held := func(want ...string) {
		t.Helper()
		fx.wantState(fx.entries()[0], ledger.Done, "")
		custom := fx.sf.Custom(c.company, c.period)
		for i, cell := range []balance.Cell{fte, amount, zero} {
			if got := custom[namespace+".code_"+cell.String()]; got != want[i] {
				t.Errorf("%s: %q, want %q", cell, got, want[i])
			}
		}
	}
	again := func(f mapping.Format) {
		t.Helper()
		fx.must(fx.saveMapping(mapping.Target{Values: f}))
		_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Entries: []uint64{1}}, nil)
		fx.must(err)
	}
	fx.sync()
	held("1.234", "71981.5", "0")
	again(mapping.Format{Decimal: mapping.DecimalComma, Zero: mapping.ZeroBlank})
	held("1,234", "71981,5", "")
	again(mapping.Format{Amounts: mapping.AmountsWhole, Negative: []string{"1023"}})
	held("1.234", "-71982", "0")
	// A person types a figure that is another one with commas, and one that is the same.
	fx.must(fx.sf.Set(c.company, c.period, namespace, "code_1003", "1.234,0"))
	fx.must(fx.sf.Set(c.company, c.period, namespace, "code_1023", "71981.5"))
	again(mapping.Format{Decimal: mapping.DecimalComma})
	e := fx.only()
	fx.wantState(e, ledger.Differs, "")
	if len(e.Differences) != 1 || e.Differences[0].Silverfin != "1.234,0" || e.Differences[0].Finbox != "1.234" {
		t.Errorf("differences: %+v", e.Differences)
	}
}
