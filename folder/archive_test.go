package folder_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/folder"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/madeup"
)

// zipOf returns a ZIP archive of files; pairs are names and contents in turn.
func zipOf(t *testing.T, pairs ...string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(pairs); i += 2 {
		to, err := w.Create(pairs[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(to, pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestArchives lists the files in ZIP archives, in the folder of a dossier and elsewhere.
func TestArchives(t *testing.T) {
	t.Parallel()
	one, csv := document(t, balance.NBBCSV, 1, balance.Abbreviated)
	two, xbrl := document(t, balance.PFSXBRL, 2, balance.Full)
	three, text := document(t, balance.NBBCSV, 3, balance.Micro)
	form, err := madeup.Document(balance.NBBPDF, madeup.Balance(4, balance.Micro, 2024))
	if err != nil {
		t.Fatal(err)
	}
	tr := newTree(t)
	tr.write("PEETERS01/download", zipOf(t, "2025-00000001.csv", csv, "readme.txt", "hello", "foto.jpg", "\xff\xd8\xff"), time.Hour)
	tr.write("PEETERS01/brief.docx", zipOf(t, "[Content_Types].xml", "x", "word/document.xml", "x"), time.Hour)
	tr.write("BUREAU02/alle klanten.zip", zipOf(t, "a/x.csv", csv, "b.xbrl", xbrl, "in.zip", zipOf(t, "c/y.csv", text), "../kwijt.csv", csv, "sociale balans.txt", "hello"), 2*time.Hour)
	tr.write("los.zip", zipOf(t, "z.csv", text), 3*time.Hour)
	tr.write("kapot.zip", zipOf(t, "z.csv", text)[:50], 3*time.Hour)
	tr.write("foto.zip", zipOf(t, "foto.jpg", "\xff\xd8\xff"), 3*time.Hour)
	tr.write("PDF03/bilan.pdf", string(form), 4*time.Hour)
	s := tr.source()

	got, problems := list(t, s)
	type row struct{ ID, Dossier, Number string }
	rows := []row{}
	for _, l := range got {
		rows = append(rows, row{l.ID, l.Dossier.ID, l.Dossier.EnterpriseNumber.String()})
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.ID, b.ID) })
	n1, n2, n3 := one.EnterpriseNumber.String(), two.EnterpriseNumber.String(), three.EnterpriseNumber.String()
	want := []row{
		{"BUREAU02/alle klanten.zip!/a/x.csv", n1, n1},
		{"BUREAU02/alle klanten.zip!/b.xbrl", n2, n2},
		{"BUREAU02/alle klanten.zip!/in.zip!/c/y.csv", n3, n3},
		{"BUREAU02/alle klanten.zip!/sociale balans.txt", "BUREAU02", ""},
		{"PDF03/bilan.pdf", "PDF03", madeup.Balance(4, balance.Micro, 2024).EnterpriseNumber.String()},
		{"PEETERS01/download!/2025-00000001.csv", "PEETERS01", n1},
		{"los.zip!/z.csv", n3, n3},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	wantProblems := []string{
		"In " + filepath.Join(tr.root, "BUREAU02", "alle klanten.zip") + ": ../kwijt.csv is not read: its name leads out of the folder; rename it and pack it again.",
		"In " + filepath.Join(tr.root, "kapot.zip") + ": this ZIP is damaged or not complete; take it again from where it came.",
	}
	slices.Sort(problems)
	if diff := cmp.Diff(wantProblems, problems); diff != "" {
		t.Errorf("problems (-want +got)\n%s", diff)
	}
	if again, more := list(t, s); len(again) != len(got) || len(more) > 0 {
		t.Errorf("the listing after it has %d entries, and tells %q", len(again), more)
	}

	contents := map[string]string{"BUREAU02/alle klanten.zip!/b.xbrl": xbrl, "BUREAU02/alle klanten.zip!/in.zip!/c/y.csv": text, "PEETERS01/download!/2025-00000001.csv": csv}
	for _, l := range got {
		doc, err := s.Content(t.Context(), l)
		sum := sha256.Sum256(doc)
		if err != nil || l.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: %v", l.ID, err)
		}
		if want, ok := contents[l.ID]; ok && string(doc) != want {
			t.Errorf("%s has another content", l.ID)
		}
	}
}

// TestChangedArchive asks for a file that is no longer in its archive, or has changed.
func TestChangedArchive(t *testing.T) {
	t.Parallel()
	_, csv := document(t, balance.NBBCSV, 1, balance.Abbreviated)
	_, other := document(t, balance.NBBCSV, 2, balance.Abbreviated)
	tr := newTree(t)
	tr.write("A!/in.zip", zipOf(t, "a.csv", csv, "b.csv", other), time.Hour)
	s := tr.source()
	got, _ := list(t, s)
	if len(got) != 2 || got[0].ID != "A!/in.zip!/a.csv" {
		t.Fatalf("listed %+v", got)
	}
	tr.write("A!/in.zip", zipOf(t, "a.csv", other), time.Minute)
	if _, err := s.Content(t.Context(), got[0]); !problem.Is(err, problem.Damaged) {
		t.Errorf("of a member that changed: %v", err)
	}
	if _, err := s.Content(t.Context(), got[1]); !problem.Is(err, problem.NotFound) {
		t.Errorf("of a member that is gone: %v", err)
	}
	if err := os.Remove(filepath.Join(tr.root, "A!", "in.zip")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Content(t.Context(), got[0]); !problem.Is(err, problem.NotFound) {
		t.Errorf("of an archive that is gone: %v", err)
	}
}

// TestRememberedArchive checks that an unchanged archive is listed in the same way without
// being read.
func TestRememberedArchive(t *testing.T) {
	t.Parallel()
	_, csv := document(t, balance.NBBCSV, 1, balance.Abbreviated)
	tr := newTree(t)
	tr.write("A/in.zip", zipOf(t, "a.csv", csv, "../b.csv", csv, "readme.txt", "hello"), time.Hour)
	s := tr.source(func(c *folder.Config) { c.Settle = time.Millisecond })
	reports := []ledger.FolderReport{}
	var first []ledger.Listing
	for range 3 {
		got, _ := list(t, s)
		if first = append(first, got...); !cmp.Equal(first[:1], got) {
			t.Errorf("listed %+v, then %+v", first[:1], got)
		}
		report, err := s.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		reports = append(reports, report)
	}
	for _, r := range reports {
		if r.Balances != 1 || r.Others["text"] != 1 || len(r.Problems) != 1 {
			t.Errorf("report %+v", r)
		}
	}
}

// TestTableOfClients lists each client of a CSV that has the figures of all.
func TestTableOfClients(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.write("export.csv", "Ondernemingsnummer;Code;Boekjaar\n0403.170.701;1003;3,5\n0403.170.701;1023;10\n0443.246.943;1003;7\n0443.246.943;1023;20\n", time.Hour)
	s := tr.source()
	got, problems := list(t, s)
	if diff := cmp.Diff([]string{"export.csv!/0403170701.csv", "export.csv!/0443246943.csv"}, ids(got)); diff != "" || len(problems) > 0 {
		t.Fatalf("%q (-want +got)\n%s", problems, diff)
	}
	for _, l := range got {
		doc, err := s.Content(t.Context(), l)
		if sum := sha256.Sum256(doc); err != nil || l.SHA256 != hex.EncodeToString(sum[:]) || !strings.Contains(l.ID, l.Dossier.EnterpriseNumber.String()) {
			t.Errorf("%s: %v, number %s", l.ID, err, l.Dossier.EnterpriseNumber)
		}
	}
}
