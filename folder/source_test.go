package folder_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"balansd/balance"
	"balansd/daemon"
	"balansd/folder"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/madeup"
)

var _ daemon.Source = (*folder.Source)(nil)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests list; files are older unless a test says so.
var noon = time.Date(2025, 12, 1, 12, 0, 0, 0, time.UTC)

// tree is a folder that a test fills.
type tree struct {
	t    *testing.T
	root string
}

func newTree(t *testing.T) tree { return tree{t, t.TempDir()} }

// write writes a file that was changed some time before noon.
func (tr tree) write(name, content string, before time.Duration) {
	tr.t.Helper()
	path := filepath.Join(tr.root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.Chtimes(path, noon, noon.Add(-before)); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr tree) source(change ...func(*folder.Config)) *folder.Source {
	tr.t.Helper()
	cfg := folder.Config{Name: "payroll", Path: tr.root}
	for _, c := range change {
		c(&cfg)
	}
	s, err := folder.New(cfg)
	if err != nil {
		tr.t.Fatal(err)
	}
	return s
}

// list lists everything.
func list(t *testing.T, s daemon.Source) (all []ledger.Listing, problems []string) {
	t.Helper()
	pages := 0
	for p, err := range s.List(t.Context(), "as it was") {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		all, problems = append(all, p.Listings...), append(problems, p.Problems...)
		pages++
	}
	if pages == 0 {
		t.Error("the listing gave no page")
	}
	return all, problems
}

func ids(listings []ledger.Listing) []string {
	names := []string{}
	for _, l := range listings {
		names = append(names, l.ID)
	}
	return names
}

func document(t *testing.T, layout balance.Layout, seed int64, model balance.Model) (*balance.Balance, string) {
	t.Helper()
	made := madeup.Balance(seed, model, 2024)
	doc, err := madeup.Document(layout, made)
	if err != nil {
		t.Fatal(err)
	}
	return made, string(doc)
}

func TestListAndContent(t *testing.T) {
	tr := newTree(t)
	abbreviated, csv := document(t, balance.NBBCSV, 1, balance.Abbreviated)
	full, xbrl := document(t, balance.PFSXBRL, 2, balance.Full)
	tr.write("PEETERS01/2024/balans (definitief).csv", csv, 2*time.Hour)
	tr.write("DULAC-02/bilan.xbrl", xbrl, 3*time.Hour)
	tr.write("DULAC-02/sociale balans 2023.txt", "not a social balance", time.Hour)
	s := tr.source()

	got, problems := list(t, s)
	if len(problems) > 0 {
		t.Errorf("problems %q", problems)
	}
	want := []ledger.Listing{
		{ID: "DULAC-02/bilan.xbrl", Dossier: ledger.Dossier{ID: "DULAC-02", Name: full.Name, EnterpriseNumber: full.EnterpriseNumber},
			FiscalYear: full.FiscalYear, Model: full.Model, CreatedAt: noon.Add(-3 * time.Hour)},
		{ID: "PEETERS01/2024/balans (definitief).csv", Dossier: ledger.Dossier{ID: "PEETERS01", Name: abbreviated.Name, EnterpriseNumber: abbreviated.EnterpriseNumber},
			FiscalYear: abbreviated.FiscalYear, Model: abbreviated.Model, CreatedAt: noon.Add(-2 * time.Hour)},
		{ID: "DULAC-02/sociale balans 2023.txt", Dossier: ledger.Dossier{ID: "DULAC-02", Name: "DULAC-02 (sociale balans 2023.txt)"}, CreatedAt: noon.Add(-time.Hour)},
	}
	bare := make([]ledger.Listing, len(got))
	for i, l := range got {
		if want := fmt.Sprintf("%s-%s", l.CreatedAt.Format("20060102T150405Z"), l.SHA256[:12]); l.Revision != want {
			t.Errorf("%s has revision %s, want %s", l.ID, l.Revision, want)
		}
		l.Revision, l.SHA256 = "", ""
		bare[i] = l
	}
	if diff := cmp.Diff(want, bare); diff != "" {
		t.Errorf("the listing differs (-want +got):\n%s", diff)
	}
	for i, content := range []string{xbrl, csv, "not a social balance"} {
		doc, err := s.Content(t.Context(), got[i])
		if err != nil || string(doc) != content {
			t.Errorf("%s: %d bytes, %v", got[i].ID, len(doc), err)
		}
	}
}

func TestRevisions(t *testing.T) {
	tr := newTree(t)
	s := tr.source()
	tr.write("A/sociale balans balans.csv", "first", 3*time.Hour)
	first, _ := list(t, s)

	tr.write("A/sociale balans balans.csv", "other", 2*time.Hour)
	second, _ := list(t, s)
	if first[0].ID != second[0].ID || first[0].Revision == second[0].Revision || !second[0].CreatedAt.After(first[0].CreatedAt) {
		t.Errorf("a changed file is not a newer revision of the same id: %+v, then %+v", first, second)
	}
	again, _ := list(t, s)
	if diff := cmp.Diff(second, again); diff != "" {
		t.Errorf("an unchanged file differs (-want +got):\n%s", diff)
	}
	if _, err := s.Content(t.Context(), first[0]); !problem.Is(err, problem.Damaged) || !strings.Contains(err.Error(), "changed while it was being read") {
		t.Errorf("content of a revision that is no more: got %v", err)
	}

	if err := os.Rename(filepath.Join(tr.root, "A", "sociale balans balans.csv"), filepath.Join(tr.root, "A", "sociale balans 2024.csv")); err != nil {
		t.Fatal(err)
	}
	renamed, _ := list(t, s)
	if len(renamed) != 1 || renamed[0].ID != "A/sociale balans 2024.csv" || renamed[0].SHA256 != second[0].SHA256 {
		t.Errorf("a renamed file: got %+v", renamed)
	}
	_, err := s.Content(t.Context(), second[0])
	if !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), filepath.Join(tr.root, "A", "sociale balans balans.csv")+" of source payroll") {
		t.Errorf("content of a file that is gone: got %v", err)
	}
}

// Whether a file is still being written is decided by whether it changes, not by a clock:
// that of a share may be wrong, and a file may be started while others are read.
func TestFilesStillBeingWritten(t *testing.T) {
	tr := newTree(t)
	for name, before := range map[string]time.Duration{"A/sociale balans old.csv": time.Hour, "A/sociale balans new.csv": 0, "A/sociale balans ahead.csv": -90 * time.Second, "A/sociale balans far ahead.csv": -48 * time.Hour,
		"A/sociale balans grows.csv": time.Hour, "A/sociale balans grows ahead.csv": -90 * time.Second, "A/sociale balans touched.csv": time.Hour, "A/sociale balans goes.csv": time.Hour} {
		tr.write(name, "x", before)
	}
	synctest.Test(t, func(t *testing.T) {
		go func() {
			time.Sleep(9 * time.Second)
			tr.write("A/sociale balans grows.csv", "xx", time.Hour)
			tr.write("A/sociale balans grows ahead.csv", "xx", -90*time.Second)
			tr.write("A/sociale balans touched.csv", "y", time.Minute)
			tr.write("A/sociale balans late.csv", "x", time.Hour)
			_ = os.Remove(filepath.Join(tr.root, "A", "sociale balans goes.csv"))
		}()
		s, start := tr.source(func(c *folder.Config) { c.Settle = 10 * time.Second }), time.Now()
		got, problems := list(t, s)
		if diff := cmp.Diff([]string{"A/sociale balans old.csv", "A/sociale balans new.csv", "A/sociale balans ahead.csv", "A/sociale balans far ahead.csv"}, ids(got)); diff != "" || time.Since(start) != 10*time.Second {
			t.Errorf("after %s the listing differs (-want +got):\n%s", time.Since(start), diff)
		}
		if len(problems) != 3 || !strings.Contains(strings.Join(problems, " "), filepath.Join(tr.root, "A", "sociale balans grows ahead.csv")+" is being written. The next run reads it.") {
			t.Errorf("problems %q, want one for each file that changed", problems)
		}

		// Files that changed or appeared meanwhile get time to settle in the next listing.
		time.Sleep(4 * time.Second)
		start = time.Now()
		if got, problems = list(t, s); len(got) != 8 || len(problems) != 0 || time.Since(start) != 10*time.Second {
			t.Errorf("after %s: got %v, %q; want all", time.Since(start), ids(got), problems)
		}
		start = time.Now()
		if got, _ = list(t, s); len(got) != 8 || time.Since(start) != 0 {
			t.Errorf("what stayed is waited for again, %s: %v", time.Since(start), ids(got))
		}
		start = time.Now()
		if got, problems := list(t, tr.source()); len(got) != 8 || len(problems) != 0 || time.Since(start) != 0 {
			t.Errorf("without settling, after %s: got %v, %q; want all", time.Since(start), ids(got), problems)
		}
	})
}

// A stop does not wait for files to settle.
func TestSettlingEndsWithTheContext(t *testing.T) {
	tr := newTree(t)
	tr.write("A/sociale balans balans.csv", "x", time.Hour)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		for _, err := range tr.source(func(c *folder.Config) { c.Settle = 10 * time.Second }).List(ctx, "") {
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
		}
	})
}

// TestSizeThatIsNotTheContent checks that a file with more content than its size counts as
// growing, as files of the kernel always do.
func TestSizeThatIsNotTheContent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	s, err := folder.New(folder.Config{Name: "proc", Path: "/proc/self"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Content(t.Context(), ledger.Listing{ID: "status"}); !problem.Is(err, problem.Damaged) || !strings.Contains(err.Error(), "changed while") {
		t.Errorf("got %v", err)
	}
}

func TestIgnoredFiles(t *testing.T) {
	tr := newTree(t)
	for _, name := range []string{
		"A/.hidden", "A/~$balans.csv", "A/balans.tmp", "A/balans.csv.part", "A/x.crdownload", "A/Thumbs.db", "A/desktop.ini",
		"A/2024/.git/config", ".hidden/balans.csv", "$RECYCLE.BIN/balans.csv", "Thumbs.db", "A/balans.PDF", "manual.pdf",
	} {
		tr.write(name, "x", time.Hour)
	}
	tr.write("A/sociale balans.csv", "x", time.Hour)
	got, problems := list(t, tr.source())
	if diff := cmp.Diff([]string{"A/sociale balans.csv"}, ids(got)); diff != "" {
		t.Errorf("the listing differs (-want +got):\n%s", diff)
	}
	if len(problems) > 0 {
		t.Errorf("problems %q", problems)
	}
}

func TestProblems(t *testing.T) {
	tests := map[string]struct {
		fill func(tr tree)
		want []string
	}{
		"files in the root": {func(tr tree) {
			for i := range 7 {
				tr.write(fmt.Sprintf("sociale balans %d.csv", i), "x", time.Hour)
			}
		}, []string{"outside any dossier", "balans 0.csv", "balans 4.csv and 2 more"}},
		"too deep": {func(tr tree) {
			tr.write("A/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/sociale balans.csv", "x", time.Hour)
		}, []string{"A/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", "too deep"}},
		"too large":   {func(tr tree) { tr.write("A/sociale balans balans.csv", strings.Repeat("x", 2000), time.Hour) }, []string{"A/sociale balans balans.csv", "larger than 1000 bytes"}},
		"nothing":     {func(tree) {}, nil},
		"just enough": {func(tr tree) { tr.write("A/sociale balans balans.csv", strings.Repeat("x", 1000), time.Hour) }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			tt.fill(tr)
			_, problems := list(t, tr.source(func(c *folder.Config) { c.MaxDocument, c.Layout = 1000, folder.LayoutDossiers }))
			if tt.want == nil {
				if len(problems) > 0 {
					t.Errorf("problems %q", problems)
				}
				return
			}
			if len(problems) != 1 {
				t.Fatalf("problems %q, want one", problems)
			}
			for _, w := range append(tt.want, tr.root) {
				if !strings.Contains(problems[0], filepath.FromSlash(w)) {
					t.Errorf("%q lacks %q", problems[0], w)
				}
			}
		})
	}
}

// TestTwoEnterprisesInOneFolder checks that each is listed with its own number, and that
// the mix is reported once.
func TestTwoEnterprisesInOneFolder(t *testing.T) {
	tr := newTree(t)
	one, csv := document(t, balance.NBBCSV, 1, balance.Micro)
	other, xbrl := document(t, balance.PFSXBRL, 2, balance.Micro)
	tr.write("Mixed/2023/balans.csv", csv, time.Hour)
	tr.write("Mixed/balans.csv", csv, time.Hour)
	tr.write("Mixed/balans.xbrl", xbrl, time.Hour)
	tr.write("Mixed/sociale balans.txt", "of no enterprise", time.Hour)
	tr.write("Alone/balans.xbrl", xbrl, time.Hour)
	got, problems := list(t, tr.source())
	if len(got) != 5 {
		t.Errorf("listed %v", ids(got))
	}
	want := []string{fmt.Sprintf("The folder %s holds balances of 2 enterprises: %s, %s. Give each its own sub-folder.",
		filepath.Join(tr.root, "Mixed"), one.EnterpriseNumber.Pretty(), other.EnterpriseNumber.Pretty())}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("the problems differ (-want +got):\n%s", diff)
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	outside := newTree(t)
	outside.write("secret.csv", "x", time.Hour)
	tr := newTree(t)
	tr.write("A/sociale balans balans.csv", "x", time.Hour)
	for link, to := range map[string]string{
		"A/sociale balans link.csv": filepath.Join(outside.root, "secret.csv"), "B": outside.root, "A/up": "..", "A/sociale balans same.csv": "balans.csv",
	} {
		if err := os.Symlink(to, filepath.Join(tr.root, filepath.FromSlash(link))); err != nil {
			t.Skipf("links cannot be made here: %v", err)
		}
	}
	s := tr.source()
	got, problems := list(t, s)
	if diff := cmp.Diff([]string{"A/sociale balans balans.csv"}, ids(got)); diff != "" {
		t.Errorf("the listing differs (-want +got):\n%s", diff)
	}
	if len(problems) != 4 {
		t.Errorf("%d problems, want one a link: %q", len(problems), problems)
	}
	for _, id := range []string{"A/sociale balans link.csv", "B/secret.csv", "../" + filepath.Base(outside.root) + "/secret.csv", "/etc/hostname", "A", ""} {
		if doc, err := s.Content(t.Context(), ledger.Listing{ID: id}); err == nil {
			t.Errorf("%q was read: %q", id, doc)
		}
	}
}

func TestFolderThatCannotBeRead(t *testing.T) {
	tr := newTree(t)
	tr.write("file", "x", time.Hour)
	tests := map[string]struct{ path, next string }{
		"missing": {filepath.Join(tr.root, "nowhere"), "Make the folder"},
		"a file":  {filepath.Join(tr.root, "file"), "It is a file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := tr.source(func(c *folder.Config) { c.Path = tt.path })
			check := func(call string, err error) {
				p := problem.Of(err)
				if p == nil || p.Code != problem.FolderDown || !strings.Contains(p.What, tt.path) || !strings.Contains(p.Next, tt.next) {
					t.Errorf("%s: got %v (%+v), want a FolderDown problem with the path and %q", call, err, p, tt.next)
				}
			}
			_, err := s.Status(t.Context())
			check("status", err)
			for _, err := range s.List(t.Context(), "") {
				check("list", err)
			}
			_, err = s.Content(t.Context(), ledger.Listing{ID: "A/balans.csv"})
			check("content", err)
		})
	}
	if s, err := tr.source().Status(t.Context()); err != nil || !s.Active || s.Environment != "payroll" {
		t.Errorf("a good folder: got %+v, %v", s, err)
	}
	empty := newTree(t)
	if s, err := empty.source().Status(t.Context()); err != nil || !s.Active {
		t.Errorf("an empty folder: got %+v, %v", s, err)
	}
}

func TestPartsThatCannotBeRead(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("nothing is closed to this account by mode bits")
	}
	tr := newTree(t)
	tr.write("A/sociale balans balans.csv", "x", time.Hour)
	tr.write("A/sociale balans closed.csv", "x", time.Hour)
	tr.write("B/sociale balans.csv", "x", time.Hour)
	for name, mode := range map[string]os.FileMode{"A/sociale balans closed.csv": 0, "B": 0} {
		path := filepath.Join(tr.root, filepath.FromSlash(name))
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
	}
	got, problems := list(t, tr.source())
	if len(got) != 1 || len(problems) != 2 {
		t.Errorf("got %v and %q; want one file and two problems", ids(got), problems)
	}
}

func TestFilesAreNotChanged(t *testing.T) {
	tr := newTree(t)
	_, csv := document(t, balance.NBBCSV, 1, balance.Micro)
	tr.write("A/balans.csv", csv, time.Hour)
	tr.write("A/balans.tmp", "x", time.Hour)
	before := snapshot(t, tr.root)
	s := tr.source()
	got, _ := list(t, s)
	if _, err := s.Content(t.Context(), got[0]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, snapshot(t, tr.root)); diff != "" {
		t.Errorf("the folder was altered (-before +after):\n%s", diff)
	}
}

func snapshot(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			all = append(all, fmt.Sprint(path, info.Size(), info.Mode(), info.ModTime()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWalkEndsWithTheContext(t *testing.T) {
	tr := newTree(t)
	tr.write("A/balans.csv", "x", time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range tr.source().List(ctx, "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
}

func TestUnusableConfig(t *testing.T) {
	for _, cfg := range []folder.Config{{Path: "x"}, {Name: "x"}, {Name: "p ", Path: "x"}} {
		if _, err := folder.New(cfg); !problem.Is(err, problem.ConfigInvalid) {
			t.Errorf("%+v: got %v", cfg, err)
		}
	}
}

// TestEveryFileIsListedOnce checks this across pages, with the oldest first.
func TestEveryFileIsListedOnce(t *testing.T) {
	for _, n := range []int{0, 1, 500, 501} {
		tr := newTree(t)
		for i := range n {
			tr.write(fmt.Sprintf("D%d/sociale balans %d.csv", i%7, i), fmt.Sprint(i), time.Duration(1+i*31%97)*time.Hour)
		}
		seen, last, pages := map[string]bool{}, time.Time{}, 0
		for p, err := range tr.source().List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, l := range p.Listings {
				if seen[l.ID] || l.CreatedAt.Before(last) {
					t.Errorf("%s came twice or out of order", l.ID)
				}
				seen[l.ID], last = true, l.CreatedAt
			}
		}
		if want := 1 + n/501; len(seen) != n || pages != want {
			t.Errorf("%d files on %d pages, want %d on %d", len(seen), pages, n, want)
		}
		for _, err := range tr.source().List(t.Context(), "") {
			if err != nil {
				t.Error(err)
			}
			break // an interrupted listing
		}
	}
}
