package folder_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/folder"
	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/problem"
)

// report lists everything and returns the report of the folder.
func report(t *testing.T, s *folder.Source) (ledger.FolderContent, []ledger.Listing, []string) {
	t.Helper()
	var content *ledger.FolderContent
	var all []ledger.Listing
	var problems []string
	for p, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all, problems = append(all, p.Listings...), append(problems, p.Problems...)
		if p.Folder != nil {
			content = p.Folder
		}
	}
	if content == nil {
		t.Fatal("the last page says nothing of the folder")
	}
	return *content, all, problems
}

// TestShareAsItIs finds one balance among everything in a client's folder.
func TestShareAsItIs(t *testing.T) {
	tr := newTree(t)
	made, csv := document(t, balance.NBBCSV, 1, balance.Abbreviated)
	_, deleted := document(t, balance.NBBCSV, 2, balance.Micro)
	tr.write("Peeters/sociale balans.csv", csv, time.Hour)
	for _, name := range []string{"Peeters/#recycle/oud.csv", "Peeters/@eaDir/x.csv", "@Recycle/x.csv", "Peeters/.snapshot/x.csv", "$RECYCLE.BIN/x.csv",
		"System Volume Information/x.csv", "Peeters/~$sociale balans.csv", "Peeters/sociale balans.csv.filepart", "Peeters/sociale balans.csv.partial",
		"Peeters/sociale balans.csv.crdownload", "Peeters/sociale balans.csv.tmp", "Peeters/Thumbs.db", "Peeters/.DS_Store", "Peeters/CONCEPT sociale balans.csv", "Peeters/2019/x.csv"} {
		tr.write(name, deleted, time.Hour)
	}
	for i := range 60 {
		tr.write(fmt.Sprintf("Peeters/brief %d.docx", i), "PK\x03\x04 a letter", time.Hour)
		tr.write(fmt.Sprintf("Peeters/foto's/foto %d.jpg", i), "\xff\xd8\xff a picture", time.Hour)
		tr.write(fmt.Sprintf("Peeters/mails/mail %d.msg", i), "\xd0\xcf\x11\xe0 a mail", time.Hour)
		tr.write(fmt.Sprintf("Peeters/scan %d.pdf", i), "%PDF-1.4 nothing", time.Hour)
	}
	got, listed, problems := report(t, tr.source(func(c *folder.Config) { c.Ignore = []string{"concept*", `Peeters\2019`} }))
	if diff := cmp.Diff([]string{"Peeters/sociale balans.csv"}, ids(listed)); diff != "" || len(problems) > 0 {
		t.Errorf("problems %q, the listing differs (-want +got):\n%s", problems, diff)
	}
	if listed[0].Dossier.EnterpriseNumber != made.EnterpriseNumber {
		t.Errorf("listed %+v", listed[0])
	}
	want := ledger.FolderReport{Files: 241, Balances: 1, LeftOut: 15, Dossiers: 1, Layout: "auto", Taken: got.Report.Taken,
		Others: map[string]int{"word": 60, "picture": 60, "mail": 60, "pdf": 60}}
	if diff := cmp.Diff(want, got.Report); diff != "" {
		t.Errorf("the report differs (-want +got):\n%s", diff)
	}
	if !strings.Contains(got.Report.Taken, "a sub-folder for each dossier (1)") {
		t.Errorf("taken for %q", got.Report.Taken)
	}
}

// TestMeantByName: a file that says that it is a social balance is listed whatever is
// in it, and others are not.
func TestMeantByName(t *testing.T) {
	for name, meant := range map[string]bool{
		"sociale balans.pdf": true, "Sociale_Balans_2024.docx": true, "SOCIALEBALANS2024.xls": true, "soc. bal. 2024.csv": true, "socbal-2024.csv": true,
		"BILAN SOCIAL.pdf": true, "bilan-social_final (2).txt": true, "bilans sociaux.csv": true, "BilanSocial.csv": true, "bil.soc.2023.csv": true,
		"social balance sheet.pdf": true, "SocialBalance.csv": true, "Sozialbilanz 2024.pdf": true, "soziale Bilanz.csv": true,
		"balans 2024.pdf": false, "bilan.pdf": false, "social.txt": false, "bilan societe.pdf": false, "sociale zekerheid.pdf": false, "associale balansen.txt": false,
	} {
		tr := newTree(t)
		tr.write("A/"+name, "neither fish nor fowl", time.Hour)
		got, listed, _ := report(t, tr.source())
		if (len(listed) == 1) != meant || (got.Report.Unusable == 1) != meant {
			t.Errorf("%s: listed %v, report %+v", name, ids(listed), got.Report)
		}
	}
}

// TestMeantByContent: a document of a layout that is recognised is listed under any
// name, but for annual accounts without a social balance.
func TestMeantByContent(t *testing.T) {
	tr := newTree(t)
	_, csv := document(t, balance.NBBCSV, 1, balance.Abbreviated)
	_, xbrl := document(t, balance.PFSXBRL, 2, balance.Full)
	tr.write("A/export.csv", csv, time.Hour)
	tr.write("A/half.xbrl", xbrl[:len(xbrl)/2], time.Hour)
	tr.write("A/accounts.csv", `"Reference number","2025-1"`+"\n"+`"Entity number","0900102194"`+"\n"+`"10/49","5"`+"\n", time.Hour)
	tr.write("A/list.csv", "name;amount\nx;5\n", time.Hour)
	tr.write("A/data.json", `{"a":1}`, time.Hour)
	got, listed, _ := report(t, tr.source())
	slices.SortFunc(listed, func(a, b ledger.Listing) int { return strings.Compare(a.ID, b.ID) })
	if diff := cmp.Diff([]string{"A/export.csv", "A/half.xbrl"}, ids(listed)); diff != "" {
		t.Errorf("the listing differs (-want +got):\n%s", diff)
	}
	if r := got.Report; r.Balances != 1 || r.Unusable != 1 || r.Others["accounts"] != 1 || r.Others["text"] != 2 {
		t.Errorf("report %+v", r)
	}
}

func TestLayouts(t *testing.T) {
	made, csv := document(t, balance.NBBCSV, 1, balance.Abbreviated)
	number := made.EnterpriseNumber.String()
	tests := map[string]struct {
		layout folder.Layout
		file   string
		also   []string // other files
		want   string   // the dossier; empty where the file is not listed
	}{
		"a dossier's folder":            {folder.LayoutAuto, "Peeters/x.csv", nil, "Peeters"},
		"deep in a dossier's folder":    {folder.LayoutAuto, "Peeters/2024/sociale balans/x.csv", nil, "Peeters"},
		"in no folder":                  {folder.LayoutAuto, "x.csv", nil, number},
		"a year":                        {folder.LayoutAuto, "2024/x.csv", nil, number},
		"a year among years":            {folder.LayoutAuto, "2023-2024/x.csv", []string{"2022/y.txt"}, number},
		"a number among numbers":        {folder.LayoutAuto, "2024/x.csv", []string{"10045/y.txt"}, "2024"},
		"an inbox":                      {folder.LayoutAuto, "Inbox/x.csv", nil, number},
		"a folder of social balances":   {folder.LayoutAuto, "Sociale balansen/x.csv", nil, number},
		"flat, in a folder":             {folder.LayoutFlat, "Peeters/x.csv", nil, number},
		"flat":                          {folder.LayoutFlat, "x.csv", nil, number},
		"dossiers":                      {folder.LayoutDossiers, "2024/x.csv", nil, "2024"},
		"dossiers, in no folder":        {folder.LayoutDossiers, "x.csv", nil, ""},
		"two folders that look alike":   {folder.LayoutAuto, "peeters/x.csv", []string{"Peeters/y.txt"}, "Peeters"},
		"accents in one character, two": {folder.LayoutAuto, "Café/x.csv", []string{"Cafe\u0301/y.txt"}, "Cafe\u0301"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			tr.write(tt.file, csv, time.Hour)
			for _, other := range tt.also {
				tr.write(other, "x", time.Hour)
			}
			got, listed, problems := report(t, tr.source(func(c *folder.Config) { c.Layout = tt.layout }))
			switch {
			case tt.want == "":
				if len(listed) != 0 || len(problems) != 1 || !strings.Contains(problems[0], "outside any dossier's folder") {
					t.Errorf("listed %v, problems %q", ids(listed), problems)
				}
			case len(listed) != 1 || listed[0].Dossier.ID != tt.want || listed[0].Dossier.Name != made.Name || len(problems) > 0:
				t.Errorf("listed %+v, problems %q, want dossier %s", listed, problems, tt.want)
			}
			if got.Report.Taken == "" || (got.Report.ByNumber == 1) != (tt.want == number) {
				t.Errorf("report %+v", got.Report)
			}
		})
	}
}

// countingReader counts the documents that are read.
type countingReader struct {
	*balance.Reader
	read atomic.Int32
}

func (c *countingReader) ReadDocument(ctx context.Context, data []byte) (*balance.Balance, error) {
	c.read.Add(1)
	return c.Reader.ReadDocument(ctx, data)
}

// TestUnchangedFilesAreNotReadAgain checks that unchanged files are not read again, not
// even by a new source with the stored results; and that all are read again when the
// reader changes, and after some days.
func TestUnchangedFilesAreNotReadAgain(t *testing.T) {
	tr := newTree(t)
	_, csv := document(t, balance.NBBCSV, 1, balance.Abbreviated)
	tr.write("A/balans.csv", csv, time.Hour)
	tr.write("A/2024/lijst.txt", "a list", time.Hour)
	tr.write("B/sociale balans.txt", "a bad one", time.Hour)
	synctest.Test(t, func(t *testing.T) {
		kv, reader := &memoryStore{}, &countingReader{Reader: balance.NewReader(balance.ReaderOptions{})}
		var first []ledger.Listing
		check := func(what string, want int32, change ...func(*folder.Config)) {
			t.Helper()
			s := tr.source(append([]func(*folder.Config){func(c *folder.Config) {
				c.Memory, c.Reader, c.Settle, c.Reading = kv, reader, 10*time.Second, "1"
			}}, change...)...)
			reader.read.Store(0)
			_, listed, _ := report(t, s)
			if n := reader.read.Load(); n != want {
				t.Errorf("%s: read %d files, want %d", what, n, want)
			}
			if first == nil {
				first = listed
			}
			if diff := cmp.Diff(first, listed); diff != "" {
				t.Errorf("%s: the listing differs (-want +got):\n%s", what, diff)
			}
		}
		check("at first", 3)
		check("unchanged", 0)
		check("read in another way", 3, func(c *folder.Config) { c.Reading = "2" })
		check("back", 3)
		check("unchanged again", 0)
		time.Sleep(20 * 24 * time.Hour)
		check("after some days", 3)
		check("and then", 0)
		tr.write("A/2024/lijst.txt", "other list", 2*time.Hour)
		check("one changed", 1)
		if err := os.RemoveAll(filepath.Join(tr.root, "A", "2024")); err != nil {
			t.Fatal(err)
		}
		check("one is gone", 0)
		if got := len(kv.rows); got != 3 { // the head, A and B
			t.Errorf("%d rows are kept: %v", got, slices.Collect(maps.Keys(kv.rows)))
		}
	})
}

// TestDryRunRemembersNothing checks that a run reports again what a dry run before it has
// reported.
func TestDryRunRemembersNothing(t *testing.T) {
	tr := newTree(t)
	tr.write("A/sociale balans.csv", strings.Repeat("x", 2000), time.Hour)
	kv := &memoryStore{}
	s := tr.source(func(c *folder.Config) { c.Memory, c.MaxDocument = kv, 1000 })
	for range 2 {
		if _, _, problems := report(t, s.ReadOnly()); len(problems) != 1 {
			t.Errorf("a dry run tells %q", problems)
		}
	}
	if len(kv.rows) != 0 {
		t.Errorf("a dry run keeps %v", kv.rows)
	}
}

// TestProblemsAreToldOnce checks that a problem is reported once, and again when its file
// changes; until then it is in the report.
func TestProblemsAreToldOnce(t *testing.T) {
	tr := newTree(t)
	kv := &memoryStore{}
	tr.write("A/sociale balans.csv", strings.Repeat("x", 2000), time.Hour)
	for i, change := range []bool{true, false, false, true, false} {
		if change && i > 0 {
			tr.write("A/sociale balans.csv", strings.Repeat("y", 2001), 2*time.Hour)
		}
		s := tr.source(func(c *folder.Config) { c.Memory, c.MaxDocument = kv, 1000 })
		got, _, problems := report(t, s)
		if (len(problems) == 1) != change || len(got.Report.Problems) != 1 {
			t.Errorf("listing %d tells %q, and %q stands", i, problems, got.Report.Problems)
		}
		if diff := cmp.Diff([]string{"A/sociale balans.csv"}, got.Unsure); diff != "" {
			t.Errorf("unsure (-want +got):\n%s", diff)
		}
	}
}

// TestNotMounted checks that a folder which had files and has none is reported as not
// mounted until a file is put into it; another folder, and one that was always empty, are
// not.
func TestNotMounted(t *testing.T) {
	tr := newTree(t)
	listing := func(s *folder.Source, cursor string) (string, error) {
		for p, err := range s.List(t.Context(), cursor) {
			return p.Cursor, err
		}
		return "", nil
	}
	s := tr.source()
	cursor, err := listing(s, "")
	if err != nil {
		t.Fatalf("an empty folder: %v", err)
	}
	if cursor, err = listing(s, cursor); err != nil {
		t.Fatalf("still empty: %v", err)
	}
	tr.write("A/brief.txt", "x", time.Hour)
	if cursor, err = listing(s, cursor); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(tr.root, "A")); err != nil {
		t.Fatal(err)
	}
	_, err = listing(s, cursor)
	p := problem.Of(err)
	if p == nil || p.Code != problem.FolderDown || p.Reason != problem.NotMounted || !strings.Contains(p.What, "held 1 files") || !strings.Contains(p.What, tr.root) {
		t.Fatalf("emptied: %+v", p)
	}
	if _, err := listing(newTree(t).source(), cursor); err != nil {
		t.Errorf("another folder: %v", err)
	}
	for _, old := range []string{"", "as it was", "1 x y z"} {
		if _, err := listing(s, old); err != nil {
			t.Errorf("the cursor %q: %v", old, err)
		}
	}
	tr.write("leeg.txt", "emptied on purpose", time.Hour)
	if _, err := listing(s, cursor); err != nil {
		t.Errorf("with a note in it: %v", err)
	}
}

// sharedCases are inputs of kinds that people really have.
const sharedCases = "../../shared/cases"

func TestSharedCases(t *testing.T) {
	if _, err := os.Stat(sharedCases); err != nil {
		t.Skip("the cases are not here")
	}
	source := func(name string, c *folder.Config) { c.Path = filepath.Join(sharedCases, name) }
	got, listed, problems := report(t, newTree(t).source(func(c *folder.Config) { source("share", c) }))
	if r := got.Report; len(listed) != 1 || listed[0].Dossier.EnterpriseNumber != "0900102194" || len(problems) > 0 || r.Unusable != 0 || r.Files != 4 || r.LeftOut != 2 {
		t.Errorf("share: %v, %q, %+v", ids(listed), problems, r)
	}
	_, listed, problems = report(t, newTree(t).source(func(c *folder.Config) { source("flat", c) }))
	dossiers := map[string]bool{}
	for _, l := range listed {
		dossiers[l.Dossier.ID] = l.Dossier.ID == l.Dossier.EnterpriseNumber.String()
	}
	if len(dossiers) != 3 || len(listed) != 3 || len(problems) > 0 {
		t.Errorf("flat: %v, %q", dossiers, problems)
	}
	_, listed, problems = report(t, newTree(t).source(func(c *folder.Config) { source("which", c) }))
	if len(listed) != 2 || listed[0].Dossier.ID != listed[1].Dossier.ID || len(problems) > 0 {
		t.Errorf("which: %+v, %q", listed, problems)
	}
}

var _ keyvalue.Store = (*memoryStore)(nil)
