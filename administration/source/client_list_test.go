package source_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/administration"
	"balansd/administration/source"
	"balansd/balance"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"io"
)

// sheetsHere reads workbooks in this process.
type sheetsHere struct{}

func (sheetsHere) ReadSheets(_ context.Context, document io.Reader, sheet string, each func(balance.SheetRow) error) error {
	return balance.ReadSheets(document, sheet, each)
}

func writeList(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listed returns what a source lists.
func listed(t testing.TB, s administration.Source, q administration.Query) ([]administration.Record, administration.Report, error) {
	t.Helper()
	var all []administration.Record
	report, err := s.List(t.Context(), q, func(r administration.Record) error {
		r.AsOf = time.Time{}
		all = append(all, r)
		return nil
	})
	if err != nil && len(all) > 0 {
		t.Errorf("%d clients were listed before the error %v", len(all), err)
	}
	if err == nil && len(all) != report.Found {
		t.Errorf("%d clients were listed, and the report has %d", len(all), report.Found)
	}
	return all, report, err
}

func listOf(t testing.TB, name string, data []byte, change ...func(*source.ClientListConfig)) administration.Source {
	t.Helper()
	cfg := source.ClientListConfig{Name: "kantoor", File: writeList(t, name, data), Sheets: sheetsHere{}}
	for _, c := range change {
		c(&cfg)
	}
	l, err := source.NewClientList(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const dutchList = `Dossiernummer;Ondernemingsnummer;Maatschappelijke naam;Straat;Huisnummer;Bus;Postcode;Gemeente;Rechtsvorm;Algemene vergadering
K1;BE 0402.754.886;Café De Zoete Inval NV;Kerkstraat;12;3;9000;Gent;NV;15/06
K2;0443.246.943;"Bouw; & Zoon";Brugse Steenweg;7A;;8000;Brugge;BV;eerste maandag van juni
K3;;Jan Peeters;;;;;;;
`

func dutchClients() []administration.Record {
	text := func(s string) administration.Text { return administration.Text{"": s} }
	return []administration.Record{
		{Reference: "K1", EnterpriseNumber: "0402754886", Names: text("Café De Zoete Inval NV"), Streets: text("Kerkstraat"), Number: "12", Box: "3",
			PostalCode: "9000", Cities: text("Gent"), LegalForms: text("NV"), GeneralMeeting: "06-15",
			Known: []administration.Field{administration.Name, administration.Street, administration.Number, administration.Box, administration.PostalCode,
				administration.City, administration.LegalForm, administration.GeneralMeeting}},
		{Reference: "K2", EnterpriseNumber: "0443246943", Names: text("Bouw; & Zoon"), Streets: text("Brugse Steenweg"), Number: "7A",
			PostalCode: "8000", Cities: text("Brugge"), LegalForms: text("BV"),
			Known: []administration.Field{administration.Name, administration.Street, administration.Number, administration.Box, administration.PostalCode,
				administration.City, administration.LegalForm}},
		{Reference: "K3", Names: text("Jan Peeters"), Known: []administration.Field{administration.Name}},
	}
}

func TestClientListEncodings(t *testing.T) {
	encode := func(e interface {
		Bytes([]byte) ([]byte, error)
	}, s string) []byte {
		b, err := e.Bytes([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tabs := strings.ReplaceAll(strings.ReplaceAll(dutchList, ";", "\t"), "\"Bouw\t", "\"Bouw;")
	commas := strings.ReplaceAll(strings.ReplaceAll(dutchList, ";", ","), "\"Bouw,", "\"Bouw;")
	for what, data := range map[string][]byte{
		"UTF-8":               []byte(dutchList),
		"UTF-8 with a mark":   []byte("\ufeff" + dutchList),
		"Windows-1252":        encode(charmap.Windows1252.NewEncoder(), dutchList),
		"UTF-16 with a mark":  encode(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder(), dutchList),
		"UTF-16, big endian":  encode(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder(), dutchList),
		"UTF-16 without mark": encode(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder(), dutchList),
		"lines of Windows":    []byte(strings.ReplaceAll(dutchList, "\n", "\r\n")),
		"tabs":                []byte(tabs),
		"commas":              []byte(commas),
		"a title above":       []byte("Klantenlijst;;\n\nAfgedrukt op 1/2/2026;;\n" + dutchList),
	} {
		got, report, err := listed(t, listOf(t, "klanten.csv", data), administration.Query{})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if diff := cmp.Diff(dutchClients(), got); diff != "" || report.Read != 3 || report.Left != nil {
			t.Errorf("%s: %+v %s", what, report, diff)
		}
	}
}

func TestClientListInFrench(t *testing.T) {
	const list = "N° d'entreprise;Dénomination sociale;Adresse;Code postal et localité;Forme juridique\n" +
		"402754886;La Maison SA;Rue de la Loi 16 bte 2;1000 Bruxelles;SA\n" +
		"443246943;Sans numéro;Grand'Place;Namur;SRL\n"
	got, _, err := listed(t, listOf(t, "clients.csv", []byte(list)), administration.Query{})
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) administration.Text { return administration.Text{"": s} }
	want := []administration.Record{
		{Reference: "0402754886", EnterpriseNumber: "0402754886", Names: text("La Maison SA"), Streets: text("Rue de la Loi"), Number: "16", Box: "2", PostalCode: "1000",
			Cities: text("Bruxelles"), LegalForms: text("SA"), Known: []administration.Field{"name", "street", "number", "box", "postal_code", "city", "legal_form"}},
		{Reference: "0443246943", EnterpriseNumber: "0443246943", Names: text("Sans numéro"), Streets: text("Grand'Place"), Cities: text("Namur"), LegalForms: text("SRL"),
			Known: []administration.Field{"name", "street", "city", "legal_form"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestClientListBadRows(t *testing.T) {
	list := "nummer;referentie;ondernemingsnummer;naam;straat;gemeente\n" +
		"1;A;0402754886;Acme;Kerkstraat;Gent\n" + // 2
		"1;B;0402754880;Fout;Kerkstraat;Gent\n" + // 3: the check digits
		"1;C;4,02755E+08;Excel;Kerkstraat;Gent\n" + // 4
		"1;A2;0402.754.886;Acme;Kerkstraat;Gent\n" + // 5: doubled
		"1;D;0443246943;Eén;Kerkstraat;Gent\n" + // 6
		"1;E;0443246943;Twee;Dorpsplein;Gent\n" + // 7: another name
		"1;F;;;Kerkstraat;Gent\n" + // 8: nameless
		"1;G;;Met; te veel;kolommen;hier;en daar\n" + // 9
		"1;H;;" + strings.Repeat("x", 501) + ";;\n" + // 10
		"\n;;;;;\n"
	got, report, err := listed(t, listOf(t, "klanten.csv", []byte(list)), administration.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Reference != "A" {
		t.Errorf("listed %+v", got)
	}
	var lines []string
	for _, e := range report.Examples {
		lines = append(lines, fmt.Sprintf("%s:%d %s %.20s", e.File, e.Line, e.Reason, e.Value))
	}
	want := []string{
		"klanten.csv:3 damaged_number 0402754880", "klanten.csv:4 damaged_number 4,02755E+08", "klanten.csv:5 doubled 0402.754.886",
		"klanten.csv:6 contradicts 0443.246.943", "klanten.csv:7 contradicts 0443.246.943", "klanten.csv:8 nameless ",
		"klanten.csv:9 not_readable hier", "klanten.csv:10 too_long " + strings.Repeat("x", 20),
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

func TestClientListRefused(t *testing.T) {
	for what, c := range map[string]struct {
		data, want string
	}{
		"empty":             {"  \n", "it is empty"},
		"no heads":          {"a;b\n1;2\n", "no heads of columns that are known"},
		"an open quote":     {dutchList + "K4;;\"Open;x\n", "line 5: a quote is opened and not closed"},
		"a quote inside":    {dutchList + "K4;;Op\"en;x\n", "line 5: a quote stands within a value"},
		"broken off":        {dutchList + "K4;0443246943;Bre", "line 5: the last row has too few columns and no end"},
		"binary":            {"Ondernemingsnummer;naam\n\x00\x01\x02", "it is no text"},
		"a broken workbook": {"PK\x03\x04" + strings.Repeat("x", 400), "this is no workbook"},
	} {
		_, _, err := listed(t, listOf(t, "klanten.csv", []byte(c.data)), administration.Query{})
		if !problem.Is(err, problem.AdministrationDown) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	l, err := source.NewClientList(source.ClientListConfig{Name: "kantoor", File: filepath.Join(t.TempDir(), "weg.csv")})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := listed(t, l, administration.Query{}); !problem.Is(err, problem.AdministrationDown) || !strings.Contains(problem.Of(err).Next, "Export the list again") {
		t.Errorf("a file that is gone: %v", err)
	}
}

func TestClientListColumns(t *testing.T) {
	const list = "Sleutel;Firma;KBO\n7;Acme;0402754886\n"
	named := func(c *source.ClientListConfig) {
		c.Columns = map[string]string{"reference": "sleutel", "name": "FIRMA"}
	}
	got, _, err := listed(t, listOf(t, "a.csv", []byte(list), named), administration.Query{})
	if err != nil || len(got) != 1 || got[0].Reference != "7" || got[0].Names.In("nl") != "Acme" {
		t.Errorf("%+v, %v", got, err)
	}
	mistakes := source.ClientListConfig{Columns: map[string]string{"naam": "x", "nmae": "y", "city": "Plaats", "street": "plaats", "box": " "}}.Mistakes()
	var text []string
	for _, m := range mistakes {
		text = append(text, m.Setting+" "+m.What)
	}
	want := []string{"columns.box has no head", "columns.naam is nothing that a column can hold", "columns.nmae is nothing that a column can hold",
		`columns.street "plaats" is the head of city as well`}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}

// workbookOf makes a workbook whose second sheet has the rows.
func workbookOf(t testing.TB, rows [][]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	if _, err := f.NewSheet("Klanten"); err != nil {
		t.Fatal(err)
	}
	w, err := f.NewStreamWriter("Klanten")
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if err := w.SetRow(fmt.Sprintf("A%d", i+1), row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestClientListWorkbook(t *testing.T) {
	data := workbookOf(t, [][]any{{"Klanten van het kantoor"}, {"Ondernemingsnummer", "Naam", "Datum AV"}, {402754886, "Acme", 45458}, {"0443.246.943", "Zoon", nil}, {123, "Fout"}})
	got, report, err := listed(t, listOf(t, "klanten.xlsx", data), administration.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].EnterpriseNumber != "0402754886" || got[0].GeneralMeeting != "06-15" || got[1].Names.In("") != "Zoon" {
		t.Errorf("%+v", got)
	}
	if len(report.Examples) != 1 || report.Examples[0].Line != 5 || report.Examples[0].Reason != administration.DamagedNumber {
		t.Errorf("%+v", report)
	}
	none := func(c *source.ClientListConfig) { c.Sheet = "Andere" }
	if _, _, err := listed(t, listOf(t, "klanten.xlsx", data, none), administration.Query{}); err == nil || !strings.Contains(err.Error(), "there is no sheet Andere") {
		t.Errorf("another sheet: %v", err)
	}
}

// bigList has as many clients as asked for, each with a number of its own.
func bigList(n int) []byte {
	var b bytes.Buffer
	b.WriteString("code;ondernemingsnummer;naam;straat;nr;bus;postcode;gemeente\n")
	for i := range n {
		head := 4_000_000 + i
		fmt.Fprintf(&b, "K%d;%04d.%03d.%03d;Klant %d BV;Kerkstraat;%d;;9000;Gent\n", i, head/10_000, head/10%1000, head%10*100+97-head%97, i, i%200+1)
	}
	return b.Bytes()
}

func TestClientListOfManyRows(t *testing.T) {
	got, report, err := listed(t, listOf(t, "klanten.csv", bigList(100_000)), administration.Query{})
	if err != nil || len(got) != 100_000 || report.Left != nil {
		t.Errorf("%d clients, %v, %v", len(got), report.Left, err)
	}
}

func BenchmarkClientList(b *testing.B) {
	l := listOf(b, "klanten.csv", bigList(100_000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.List(b.Context(), administration.Query{}, func(administration.Record) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzClientList(f *testing.F) {
	f.Add([]byte(dutchList))
	f.Add([]byte("\xff\xfeK\x00B\x00O\x00;\x00n\x00a\x00a\x00m\x00\n\x00"))
	f.Add(bigList(2))
	f.Add([]byte("kbo;naam\n\"0402754886\";\"\xe9\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if balance.FormatOf(data) != "" {
			return // workbooks have a fuzz target in package balance
		}
		got, report, err := listed(t, listOf(t, "a.csv", data), administration.Query{})
		left := 0
		for _, n := range report.Left {
			left += n
		}
		if err == nil && len(got) > report.Read || left > report.Read {
			t.Errorf("%d clients and %d left of %d rows", len(got), left, report.Read)
		}
		for _, r := range got {
			if r.Reference == "" || len(r.Known) > 0 && len(r.Names) == 0 && r.EnterpriseNumber == "" {
				t.Errorf("%+v", r)
			}
		}
	})
}
