package source_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/administration"
	"balansd/administration/source"
	"balansd/balance"
	"balansd/problem"
	"balansd/sandbox/madeup"

	"github.com/google/go-cmp/cmp"
)

// kboDay is the day of the n-th extract.
func kboDay(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

// putKBO writes an extract into a folder and returns its path.
func putKBO(t testing.TB, folder string, k madeup.KBO, full bool) string {
	t.Helper()
	var b bytes.Buffer
	if err := k.Write(&b, full); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, k.FileName(full))
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// acme is an enterprise of the KBO with a seat in Brussels, and what is to be read of it.
func acme() (madeup.KBOEnterprise, administration.Record) {
	n := madeup.Number(7)
	return madeup.KBOEnterprise{Number: n, NameNL: "Acmé België", NameFR: "Acmé Belgique", Form: "014", StreetNL: "Wetstraat", StreetFR: "Rue de la Loi",
			HouseNumber: "16", Box: "3", PostalCode: "1000", CityNL: "Brussel", CityFR: "Bruxelles"},
		administration.Record{Reference: string(n), EnterpriseNumber: n, Names: administration.Text{"nl": "Acmé België", "fr": "Acmé Belgique"},
			Streets: administration.Text{"nl": "Wetstraat", "fr": "Rue de la Loi"}, Number: "16", Box: "3", PostalCode: "1000",
			Cities: administration.Text{"nl": "Brussel", "fr": "Bruxelles"}, Country: "BE",
			LegalForms: administration.Text{"nl": "Naamloze vennootschap", "fr": "Société anonyme"},
			Known:      []administration.Field{"name", "legal_form", "street", "number", "box", "postal_code", "city", "country"}}
}

func TestKBO(t *testing.T) {
	folder := t.TempDir()
	written, want := acme()
	person := madeup.KBOEnterprise{Number: madeup.Number(8), NameNL: "Peeters, Jan"}
	putKBO(t, folder, madeup.KBO{Extract: 139, Date: kboDay(1)}, true) // an older one, which does not count
	putKBO(t, folder, madeup.KBO{Extract: 140, Date: kboDay(2), Enterprises: []madeup.KBOEnterprise{written, person}, Others: 200}, true)
	k := source.NewKBO("kbo", folder)
	own := []balance.EnterpriseNumber{madeup.Number(7), madeup.Number(8), madeup.Number(9)}
	got, report, err := listed(t, k, administration.Query{Numbers: own})
	if err != nil {
		t.Fatal(err)
	}
	wantPerson := administration.Record{Reference: string(person.Number), EnterpriseNumber: person.Number, Names: administration.Text{"nl": "Peeters, Jan"},
		Known: []administration.Field{"name"}}
	if diff := cmp.Diff([]administration.Record{want, wantPerson}, got); diff != "" {
		t.Error(diff)
	}
	if !report.AsOf.Equal(kboDay(2)) || report.Read == 0 {
		t.Errorf("%+v", report)
	}

	// The same files again, with a part of the numbers.
	got, _, err = listed(t, k, administration.Query{Numbers: own[:1]})
	if diff := cmp.Diff([]administration.Record{want}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestKBOUpdates(t *testing.T) {
	folder := t.TempDir()
	written, want := acme()
	stopped := madeup.KBOEnterprise{Number: madeup.Number(8), NameNL: "Gestopt", Form: "610", StreetNL: "Kaai", HouseNumber: "1", PostalCode: "9999", CityNL: "Zandbank"}
	putKBO(t, folder, madeup.KBO{Extract: 140, Date: kboDay(2), Enterprises: []madeup.KBOEnterprise{written, stopped}, Others: 50}, true)
	k := source.NewKBO("kbo", folder)
	own := administration.Query{Numbers: []balance.EnterpriseNumber{written.Number, stopped.Number, madeup.Number(9)}}
	if got, _, err := listed(t, k, own); err != nil || len(got) != 2 {
		t.Fatalf("%d enterprises, %v", len(got), err)
	}
	moved := written
	moved.NameFR, moved.Box, moved.StreetNL, moved.StreetFR = "", "", "Kunstlaan", "Avenue des Arts"
	born := madeup.KBOEnterprise{Number: madeup.Number(9), NameNL: "Nieuw"}
	putKBO(t, folder, madeup.KBO{Extract: 141, Date: kboDay(3), Enterprises: []madeup.KBOEnterprise{moved}, Deleted: []balance.EnterpriseNumber{stopped.Number}}, false)
	putKBO(t, folder, madeup.KBO{Extract: 143, Date: kboDay(5), Enterprises: []madeup.KBOEnterprise{born}}, false)
	putKBO(t, folder, madeup.KBO{Extract: 139, Date: kboDay(1), Deleted: []balance.EnterpriseNumber{moved.Number}}, false) // older than the full one
	got, report, err := listed(t, k, own)
	if err != nil {
		t.Fatal(err)
	}
	want.Names, want.Box = administration.Text{"nl": "Acmé België"}, ""
	want.Streets = administration.Text{"nl": "Kunstlaan", "fr": "Avenue des Arts"}
	wantBorn := administration.Record{Reference: string(born.Number), EnterpriseNumber: born.Number, Names: administration.Text{"nl": "Nieuw"}, Known: []administration.Field{"name"}}
	if diff := cmp.Diff([]administration.Record{want, wantBorn}, got); diff != "" {
		t.Error(diff)
	}
	if !report.AsOf.Equal(kboDay(5)) || report.Left[administration.MissingUpdate] != 1 || report.Examples[0].Value != "142" || len(report.From) != 3 {
		t.Errorf("%+v", report)
	}
}

// TestKBOByName finds the enterprises that have a name, whatever their number.
func TestKBOByName(t *testing.T) {
	folder := t.TempDir()
	written, want := acme()
	renamed := madeup.KBOEnterprise{Number: madeup.Number(8), NameNL: "Jo & Co"}
	putKBO(t, folder, madeup.KBO{Extract: 1, Date: kboDay(1), Enterprises: []madeup.KBOEnterprise{written, renamed}, Others: 50}, true)
	k := source.NewKBO("kbo", folder)
	got, _, err := listed(t, k, administration.Query{Names: []string{"ACME BELGIE NV", "Jo en Co BV", "Niemand"}})
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	renamed.NameNL = "Andere naam"
	putKBO(t, folder, madeup.KBO{Extract: 2, Date: kboDay(2), Enterprises: []madeup.KBOEnterprise{renamed}}, false)
	if got, _, err := listed(t, k, administration.Query{Names: []string{"Jo en Co"}}); err != nil || len(got) != 0 {
		t.Errorf("a name of before: %+v, %v", got, err)
	}
}

// zipOf makes a ZIP of members.
func zipOf(t testing.TB, members map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range members {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// kboMembers are members that are right, with one changed.
func kboMembers(name, text string) map[string]string {
	m := map[string]string{
		"meta.csv": "\"Variable\",\"Value\"\n\"SnapshotDate\",\"02-01-2026\"\n",
		"code.csv": "Category,Code,Language,Description\n", "enterprise.csv": "EnterpriseNumber,Status,JuridicalForm\n0900.000.741,AC,014\n",
		"denomination.csv": "EntityNumber,Language,TypeOfDenomination,Denomination\n0900.000.741,2,001,Acme\n",
		"address.csv":      "EntityNumber,TypeOfAddress,CountryNL,CountryFR,Zipcode,MunicipalityNL,MunicipalityFR,StreetNL,StreetFR,HouseNumber,Box,ExtraAddressInfo,DateStrikingOff\n",
	}
	if text == "" {
		delete(m, name)
		return m
	}
	m[name] = text
	return m
}

func TestKBODamaged(t *testing.T) {
	written, _ := acme()
	var whole bytes.Buffer
	if err := (madeup.KBO{Extract: 1, Date: kboDay(1), Enterprises: []madeup.KBOEnterprise{written}, Others: 5000}).Write(&whole, true); err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole.Bytes())
	flipped[len(flipped)/2] ^= 0xff
	const names = "EntityNumber,Language,TypeOfDenomination,Denomination\n"
	for what, c := range map[string]struct {
		data []byte
		want string
	}{
		"broken off":      {whole.Bytes()[:whole.Len()*2/3], "the ZIP breaks off or is damaged"},
		"a bit turned":    {flipped, "csv: "},
		"empty":           {nil, "the ZIP breaks off or is damaged"},
		"no addresses":    {zipOf(t, kboMembers("address.csv", "")), "it has no address.csv"},
		"another head":    {zipOf(t, kboMembers("denomination.csv", "EntityNumber,Language\n")), "denomination.csv: it has no column TypeOfDenomination"},
		"a row cut off":   {zipOf(t, kboMembers("denomination.csv", names+"0900.000.741,2,001,Acme\n0900.0")), "denomination.csv: line 3 has another number of columns than the first"},
		"a quote is open": {zipOf(t, kboMembers("denomination.csv", names+"0900.000.741,2,001,\"Acme\n")), "denomination.csv: line 2: a quote is opened"},
		"a long row":      {zipOf(t, kboMembers("denomination.csv", names+"0900.000.741,2,001,\"Acme\n"+strings.Repeat("x", 200_000))), "a row is too long"},
		"another date":    {zipOf(t, kboMembers("meta.csv", "Variable,Value\nSnapshotDate,2026-01-02\n")), `meta.csv: the date "2026-01-02" is not one as 31-12-2025`},
		"an empty member": {zipOf(t, kboMembers("code.csv", " ")), "code.csv: it has no column Category"},
	} {
		folder := t.TempDir()
		name := madeup.KBO{Extract: 1, Date: kboDay(1)}.FileName(true)
		if err := os.WriteFile(filepath.Join(folder, name), c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		k := source.NewKBO("kbo", folder)
		_, _, err := listed(t, k, administration.Query{Numbers: []balance.EnterpriseNumber{written.Number}})
		if !problem.Is(err, problem.AdministrationDown) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	if _, _, err := listed(t, source.NewKBO("kbo", t.TempDir()), administration.Query{}); err == nil || !strings.Contains(err.Error(), "there is no KboOpenData_") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestKBOIsStopped(t *testing.T) {
	folder := t.TempDir()
	putKBO(t, folder, madeup.KBO{Extract: 1, Date: kboDay(1), Others: 20_000}, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := source.NewKBO("kbo", folder).List(ctx, administration.Query{}, func(administration.Record) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func FuzzKBO(f *testing.F) {
	for name, text := range kboMembers("", "x") {
		f.Add(name, []byte(text))
	}
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		folder := t.TempDir()
		members := kboMembers(name, string(text))
		if err := os.WriteFile(filepath.Join(folder, "KboOpenData_0001_2026_01_01_Full.zip"), zipOf(t, members), 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := balance.ParseEnterpriseNumber("0900.000.741")
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := listed(t, source.NewKBO("kbo", folder), administration.Query{Numbers: []balance.EnterpriseNumber{n}, Names: []string{"Acme"}})
		if err == nil && len(got) > 1 {
			for _, r := range got {
				if r.EnterpriseNumber != n && !strings.Contains(strings.ToLower(r.Names.In("nl")+r.Names.In("fr")+r.Names.In("de")), "acm") {
					t.Errorf("%+v", r)
				}
			}
		}
	})
}
