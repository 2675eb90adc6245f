package balance_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"balansd/balance"
)

// clientsIn reads every document that a file holds.
func clientsIn(t *testing.T, file string) (all []string) {
	t.Helper()
	documents, skipped, err := balance.Documents([]byte(file), balance.ArchiveLimits{})
	if err != nil || len(skipped) > 0 {
		t.Fatalf("%v, %v", skipped, err)
	}
	for _, d := range documents {
		data, err := d.Content()
		if err != nil {
			t.Fatal(err)
		}
		b, err := newReader().Read(data)
		if err != nil {
			all = append(all, d.Path+": "+err.Error())
			continue
		}
		all = append(all, fmt.Sprint(d.Path, " ", b.EnterpriseNumber, " ", b.Name, " ", b.FiscalYear, " ", figures(b.Values), " ", doubts(b)))
	}
	return all
}

// A CSV of all clients holds a balance of each.
func TestTableOfClients(t *testing.T) {
	const first, second = "0403170701", "0443246943"
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"a row for each rubric": {"Export\r\nOndernemingsnummer;Naam;Begin boekjaar;Einde boekjaar;Code;Boekjaar;Vorig boekjaar\r\n" +
			"0403.170.701;Bakkerij;01/01/2024;31/12/2024;1003;3,5;2\r\n0403.170.701;Bakkerij;01/01/2024;31/12/2024;1023;1.250,50;\r\n\r\n" +
			"0443.246.943;Garage;01/07/2023;30/06/2024;1003;7;6\r\n0443.246.943;Garage;01/07/2023;30/06/2024;1023;99,00;\r\nTotaal;;;;;99;",
			[]string{first + ".csv " + first + " Bakkerij 2024-01-01/2024-12-31 1003=3.5 1003P=2 1023=1250.5",
				second + ".csv " + second + " Garage 2023-07-01/2024-06-30 1003=7 1003P=6 1023=99"}},
		"mixed rows": {"Code,KBO,Bedrag\n1003,403170701,3.5\n1003,443246943,7\n1023,403170701,10.25\n1023,443246943,20.25\n",
			[]string{first + ".csv " + first + "   1003=3.5 1023=10.25", second + ".csv " + second + "   1003=7 1023=20.25"}},
		"a column for each rubric": {"KBO;Klant;Boekjaar;1003;1003P;1023\n0403.170.701;Bakkerij;2024;3,5;2;10\n0443.246.943;Garage;2024;7;;20\n",
			[]string{first + ".csv " + first + " Bakkerij 2024-01-01/2024-12-31 1003=3.5 1003P=2 1023=10 year: 2024-01-01/2024-12-31",
				second + ".csv " + second + " Garage 2024-01-01/2024-12-31 1003=7 1023=20 year: 2024-01-01/2024-12-31"}},
		"one client":              {"KBO;Code;Boekjaar\n0403.170.701;1003;3,5\n0403.170.701;1023;10\n", []string{" " + first + "   1003=3.5 1023=10"}},
		"a list without rubrics":  {"KBO;Klant;Omzet\n0403.170.701;Bakkerij;20000\n0443.246.943;Garage;30000\n", []string{": this is text of no known layout"}},
		"others in the documents": {document(t, "csv-m81-abbreviated.csv") + "\"x\",\"0403170701\"\n\"x\",\"0443246943\"\n", nil},
	} {
		got := clientsIn(t, c.file)
		if c.want == nil {
			if len(got) != 1 || !strings.HasPrefix(got[0], " ") {
				t.Errorf("%s: %q", name, got)
			}
			continue
		}
		for i, want := range c.want {
			if len(got) != len(c.want) || !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: %q", name, got)
				break
			}
		}
	}
}

// A table that would grow beyond what an archive may is not taken apart.
func TestTableOfTooManyClients(t *testing.T) {
	rows := "KBO;Code;Boekjaar\n0403.170.701;1003;3,5\n0443.246.943;1003;7\n"
	for name, c := range map[string]struct {
		file   string
		limits balance.ArchiveLimits
	}{
		"clients": {rows, balance.ArchiveLimits{Files: 1}},
		"bytes":   {strings.Repeat("title\n", 1000) + rows, balance.ArchiveLimits{Unpacked: 10_000}},
	} {
		documents, _, err := balance.Documents([]byte(c.file), c.limits)
		if err != nil || len(documents) != 1 || documents[0].Path != "" {
			t.Errorf("%s: %v, %v", name, documents, err)
		}
	}
}

// Where the figures of several clients cannot be told apart they are never taken for
// those of one.
func TestSeveralClientsRefused(t *testing.T) {
	head := []any{"KBO", "Code", "Boekjaar"}
	rows := sheet(t, head, []any{"0403.170.701", "1003", 3.5}, []any{"0403.170.701", "1023", 10.25}, []any{"0443.246.943", "1003", 7.5}, []any{"0443.246.943", "1023", 20.25})
	one := func(number string) [][]any {
		return [][]any{{"Ondernemingsnummer", number}, {"Boekjaar", "01/01/2024", "31/12/2024"}, {"Code", "Boekjaar"}, {"1003", 3.5}, {"1013", 10}, {"1023", 10.25}}
	}
	sheets := workbookOf(t, map[string][][]any{"A": one("0403.170.701"), "B": one("0443.246.943")})
	wide := []byte("Code;x;y\n1003;1013;1023\n1;2;3\n4;5;6\n")
	for name, c := range map[string]struct {
		document []byte
		want     string
	}{
		"rows of a sheet": {rows, "the table has rows of 2 clients; save it as a CSV"},
		"a sheet each":    {sheets, "the document has social balances of 2 clients"},
		"rows of a page":  {asPDF(head, []any{"0403.170.701", "1003", 3.5}, []any{"0443.246.943", "1003", 7.5}, []any{"0443.246.943", "1023", 20.25}), "the table has rows of 2 clients"},
		"rows below":      {wide, ""},
	} {
		var known *balance.ReadError
		if b, err := newReader().Read(c.document); !errors.As(err, &known) || b != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
}
