package daemon_test

import (
	"testing"
	"time"

	"balansd/administration"
	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	fakefinbox "balansd/sandbox/finbox"

	"github.com/google/go-cmp/cmp"
)

// named is a client as a register has it.
func named(n balance.EnterpriseNumber, name, city string) administration.Record {
	return administration.Record{Reference: n.String(), EnterpriseNumber: n, Names: administration.Text{"nl": name}, Cities: administration.Text{"nl": city},
		Known: []administration.Field{administration.Name, administration.City}}
}

// withNumbers makes a firm with the dossier of Client 1 BV, whose balance was found, a list
// of the office and a register of all enterprises, and lists both.
func withNumbers(t *testing.T, list, register []administration.Record) (*fixture, ledger.Entry) {
	t.Helper()
	fx, office, _ := withRegister(t)
	kbo := newRegister("kbo", register)
	office.records = list
	fx.registers = append(fx.registers, kbo)
	c := client{number: numberOf(1)}
	var err error
	c.dossier, err = fx.fb.AddDossier(fx.conn, fakefinbox.Dossier{EnterpriseNumber: c.number, Name: "Client 1 BV"})
	fx.must(err)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.NoCompany)
	fx.reopenWith(nil)
	fx.later(time.Hour)
	fx.compare()
	return fx, fx.only()
}

func newRegister(name string, records []administration.Record) *register {
	return &register{info: administration.Info{Name: name, Kind: administration.KBO, Register: true}, records: records}
}

// TestNumbersAreChecked compares the number and the name of a dossier with what sources list.
func TestNumbersAreChecked(t *testing.T) {
	n, another := numberOf(1), numberOf(2)
	type finding struct {
		Kind         daemon.NumberFindingKind
		Source, Name string
		Number       balance.EnterpriseNumber
	}
	for name, c := range map[string]struct {
		list, register []administration.Record
		want           []finding
	}{
		"as here":                 {nil, []administration.Record{named(n, "CLIENT 1", "Gent")}, nil},
		"unknown in a register":   {[]administration.Record{named(n, "Client 1 BV", "Gent")}, nil, []finding{{daemon.NumberUnknown, "kbo", "", ""}}},
		"a list that lacks it":    {nil, []administration.Record{named(n, "Client 1", "Gent")}, nil},
		"another name":            {nil, []administration.Record{named(n, "Slagerij Maes BV", "Gent")}, []finding{{daemon.NumberOtherName, "kbo", "Slagerij Maes BV", ""}}},
		"one source has the name": {[]administration.Record{named(n, "Client 1", "Gent")}, []administration.Record{named(n, "Slagerij Maes BV", "Gent")}, nil},
		"another number": {nil, []administration.Record{named(n, "Slagerij Maes BV", "Gent"), named(another, "Client 1 bv", "Lier")}, []finding{
			{daemon.NumberOtherName, "kbo", "Slagerij Maes BV", ""}, {daemon.NumberOtherNumber, "kbo", "Client 1 bv", another}}},
		"unknown, with another number": {nil, []administration.Record{named(another, "Client 1 bv", "Lier")}, []finding{
			{daemon.NumberUnknown, "kbo", "", ""}, {daemon.NumberOtherNumber, "kbo", "Client 1 bv", another}}},
	} {
		t.Run(name, func(t *testing.T) {
			fx, e := withNumbers(t, c.list, c.register)
			page, err := fx.d.NumberFindings(t.Context(), daemon.NumberQuery{})
			fx.must(err)
			var got []finding
			for _, f := range page.Findings {
				got = append(got, finding{f.Kind, f.Source, f.Name, f.Number})
				if f.Entry != e.Number || f.Dossier.EnterpriseNumber != n {
					t.Errorf("of another dossier: %+v", f)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" || page.Total != len(c.want) {
				t.Errorf("%d in all (-want +got)\n%s", page.Total, diff)
			}
			shown, err := fx.d.Show(t.Context(), daemon.EntryRequest{Number: e.Number})
			fx.must(err)
			if diff := cmp.Diff(page.Findings, shown.Numbers); diff != "" && len(c.want) > 0 {
				t.Errorf("the dossier shows others (-listed +shown)\n%s", diff)
			}
		})
	}
}

// TestNoCompanyShowsWhatRegistersSay shows of a dossier without a company what each source
// calls its number.
func TestNoCompanyShowsWhatRegistersSay(t *testing.T) {
	n := numberOf(1)
	for name, c := range map[string]struct {
		list, register []administration.Record
		want           []daemon.RegisteredName
	}{
		"by both": {[]administration.Record{named(n, "Client Een", "Lier")}, []administration.Record{named(n, "Client 1", "Gent")},
			[]daemon.RegisteredName{{Source: "kantoorlijst", Name: "Client Een", City: "Lier"}, {Source: "kbo", Name: "Client 1", City: "Gent"}}},
		"unknown": {nil, nil, []daemon.RegisteredName{{Source: "kbo", Unknown: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			fx, e := withNumbers(t, c.list, c.register)
			shown, err := fx.d.Show(t.Context(), daemon.EntryRequest{Number: e.Number})
			fx.must(err)
			if diff := cmp.Diff(c.want, shown.Registered); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	// What was found after the register was listed says nothing.
	fx, reg, _ := withRegister(t)
	reg.records = nil
	fx.registers[0] = newRegister("kbo", nil)
	fx.reopenWith(nil)
	fx.compare()
	fx.later(time.Hour)
	late := client{number: numberOf(3)}
	var err error
	late.dossier, err = fx.fb.AddDossier(fx.conn, fakefinbox.Dossier{EnterpriseNumber: late.number, Name: "Client 3 BV"})
	fx.must(err)
	fx.add(late, fx.balance(late, 3))
	_, err = fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: late.dossier}, nil)
	fx.must(err)
	shown, err := fx.d.Show(t.Context(), daemon.EntryRequest{Number: fx.only().Number})
	fx.must(err)
	if len(shown.Registered) != 0 || len(shown.Numbers) != 0 {
		t.Errorf("a register that was not asked is told to say %+v and %+v", shown.Registered, shown.Numbers)
	}
}
