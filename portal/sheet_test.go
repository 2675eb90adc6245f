package portal

import (
	"archive/zip"
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"

	"github.com/xuri/excelize/v2"
)

// workbookRows returns the rows of a workbook as Excel shows them, and the workbook.
func workbookRows(t *testing.T, data []byte) ([][]string, *excelize.File) {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	rows, err := f.GetRows("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	return rows, f
}

// listedAPI is a stubAPI with dossiers of two firms, one with a name that a spreadsheet would
// take for a formula.
func listedAPI() *stubAPI {
	at := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	entry := func(n uint64, s ledger.State, name string, firm int64) ledger.Entry {
		e := ledger.Entry{Number: n, Version: 1, State: s, UpdatedAt: at}
		e.Connection, e.Model, e.CreatedAt = "c1", balance.Abbreviated, at
		e.FiscalYear = balance.Period{Start: balance.Date{Year: 2025, Month: 1, Day: 1}, End: balance.Date{Year: 2025, Month: 12, Day: 31}}
		e.Dossier = ledger.Dossier{ID: "dos-000737", Name: name, EnterpriseNumber: "0443246943"}
		if firm != 0 {
			e.Target = &ledger.Target{FirmID: firm, CompanyID: 7, CompanyName: "Bakkerij in Silverfin"}
		}
		return e
	}
	d := &stubAPI{entries: []ledger.Entry{entry(3, ledger.Done, "Bakkerij", 11), entry(2, ledger.Waiting, "=HYPERLINK(1)", 0), entry(1, ledger.Differs, "Garage", 12)}}
	d.entries[1].Reason, d.entries[1].Detail, d.entries[1].Next = ledger.NoCompany, "no company has the number", "Run balansd ledger retry 2."
	d.entries[2].Differences = []ledger.Difference{{Cell: balance.Cell{Code: "1023"}, Finbox: "44300.5", Silverfin: "-3,5"}}
	d.values = map[string]string{"1003": "114.4", "1003P": "110"}
	d.status.Connections = []ledger.Connection{{ID: "c1", Name: "Kantoor Finbox"}}
	d.status.Firms = []ledger.Firm{{ID: 11, Name: "Kantoor Noord"}, {ID: 12, Name: "Kantoor/Zuid"}}
	return d
}

// TestSheets: each list is a file in the words of the page, with numbers and dates as such,
// and no text that is a formula.
func TestSheets(t *testing.T) {
	f := newStubFixture(t, listedAPI())
	ann := f.signedIn(annName)
	csv := ann.get("/dossiers.csv").body
	for _, text := range []string{"\ufeffnummer;", "wat te doen", ";In afwachting;Geen dossier in Silverfin met dit ondernemingsnummer;Vul het ondernemingsnummer in", "'=HYPERLINK(1)",
		"2025-12-31;verkort", "2026-03-10 10:00:00", "Kantoor Finbox", "BE 0443.246.943"} {
		if !strings.Contains(csv, text) {
			t.Errorf("the CSV lacks %q:\n%s", text, csv)
		}
	}
	if strings.Contains(csv, "balansd ledger") || strings.Contains(csv, ";=") {
		t.Errorf("the CSV has commands or formulas:\n%s", csv)
	}
	rows, book := workbookRows(t, []byte(ann.get("/dossiers.xlsx?figures=1").body))
	column := func(name string) string {
		i := slices.Index(rows[0], name)
		if i < 0 {
			t.Fatalf("there is no column %s in %q", name, rows[0])
		}
		cell, err := excelize.CoordinatesToCellName(i+1, 2)
		if err != nil {
			t.Fatal(err)
		}
		return cell
	}
	for name, want := range map[string]string{"einde boekjaar": "31/12/2025", "aangemaakt op": "10/03/2026 10:00", "1003": "114.4", "1003P": "110", "nummer": "3"} {
		cell := column(name)
		shown, err := book.GetCellValue("Sheet1", cell)
		kind, kindErr := book.GetCellType("Sheet1", cell)
		if err != nil || kindErr != nil || shown != want || kind != excelize.CellTypeUnset { // a number; texts have a type
			t.Errorf("%s is %q of type %d, want %q: %v %v", name, shown, kind, want, err, kindErr)
		}
	}
	if formula, _ := book.GetCellFormula("Sheet1", "B3"); formula != "" || rows[2][1] != "=HYPERLINK(1)" {
		t.Errorf("the name is %q, with formula %q", rows[2][1], formula)
	}
	if got := ann.get("/decisions.csv").body; !strings.Contains(got, ";1023;") || !strings.Contains(got, ";44300,5;-3,5;") {
		t.Errorf("the decisions are %s", got)
	}
	for path, want := range map[string]string{"/links.xlsx": "dossier in Silverfin", "/nights.xlsx": "Verloop", "/people.xlsx": annName, "/audit.xlsx": "aangemeld", "/decisions.xlsx": "Garage"} {
		got := ann.get(path)
		rows, _ := workbookRows(t, []byte(got.body))
		if !strings.Contains(strings.Join(slices.Concat(rows...), "\n"), want) || !strings.Contains(got.header.Get("Content-Disposition"), ".xlsx") {
			t.Errorf("%s lacks %q: %q", path, want, rows)
		}
	}
	ann.post("/language", "language", "fr", "next", "/")
	if csv := ann.get("/dossiers.csv").body; !strings.Contains(csv, "que faire") || !strings.Contains(csv, "En attente") {
		t.Errorf("the CSV is not in French:\n%s", csv)
	}
}

// TestReview: the ZIP has a workbook for each firm.
func TestReview(t *testing.T) {
	f := newStubFixture(t, listedAPI())
	got := f.signedIn(benName).get("/dossiers.zip")
	z, err := zip.NewReader(strings.NewReader(got.body), int64(len(got.body)))
	if err != nil || got.code != http.StatusOK {
		t.Fatal(got.code, err)
	}
	var names []string
	for _, file := range z.File {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		rows, _ := workbookRows(t, b.Bytes())
		names = append(names, file.Name+" "+rows[1][1])
	}
	want := []string{"zonder-Silverfin-omgeving.xlsx =HYPERLINK(1)", "Kantoor-Noord-11.xlsx Bakkerij", "Kantoor-Zuid-12.xlsx Garage"}
	if !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}
