package daemon_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/folder"
	"balansd/ledger"
	"balansd/problem"
)

// zipOf packs files.
func zipOf(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(content)
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

// A ZIP of several clients gives an item a balance, and names what else lay in it.
func TestUploadOfAZIP(t *testing.T) {
	fx := newFixture(t)
	files := map[string][]byte{"leesmij.docx": zipOf(t, map[string][]byte{"[Content_Types].xml": nil, "word/document.xml": nil}), "foto.jpg": []byte("\xff\xd8\xff"),
		"lees mij.txt": []byte("Met vriendelijke groeten\r\n")}
	balances := map[client]*balance.Balance{}
	for n := range 3 {
		c := fx.client(n)
		balances[c] = fx.balance(c, int64(n))
		files[fmt.Sprintf("klant %d/balans.xbrl", n)] = fx.document(balance.CBSOXBRL, balances[c])
	}
	u := fx.upload(map[string][]byte{"bureau.zip": zipOf(t, files)})
	if len(u.Items) != 3 || len(u.Others) == 0 || !strings.Contains(strings.Join(u.Others, " "), "leesmij.docx") || u.Files != 1 {
		t.Fatalf("the upload is %+v", u)
	}
	var numbers []uint64
	for _, it := range u.Items {
		fx.wantOutlook(it, daemon.OutlookEmpty, "")
		if !strings.HasPrefix(it.Name, "bureau.zip!/klant ") {
			t.Errorf("an item is named %s", it.Name)
		}
		it, err := fx.confirm(u, it)
		fx.must(err)
		numbers = append(numbers, it.Entry)
	}
	fx.deliver(numbers...)
	for c, b := range balances {
		fx.wantHeld(c, b)
	}
}

// What cannot be used is said, and its content is not kept.
func TestUploadOfWhatIsNoBalance(t *testing.T) {
	fx := newFixture(t)
	noYear := fx.balance(fx.client(1), 1)
	noYear.FiscalYear = balance.Period{}
	for name, c := range map[string]struct {
		content []byte
		says    string
		cause   balance.Cause
	}{
		"scan.pdf":    {scan(), "a picture of a document (a scan)", balance.CauseScan},
		"letter.docx": {zipOf(t, map[string][]byte{"[Content_Types].xml": nil, "word/document.xml": nil}), "", balance.CauseFormat},
		"empty.csv":   {nil, "", balance.CauseFormat},
		"broken.zip":  {zipOf(t, map[string][]byte{"a.xbrl": []byte("x")})[:40], "ZIP", balance.CauseDamaged},
		"photo.jpg":   {[]byte("\xff\xd8\xff\xe0"), "picture", balance.CauseFormat},
	} {
		it := item(t, fx.upload(map[string][]byte{name: c.content}))
		if it.State != daemon.UploadUnusable || it.Problem == "" || it.Next == "" || !strings.Contains(it.Problem, c.says) || it.Cause != c.cause {
			t.Errorf("%s is %s: %s. %s (%s)", name, it.State, it.Problem, it.Next, it.Cause)
		}
		if _, err := fx.confirm(daemon.Upload{}, it); err == nil {
			t.Errorf("%s was confirmed", name)
		}
	}
	if n := kept(t, fx.dir, "*[^n]"); n > 0 { // what is kept ends in .json
		t.Errorf("%d contents are kept", n)
	}
}

// scan is a PDF whose one page is a picture.
func scan() []byte {
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F << /Type /Font /Encoding /WinAnsiEncoding >> >> /XObject << /I 5 0 R >> >> >>",
		"<< /Length 31 >>\nstream\nq 500 0 0 800 0 0 cm /I Do Q   \nendstream",
		"<< /Type /XObject /Subtype /Image /Filter /DCTDecode /Length 3 >>\nstream\n\xff\xd8\xff\nendstream"}
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	table := "0000000000 65535 f \n"
	for i, o := range objects {
		table += fmt.Sprintf("%010d 00000 n \n", out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table, len(objects)+1, at)
	return out.Bytes()
}

// kept counts the files in the uploads folder whose names match.
func kept(t testing.TB, dir, pattern string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "uploads", "*", pattern))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// However a file is named, its content lies in the uploads folder under a name of
// balansd's own, and what is shown of the name is one line of readable text.
func TestUploadOfHostileNames(t *testing.T) {
	fx := newFixture(t)
	b := fx.balance(fx.client(1), 1)
	for name, shown := range map[string]string{
		"../../state.db":            "state.db",
		`..\..\windows\system.ini`:  "system.ini",
		"/etc/passwd":               "passwd",
		"..":                        "..",
		"":                          "file",
		"a\x00b.csv":                "ab.csv",
		"line\nbreak\r.csv":         "linebreak.csv",
		"evil\u202egpj.csv":         "evilgpj.csv",
		"\xff\xfe.csv":              "\ufffd.csv",
		"<script>alert(1)</script>": "script>",
		strings.Repeat("é", 300):    strings.Repeat("é", 100) + "…" + strings.Repeat("é", 100),
		"CON.csv":                   "CON.csv",
		"upload.json":               "upload.json",
	} {
		it := item(t, fx.upload(map[string][]byte{name: fx.document(balance.NBBCSV, b)}))
		if it.Name != shown {
			t.Errorf("%q is shown as %q, want %q", name, it.Name, shown)
		}
		fx.wantOutlook(it, daemon.OutlookEmpty, "")
	}
	for _, id := range []string{"../x", "", "a/b", "..", "upload.json", `a\b`} {
		if _, err := fx.d.Upload(t.Context(), daemon.UploadRequest{ID: id}); !problem.Is(err, problem.NotFound) {
			t.Errorf("upload %q: %v", id, err)
		}
		if err := fx.d.DiscardUpload(t.Context(), daemon.UploadRequest{ID: id}); !problem.Is(err, problem.NotFound) {
			t.Errorf("discarded %q: %v", id, err)
		}
	}
}

func TestUploadLimits(t *testing.T) {
	fx := newFixture(t)
	var u daemon.Upload
	for n := range daemon.MaxUploadFiles + 1 {
		var err error
		c := client{number: numberOf(n)}
		u, err = fx.d.UploadFile(t.Context(), daemon.UploadFileRequest{Upload: u.ID, Name: fmt.Sprint(n)},
			bytes.NewReader(fx.document(balance.NBBCSV, fx.balance(c, int64(n)))))
		if tooMany := n == daemon.MaxUploadFiles; tooMany != problem.Is(err, problem.TooLarge) {
			t.Fatalf("file %d: %v", n, err)
		}
	}
	if u = fx.check(u.ID); len(u.Items) != daemon.MaxUploadFiles {
		t.Errorf("%d items", len(u.Items))
	}
	for _, it := range u.Items {
		fx.wantOutlook(it, daemon.OutlookWaits, ledger.NoCompany)
		if _, err := fx.confirm(u, it); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(fx.entries()); n != daemon.MaxUploadFiles {
		t.Errorf("%d entries", n)
	}
	before := kept(t, fx.dir, "*")
	_, err := fx.d.UploadFile(t.Context(), daemon.UploadFileRequest{Name: "large"}, io.LimitReader(zeros{}, daemon.MaxUploadBytes+1))
	if !problem.Is(err, problem.TooLarge) {
		t.Errorf("a file that is too large: %v", err)
	}
	cut := errors.New("the browser went away")
	if _, err := fx.d.UploadFile(t.Context(), daemon.UploadFileRequest{Name: "cut"}, io.MultiReader(strings.NewReader("x"), broken{cut})); !errors.Is(err, cut) {
		t.Errorf("a file that broke off: %v", err)
	}
	if n := kept(t, fx.dir, "*"); n != before {
		t.Errorf("%d files are left of what was refused", n-before)
	}
}

// Files that are uploaded at the same time have the room of one together.
func TestUploadsAtOnce(t *testing.T) {
	fx := newFixture(t)
	const half = daemon.MaxUploadBytes/2 + 1
	began, end := make(chan struct{}), make(chan struct{})
	var first error
	var all sync.WaitGroup
	all.Go(func() {
		wait := readerFunc(func([]byte) (int, error) { close(began); <-end; return 0, io.EOF })
		_, first = fx.d.UploadFile(t.Context(), daemon.UploadFileRequest{Name: "first"}, io.MultiReader(io.LimitReader(zeros{}, half), wait))
	})
	<-began
	_, second := fx.d.UploadFile(t.Context(), daemon.UploadFileRequest{Name: "second"}, io.LimitReader(zeros{}, half))
	close(end)
	all.Wait()
	if first != nil || !problem.Is(second, problem.TooLarge) {
		t.Errorf("first: %v, second: %v", first, second)
	}
	if _, err := fx.d.UploadFile(t.Context(), daemon.UploadFileRequest{Name: "small"}, strings.NewReader("x")); err != nil {
		t.Errorf("one that there is room for: %v", err)
	}
}

// readerFunc is a function that reads.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// zeros is without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// broken gives an error.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// What nobody confirms is gone after a day, while the daemon runs and when it starts.
func TestNothingIsKeptAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.until("2000-01-10 12:00")
		n.start()
		dir := filepath.Dir(n.path)
		hand := func() {
			if _, err := n.d.UploadFile(t.Context(), daemon.UploadFileRequest{Name: "x.csv"}, strings.NewReader("x")); err != nil {
				t.Error(err)
			}
		}
		hand()
		n.until("2000-01-11 11:59")
		if kept(t, dir, "*") == 0 {
			t.Error("it is gone before a day is over")
		}
		n.until("2000-01-11 12:01")
		if kept(t, dir, "*") > 0 {
			t.Error("it is there after a day")
		}
		hand()
		n.stop()
		time.Sleep(25 * time.Hour)
		d := daemon.New(n.cfg)
		if left := kept(t, dir, "*"); left == 0 {
			t.Error("it is gone before the daemon starts again")
		}
		_ = d.Prepare(t.Context()) // of a state that is closed: what is old goes all the same
		if kept(t, dir, "*") > 0 {
			t.Error("it is there after a start")
		}
	})
}

// What is left of an upload that was never whole, or whose files are damaged, goes
// too.
func TestDamagedUploadsAreRemoved(t *testing.T) {
	fx := newFixture(t)
	u := fx.upload(map[string][]byte{"x.csv": []byte("x")})
	dir := filepath.Join(fx.dir, "uploads")
	fx.must(os.WriteFile(filepath.Join(dir, u.ID, "upload.json"), []byte("{"), 0o600))
	fx.must(os.Mkdir(filepath.Join(dir, "ABC"), 0o700))
	fx.must(os.WriteFile(filepath.Join(dir, "ABC", "new-1"), []byte("x"), 0o600))
	if all, err := fx.d.Uploads(t.Context()); !problem.Is(err, problem.Damaged) {
		t.Errorf("listed: %v, %v", all, err)
	}
	fx.must(fx.d.Prepare(t.Context()))
	if names, err := folder.NewUploads(dir).List(); err != nil || len(names) > 0 {
		t.Errorf("left are %v, %v", names, err)
	}
}
